/* SPDX-License-Identifier: Apache-2.0 */
/* See hits.h. */
#include "fs/hits.h"

#include <stdlib.h>

struct vt_hits *vt_hits_new(roaring_bitmap_t *files)
{
	struct vt_hits *hits = calloc(1, sizeof *hits);

	if (!hits) {
		vt_bitmap_free(files);
		return NULL;
	}
	hits->refs = 1;
	hits->files = files;
	hits->bytes = sizeof *hits + roaring_bitmap_size_in_bytes(files);
	return hits;
}

struct vt_hits *vt_hits_ref(struct vt_hits *hits)
{
	atomic_fetch_add(&hits->refs, 1);
	return hits;
}

void vt_hits_unref(struct vt_hits *hits)
{
	if (!hits || atomic_fetch_sub(&hits->refs, 1) != 1)
		return;
	roaring_bitmap_free(hits->files);
	free(hits);
}

uint32_t vt_hits_next(const struct vt_hits *hits, uint32_t from)
{
	roaring_uint32_iterator_t at;

	roaring_init_iterator(hits->files, &at);
	return roaring_move_uint32_iterator_equalorlarger(&at, from) ? at.current_value
								     : VT_HITS_NONE;
}
