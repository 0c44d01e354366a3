/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of each codec: what goes in comes out, libzstd agrees with the raw frames written by hand,
 * and foreign bytes give an error or the right bytes, never wrong ones.
 */
#include <errno.h>
#include <lz4frame.h>
#include <zstd.h>

#include "fs/codec.h"
#include "tests/unit/shard_model.h"

#define EACH_CODEC                                                                                 \
	for (model_compression.codec = VT_CODEC_ZSTD; vt_codec_name(model_compression.codec);      \
	     model_compression.codec++)

static const uint32_t lengths[] = {
	1, 2, 255, 4096, 128u << 10, (128u << 10) + 1, VT_FRAME_MAX - 1, VT_FRAME_MAX};
#define LENGTHS (sizeof lengths / sizeof *lengths)

static int decode(const struct vt_dictionary *dictionary, const void *frame, size_t len, void *out,
		  size_t room, size_t *out_len)
{
	vt_cleanup(vt_decoder_freep) struct vt_decoder *decoder = NULL;
	struct vt_frame_facts facts;
	int r = vt_frame_inspect(frame, len, &facts, NULL);

	if (r < 0 || facts.content_size > room)
		return r < 0 ? r : -EFBIG;
	ck_assert_int_eq(vt_decoder_new(&decoder, NULL), 0);
	*out_len = facts.content_size;
	return vt_decode(decoder, dictionary, frame, len, out, facts.content_size, NULL);
}

static void encode(const struct vt_dictionary *dictionary, const void *data, size_t len,
		   struct vt_buf *out)
{
	vt_cleanup(vt_encoder_freep) struct vt_encoder *encoder = NULL;

	ck_assert_int_eq(vt_encoder_new(&model_compression, &encoder, NULL), 0);
	ck_assert_int_eq(vt_encode(encoder, dictionary, data, len, out, NULL), 0);
}

static void comes_back(const struct vt_dictionary *dictionary, const struct vt_buf *frame,
		       const void *data, size_t len)
{
	vt_autofree uint8_t *out = malloc(len);
	size_t out_len = 0;

	ck_assert_int_eq(decode(dictionary, frame->data, frame->len, out, len, &out_len), 0);
	ck_assert_uint_eq(out_len, len);
	ck_assert_mem_eq(out, data, len);
}

START_TEST(text_of_every_length_shrinks_and_comes_back)
{
	EACH_CODEC
	{
		vt_autofree uint8_t *data = malloc(VT_FRAME_MAX);

		for (size_t i = 0; i < LENGTHS; i++) {
			vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;

			model_text(data, lengths[i], i);
			encode(NULL, data, lengths[i], &frame);
			if (lengths[i] >= 4096)
				ck_assert_uint_lt(frame.len, lengths[i] / 2);
			comes_back(NULL, &frame, data, lengths[i]);
		}
	}
}
END_TEST

START_TEST(libzstd_reads_raw_frames_of_every_length)
{
	vt_autofree uint8_t *data = malloc(VT_FRAME_MAX), *out = malloc(VT_FRAME_MAX);

	for (size_t i = 0; i < LENGTHS; i++) {
		vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;

		model_noise(data, lengths[i], i);
		ck_assert_int_eq(vt_encode_raw(data, lengths[i], &frame, NULL), 0);
		ck_assert_uint_le(frame.len, VT_FRAME_STORED_MAX);
		ck_assert_uint_eq(ZSTD_decompress(out, VT_FRAME_MAX, frame.data, frame.len),
				  lengths[i]);
		ck_assert_mem_eq(out, data, lengths[i]);
		comes_back(NULL, &frame, data, lengths[i]);
	}
}
END_TEST

#define ONE_BLOCK (128u << 10)

