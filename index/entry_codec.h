/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The canonical bytes of one entry, and the rules of entry.h that both directions apply: what a
 * writer refuses with -EINVAL a reader refuses with -EBADMSG. Leaf pages and the tree's root are
 * made of it. Layout: index/schema.md, "Pages".
 */
#include <stdbool.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/entry.h"
#include "index/page.h"

/*
 * NULL, or which rule `entry` breaks in a tree of that kind. The root of a tree has no name, every
 * other entry has.
 */
const char *vt_entry_problem(const struct vt_entry *entry, enum vt_page_kind kind, bool is_root);

/* Appends; the entry must have no problem. */
void vt_entry_encode(const struct vt_entry *entry, struct vt_buf *out);

/* Reads one; what `out` gets borrows from the reader's bytes. NULL, or why they are no entry. */
const char *vt_entry_decode(struct vt_reader *reader, struct vt_entry *out);

/* Labels that are too long for the entry stand in pages of their own. */
static inline bool vt_entry_is_inline(const struct vt_entry *labelled)
{
	return labelled->size <= VT_LABEL_INLINE_MAX;
}

/* Bytes of `block`, that of a labelled file. */
static inline size_t vt_entry_block_len(const struct vt_entry *labelled)
{
	return vt_entry_is_inline(labelled) ? labelled->size : VT_DIGEST_LEN;
}

/* The labels of an entry as lines, seen from the directory that it is in. */
static inline struct vt_line_sums vt_entry_lines(const struct vt_entry *entry)
{
	if (entry->type == VT_LABELLED)
		return vt_line_sums_of_file(entry->name, entry->name_len, entry->labels,
					    entry->lines.bytes);
	return entry->lines;
}

/* Byte order: a prefix comes before what it begins. */
static inline int vt_name_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t common = a_len < b_len ? a_len : b_len;
	int order = common ? memcmp(a, b, common) : 0;

	return order ? order : (a_len > b_len) - (a_len < b_len);
}
