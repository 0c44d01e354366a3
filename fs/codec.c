/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See codec.h: zstd, and what is common to the codecs. Contexts are long-lived: making one for
 * every frame costs 45 % at 16 KiB. A raw frame is written by hand (RFC 8878, 3.1.1): libzstd would
 * store incompressible bytes in the same way, but only after having tried to compress them.
 */
#include "fs/codec.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>
#include <zdict.h>
#include <zstd.h>

#include "fs/codec_lz4.h"
#include "index/base/error.h"

#define FRAME_MAGIC    0xFD2FB528u
#define RAW_BLOCK_MAX  (128u << 10)
#define RAW_DESCRIPTOR 0xa4u /* content size in 4 bytes, single segment, checksum */
#define DICTIONARY_MIN 256u  /* as zdict.h has it */
#define PROBE_LEN      (16u << 10)

/* ---- codecs --------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	int level_max, level_default;
} codecs[] = {
	[VT_CODEC_ZSTD] = {"zstd", 19, 3},
	[VT_CODEC_LZ4] = {"lz4", 12, 4},
};

const char *vt_codec_name(enum vt_codec codec)
{
	return (size_t) codec < sizeof codecs / sizeof *codecs ? codecs[codec].name : NULL;
}

int vt_codec_level_max(enum vt_codec codec)
{
	return codecs[codec].level_max;
}

static int level_of(const struct vt_compression *compression)
{
	return compression->level ? compression->level : codecs[compression->codec].level_default;
}

/* ---- dictionaries ---------------------------------------------------------------------------- */

struct vt_dictionary {
	ZSTD_CDict *encode; /* as the next one: NULL unless for encoding in that way */
	struct vt_lz4_dictionary *encode_lz4;
	ZSTD_DDict *decode;
	uint32_t id;
	size_t len;
	uint8_t data[];
};

void vt_dictionary_free(struct vt_dictionary *dictionary)
{
	if (!dictionary)
		return;
	(void) ZSTD_freeCDict(dictionary->encode);
	vt_lz4_dictionary_free(dictionary->encode_lz4);
	(void) ZSTD_freeDDict(dictionary->decode);
	free(dictionary);
}

/* A dictionary of zstd's begins with tables that LZ4 takes for content, and then has content. */
static bool prepare(struct vt_dictionary *dictionary, const struct vt_compression *compression)
{
	if (compression->codec == VT_CODEC_LZ4) {
		dictionary->encode_lz4 = vt_lz4_dictionary_new(dictionary->data, dictionary->len);
		return dictionary->encode_lz4;
	}
	dictionary->encode =
		ZSTD_createCDict(dictionary->data, dictionary->len, level_of(compression));
	return dictionary->encode;
}

int vt_dictionary_new(const void *data, size_t len, const struct vt_compression *compression,
		      struct vt_dictionary **out, struct vt_error *err)
{
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = NULL;
	unsigned id = len <= VT_DICTIONARY_MAX ? ZSTD_getDictID_fromDict(data, len) : 0;

	if (id == 0)
		return vt_fail(err, EBADMSG, "not a zstd dictionary (%zu bytes)", len);
	dictionary = calloc(1, sizeof *dictionary + len);
	if (!dictionary)
		return vt_fail(err, ENOMEM, "no memory for a dictionary");
	memcpy(dictionary->data, data, len);
	dictionary->len = len;
	dictionary->id = id;
	dictionary->decode = ZSTD_createDDict(data, len);
	if (!dictionary->decode || (compression && !prepare(dictionary, compression)))
		return vt_fail(err, EBADMSG, "zstd refuses the dictionary");
	*out = vt_steal(&dictionary);
	return 0;
}

uint32_t vt_dictionary_id(const struct vt_dictionary *dictionary)
{
	return dictionary->id;
}

const void *vt_dictionary_data(const struct vt_dictionary *dictionary, size_t *len)
{
	*len = dictionary->len;
	return dictionary->data;
}

int vt_dictionary_train(const void *samples, const size_t *sizes, size_t count, size_t max_len,
			const struct vt_compression *compression, struct vt_dictionary **out,
			struct vt_error *err)
{
	vt_autofree uint8_t *data = NULL;
	size_t len;

	if (max_len > VT_DICTIONARY_MAX)
		max_len = VT_DICTIONARY_MAX;
	if (count > UINT32_MAX || max_len < DICTIONARY_MIN)
		return vt_fail(err, ENODATA, "too few samples for a dictionary");
	data = malloc(max_len);
	if (!data)
		return vt_fail(err, ENOMEM, "no memory for a dictionary");
	len = ZDICT_trainFromBuffer(data, max_len, samples, sizes, (unsigned) count);
	if (ZDICT_isError(len))
		return vt_fail(err, ENODATA, "no dictionary from these samples: %s",
			       ZDICT_getErrorName(len));
	return vt_dictionary_new(data, len, compression, out, err);
}