START_TEST(a_raw_frame_of_one_block_is_served_where_it_lies)
{
	vt_autofree uint8_t *data = malloc(VT_FRAME_MAX);
	const uint8_t *content;

	for (size_t i = 0; i < LENGTHS; i++) {
		vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
		bool one = lengths[i] <= ONE_BLOCK;

		model_noise(data, lengths[i], i);
		ck_assert_int_eq(vt_encode_raw(data, lengths[i], &frame, NULL), 0);
		ck_assert_int_eq(vt_frame_raw(frame.data, frame.len, &content, NULL), one);
		if (one)
			ck_assert_mem_eq(content, data, lengths[i]);
		ck_assert_int_eq(vt_frame_raw(frame.data, frame.len - 1, &content, NULL), 0);
		vt_buf_put_u8(&frame, 0);
		ck_assert_int_eq(vt_frame_raw(frame.data, frame.len, &content, NULL), 0);
		vt_buf_reset(&frame);
		model_text(data, lengths[i], i);
		encode(NULL, data, lengths[i], &frame);
		if (lengths[i] > 1000) /* it shrinks */
			ck_assert_int_eq(vt_frame_raw(frame.data, frame.len, &content, NULL), 0);
	}
}
END_TEST

START_TEST(what_does_not_shrink_grows_no_more_than_raw)
{
	EACH_CODEC
	{
		vt_cleanup(vt_buf_done) struct vt_buf encoded = VT_BUF_INIT, raw = VT_BUF_INIT;
		uint8_t data[5000];

		model_noise(data, sizeof data, 1);
		vt_buf_put_u8(&encoded, 'x'); /* what was there before stays */
		vt_buf_put_u8(&raw, 'x');
		encode(NULL, data, sizeof data, &encoded);
		ck_assert_int_eq(vt_encode_raw(data, sizeof data, &raw, NULL), 0);
		ck_assert_uint_le(encoded.len, raw.len);
		ck_assert_int_eq(encoded.data[0], 'x');
		encoded.data++;
		encoded.len--;
		comes_back(NULL, &encoded, data, sizeof data);
		encoded.data--;
	}
}
END_TEST

START_TEST(no_frame_is_made_of_nothing_or_of_too_much)
{
	EACH_CODEC
	{
		vt_cleanup(vt_encoder_freep) struct vt_encoder *encoder = NULL;
		vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;
		vt_autofree uint8_t *data = calloc(1, VT_FRAME_MAX + 1);

		ck_assert_int_eq(vt_encoder_new(&model_compression, &encoder, NULL), 0);
		ck_assert_int_eq(vt_encode(encoder, NULL, data, 0, &out, NULL), -EINVAL);
		ck_assert_int_eq(vt_encode(encoder, NULL, data, VT_FRAME_MAX + 1, &out, NULL),
				 -EINVAL);
		ck_assert_int_eq(vt_encode_raw(data, 0, &out, NULL), -EINVAL);
		ck_assert_int_eq(vt_encode_raw(data, VT_FRAME_MAX + 1, &out, NULL), -EINVAL);
		ck_assert_uint_eq(out.len, 0);
	}
}
END_TEST

static void must_not_be_raw(const struct vt_buf *frame)
{
	const uint8_t *content;

	ck_assert_int_le(vt_frame_raw(frame->data, frame->len, &content, NULL), 0);
}

