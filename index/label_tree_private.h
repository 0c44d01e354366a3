/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the editor of a tree of labels (label_edit.h) needs of the builder beyond label_tree.h. */
#include "index/label_tree.h"

/*
 * An entry of another tree, or a page (vt_tree_builder_adopt_page(): 1 or 0), next in the directory
 * with that path. What is in it is not counted.
 */
int vt_label_tree_builder_adopt(struct vt_label_tree_builder *builder, const char *directory,
				size_t len, const struct vt_entry *entry, struct vt_error *err);
int vt_label_tree_builder_adopt_page(struct vt_label_tree_builder *builder, const char *directory,
				     size_t len, unsigned level, const struct vt_page_child *child,
				     struct vt_error *err);

/* Files and labels that are adopted, or that are not although they were counted. -EBADMSG: more. */
void vt_label_tree_builder_count(struct vt_label_tree_builder *builder, uint32_t files,
				 uint64_t labels);
int vt_label_tree_builder_uncount(struct vt_label_tree_builder *builder, uint32_t files,
				  uint64_t labels, struct vt_error *err);

/* Where the last name of a path begins. */
size_t vt_label_path_name(const char *path, size_t len);
/* Does a path lie in the directory `open`, or is it that itself? */
bool vt_label_path_is_below(const char *path, size_t len, const struct vt_buf *open);
/* The name that follows a directory of `open` bytes on the way to a path below it. */
void vt_label_path_next(const char *path, size_t len, size_t open, size_t *from, size_t *to);
