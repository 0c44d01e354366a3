/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sets of positions (tree.h): CRoaring's bitmaps, and what it lacks. Stored ones are in Roaring's
 * portable form (github.com/RoaringBitmap/RoaringFormatSpec), little-endian, run containers where
 * these are shorter.
 *
 * CRoaring does not survive malloc giving NULL: what may become large is bounded by its users.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <roaring/roaring.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"

static inline void vt_bitmap_free(roaring_bitmap_t *bitmap)
{
	if (bitmap)
		roaring_bitmap_free(bitmap);
}
VT_DEFINE_CLEANUP(roaring_bitmap_t, vt_bitmap_free);

/* Appends the portable form; runs are looked for first. */
void vt_bitmap_encode(roaring_bitmap_t *bitmap, struct vt_buf *out);

/*
 * NULL, or why these bytes are no bitmap in portable form that is not empty, has its values in
 * order and counts them right, and ends with the last byte. CRoaring 0.2.66 checks lengths alone,
 * and with other bytes reads outside of its memory later.
 */
const char *vt_bitmap_problem(const void *data, size_t len);

/* What has no problem. NULL: no memory. */
roaring_bitmap_t *vt_bitmap_decode(const void *data, size_t len);

/* Adds the values of `from` that are in [first, first + count) to `to`, moved to begin at `at`. */
void vt_bitmap_add_moved(roaring_bitmap_t *to, const roaring_bitmap_t *from, uint32_t first,
			 uint32_t count, uint32_t at);
