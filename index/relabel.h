/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Other labels for the files of a version: changes come in, file by file, and a new tree of labels
 * comes out, whose pages are in the store. The files are those of a tree, so that nothing gets a
 * label that is not there. Costs follow the changes, not the dataset. Rows come from outside and
 * are checked.
 *
 * One thread at a time. While one is under way gc must not run (an import holds its gate).
 */
#include "index/import.h"

struct vt_label_schema;
struct vt_relabel;

enum vt_relabel_how {
	VT_RELABEL_ADD, /* to the labels that the file has */
	VT_RELABEL_SET, /* in place of them; no rows: it has none any more */
};

/* `tree`, `old` are copied, what they borrow must outlive it; `old` has labels of files of `tree`.
 */
int vt_relabel_new(struct vt_index *index, uint32_t domain, const struct vt_tree *tree,
		   const struct vt_label_tree *old, struct vt_relabel **out, struct vt_error *err);
void vt_relabel_free(struct vt_relabel *relabel);
VT_DEFINE_CLEANUP(struct vt_relabel, vt_relabel_free);

/*
 * Who is told of labels that the schema does not allow: `row` is the number of one among those that
 * were given, from 0. A negative result ends it.
 */
struct vt_relabel_judge {
	const struct vt_label_schema *schema;
	int (*refuse)(void *context, uint32_t row, const char *sentence, struct vt_error *err);
	void *context;
};

/*
 * `rows`: `count` labels one behind the other, as in a block (label_block.h). Files come in walk
 * order, each once. -ENOENT no such file, and the next one may follow; -EINVAL a row breaks a rule
 * or the order is another; -E2BIG too many labels for one file. After any error but -ENOENT it can
 * only be freed.
 *
 * With a judge, rows outside of its schema are passed over, and a file of which all are stays as it
 * was. But a label that the file has already is not given to it: whatever the schema says, it stays
 * when it is among the rows.
 */
int vt_relabel_file(struct vt_relabel *relabel, const char *path, size_t len,
		    enum vt_relabel_how how, const void *rows, size_t rows_len, uint32_t count,
		    const struct vt_relabel_judge *judge, struct vt_error *err);

/*
 * Labels of a file of another tree, for a file of this one with the same content: `from` is its
 * entry in a tree of labels.
 */
int vt_relabel_copy(struct vt_relabel *relabel, const char *path, size_t len,
		    const struct vt_entry *from, struct vt_error *err);
/* Nothing at that path, or below it, has labels any more. */
int vt_relabel_remove(struct vt_relabel *relabel, const char *path, size_t len,
		      struct vt_error *err);

/* Ends it: every page is in the store. `bytes` (may be NULL): of pages that were not there. */
int vt_relabel_finish(struct vt_relabel *relabel, struct vt_label_tree *out, uint64_t *bytes,
		      struct vt_error *err);
