/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the labels of one file are: in its entry, or, above VT_LABEL_INLINE_MAX bytes, in pages of
 * their own (VT_PAGE_ROWS): a block cut into *parts* behind rows, and a list of the parts if there
 * are two or more. One label more in a file of thousands changes a part and the list. Layout and
 * cutting rule: index/schema.md, "Labels".
 */
#include "index/label_block.h"
#include "index/tree.h"

#define VT_LABEL_PART_MIN  (4u << 10)  /* bytes of rows; no part but the last has less */
#define VT_LABEL_PART_CUT  (64u << 10) /* a part at least this long is cut, whatever the row */
#define VT_LABEL_PARTS_MAX (VT_LABEL_BLOCK_MAX / VT_LABEL_PART_MIN)

/* NULL, or why `body` is not what follows the header of a page of rows: page.c asks. */
const char *vt_label_page_problem(uint8_t level, uint16_t count, const uint8_t *body, size_t len);

/*
 * Has a page of rows, or have the parts that it lists together, so many labels and bytes of rows?
 */
bool vt_label_page_has(const struct vt_page *page, uint64_t labels, uint64_t bytes);

/* What a list says of one of its parts; `digest` is borrowed from it. */
struct vt_label_part {
	const uint8_t *digest;
	uint32_t labels, bytes;
};
struct vt_label_part vt_label_page_part(const struct vt_page *list, unsigned i);

/*
 * Fills `entry->size`, `block` and `page`, putting pages if it must. `entry->block` borrows from
 * `block` or `digest`.
 */
int vt_label_rows_put(const struct vt_page_sink *sink, const struct vt_buf *block,
		      struct vt_digest *digest, struct vt_entry *entry, struct vt_error *err);

/*
 * The rows of a labelled file, in order: 1 a label, 0 the end, or an error. A label borrows from
 * the entry's page or from `rows`, until the next call. Holds one part at a time. `pages` and the
 * entry's page are borrowed until vt_label_rows_done().
 */
struct vt_label_rows {
	const struct vt_page_source *pages;
	struct vt_page *list, *part; /* NULL without */
	unsigned next;               /* part of the list */
	struct vt_label_block_reader reader;
	struct vt_label last; /* given last */
};
int vt_label_rows_open(struct vt_label_rows *rows, const struct vt_page_source *pages,
		       const struct vt_entry *entry, struct vt_error *err);
void vt_label_rows_done(struct vt_label_rows *rows);
int vt_label_rows_next(struct vt_label_rows *rows, struct vt_label *out, struct vt_error *err);
