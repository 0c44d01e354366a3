/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows of labels in any order become the labels of one file after another, in walk order. Sorted
 * outside of memory (tools/publish/spool.h), in a file without a name.
 * One thread.
 */
#include "index/base/buf.h"
#include "index/base/cleanup.h"
#include "index/label_line.h"

struct vt_error;
struct vt_label_sort;

int vt_label_sort_new(struct vt_label_sort **out, struct vt_error *err);
void vt_label_sort_free(struct vt_label_sort *sort); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_label_sort, vt_label_sort_free);

/* `file` and `line` say where it came from: 0 for none. */
int vt_label_sort_add(struct vt_label_sort *sort, const struct vt_label_row *row, unsigned file,
		      uint64_t line, struct vt_error *err);

/* Ends the adding. Then 1 a file, its labels in order of adding, borrowed until the next call; 0.
 */
struct vt_label_sorted {
	struct vt_label_text path;
	struct vt_label *labels;
	const uint64_t *origins; /* one a label: where it came from */
	size_t count;
};
int vt_label_sort_finish(struct vt_label_sort *sort, struct vt_error *err);
int vt_label_sort_next(struct vt_label_sort *sort, struct vt_label_sorted *out,
		       struct vt_error *err);

/* Appends "FILE:LINE: ", or nothing; `files` has the first, number 1, in front. */
void vt_label_sort_where(uint64_t origin, const char *const *files, struct vt_buf *out);
