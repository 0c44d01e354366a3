/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes to store and shards to store them in, for tests of what reads them: the same call always
 * gives the same bytes. A check that fails ends the test.
 */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fs/codec.h"
#include "fs/shard_writer.h"
#include "index/base/error.h"
#include "tests/unit/suite.h"

#define MODEL_UUID "00112233-4455-4677-8899-aabbccddeeff"

/* A small generator of our own (xorshift64), so that golden data does not hang on the C library. */
static inline uint64_t model_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* Rows as a table has them: they compress. */
static inline void model_text(void *out, size_t len, uint64_t seed)
{
	uint64_t state = seed * 2654435761u + 88172645463325252u;
	char *to = out, row[64];

	while (len > 0) {
		uint64_t n = model_random(&state);
		size_t size = (size_t) snprintf(
			row, sizeof row, "%u,bird,%s,0.%02u\n", (unsigned) (n % 100000),
			n >> 40 & 1 ? "forest" : "shore", (unsigned) (n >> 50 & 63));

		size = size < len ? size : len;
		memcpy(to, row, size);
		to += size;
		len -= size;
	}
}

/* Bytes that no compressor makes smaller. */
static inline void model_noise(void *out, size_t len, uint64_t seed)
{
	uint64_t state = seed * 2654435761u + 88172645463325252u;
	uint8_t *to = out;

	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t) (model_random(&state) >> 32);
}

/* How frames are made, here and by what the model makes. */
static struct vt_compression model_compression;

/* A dictionary for model_text(). */
static inline struct vt_dictionary *model_dictionary(uint64_t seed)
{
	enum { COUNT = 400, SIZE = 500 };
	struct vt_dictionary *dictionary = NULL;
	char *samples = malloc((size_t) COUNT * SIZE);
	size_t sizes[COUNT];

	for (int i = 0; i < COUNT; i++) {
		model_text(samples + (size_t) i * SIZE, SIZE, seed + (uint64_t) i);
		sizes[i] = SIZE;
	}
	ck_assert_int_eq(vt_dictionary_train(samples, sizes, COUNT, 4096, &model_compression,
					     &dictionary, NULL),
			 0);
	free(samples);
	return dictionary;
}

static inline struct vt_shard_writer *model_shard(const char *path, uint32_t serial,
						  const struct vt_dictionary *dictionary)
{
	struct vt_shard_writer_info info = {
		.path = path,
		.serial = serial,
		.uuid = MODEL_UUID,
		.domain = 7,
		.lz4 = model_compression.codec == VT_CODEC_LZ4,
	};
	struct vt_shard_writer *writer = NULL;
	struct vt_error err = {0};

	if (dictionary) {
		size_t len;
		const void *data = vt_dictionary_data(dictionary, &len);

		info.dictionary = vt_dictionary_id(dictionary);
		vt_digest_of(data, len, &info.dictionary_digest);
	}
	ck_assert_msg(vt_shard_writer_new(&info, &writer, &err) == 0, "%s", err.text);
	return writer;
}

/* Appends a frame: `data` cut into `items` contents of about equal length. */
static inline struct vt_location model_add(struct vt_shard_writer *writer,
					   const struct vt_dictionary *dictionary, bool raw,
					   const void *data, uint32_t len, uint32_t items)
{
	vt_cleanup(vt_encoder_freep) struct vt_encoder *encoder = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
	struct vt_shard_item item[16];
	struct vt_location at = {0};
	struct vt_error err = {0};

	ck_assert_uint_le(items, 16);
	for (uint32_t i = 0, skip = 0; i < items; skip += item[i].length, i++) {
		item[i].skip = skip;
		item[i].length = i + 1 < items ? len / items : len - skip;
		vt_digest_of((const uint8_t *) data + skip, item[i].length, &item[i].content);
	}
	ck_assert_int_eq(vt_encoder_new(&model_compression, &encoder, NULL), 0);
	ck_assert_int_eq(raw ? vt_encode_raw(data, len, &frame, &err)
			     : vt_encode(encoder, dictionary, data, len, &frame, &err),
			 0);
	ck_assert_msg(vt_shard_writer_add(writer, frame.data, frame.len, len, item, items, &at,
					  &err) == 0,
		      "%s", err.text);
	return at;
}

static inline void model_seal(struct vt_shard_writer *writer, struct vt_sealed_shard *out)
{
	struct vt_sealed_shard sealed;
	struct vt_error err = {0};

	ck_assert_msg(vt_shard_writer_seal(writer, out ? out : &sealed, &err) == 0, "%s", err.text);
	vt_shard_writer_free(writer);
}

/* The whole file; the caller frees it. */
static inline uint8_t *model_slurp(const char *path, size_t *len)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data;
	long size;

	ck_assert_msg(file != NULL, "cannot open %s", path);
	ck_assert_int_eq(fseek(file, 0, SEEK_END), 0);
	size = ftell(file);
	rewind(file);
	data = malloc((size_t) size + 1);
	ck_assert_uint_eq(fread(data, 1, (size_t) size, file), (size_t) size);
	(void) fclose(file);
	*len = (size_t) size;
	return data;
}

static inline void model_spill(const char *path, const void *data, size_t len)
{
	FILE *file;

	(void) remove(path);
	file = fopen(path, "wb");
	ck_assert_msg(file != NULL, "cannot make %s", path);
	ck_assert_uint_eq(fwrite(data, 1, len, file), len);
	(void) fclose(file);
}
