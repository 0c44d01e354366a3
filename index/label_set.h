/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All labels of one file at hand. Labels borrow from the page they are read from, which is there
 * for a moment only; here their canonical bytes are kept, and the labels borrow from these. To be
 * used for one file after another. One thread.
 */
#include "index/label_rows.h"

struct vt_label_tree;

struct vt_label_set {
	struct vt_label *rows; /* after vt_label_set_decode(), until the set is changed */
	size_t count;
	/* private */
	struct vt_buf bytes;
	size_t room;
};

void vt_label_set_done(struct vt_label_set *set);
void vt_label_set_clear(struct vt_label_set *set);

/* Adds what an entry of a tree of labels has; or `count` rows that have no problem, as bytes. */
int vt_label_set_add_entry(struct vt_label_set *set, const struct vt_page_source *pages,
			   const struct vt_entry *entry, struct vt_error *err);
void vt_label_set_add_rows(struct vt_label_set *set, const void *rows, size_t len, size_t count);

/* Adds the labels of the file at a path: none if there is no such file. */
int vt_label_set_add_path(struct vt_label_set *set, const struct vt_page_source *pages,
			  const struct vt_label_tree *tree, const char *path, size_t len,
			  struct vt_error *err);

/* Fills `rows` with all that was added, in the order of adding. -ENOMEM. */
int vt_label_set_decode(struct vt_label_set *set, struct vt_error *err);

/* The labels of the file at a path, decoded, instead of what was there. */
int vt_label_set_read(struct vt_label_set *set, const struct vt_page_source *pages,
		      const struct vt_label_tree *tree, const char *path, size_t len,
		      struct vt_error *err);