static void flip_every_bit(struct vt_buf *frame, const void *data, size_t len)
{
	vt_autofree uint8_t *out = malloc(len);
	unsigned unnoticed = 0;

	for (size_t bit = 0; bit < 8 * frame->len; bit++) {
		size_t out_len = 0;

		frame->data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		if (decode(NULL, frame->data, frame->len, out, len, &out_len) == 0) {
			unnoticed++;
			ck_assert_uint_eq(out_len, len);
			ck_assert_mem_eq(out, data, len);
		}
		must_not_be_raw(frame);
		frame->data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	ck_assert_uint_lt(unnoticed, 8 * frame->len / 20);
}

START_TEST(a_flipped_bit_gives_an_error_or_the_right_bytes)
{
	EACH_CODEC
	{
		vt_cleanup(vt_buf_done) struct vt_buf raw = VT_BUF_INIT, packed = VT_BUF_INIT;
		uint8_t data[900];

		model_noise(data, 40, 1);
		ck_assert_int_eq(vt_encode_raw(data, 40, &raw, NULL), 0);
		flip_every_bit(&raw, data, 40);
		model_text(data, sizeof data, 1);
		encode(NULL, data, sizeof data, &packed);
		ck_assert_uint_lt(packed.len, sizeof data / 2);
		flip_every_bit(&packed, data, sizeof data);
	}
}
END_TEST

START_TEST(only_one_whole_frame_decodes)
{
	EACH_CODEC
	{
		vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
		uint8_t data[600], out[1200];
		size_t whole, n;

		model_text(data, sizeof data, 1);
		encode(NULL, data, sizeof data, &frame);
		whole = frame.len;
		for (size_t len = 0; len < whole; len++) {
			vt_autofree uint8_t *cut = malloc(len + 1); /* a sanitizer sees its end */

			memcpy(cut, frame.data, len);
			ck_assert_int_eq(decode(NULL, cut, len, out, sizeof out, &n), -EBADMSG);
		}
		encode(NULL, data, sizeof data, &frame);
		ck_assert_int_eq(decode(NULL, frame.data, whole + 1, out, sizeof out, &n),
				 -EBADMSG);
		ck_assert_int_eq(decode(NULL, frame.data, frame.len, out, sizeof out, &n),
				 -EBADMSG);
	}
}
END_TEST

/* Compresses with what our encoder never does. */
static size_t foreign(const void *data, size_t len, ZSTD_cParameter parameter, void *out,
		      size_t room)
{
	ZSTD_CCtx *context = ZSTD_createCCtx();
	size_t n;

	(void) ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1);
	(void) ZSTD_CCtx_setParameter(context, parameter, 0);
	n = ZSTD_compress2(context, out, room, data, len);
	ck_assert(!ZSTD_isError(n));
	(void) ZSTD_freeCCtx(context);
	return n;
}

START_TEST(frames_of_others_are_refused_where_they_lack_what_ours_have)
{
	vt_autofree uint8_t *data = calloc(1, VT_FRAME_MAX + 1);
	uint8_t frame[4096], out[100];
	size_t n;

	ck_assert_int_eq(decode(NULL, frame,
				foreign(data, 100, ZSTD_c_checksumFlag, frame, sizeof frame), out,
				sizeof out, &n),
			 -EBADMSG);
	ck_assert_int_eq(decode(NULL, frame,
				foreign(data, 100, ZSTD_c_contentSizeFlag, frame, sizeof frame),
				out, sizeof out, &n),
			 -EBADMSG);
	ck_assert_int_eq(
		decode(NULL, frame,
		       foreign(data, VT_FRAME_MAX + 1, ZSTD_c_dictIDFlag, frame, sizeof frame), out,
		       sizeof out, &n),
		-EBADMSG);
	memcpy(frame, "\x50\x2a\x4d\x18\x04\0\0\0abcd", 12); /* skippable */
	ck_assert_int_eq(decode(NULL, frame, 12, out, sizeof out, &n), -EBADMSG);
}
END_TEST

static int decode_other(const void *data, size_t len, LZ4F_preferences_t how)
{
	uint8_t frame[300], out[100];
	size_t n = LZ4F_compressFrame(frame, sizeof frame, data, len, &how), out_len;

	ck_assert(!LZ4F_isError(n));
	return decode(NULL, frame, n, out, sizeof out, &out_len);
}

START_TEST(frames_of_lz4_are_read_in_one_form)
{
	const LZ4F_frameInfo_t ours = {
		.contentSize = 1, .contentChecksumFlag = 1, .blockMode = LZ4F_blockIndependent};
	LZ4F_preferences_t how = {.frameInfo = ours};
	uint8_t text[100], noise[100];

	model_text(text, sizeof text, 1);
	model_noise(noise, sizeof noise, 1);
	ck_assert_int_eq(decode_other(text, sizeof text, how), 0);
	ck_assert_int_eq(decode_other(noise, sizeof noise, how), -EBADMSG); /* a raw block */
	how.frameInfo.contentSize = 0;
	ck_assert_int_eq(decode_other(text, sizeof text, how), -EBADMSG);
	how.frameInfo = ours;
	how.frameInfo.contentChecksumFlag = 0;
	ck_assert_int_eq(decode_other(text, sizeof text, how), -EBADMSG);
	how.frameInfo = ours;
	how.frameInfo.blockChecksumFlag = 1;
	ck_assert_int_eq(decode_other(text, sizeof text, how), -EBADMSG);
	how.frameInfo = ours;
	how.frameInfo.dictID = 7;
	ck_assert_int_eq(decode_other(text, sizeof text, how), -EBADMSG);
}
END_TEST

