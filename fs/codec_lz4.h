/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only file that knows LZ4; codec.h is what others use. A frame is one of the LZ4 frame format
 * (lz4_Frame_format.md, 1.6.2) in its narrowest form: one independent block, which is compressed,
 * with content size and content checksum (XXH32), with a dictionary's id or without.
 */
#include "fs/codec.h"

struct vt_lz4_dictionary; /* immutable, shared: for encoding */
struct vt_lz4_dictionary *vt_lz4_dictionary_new(const void *data, size_t len); /* NULL: no memory */
void vt_lz4_dictionary_free(struct vt_lz4_dictionary *dictionary);

struct vt_lz4_encoder;                                /* of one thread at a time */
struct vt_lz4_encoder *vt_lz4_encoder_new(int level); /* 1 to 12; NULL: no memory */
void vt_lz4_encoder_free(struct vt_lz4_encoder *encoder);

/* So much room is needed for the frame of `len` bytes. */
size_t vt_lz4_bound(size_t len);
/*
 * Makes a frame in `room`, of vt_lz4_bound(len) bytes, and gives its length. When that is no less
 * than `len` it may be in no form that is read here. `dictionary` may be NULL; else `id` is its id.
 */
int vt_lz4_encode(struct vt_lz4_encoder *encoder, const struct vt_lz4_dictionary *dictionary,
		  uint32_t id, const void *data, size_t len, void *room, size_t *out,
		  struct vt_error *err);

bool vt_lz4_is_frame(const void *frame, size_t len); /* by its magic */

/* As vt_frame_inspect() and vt_decode(), where the dictionary is its bytes, or NULL. */
int vt_lz4_inspect(const void *frame, size_t len, struct vt_frame_facts *out, struct vt_error *err);
int vt_lz4_decode(const void *dictionary, size_t dictionary_len, const void *frame,
		  size_t frame_len, void *out, size_t out_len, struct vt_error *err);
