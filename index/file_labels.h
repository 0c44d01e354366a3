/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files of a version with their labels: a walk over its tree of files, in order of positions,
 * beside one over its tree of labels. Labels are read only of files they are asked of.
 *
 * A hard link has the labels of its own path.
 */
#include <stdbool.h>

#include "index/bitmap.h"
#include "index/label_tree.h"
#include "index/tree.h"

struct vt_posting_builder;

/* A version, all borrowed. */
struct vt_labelled_files {
	const struct vt_page_source *files, *labels;
	const struct vt_tree *tree;
	const struct vt_label_tree *label_tree;
};

/* Asked now and then; true: stop, -ECANCELED. `call` may be NULL. */
struct vt_cancel {
	bool (*call)(void *context);
	void *context;
};

struct vt_index;
struct vt_version;
struct vt_labelled_files vt_labelled_files_of(const struct vt_index *index,
					      const struct vt_version *version);

struct vt_file_labels;
int vt_file_labels_new(const struct vt_labelled_files *version, struct vt_file_labels **out,
		       struct vt_error *err);
void vt_file_labels_free(struct vt_file_labels *files);
VT_DEFINE_CLEANUP(struct vt_file_labels, vt_file_labels_free);

struct vt_labelled_file {
	uint32_t position;
	const char *path;
	size_t path_len;
	const struct vt_entry *entry;
	size_t labels; /* 0: for vt_file_labels_rows() to fill in */
};
/*
 * The first file at `from` or behind it: 1; 0 the end; or an error. `from` must grow. What is given
 * is borrowed until the next call.
 */
int vt_file_labels_next(struct vt_file_labels *files, uint32_t from, struct vt_labelled_file *out,
			struct vt_error *err);
/* All labels of the file given last, in order of rows; borrowed until the next file. */
int vt_file_labels_rows(struct vt_file_labels *files, const struct vt_label **rows, size_t *count,
			struct vt_error *err);

/* Gives all files to a builder of postings. -ECANCELED. */
int vt_file_labels_post(const struct vt_labelled_files *version, const struct vt_cancel *cancel,
			struct vt_posting_builder *builder, struct vt_error *err);