START_TEST(liblz4_reads_what_we_make)
{
	vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
	vt_autofree uint8_t *data = malloc(VT_FRAME_MAX), *out = malloc(VT_FRAME_MAX);
	LZ4F_dctx *context;

	model_compression.codec = VT_CODEC_LZ4;
	ck_assert(!LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)));
	for (size_t i = 0; i < LENGTHS; i++) {
		size_t out_len = VT_FRAME_MAX, len;

		vt_buf_reset(&frame);
		model_text(data, lengths[i], i);
		encode(NULL, data, lengths[i], &frame);
		if (lengths[i] < 255)
			continue; /* it did not shrink */
		len = frame.len;
		ck_assert_uint_eq(LZ4F_decompress(context, out, &out_len, frame.data, &len, NULL),
				  0);
		ck_assert_uint_eq(len, frame.len);
		ck_assert_uint_eq(out_len, lengths[i]);
		ck_assert_mem_eq(out, data, out_len);
	}
	(void) LZ4F_freeDecompressionContext(context);
}
END_TEST

START_TEST(a_dictionary_makes_small_frames_smaller_and_must_be_the_right_one)
{
	EACH_CODEC
	{
		vt_cleanup(vt_dictionary_freep) struct vt_dictionary *ours = model_dictionary(1);
		vt_cleanup(vt_dictionary_freep) struct vt_dictionary *other =
			model_dictionary(5000);
		vt_cleanup(vt_buf_done) struct vt_buf with = VT_BUF_INIT, without = VT_BUF_INIT;
		struct vt_frame_facts facts;
		uint8_t data[300], out[300];
		size_t n;

		model_text(data, sizeof data, 77);
		encode(ours, data, sizeof data, &with);
		encode(NULL, data, sizeof data, &without);
		ck_assert_uint_lt(with.len, without.len);
		comes_back(ours, &with, data, sizeof data);

		ck_assert_int_eq(vt_frame_inspect(with.data, with.len, &facts, NULL), 0);
		ck_assert_uint_eq(facts.dictionary, vt_dictionary_id(ours));
		ck_assert_uint_ne(facts.dictionary, 0);
		ck_assert_int_eq(vt_frame_inspect(without.data, without.len, &facts, NULL), 0);
		ck_assert_uint_eq(facts.dictionary, 0);
		ck_assert_int_eq(decode(NULL, with.data, with.len, out, sizeof out, &n), -EBADMSG);
		ck_assert_int_eq(decode(other, with.data, with.len, out, sizeof out, &n), -EBADMSG);
	}
}
END_TEST

START_TEST(one_encoder_and_one_decoder_serve_frames_of_all_kinds_in_turn)
{
	EACH_CODEC
	{
		vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary =
			model_dictionary(1);
		vt_cleanup(vt_encoder_freep) struct vt_encoder *encoder = NULL;
		vt_cleanup(vt_decoder_freep) struct vt_decoder *decoder = NULL;
		uint8_t data[800], out[800];

		ck_assert_int_eq(vt_encoder_new(&model_compression, &encoder, NULL), 0);
		ck_assert_int_eq(vt_decoder_new(&decoder, NULL), 0);
		for (unsigned i = 0; i < 12; i++) {
			vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
			const struct vt_dictionary *with = i % 3 == 1 ? dictionary : NULL;

			if (i % 4 == 3)
				model_noise(data, sizeof data, i);
			else
				model_text(data, sizeof data, i);
			ck_assert_int_eq(vt_encode(encoder, with, data, sizeof data, &frame, NULL),
					 0);
			if (i == 5) /* damage in between leaves no trace in the decoder */
				ck_assert_int_eq(vt_decode(decoder, NULL, frame.data, frame.len - 1,
							   out, sizeof out, NULL),
						 -EBADMSG);
			ck_assert_int_eq(vt_decode(decoder, with, frame.data, frame.len, out,
						   sizeof out, NULL),
					 0);
			ck_assert_mem_eq(out, data, sizeof data);
		}
	}
}
END_TEST

