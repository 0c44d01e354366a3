/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files of a version with their labels: a walk over its tree and one over its tree of labels,
 * side by side, so that each page of both is read once. Memory: the open pages of two paths, and
 * the labels of one file about one key.
 *
 * A walk belongs to one thread.
 */
#include "index/label_tree.h"

/* What is walked; all borrowed for the walk's life. */
struct vt_labelled_tree {
	const struct vt_page_source *files, *labels;
	const struct vt_tree *tree;
	const struct vt_label_tree *label_tree;
};

/* Borrowed until the next call of vt_labelled_walk_next(). */
struct vt_labelled_file {
	const char *path;
	size_t path_len;
	const struct vt_entry *entry; /* of type VT_FILE */
	uint32_t position;
	uint32_t labels; /* of any key, in any state; 0: it is unlabelled */
};

struct vt_labelled_walk;
int vt_labelled_walk_new(const struct vt_labelled_tree *tree, struct vt_labelled_walk **out,
			 struct vt_error *err);
void vt_labelled_walk_free(struct vt_labelled_walk *walk);
VT_DEFINE_CLEANUP(struct vt_labelled_walk, vt_labelled_walk_free);

/* In walk order: 1 a file, 0 the end, or an error; -EBADMSG: there are labels of no file. */
int vt_labelled_walk_next(struct vt_labelled_walk *walk, struct vt_labelled_file *out,
			  struct vt_error *err);

/*
 * The labels of the file's next key, in order of rows and without tool and region: 1, 0 after the
 * last, or an error. Borrowed until the next call of either.
 */
int vt_labelled_walk_key(struct vt_labelled_walk *walk, const struct vt_label **rows, size_t *count,
			 struct vt_error *err);
