/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Compressed frames. A *frame* is one zstd frame (RFC 8878) with content size and checksum (the low
 * 32 bits of XXH64 over the decoded bytes, checked on every decode), either compressed, with or
 * without a dictionary, or raw: hand-written blocks around incompressible bytes; or, compressed, an
 * LZ4 frame with the same (codec_lz4.h). What a frame is, it says itself: whoever decodes need not
 * know.
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

enum vt_codec {
	VT_CODEC_ZSTD, /* the smaller */
	VT_CODEC_LZ4,  /* decoded several times as fast, and about a fifth larger */
};

/* How new frames are made. {0} is the default. */
struct vt_compression {
	enum vt_codec codec;
	int level; /* 1 to vt_codec_level_max(); 0: what the codec is best known for */
};

const char *vt_codec_name(enum vt_codec codec); /* NULL: there is no such codec */
int vt_codec_level_max(enum vt_codec codec);

struct vt_dictionary;
/*
 * Copies `data`. It serves encoders of that compression; NULL: it is for decoding alone, which
 * saves much memory. Any dictionary decodes frames of all codecs.
 */
int vt_dictionary_new(const void *data, size_t len, const struct vt_compression *compression,
		      struct vt_dictionary **out, struct vt_error *err);
void vt_dictionary_free(struct vt_dictionary *dictionary);
uint32_t vt_dictionary_id(const struct vt_dictionary *dictionary); /* zstd's; never 0 */
const void *vt_dictionary_data(const struct vt_dictionary *dictionary, size_t *len);
VT_DEFINE_CLEANUP(struct vt_dictionary, vt_dictionary_free);
/*
 * Trains one from samples laid end to end. -ENODATA: too few or too small to be of use (not an
 * error for people).
 */
int vt_dictionary_train(const void *samples, const size_t *sizes, size_t count, size_t max_len,
			const struct vt_compression *compression, struct vt_dictionary **out,
			struct vt_error *err);

struct vt_encoder;
int vt_encoder_new(const struct vt_compression *compression, struct vt_encoder **out,
		   struct vt_error *err);
void vt_encoder_free(struct vt_encoder *encoder);
VT_DEFINE_CLEANUP(struct vt_encoder, vt_encoder_free);
/*
 * Appends one frame for `data` (1 to VT_FRAME_MAX bytes) to `out`. `dictionary` may be NULL, or is
 * one made for the same compression. What does not shrink is stored raw.
 */
int vt_encode(struct vt_encoder *encoder, const struct vt_dictionary *dictionary, const void *data,
	      size_t len, struct vt_buf *out, struct vt_error *err);
/* Appends a raw frame. */
int vt_encode_raw(const void *data, size_t len, struct vt_buf *out, struct vt_error *err);
/* A quick look (a sample is compressed at level 1): would compressing gain at least 5 %? */
bool vt_encoder_probe(struct vt_encoder *encoder, const void *data, size_t len);

/* From a frame's first bytes. -EBADMSG: no frame, no content size, or sizes beyond the bounds. */
struct vt_frame_facts {
	enum vt_codec codec;
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