START_TEST(a_dictionary_is_its_bytes)
{
	EACH_CODEC
	{
		vt_cleanup(vt_dictionary_freep) struct vt_dictionary *trained = model_dictionary(1);
		vt_cleanup(vt_dictionary_freep) struct vt_dictionary *again = NULL;
		vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
		struct vt_dictionary *none = NULL;
		uint8_t text[200];
		size_t len;
		const void *data = vt_dictionary_data(trained, &len);

		ck_assert_int_eq(vt_dictionary_new(data, len, NULL, &again, NULL),
				 0); /* only decodes */
		ck_assert_uint_eq(vt_dictionary_id(again), vt_dictionary_id(trained));
		model_text(text, sizeof text, 5);
		encode(trained, text, sizeof text, &frame);
		comes_back(again, &frame, text, sizeof text);

		ck_assert_int_eq(
			vt_dictionary_new("no dictionary", 13, &model_compression, &none, NULL),
			-EBADMSG);
		ck_assert_int_eq(vt_dictionary_new(data, 12, &model_compression, &none, NULL),
				 -EBADMSG);
		ck_assert_int_eq(vt_dictionary_new(NULL, 0, &model_compression, &none, NULL),
				 -EBADMSG);
		ck_assert_ptr_null(none);
	}
}
END_TEST

START_TEST(too_few_samples_train_nothing)
{
	struct vt_dictionary *dictionary = NULL;
	uint8_t data[64];
	size_t sizes[] = {32, 32};

	model_text(data, sizeof data, 1);
	ck_assert_int_eq(
		vt_dictionary_train(data, sizes, 2, 4096, &model_compression, &dictionary, NULL),
		-ENODATA);
	ck_assert_int_eq(
		vt_dictionary_train(data, sizes, 0, 4096, &model_compression, &dictionary, NULL),
		-ENODATA);
	ck_assert_int_eq(
		vt_dictionary_train(data, sizes, 2, 10, &model_compression, &dictionary, NULL),
		-ENODATA);
	ck_assert_ptr_null(dictionary);
}
END_TEST

START_TEST(a_probe_tells_text_from_noise)
{
	vt_cleanup(vt_encoder_freep) struct vt_encoder *encoder = NULL;
	uint8_t data[100000];

	ck_assert_int_eq(vt_encoder_new(&model_compression, &encoder, NULL), 0);
	model_text(data, sizeof data, 1);
	ck_assert(vt_encoder_probe(encoder, data, sizeof data));
	ck_assert(vt_encoder_probe(encoder, data, 500));
	ck_assert(!vt_encoder_probe(encoder, data, 0));
	model_noise(data + 200, sizeof data - 200, 1); /* a head of text decides nothing */
	ck_assert(!vt_encoder_probe(encoder, data, sizeof data));
}
END_TEST

VT_SUITE(codec, text_of_every_length_shrinks_and_comes_back,
	 libzstd_reads_raw_frames_of_every_length, a_raw_frame_of_one_block_is_served_where_it_lies,
	 what_does_not_shrink_grows_no_more_than_raw, no_frame_is_made_of_nothing_or_of_too_much,
	 a_flipped_bit_gives_an_error_or_the_right_bytes, only_one_whole_frame_decodes,
	 frames_of_others_are_refused_where_they_lack_what_ours_have,
	 frames_of_lz4_are_read_in_one_form, liblz4_reads_what_we_make,
	 a_dictionary_makes_small_frames_smaller_and_must_be_the_right_one,
	 one_encoder_and_one_decoder_serve_frames_of_all_kinds_in_turn, a_dictionary_is_its_bytes,
	 too_few_samples_train_nothing, a_probe_tells_text_from_noise)
