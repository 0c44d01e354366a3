/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Decoded frames: found in the shared LRU, or fetched once for all who ask at the same time
 * (single-flight), decoded and checked. Blocks in flight count against the LRU's limit; when all is
 * pinned a fetch waits behind another of its shard, and goes on if there is none.
 *
 * Thread-safe. No lock is held while reading, decoding or calling back.
 */
#include <stdint.h>

#include "fs/block_source.h"
#include "fs/dictionaries.h"
#include "index/base/lru.h"

struct vt_frame_cache;

/* Memory is anonymous and resident: a reply may be written from it (a mapped file would not do). */
struct vt_frame {
	struct vt_lru_entry lru; /* first; key VT_LRU_FRAME, shard, frame_offset */
	uint32_t size;
	const uint8_t *data; /* in `bytes` */
	uint8_t bytes[];
};
static inline void vt_frame_unref(struct vt_frame *frame)
{
	vt_lru_unref(frame ? &frame->lru : NULL);
}

int vt_frame_cache_new(struct vt_lru *lru, struct vt_block_source *source, struct vt_io_pool *pool,
		       vt_find_dictionary *find, void *context, struct vt_frame_cache **out,
		       struct vt_error *err);
void vt_frame_cache_free(struct vt_frame_cache *cache); /* no fetch may be under way */
VT_DEFINE_CLEANUP(struct vt_frame_cache, vt_frame_cache_free);

/*
 * `r` 0: `frame` is a reference for the callee. -EBADMSG: damaged, -EIO. A failure is logged once
 * for each frame, however often it is asked for, and no words of it come this far.
 */
typedef void vt_frame_done(void *context, int r, struct vt_frame *frame);

/*
 * 1: `*out` is a reference, found in the cache, and `done` is not called. 0: `done` is called,
 * once: before this returns when the frame could be read without waiting, else from a pool thread.
 * Negative: failed at once, `done` is not called.
 */
int vt_frame_cache_get(struct vt_frame_cache *cache, const struct vt_location *at,
		       struct vt_frame **out, vt_frame_done *done, void *context);

/* Nobody is expected to want that frame again. */
void vt_frame_cache_forget(struct vt_frame_cache *cache, const struct vt_location *at);

struct vt_frame_cache_stats {
	uint64_t reads, decoded,
		shared; /* fetches begun; frames decoded; waits on another's fetch */
	uint64_t bytes_stored, bytes_decoded;
	uint64_t damaged, failed;
};
void vt_frame_cache_get_stats(const struct vt_frame_cache *cache, struct vt_frame_cache_stats *out);