/* ---- encoding -------------------------------------------------------------------------------- */

struct vt_encoder {
	ZSTD_CCtx *context;         /* NULL: by LZ4 */
	struct vt_lz4_encoder *lz4; /* NULL: by zstd */
	ZSTD_CCtx *probe;           /* level 1, no checksum */
};

static int set_up(ZSTD_CCtx *context, int level, int checksum)
{
	return ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, level)) ||
	       ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, checksum)) ||
	       ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 1));
}

int vt_encoder_new(const struct vt_compression *compression, struct vt_encoder **out,
		   struct vt_error *err)
{
	vt_cleanup(vt_encoder_freep) struct vt_encoder *encoder = calloc(1, sizeof *encoder);
	const int level = level_of(compression);

	if (encoder)
		encoder->probe = ZSTD_createCCtx();
	if (encoder && compression->codec == VT_CODEC_LZ4)
		encoder->lz4 = vt_lz4_encoder_new(level);
	else if (encoder)
		encoder->context = ZSTD_createCCtx();
	if (!encoder || !encoder->probe || (!encoder->context && !encoder->lz4))
		return vt_fail(err, ENOMEM, "no memory for an encoder");
	if ((encoder->context && set_up(encoder->context, level, 1)) ||
	    set_up(encoder->probe, 1, 0))
		return vt_fail(err, EINVAL, "zstd has no level %d", level);
	*out = vt_steal(&encoder);
	return 0;
}

void vt_encoder_free(struct vt_encoder *encoder)
{
	if (!encoder)
		return;
	(void) ZSTD_freeCCtx(encoder->context);
	(void) ZSTD_freeCCtx(encoder->probe);
	vt_lz4_encoder_free(encoder->lz4);
	free(encoder);
}

static size_t raw_size(size_t len)
{
	size_t blocks = (len + RAW_BLOCK_MAX - 1) / RAW_BLOCK_MAX;

	return 4 + 1 + 4 + 3 * blocks + len + 4;
}

int vt_encode_raw(const void *data, size_t len, struct vt_buf *out, struct vt_error *err)
{
	const uint8_t *at = data;

	if (len == 0 || len > VT_FRAME_MAX)
		return vt_fail(err, EINVAL, "a frame holds 1 to %u bytes, not %zu", VT_FRAME_MAX,
			       len);
	vt_buf_put_le32(out, FRAME_MAGIC);
	vt_buf_put_u8(out, RAW_DESCRIPTOR);
	vt_buf_put_le32(out, (uint32_t) len);
	for (size_t left = len, block; left > 0; left -= block, at += block) {
		uint32_t header;

		block = left < RAW_BLOCK_MAX ? left : RAW_BLOCK_MAX;
		header = (uint32_t) block << 3 | (block == left); /* type 0: raw; bit 0: last */
		vt_buf_put_le16(out, (uint16_t) header);
		vt_buf_put_u8(out, (uint8_t) (header >> 16));
		vt_buf_put(out, at, block);
	}
	vt_buf_put_le32(out, (uint32_t) XXH64(data, len, 0));
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a frame") : 0;
}

static int compress(struct vt_encoder *encoder, const struct vt_dictionary *dictionary,
		    const void *data, size_t len, void *room, size_t bound, size_t *out,
		    struct vt_error *err)
{
	size_t n;

	if (encoder->lz4)
		return vt_lz4_encode(encoder->lz4, dictionary ? dictionary->encode_lz4 : NULL,
				     dictionary ? dictionary->id : 0, data, len, room, out, err);
	n = ZSTD_CCtx_refCDict(encoder->context, dictionary ? dictionary->encode : NULL);
	if (!ZSTD_isError(n))
		n = ZSTD_compress2(encoder->context, room, bound, data, len);
	if (ZSTD_isError(n))
		return vt_fail(err, EIO, "zstd cannot compress: %s", ZSTD_getErrorName(n));
	*out = n;
	return 0;
}

int vt_encode(struct vt_encoder *encoder, const struct vt_dictionary *dictionary, const void *data,
	      size_t len, struct vt_buf *out, struct vt_error *err)
{
	size_t before = out->len, n = 0;
	size_t bound = encoder->lz4 ? vt_lz4_bound(len) : ZSTD_compressBound(len);
	void *room;
	int r;

	if (len == 0 || len > VT_FRAME_MAX)
		return vt_fail(err, EINVAL, "a frame holds 1 to %u bytes, not %zu", VT_FRAME_MAX,
			       len);
	room = vt_buf_grow(out, bound);
	if (!room)
		return vt_fail(err, ENOMEM, "no memory for a frame");
	r = compress(encoder, dictionary, data, len, room, bound, &n, err);
	out->len = before;
	if (r < 0)
		return r;
	if (n >= raw_size(len))
		return vt_encode_raw(data, len, out, err);
	out->len = before + n;
	return 0;
}

