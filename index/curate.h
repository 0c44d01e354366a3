/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tree of a version that has some files of another one, with their labels: at their paths, or
 * divided among folders (curate_split.h), each with the paths in it. Nothing else comes along: no
 * symlinks, and of directories those on the way to a file, as they are in the other version. Hard
 * links become files of their own. Equal sources and wishes make equal digests in every store.
 *
 * Memory: the open pages of two paths, the labels of one file, and a set of positions a part.
 */
#include "index/catalog.h"
#include "index/curate_split.h"
#include "index/page_store.h"

/* All borrowed. */
struct vt_curate {
	struct vt_labelled_files from;
	const roaring_bitmap_t *files;  /* wanted ones; NULL: all */
	const struct vt_split *split;   /* NULL: files stay at their paths */
	const char *scratch;            /* a folder, for a split by a key */
	struct vt_page_store *pages;    /* NULL: only to see what it would be */
	const struct vt_cancel *cancel; /* its `call` may be NULL */
	/*
	 * Every entry of the new tree but the root, in walk order, as in vt_outline_add(). 0, or an
	 * error. NULL: nobody asks.
	 */
	int (*each)(void *context, const char *path, size_t len, const struct vt_entry *entry,
		    uint32_t position, struct vt_error *err);
	void *context;
};

struct vt_curated {
	struct vt_tree tree;
	struct vt_label_tree labels;
	struct vt_counts counts;
	uint64_t part_files[VT_SPLIT_PARTS_MAX];
};

/*
 * With `pages`: they are not flushed. -ENOENT: no file is wanted, or none is left for a part;
 * -ECANCELED; -E2BIG: see vt_split_files(); -EOVERFLOW: as vt_tree_builder_add().
 */
int vt_curate(const struct vt_curate *job, struct vt_curated *out, struct vt_error *err);
