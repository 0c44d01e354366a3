/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All pages of many trees, of files and of labels, each page once however many trees share it: what
 * gc marks with and verify checks with. In no order; without paths. One thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/label_tree.h"

struct vt_error;
struct vt_store;
struct vt_page_walk;

struct vt_page_walk_ops {
	/*
	 * An entry of a page met for the first time, VT_LABELLED among others. Negative ends the
	 * walk.
	 */
	int (*entry)(void *context, const struct vt_entry *entry, struct vt_error *err);
	/*
	 * A page that is absent, damaged or not what its parent says; its children are not visited.
	 * NULL: the first one ends the walk with an error.
	 */
	void (*problem)(void *context, uint64_t page, const char *problem);
};

/* With `check`, digests are recomputed and compared with what parents say. */
int vt_page_walk_new(struct vt_store *store, bool check, const struct vt_page_walk_ops *ops,
		     void *context, struct vt_page_walk **out, struct vt_error *err);
void vt_page_walk_free(struct vt_page_walk *walk);
VT_DEFINE_CLEANUP(struct vt_page_walk, vt_page_walk_free);

/* Visits what of the tree was not visited before. */
int vt_page_walk_tree(struct vt_page_walk *walk, const struct vt_tree *tree, struct vt_error *err);
/* Likewise, with the pages of rows. Nothing if there are no labels. */
int vt_page_walk_labels(struct vt_page_walk *walk, const struct vt_label_tree *tree,
			struct vt_error *err);

bool vt_page_walk_has_seen(const struct vt_page_walk *walk, uint64_t page);