bool vt_encoder_probe(struct vt_encoder *encoder, const void *data, size_t len)
{
	uint8_t room[ZSTD_COMPRESSBOUND(PROBE_LEN)];
	size_t n;

	if (len > PROBE_LEN) { /* from the middle: heads of files are often headers */
		data = (const uint8_t *) data + (len - PROBE_LEN) / 2;
		len = PROBE_LEN;
	}
	n = ZSTD_compress2(encoder->probe, room, sizeof room, data, len);
	return !ZSTD_isError(n) && n <= len - len / 20;
}

/* ---- decoding -------------------------------------------------------------------------------- */

struct vt_decoder {
	ZSTD_DCtx *context;
};

int vt_frame_inspect(const void *frame, size_t len, struct vt_frame_facts *out,
		     struct vt_error *err)
{
	unsigned long long size;
	uint32_t magic = 0;

	if (vt_lz4_is_frame(frame, len))
		return vt_lz4_inspect(frame, len, out, err);
	if (len >= sizeof magic)
		memcpy(&magic, frame, sizeof magic);
	if (le32toh(magic) != FRAME_MAGIC)
		return vt_fail(err, EBADMSG, "no frame begins here");
	size = ZSTD_getFrameContentSize(frame, len);
	if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN)
		return vt_fail(err, EBADMSG, "a frame without a content size");
	if (size == 0 || size > VT_FRAME_MAX || len > VT_FRAME_STORED_MAX)
		return vt_fail(err, EBADMSG, "a frame of %llu bytes, which is not between 1 and %u",
			       size, VT_FRAME_MAX);
	*out = (struct vt_frame_facts){.content_size = (uint32_t) size,
				       .dictionary = ZSTD_getDictID_fromFrame(frame, len)};
	return 0;
}

int vt_frame_raw(const void *frame, size_t len, const uint8_t **content, struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(frame, len);
	uint32_t size, header;

	if (vt_reader_le32(&reader) != FRAME_MAGIC || vt_reader_u8(&reader) != RAW_DESCRIPTOR)
		return 0;
	size = vt_reader_le32(&reader);
	header = vt_reader_le16(&reader);
	header |= (uint32_t) vt_reader_u8(&reader) << 16;
	if (header != (size << 3 | 1) || size > RAW_BLOCK_MAX || len != raw_size(size))
		return 0;
	*content = vt_reader_get(&reader, size);
	if (vt_reader_le32(&reader) != (uint32_t) XXH64(*content, size, 0))
		return vt_fail(err, EBADMSG, "a damaged frame: its checksum is wrong");
	return 1;
}

int vt_decoder_new(struct vt_decoder **out, struct vt_error *err)
{
	vt_cleanup(vt_decoder_freep) struct vt_decoder *decoder = calloc(1, sizeof *decoder);

	if (decoder)
		decoder->context = ZSTD_createDCtx();
	if (!decoder || !decoder->context)
		return vt_fail(err, ENOMEM, "no memory for a decoder");
	*out = vt_steal(&decoder);
	return 0;
}

void vt_decoder_free(struct vt_decoder *decoder)
{
	if (!decoder)
		return;
	(void) ZSTD_freeDCtx(decoder->context);
	free(decoder);
}

int vt_decode(struct vt_decoder *decoder, const struct vt_dictionary *dictionary, const void *frame,
	      size_t frame_len, void *out, size_t out_len, struct vt_error *err)
{
	size_t n;

	if (vt_lz4_is_frame(frame, frame_len))
		return vt_lz4_decode(dictionary ? dictionary->data : NULL,
				     dictionary ? dictionary->len : 0, frame, frame_len, out,
				     out_len, err);
	n = ZSTD_findFrameCompressedSize(frame, frame_len);
	/* The checksum flag is part of the format: a flipped one would switch the check off. */
	if (ZSTD_isError(n) || n != frame_len || frame_len < 5 ||
	    !(((const uint8_t *) frame)[4] & 0x04))
		return vt_fail(err, EBADMSG, "not one whole frame with a checksum");
	if (dictionary)
		n = ZSTD_decompress_usingDDict(decoder->context, out, out_len, frame, frame_len,
					       dictionary->decode);
	else
		n = ZSTD_decompressDCtx(decoder->context, out, out_len, frame, frame_len);
	if (ZSTD_isError(n))
		return vt_fail(err, EBADMSG, "a damaged frame: %s", ZSTD_getErrorName(n));
	if (n != out_len)
		return vt_fail(err, EBADMSG, "a frame of %zu bytes instead of %zu", n, out_len);
	return 0;
}
