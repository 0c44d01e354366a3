/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The parts of the read path put together in a scratch folder: shards "N.vsh", a pool, a source, a
 * cache. A test puts sources of its own around the local one before rig_open().
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "fs/block_source.h"
#include "fs/frame_cache.h"
#include "fs/io_pool.h"
#include "tests/unit/scratch.h"
#include "tests/unit/shard_model.h"

struct rig {
	struct vt_io_pool *pool;
	struct vt_block_source *source; /* owned */
	struct vt_lru *lru;
	struct vt_frame_cache *frames;
	struct vt_dictionary *dictionary; /* what is found; owned */
	atomic_uint lookups;              /* of dictionaries */
};

static inline int rig_path(void *context, uint32_t shard, char path[4096], struct vt_error *err)
{
	(void) snprintf(path, 4096, "%s/%u.vsh", vt_scratch_dir, shard);
	return 0;
}

static inline int rig_find_dictionary(void *context, uint32_t shard, uint32_t id,
				      struct vt_dictionary **out, struct vt_error *err)
{
	struct rig *rig = context;
	const void *data;
	size_t len;

	rig->lookups++;
	if (!rig->dictionary)
		return vt_fail(err, ENOENT, "no dictionary %u", id);
	data = vt_dictionary_data(rig->dictionary, &len);
	return vt_dictionary_new(data, len, 0, out, err);
}

static inline struct vt_shard_writer *rig_shard(const struct rig *rig, uint32_t serial)
{
	char name[16];

	(void) snprintf(name, sizeof name, "%u.vsh", serial);
	return model_shard(vt_scratch_path(name), serial, rig->dictionary);
}

static inline void rig_init(struct rig *rig, unsigned max_open)
{
	(void) vt_scratch();
	*rig = (struct rig){0};
	ck_assert_int_eq(vt_io_pool_new(8, 4, &rig->pool, NULL), 0);
	ck_assert_int_eq(
		vt_block_source_local(rig->pool, max_open, rig_path, rig, &rig->source, NULL), 0);
}

static inline void rig_open(struct rig *rig, size_t limit)
{
	rig->lru = vt_lru_new(limit);
	ck_assert_ptr_nonnull(rig->lru);
	ck_assert_int_eq(vt_frame_cache_new(rig->lru, rig->source, rig->pool, rig_find_dictionary,
					    rig, &rig->frames, NULL),
			 0);
}

static inline void rig_done(struct rig *rig)
{
	vt_io_pool_free(rig->pool);
	vt_frame_cache_free(rig->frames);
	vt_block_source_free(rig->source);
	vt_lru_free(rig->lru);
	vt_dictionary_free(rig->dictionary);
	vt_scratch_done();
}

/* Somebody who waits for one answer. */
struct rig_wait {
	sem_t answered;
	int r;
	struct vt_frame *frame;
};

static inline void rig_wait_init(struct rig_wait *wait)
{
	(void) sem_init(&wait->answered, 0, 0);
	wait->r = 1;
	wait->frame = NULL;
}

static inline int rig_wait_for(struct rig_wait *wait)
{
	while (sem_wait(&wait->answered) != 0)
		;
	return wait->r;
}

static inline void rig_frame_done(void *context, int r, struct vt_frame *frame)
{
	struct rig_wait *wait = context;

	wait->r = r;
	wait->frame = frame;
	(void) sem_post(&wait->answered);
}

static inline void rig_block_done(void *context, int r)
{
	rig_frame_done(context, r, NULL);
}

/* Waits if need be. 0 with a reference, or an error. */
static inline int rig_get(struct rig *rig, const struct vt_location *at, struct vt_frame **out)
{
	struct rig_wait wait;
	int r;

	rig_wait_init(&wait);
	r = vt_frame_cache_get(rig->frames, at, out, rig_frame_done, &wait);
	if (r != 0)
		return r > 0 ? 0 : r;
	r = rig_wait_for(&wait);
	if (r == 0)
		*out = wait.frame;
	return r;
}

static inline int rig_read(struct vt_block_source *source, const struct vt_location *at, void *out)
{
	struct rig_wait wait;
	int r;

	rig_wait_init(&wait);
	r = vt_block_read(source, at, out, rig_block_done, &wait);
	if (r != 0)
		return r > 0 ? 0 : r;
	return rig_wait_for(&wait);
}
