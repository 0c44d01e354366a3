/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the encoded bytes of frames come from. Asynchronous, so that a slow origin costs no thread
 * of ours: local files now, a remote origin later, and two for tests that wrap another: `fault`
 * fails or damages, `delayed` answers late (by a timer, not by sleeping in a thread).
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/entry.h"

struct vt_error;
struct vt_io_pool;
struct vt_block_source;

/* Called once, from any thread, without locks. `r`: 0, or -EIO / -EBADMSG (cut short) / -ENOENT. */
typedef void vt_block_done(void *context, int r);

/* Of what was read around frames (read_around.h), that of the frames' own blocks not counted. */
struct vt_block_source_stats {
	uint64_t around, around_used; /* bytes; blocks that a frame was found in later */
};

struct vt_block_source_ops {
	/*
	 * Reads at->frame_size bytes at at->frame_offset of the shard into `out`. Returns 1 when it
	 * was answered at once from memory (done is then not called), 0 when `done` will be called,
	 * negative when it failed at once. `out` must stay until then.
	 */
	int (*read)(struct vt_block_source *source, const struct vt_location *at, void *out,
		    vt_block_done *done, void *context);
	/*
	 * Brings bytes of a shard's file into memory, from where reads of them are answered at
	 * once; may block. 0, -ENOENT, -EIO.
	 */
	int (*bring)(struct vt_block_source *source, uint32_t shard, uint64_t offset,
		     uint64_t length);
	void (*get_stats)(struct vt_block_source *source, struct vt_block_source_stats *out);
	/* Closes what was removed, so that its room on the disk is given back; may block. */
	void (*close_removed)(struct vt_block_source *source);
	/* No read may be under way; one that was only delayed is answered -EIO. */
	void (*free)(struct vt_block_source *source);
};
struct vt_block_source {
	const struct vt_block_source_ops *ops;
};

static inline int vt_block_read(struct vt_block_source *source, const struct vt_location *at,
				void *out, vt_block_done *done, void *context)
{
	return source->ops->read(source, at, out, done, context);
}
static inline int vt_block_bring(struct vt_block_source *source, uint32_t shard, uint64_t offset,
				 uint64_t length)
{
	return source->ops->bring(source, shard, offset, length);
}
static inline void vt_block_source_get_stats(struct vt_block_source *source,
					     struct vt_block_source_stats *out)
{
	source->ops->get_stats(source, out);
}
static inline void vt_block_source_close_removed(struct vt_block_source *source)
{
	source->ops->close_removed(source);
}
static inline void vt_block_source_free(struct vt_block_source *source)
{
	if (source)
		source->ops->free(source);
}
VT_DEFINE_CLEANUP(struct vt_block_source, vt_block_source_free);

/*
 * Local files. Tries preadv2(RWF_NOWAIT) in the caller's thread, else queues a pread to the pool in
 * the shard's lane. Keeps at most `max_open` descriptors, least recently used closed first.
 * `path` gives a shard's file; it may be called from any thread and may block.
 */
typedef int vt_shard_path(void *context, uint32_t shard, char path[4096], struct vt_error *err);
int vt_block_source_local(struct vt_io_pool *pool, unsigned max_open, vt_shard_path *path,
			  void *context, struct vt_block_source **out, struct vt_error *err);

/* Wraps `inner` (owned from now on): reads of `shard` (0: of all) are answered after `delay_ms`. */
int vt_block_source_delayed(struct vt_block_source *inner, uint32_t shard, unsigned delay_ms,
			    struct vt_block_source **out, struct vt_error *err);

/* Wraps `inner` (owned): every `every`-th read fails with `code` (errno), or with 0 has a bit
 * flipped. */
int vt_block_source_fault(struct vt_block_source *inner, unsigned every, int code,
			  struct vt_block_source **out, struct vt_error *err);

/* Wraps `inner` as VITRINE_TEST_SOURCE says ("delay:SHARD:MS", "fault:EVERY:ERRNO"), for e2e tests.
 */
int vt_block_source_from_env(struct vt_block_source *inner, struct vt_block_source **out,
			     struct vt_error *err);
