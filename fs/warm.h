/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Brings the stored bytes of files into memory (the kernel's, as the page cache of the shards), in
 * the order they have on the disk: of many files a disk gives them ten times as fast so as one by
 * one. Whoever reads them later finds what is left to do is decoding.
 *
 * One thread.
 */
#include <stdint.h>

struct vt_block_source;
struct vt_entry;
struct vt_error;
struct vt_index;
struct vt_warm;

/* Files of the domain; at most `room` stored bytes. Both are borrowed. */
int vt_warm_new(struct vt_index *index, struct vt_block_source *source, uint32_t domain,
		uint64_t room, struct vt_warm **out, struct vt_error *err);
void vt_warm_free(struct vt_warm *warm);

/*
 * A file more: what it is made of is noted, and when that is enough brought. 1: there was no room
 * for all of it, and there will be none. -EIO, -EBADMSG: a shard, or the index.
 */
int vt_warm_add(struct vt_warm *warm, const struct vt_entry *file, struct vt_error *err);
/* Brings what is still only noted; returns as vt_warm_add(), when all is there. */
int vt_warm_finish(struct vt_warm *warm, struct vt_error *err);

/* Stored bytes that were brought or were there. */
uint64_t vt_warm_stored(const struct vt_warm *warm);
