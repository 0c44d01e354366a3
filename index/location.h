/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Where stored bytes lie, and how that is written: the same in rows, pages and messages. */
#include <stdint.h>

#include "index/base/buf.h"

/*
 * Where `length` bytes lie: in the frame that begins at byte `frame_offset` of the shard file and
 * takes `frame_size` bytes there, `skip` bytes into its decoded form. Shards stay under 4 GiB.
 * The offset rather than a frame number: a reader then needs no table of the shard in memory.
 */
struct vt_location {
	uint32_t shard; /* serial of the shard, never reused; 0: no location, or a hole in a recipe
			 */
	uint32_t frame_offset;
	uint32_t frame_size;
	uint32_t skip;
};

/* Its members in this order, little-endian: 16 bytes. Reading past the end fails the reader. */
void vt_location_put(const struct vt_location *at, struct vt_buf *out);
struct vt_location vt_location_get(struct vt_reader *reader);

/* As strcmp(), by shard, frame and what is skipped: those of the same bytes are equal. */
int vt_location_compare(const struct vt_location *a, const struct vt_location *b);
