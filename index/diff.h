/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What differs between two trees. Subtrees with equal pages are skipped, so the cost follows the
 * difference, not the dataset.
 */
#include "index/tree.h"

enum vt_change {
	VT_ADDED = 'A',
	VT_REMOVED = 'R',
	VT_CHANGED = 'C',  /* other content, type, link target or labels */
	VT_METADATA = 'M', /* same content; mode, mtime, xattrs or being a hard link differ */
};

/*
 * Called in walk order (tree.h). `before` or `after` is NULL for added and removed; both borrowed
 * until return. An added or removed directory is given, and so is everything below it. A directory
 * itself is reported as VT_METADATA only for its own attributes; the root has the path "". What
 * was a directory and is one no more is VT_CHANGED and all below it removed (and the other way
 * round). Returning non-zero stops.
 */
typedef int vt_diff_each(void *context, enum vt_change change, const char *path, size_t path_len,
			 const struct vt_entry *before, const struct vt_entry *after);

/* 0, what `each` returned, or an error. Both trees are read through the same source. */
int vt_diff(const struct vt_page_source *pages, const struct vt_tree *before,
	    const struct vt_tree *after, vt_diff_each *each, void *context, struct vt_error *err);
