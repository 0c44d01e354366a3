/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Content of any length, stored while it is read: hashed as a whole, cut into pieces that the crew
 * stores, described by a recipe. The form depends on the bytes alone:
 *
 *  - zero bytes over VT_HOLE_MIN and more of whole, aligned blocks are holes, whether the source
 *    has them as holes or not; a data run lies between two holes;
 *  - every STRETCH of a data run is probed: what shrinks is cut by content (chunker.h), the rest in
 *    raw frames of VT_CHUNK_MAX.
 *
 * Memory: a bounded pool of buffers for all streams, and 24 bytes an extent of the stream's content
 * (a 2,700th of it).
 */
#include <sys/types.h>

#include "tools/publish/content.h"

#define VT_BLOCK    (4u << 10)
#define VT_HOLE_MIN (64u << 10)

/* Where bytes come from. read: > 0 bytes, 0 at the end, or an error (`err` names the file). */
struct vt_input {
	ssize_t (*read)(struct vt_input *input, void *data, size_t len, struct vt_error *err);
};

/* The buffers; one per publish. */
struct vt_stream_pool;
int vt_stream_pool_new(struct vt_publish_context *context, struct vt_stream_pool **out,
		       struct vt_error *err);
void vt_stream_pool_free(struct vt_stream_pool *pool); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_stream_pool, vt_stream_pool_free);

/*
 * Stores `prefix` and then all that `input` (may be NULL) gives. Thread-safe; `thread` as in
 * content.h.
 */
int vt_stream_store(struct vt_stream_pool *pool, unsigned thread, const void *prefix,
		    size_t prefix_len, struct vt_input *input, struct vt_stored *out,
		    struct vt_error *err);

/* Would a stream find a hole in these, a whole file's bytes? */
bool vt_stream_has_hole(const uint8_t *data, size_t len);
