/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only file that knows zstd. A *frame* is one zstd frame (RFC 8878) with content size and
 * checksum (the low 32 bits of XXH64 over the decoded bytes, checked on every decode), either
 * compressed, with or without a dictionary, or raw: hand-written blocks around incompressible
 * bytes.
 *
 * A compressor or decompressor belongs to one thread at a time; dictionaries are immutable and
 * shared.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"

struct vt_error;

#define VT_FRAME_MAX        (1u << 20) /* decoded bytes; a reader refuses more before allocating */
#define VT_FRAME_STORED_MAX (VT_FRAME_MAX + (64u << 10)) /* encoded bytes, likewise */
#define VT_DICTIONARY_MAX   (112u << 10)
#define VT_LEVEL_DEFAULT    3

struct vt_dictionary;
/* Copies `data`. `level` is that of compression; 0: it is for decoding alone, which saves much
 * memory. */
int vt_dictionary_new(const void *data, size_t len, int level, struct vt_dictionary **out,
		      struct vt_error *err);
void vt_dictionary_free(struct vt_dictionary *dictionary);
uint32_t vt_dictionary_id(const struct vt_dictionary *dictionary); /* zstd's; never 0 */
const void *vt_dictionary_data(const struct vt_dictionary *dictionary, size_t *len);
VT_DEFINE_CLEANUP(struct vt_dictionary, vt_dictionary_free);
/*
 * Trains one from samples laid end to end. -ENODATA: too few or too small to be of use (not an
 * error for people).
 */
int vt_dictionary_train(const void *samples, const size_t *sizes, size_t count, size_t max_len,
			int level, struct vt_dictionary **out, struct vt_error *err);

struct vt_encoder;
int vt_encoder_new(int level, struct vt_encoder **out, struct vt_error *err);
void vt_encoder_free(struct vt_encoder *encoder);
VT_DEFINE_CLEANUP(struct vt_encoder, vt_encoder_free);
/*
 * Appends one frame for `data` (1 to VT_FRAME_MAX bytes) to `out`. `dictionary` may be NULL. What
 * does not shrink is stored raw.
 */
int vt_encode(struct vt_encoder *encoder, const struct vt_dictionary *dictionary, const void *data,
	      size_t len, struct vt_buf *out, struct vt_error *err);
/* Appends a raw frame. */
int vt_encode_raw(const void *data, size_t len, struct vt_buf *out, struct vt_error *err);
/* A quick look (a sample is compressed at level 1): would compressing gain at least 5 %? */
bool vt_encoder_probe(struct vt_encoder *encoder, const void *data, size_t len);

/* From a frame's first bytes. -EBADMSG: no frame, no content size, or sizes beyond the bounds. */
struct vt_frame_facts {
	uint32_t content_size; /* decoded bytes */
	uint32_t dictionary;   /* id; 0: none */
};
int vt_frame_inspect(const void *frame, size_t len, struct vt_frame_facts *out,
		     struct vt_error *err);

/*
 * 1: a raw frame of one block, and `*content` are its decoded bytes, checked, inside `frame`; 0:
 * another kind of frame; -EBADMSG: its checksum is wrong.
 */
int vt_frame_raw(const void *frame, size_t len, const uint8_t **content, struct vt_error *err);

struct vt_decoder;
int vt_decoder_new(struct vt_decoder **out, struct vt_error *err);
void vt_decoder_free(struct vt_decoder *decoder);
VT_DEFINE_CLEANUP(struct vt_decoder, vt_decoder_free);
/*
 * Decodes exactly one frame into `out`, of exactly `out_len` bytes (vt_frame_inspect). `dictionary`
 * must be the one the frame names, or NULL. -EBADMSG: damaged, checksum wrong, bytes left over.
 */
int vt_decode(struct vt_decoder *decoder, const struct vt_dictionary *dictionary, const void *frame,
	      size_t frame_len, void *out, size_t out_len, struct vt_error *err);
