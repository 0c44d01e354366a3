/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The labels of a version as a text of lines (label_line.h): files in walk order, labels in order
 * of rows. Its length, and the file that any byte of it belongs to, follow from the sums in a few
 * pages (line_sums.h); no line is made for them.
 *
 * Thread-safe if the page source is.
 */
#include "index/label_tree.h"

/*
 * Bytes of the lines of a file when `name` is its path. `block` are its rows (label_block.h);
 * `line` is used on the way.
 */
int vt_label_lines_measure(const char *name, size_t len, const void *block, size_t block_len,
			   struct vt_buf *line, uint64_t *bytes, struct vt_error *err);

/* Bytes of all lines. Reads the root page. -EBADMSG. */
int vt_label_lines_size(const struct vt_page_source *pages, const struct vt_label_tree *tree,
			uint64_t *bytes, struct vt_error *err);

/*
 * The position of the file whose lines have the byte at `offset`, which is below the size; and
 * where its lines begin. -EBADMSG.
 */
int vt_label_lines_find(const struct vt_page_source *pages, const struct vt_label_tree *tree,
			uint64_t offset, uint32_t *position, uint64_t *begin, struct vt_error *err);

/* Called with a part of the text and where it begins; non-zero stops. */
typedef int vt_label_lines_each(void *context, uint64_t offset, const void *text, size_t len);

/*
 * Gives all of the text that is in [from, to), and what of the first and last file's is around it.
 * 0, what `each` returned, or an error: -EBADMSG also when the lines are not as long as was said.
 */
int vt_label_lines_read(const struct vt_page_source *pages, const struct vt_label_tree *tree,
			uint64_t from, uint64_t to, vt_label_lines_each *each, void *context,
			struct vt_error *err);
