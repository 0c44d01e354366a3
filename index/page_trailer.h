/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What stands behind the canonical bytes of a page, for page.c and page_builder.c: numbers of this
 * store, and what follows from the canonical bytes of the pages below. Layout: index/schema.md,
 * "Pages" and "Labels".
 */
#include "index/page.h"

#define VT_TRAILER_ENTRY 16u /* bytes */

/* Of an inner page, or of a list of labels: bytes a child. */
static inline size_t vt_trailer_child_len(enum vt_page_kind kind)
{
	return kind == VT_PAGE_LABELS ? 40 : 8;
}

/* Of a leaf of labels: bytes more for each directory, behind those of all entries. */
#define VT_TRAILER_DIRECTORY 24u

void vt_trailer_put_child(enum vt_page_kind kind, const struct vt_page_child *child,
			  struct vt_buf *out);
void vt_trailer_put_entry(enum vt_page_kind kind, const struct vt_entry *entry, struct vt_buf *out,
			  struct vt_buf *directories);

/* `at` is the child's part; `directory` that of a directory in a tree of labels, else NULL. */
void vt_trailer_child(enum vt_page_kind kind, const uint8_t *at, struct vt_page_child *out);
void vt_trailer_entry(enum vt_page_kind kind, const uint8_t *at, const uint8_t *directory,
		      struct vt_entry *out);

/* NULL, or what is wrong: what an entry has no use for is zero, so that each has one encoding. */
const char *vt_trailer_problem(enum vt_page_kind kind, const uint8_t *at,
			       const struct vt_entry *entry);
