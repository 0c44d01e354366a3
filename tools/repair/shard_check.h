/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Is every stored byte what it was? Reads each shard of a list, decodes each frame and compares
 * each content with its SHA-256; what is damaged is told as it is found, and kept to be asked for.
 *
 * One thread at a time; the numbers done may be read from any.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "index/idmap.h"
#include "tools/repair/shard_list.h"

/* One finding: a shard's file, perhaps with a frame of it, and what is wrong. Borrowed. */
typedef void vt_shard_finding(void *context, const char *what, const char *problem);

struct vt_shard_check {
	struct vt_cli *cli;
	struct vt_shard_list *list;
	bool quick; /* the header, and a sample of the frames */
	vt_shard_finding *report;
	void *context;

	_Atomic uint64_t shards, frames, bytes; /* done */
	/* Serial of each shard with damage -> 1 when more is wrong than frames: what its tables
	 * say does not count. */
	struct vt_idmap damaged;
	struct vt_idmap bad_frames; /* vt_frame_key() of each */
};
void vt_shard_check_done(struct vt_shard_check *check);

static inline uint64_t vt_frame_key(uint32_t shard, uint32_t offset)
{
	return (uint64_t) shard << 32 | offset;
}

/* 0 also with findings. The rest is filled by the caller before. */
int vt_shard_check_run(struct vt_shard_check *check, struct vt_error *err);
