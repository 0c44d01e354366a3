/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The labels of a version: a tree as that of its files (tree.h), of pages of kind VT_PAGE_LABELS,
 * that has the labelled files alone and the directories on the way to them. No attributes, no
 * positions, no order of arrival: equal labels of equal paths and contents make the same digest in
 * every store.
 *
 * It is read with the functions of tree.h and diff.h, through a page source of kind VT_PAGE_LABELS;
 * an entry is a directory or VT_LABELLED, whose rows label_rows.h gives.
 *
 * Reading is thread-safe if the page source is. Writing belongs to one thread.
 */
#include "index/diff.h"
#include "index/label_rows.h"

/* All zeros: no labels. */
struct vt_label_tree {
	struct vt_digest content; /* of the root page */
	uint32_t nodes;           /* the root and all below it */
	uint32_t files;
	uint64_t labels;
	uint64_t page; /* id of the root page; local, kept beside the canonical bytes */
};

/* -EINVAL: no labels. */
int vt_label_tree_encode(const struct vt_label_tree *tree, struct vt_buf *out,
			 struct vt_error *err);
/* Without `page`. -EBADMSG. */
int vt_label_tree_decode(const void *data, size_t len, struct vt_label_tree *out,
			 struct vt_error *err);
/* Zero without labels, as in the version's record. */
int vt_label_tree_digest(const struct vt_label_tree *tree, struct vt_digest *out,
			 struct vt_error *err);

/* For the functions of tree.h and diff.h. Without labels it can be walked and compared, not
 * searched. */
struct vt_tree vt_label_tree_root(const struct vt_label_tree *tree);

/* The labelled file, or directory of some, at `path`. -ENOENT, -ENOTDIR, -EBADMSG. */
int vt_label_tree_find(const struct vt_page_source *pages, const struct vt_label_tree *tree,
		       const char *path, size_t len, struct vt_node *out, struct vt_error *err);

/*
 * Called for each label that only one of two trees has, VT_ADDED or VT_REMOVED, in walk order of
 * files and in order of rows. All borrowed until it returns; non-zero stops. A label that was
 * changed is one removed and one added. A file whose content id alone differs has none.
 */
typedef int vt_label_diff_each(void *context, enum vt_change change, const char *path,
			       size_t path_len, const struct vt_label *label);

/* 0, what `each` returned, or an error. Reads only what differs. */
int vt_label_diff(const struct vt_page_source *pages, const struct vt_label_tree *before,
		  const struct vt_label_tree *after, vt_label_diff_each *each, void *context,
		  struct vt_error *err);

/*
 * Building, a call for each labelled file in walk order (vt_label_path_compare()). Memory: the open
 * pages of one path, and the labels of one file. Out of another tree: label_edit.h.
 */
struct vt_label_tree_builder;
int vt_label_tree_builder_new(const struct vt_page_sink *sink, struct vt_label_tree_builder **out,
			      struct vt_error *err);
void vt_label_tree_builder_free(struct vt_label_tree_builder *builder);
/*
 * `rows` in any order, sorted here; equal ones are one. -EINVAL: none, a rule of label.h or of
 * names is broken, or the path does not come after the last one; -E2BIG: more than
 * VT_LABEL_BLOCK_MAX bytes; -EOVERFLOW as vt_tree_builder_add(). After an error the builder can
 * only be freed.
 */
int vt_label_tree_builder_add(struct vt_label_tree_builder *builder, const char *path, size_t len,
			      const struct vt_digest *content, struct vt_label *rows, size_t count,
			      struct vt_error *err);
int vt_label_tree_builder_finish(struct vt_label_tree_builder *builder, struct vt_label_tree *out,
				 struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_label_tree_builder, vt_label_tree_builder_free);

/* Order of paths in a walk: name by name, as bytes. */
int vt_label_path_compare(const char *a, size_t a_len, const char *b, size_t b_len);
