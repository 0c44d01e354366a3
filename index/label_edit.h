/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A tree of labels out of an old one and what changed: the one that vt_label_tree_builder would
 * make of the same labels, to the byte, for a few pages read and put for each edit. What did not
 * change is adopted unread: directories by their digest, labels of files by that of their page, and
 * pages of a directory where the rule of index/schema.md, "What an edit keeps", allows it.
 *
 * Calls come in walk order (vt_label_path_compare()), one for a path. One thread. Memory: the pages
 * on one path, old and new, and the labels of one file. After an error it can only be freed.
 */
#include "index/label_tree.h"

struct vt_label_edit;

/*
 * `pages` (kind VT_PAGE_LABELS; borrowed) has the pages of `old`, which may be without labels. The
 * sink's ids must be of the same store.
 */
int vt_label_edit_new(const struct vt_page_source *pages, const struct vt_label_tree *old,
		      const struct vt_page_sink *sink, struct vt_label_edit **out,
		      struct vt_error *err);
void vt_label_edit_free(struct vt_label_edit *edit);

/*
 * These are the labels of a file now; whatever was at that path, a directory too, is gone. Errors:
 * as vt_label_tree_builder_add(), -EINVAL also when a directory on the way is a labelled file that
 * was not removed; -EBADMSG.
 */
int vt_label_edit_put(struct vt_label_edit *edit, const char *path, size_t len,
		      const struct vt_digest *content, struct vt_label *rows, size_t count,
		      struct vt_error *err);

/*
 * A file has no labels any more, or a directory no labelled files; labels may still be put below
 * it. Nothing at that path is no error. To count what is gone, a directory is read as a whole.
 * -EINVAL: the path does not come after the last one, or begins with '/'; -EBADMSG.
 */
int vt_label_edit_remove(struct vt_label_edit *edit, const char *path, size_t len,
			 struct vt_error *err);

int vt_label_edit_finish(struct vt_label_edit *edit, struct vt_label_tree *out,
			 struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_label_edit, vt_label_edit_free);
