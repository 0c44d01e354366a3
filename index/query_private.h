/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the parts of a query share. */
#include "index/expression.h"
#include "index/posting.h"
#include "index/query.h"

/* Files that something is surely true of, and others that it may be true of. */
struct vt_bounds {
	roaring_bitmap_t *sure;
	roaring_bitmap_t *unsure; /* none is sure; NULL: there is none */
};
void vt_bounds_done(struct vt_bounds *bounds);

/* A part of an expression without parts, once it was looked at. */
struct vt_leaf {
	const struct vt_expression_node *node;
	struct vt_bounds bounds; /* zero before */
};

struct vt_query_run {
	const struct vt_query *query;
	const struct vt_expression *expression;
	roaring_bitmap_t *files;                    /* all */
	struct vt_leaf leaves[VT_EXPRESSION_TERMS]; /* as they come in the tree */
	size_t leaf_count;
	struct vt_error *err;
};

int vt_query_no_memory(struct vt_error *err);

/* The bounds of a part that is no AND, OR, NOT; of the version that is asked of. */
int vt_query_leaf(struct vt_query_run *run, const struct vt_expression_node *node,
		  struct vt_bounds *out);

/*
 * Adds those of `candidates`, NULL: of all files, that the expression means to `out`. What leaves
 * that were looked at are sure of is not asked again.
 */
int vt_query_judge(const struct vt_query_run *run, const roaring_bitmap_t *candidates,
		   roaring_bitmap_t *out);

/* A set of positions of the version before, as they are now; nothing of what has changed. */
int vt_overlay_move(const struct vt_overlay *overlay, const roaring_bitmap_t *before,
		    roaring_bitmap_t **out, struct vt_error *err);
/* Files that postings know nothing of; borrowed. */
const roaring_bitmap_t *vt_overlay_changed(const struct vt_overlay *overlay);
/* Does it begin at the version of these postings, and lead to this one? */
bool vt_overlay_fits(const struct vt_overlay *overlay, const struct vt_postings *postings,
		     const struct vt_labelled_files *version);
