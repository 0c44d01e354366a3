/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files that a view shows: a set of positions (index/bitmap.h), immutable and counted. What
 * folders a view has follows from it: those with such a file in their interval of positions.
 *
 * Thread-safe.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/bitmap.h"

struct vt_hits {
	atomic_uint refs;
	const roaring_bitmap_t *files; /* constant */
	size_t bytes;                  /* of memory, about */
};

/* Takes the bitmap. NULL: no memory, and the bitmap is freed. */
struct vt_hits *vt_hits_new(roaring_bitmap_t *files);
struct vt_hits *vt_hits_ref(struct vt_hits *hits);
void vt_hits_unref(struct vt_hits *hits); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_hits, vt_hits_unref);

#define VT_HITS_NONE UINT32_MAX /* no file has this position */

/* The first file at `from` or behind it, or VT_HITS_NONE. O(log n). */
uint32_t vt_hits_next(const struct vt_hits *hits, uint32_t from);
static inline bool vt_hits_any(const struct vt_hits *hits, uint32_t from, uint32_t count)
{
	uint32_t next = vt_hits_next(hits, from);

	return next != VT_HITS_NONE && next - from < count;
}
