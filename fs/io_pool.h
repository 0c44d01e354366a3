/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Threads that may wait for a disk, so that no FUSE session thread does. Tasks have a *lane*, such
 * as a shard's serial: a lane that is stuck can hold at most `per_lane` threads, so that one slow
 * disk stops only what needs it. Threads start on demand and stay.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_io_pool;

/*
 * The lanes that are no shard's, which have 32 bits. Who waits in a task of one lane for a task of
 * another may do so only down this list, then for shards; else a full lane waits for itself.
 */
#define VT_LANE_INDEX   0ull         /* requests that must read the index */
#define VT_LANE_CONTENT (1ull << 32) /* what reading a content needs from the index */

/* Embedded by the caller in what it queues; must live until `run` was called. */
struct vt_io_task {
	void (*run)(struct vt_io_task *task); /* on a pool thread; may free the task */
	uint64_t lane;
	struct vt_io_task *next; /* private */
};

int vt_io_pool_new(unsigned threads, unsigned per_lane, struct vt_io_pool **out,
		   struct vt_error *err);
/* Runs what is queued, and what that submits, then joins. NULL is accepted. */
void vt_io_pool_free(struct vt_io_pool *pool);
void vt_io_pool_submit(struct vt_io_pool *pool, struct vt_io_task *task); /* never blocks */
size_t vt_io_pool_depth(const struct vt_io_pool *pool);                   /* queued and running */
VT_DEFINE_CLEANUP(struct vt_io_pool, vt_io_pool_free);
