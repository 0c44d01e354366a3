/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See codec_lz4.h. Frames are made by liblz4's frame functions, and taken apart here: those decode
 * any form into memory of their own first, where ours has one block that goes where it is wanted.
 */
#include "fs/codec_lz4.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#define LZ4F_STATIC_LINKING_ONLY /* dictionaries, which liblz4 exports; public from 1.10 on */
#include <lz4.h>
#include <lz4frame.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/base/error.h"

#define FRAME_MAGIC     0x184D2204u
#define FLAGS           0x6cu /* version 1, independent blocks, content size, content checksum */
#define FLAG_DICTIONARY 0x01u
#define BLOCKS_64K      0x40u /* the block size byte, in steps of four times up to 1 MiB */
#define BLOCKS_1M       0x60u
#define BLOCK_STEP      0x10u
#define BLOCK_RAW       0x80000000u

struct vt_lz4_dictionary {
	LZ4F_CDict *lz4;
};

struct vt_lz4_encoder {
	LZ4F_cctx *context;
	int level;
};

struct vt_lz4_dictionary *vt_lz4_dictionary_new(const void *data, size_t len)
{
	struct vt_lz4_dictionary *dictionary = calloc(1, sizeof *dictionary);

	if (dictionary)
		dictionary->lz4 = LZ4F_createCDict(data, len);
	if (dictionary && !dictionary->lz4) {
		free(dictionary);
		return NULL;
	}
	return dictionary;
}

void vt_lz4_dictionary_free(struct vt_lz4_dictionary *dictionary)
{
	if (dictionary)
		LZ4F_freeCDict(dictionary->lz4);
	free(dictionary);
}

struct vt_lz4_encoder *vt_lz4_encoder_new(int level)
{
	struct vt_lz4_encoder *encoder = calloc(1, sizeof *encoder);

	if (!encoder)
		return NULL;
	encoder->level = level;
	if (LZ4F_isError(LZ4F_createCompressionContext(&encoder->context, LZ4F_VERSION))) {
		free(encoder);
		return NULL;
	}
	return encoder;
}

void vt_lz4_encoder_free(struct vt_lz4_encoder *encoder)
{
	if (encoder)
		(void) LZ4F_freeCompressionContext(encoder->context);
	free(encoder);
}

/* Blocks are then as large as `len`, or more: there is one. */
static LZ4F_preferences_t preferences(int level, size_t len, uint32_t id)
{
	return (LZ4F_preferences_t){
		.frameInfo = {.blockSizeID = LZ4F_max1MB,
			      .blockMode = LZ4F_blockIndependent,
			      .contentChecksumFlag = LZ4F_contentChecksumEnabled,
			      .contentSize = len,
			      .dictID = id},
		.compressionLevel = level,
	};
}

size_t vt_lz4_bound(size_t len)
{
	LZ4F_preferences_t how = preferences(0, len, 1);

	return LZ4F_compressFrameBound(len, &how);
}

int vt_lz4_encode(struct vt_lz4_encoder *encoder, const struct vt_lz4_dictionary *dictionary,
		  uint32_t id, const void *data, size_t len, void *room, size_t *out,
		  struct vt_error *err)
{
	LZ4F_preferences_t how = preferences(encoder->level, len, dictionary ? id : 0);
	size_t n = LZ4F_compressFrame_usingCDict(encoder->context, room, vt_lz4_bound(len), data,
						 len, dictionary ? dictionary->lz4 : NULL, &how);

	if (LZ4F_isError(n))
		return vt_fail(err, EIO, "lz4 cannot compress: %s", LZ4F_getErrorName(n));
	*out = n;
	return 0;
}

/* ---- taking apart ---------------------------------------------------------------------------- */

static const char *const narrow = "an LZ4 frame that is not of the form of Vitrine's";

bool vt_lz4_is_frame(const void *frame, size_t len)
{
	struct vt_reader reader = vt_reader_over(frame, len);

	return vt_reader_le32(&reader) == FRAME_MAGIC;
}

static bool is_block_size(uint8_t byte)
{
	return byte % BLOCK_STEP == 0 && byte >= BLOCKS_64K && byte <= BLOCKS_1M;
}

/* The header, up to the block. */
static int read_header(struct vt_reader *reader, struct vt_frame_facts *out, struct vt_error *err)
{
	const uint8_t *begin;
	uint8_t flags, blocks, sum, expected;
	uint64_t size;
	uint32_t dictionary;

	(void) vt_reader_le32(reader); /* the magic */
	begin = reader->at;
	flags = vt_reader_u8(reader);
	blocks = vt_reader_u8(reader);
	size = vt_reader_le64(reader);
	dictionary = flags & FLAG_DICTIONARY ? vt_reader_le32(reader) : 0;
	if (reader->failed || (flags & ~FLAG_DICTIONARY) != FLAGS || !is_block_size(blocks))
		return vt_fail(err, EBADMSG, "%s", narrow);
	expected = (uint8_t) (XXH32(begin, (size_t) (reader->at - begin), 0) >> 8);
	sum = vt_reader_u8(reader);
	if (reader->failed || sum != expected)
		return vt_fail(err, EBADMSG, "a damaged frame: its header's checksum is wrong");
	if (size == 0 || size > VT_FRAME_MAX)
		return vt_fail(err, EBADMSG, "a frame of %llu bytes, which is not between 1 and %u",
			       (unsigned long long) size, VT_FRAME_MAX);
	*out = (struct vt_frame_facts){
		.codec = VT_CODEC_LZ4, .content_size = (uint32_t) size, .dictionary = dictionary};
	return 0;
}

int vt_lz4_inspect(const void *frame, size_t len, struct vt_frame_facts *out, struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(frame, len);

	if (len > VT_FRAME_STORED_MAX)
		return vt_fail(err, EBADMSG, "a frame of %zu stored bytes, more than %u", len,
			       VT_FRAME_STORED_MAX);
	return read_header(&reader, out, err);
}

int vt_lz4_decode(const void *dictionary, size_t dictionary_len, const void *frame,
		  size_t frame_len, void *out, size_t out_len, struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(frame, frame_len);
	struct vt_frame_facts facts;
	uint32_t block_len, end, sum;
	const char *block;
	int r = read_header(&reader, &facts, err), n;

	if (r < 0)
		return r;
	block_len = vt_reader_le32(&reader);
	block = vt_reader_get(&reader, block_len);
	end = vt_reader_le32(&reader);
	sum = vt_reader_le32(&reader);
	if (reader.failed || vt_reader_left(&reader) || (block_len & BLOCK_RAW) || end != 0)
		return vt_fail(err, EBADMSG, "%s", narrow);
	if (facts.dictionary && !dictionary)
		return vt_fail(err, EBADMSG, "a frame that needs dictionary %u", facts.dictionary);
	if (facts.content_size != out_len)
		return vt_fail(err, EBADMSG, "a frame of %u bytes instead of %zu",
			       facts.content_size, out_len);
	n = LZ4_decompress_safe_usingDict(block, out, (int) block_len, (int) out_len, dictionary,
					  (int) dictionary_len);
	if (n < 0 || (size_t) n != out_len)
		return vt_fail(err, EBADMSG, "a damaged frame: it cannot be decoded");
	if (XXH32(out, out_len, 0) != sum)
		return vt_fail(err, EBADMSG, "a damaged frame: its checksum is wrong");
	return 0;
}
