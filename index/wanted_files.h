/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files of a version that are in a set of positions, in order, with their labels: what a
 * curation goes through, more than once. One thread.
 */
#include "index/file_labels.h"

struct vt_wanted_files {
	const struct vt_cancel *cancel;
	struct vt_file_labels *files;
	roaring_uint32_iterator_t next; /* unless all files are wanted */
	bool all;
	uint32_t last; /* position given last */
	uint64_t given;
};

/* `positions` NULL: all files. All is borrowed. */
int vt_wanted_files_open(struct vt_wanted_files *wanted, const struct vt_labelled_files *version,
			 const roaring_bitmap_t *positions, const struct vt_cancel *cancel,
			 struct vt_error *err);
void vt_wanted_files_done(struct vt_wanted_files *wanted);
/* As vt_file_labels_next(); -ECANCELED; -EBADMSG: a position is of no file. */
int vt_wanted_files_next(struct vt_wanted_files *wanted, struct vt_labelled_file *out,
			 struct vt_error *err);
