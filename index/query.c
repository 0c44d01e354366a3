/* SPDX-License-Identifier: Apache-2.0 */
/* See query.h: how what is known of the parts of an expression comes to what is known of the whole.
 */
#include "index/query.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/posting.h"
#include "index/query_private.h"

void vt_bounds_done(struct vt_bounds *bounds)
{
	vt_bitmap_free(bounds->sure);
	vt_bitmap_free(bounds->unsure);
	*bounds = (struct vt_bounds){0};
}

int vt_query_no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a query");
}

/* ---- and, or, not ---------------------------------------------------------------------------- */

static roaring_bitmap_t *possible(const struct vt_bounds *bounds)
{
	return bounds->unsure ? roaring_bitmap_or(bounds->sure, bounds->unsure)
			      : roaring_bitmap_copy(bounds->sure);
}

static bool is_impossible(const struct vt_bounds *bounds)
{
	return roaring_bitmap_is_empty(bounds->sure) &&
	       (!bounds->unsure || roaring_bitmap_is_empty(bounds->unsure));
}

static void meet(struct vt_bounds *all, const struct vt_bounds *other)
{
	roaring_bitmap_t *mine = NULL, *theirs = NULL;

	if (all->unsure || other->unsure) {
		mine = possible(all);
		theirs = possible(other);
	}
	roaring_bitmap_and_inplace(all->sure, other->sure);
	if (!mine)
		return;
	roaring_bitmap_and_inplace(mine, theirs);
	roaring_bitmap_andnot_inplace(mine, all->sure);
	vt_bitmap_free(theirs);
	vt_bitmap_free(all->unsure);
	all->unsure = mine;
}

static void join(struct vt_bounds *any, const struct vt_bounds *other)
{
	roaring_bitmap_or_inplace(any->sure, other->sure);
	if (any->unsure && other->unsure)
		roaring_bitmap_or_inplace(any->unsure, other->unsure);
	else if (other->unsure)
		any->unsure = roaring_bitmap_copy(other->unsure);
	if (any->unsure)
		roaring_bitmap_andnot_inplace(any->unsure, any->sure);
}

static void complement(struct vt_bounds *bounds, const roaring_bitmap_t *files)
{
	roaring_bitmap_t *was_possible = possible(bounds);

	vt_bitmap_free(bounds->sure);
	bounds->sure = roaring_bitmap_andnot(files, was_possible);
	vt_bitmap_free(was_possible);
}

/* ---- the tree -------------------------------------------------------------------------------- */

static size_t bytes_of(const roaring_bitmap_t *bitmap)
{
	return bitmap ? roaring_bitmap_size_in_bytes(bitmap) : 0;
}

static int check_bounds(const struct vt_query_run *run)
{
	const struct vt_cancel *cancel = &run->query->cancel;
	size_t used = bytes_of(run->files), most = run->query->memory;

	for (size_t i = 0; i < run->leaf_count; i++)
		used += bytes_of(run->leaves[i].bounds.sure) +
			bytes_of(run->leaves[i].bounds.unsure);
	if (used > (most ? most : VT_QUERY_MEMORY))
		return vt_fail(run->err, E2BIG, "the expression takes too much memory");
	if (cancel->call && cancel->call(cancel->context))
		return vt_fail(run->err, ECANCELED, "the query was cancelled");
	return 0;
}

static int evaluate(struct vt_query_run *run, const struct vt_expression_node *node,
		    struct vt_bounds *out);

static int evaluate_children(struct vt_query_run *run, const struct vt_expression_node *node,
			     struct vt_bounds *out)
{
	struct vt_bounds other = {0};
	int r = evaluate(run, node->child, out);

	for (const struct vt_expression_node *child = node->child->next; r == 0 && child;
	     child = child->next) {
		if (node->kind == VT_EXPRESSION_AND && is_impossible(out))
			break;
		r = evaluate(run, child, &other);
		if (r < 0)
			break;
		if (node->kind == VT_EXPRESSION_AND)
			meet(out, &other);
		else
			join(out, &other);
		vt_bounds_done(&other);
	}
	vt_bounds_done(&other);
	return r;
}

static int evaluate_leaf(struct vt_query_run *run, const struct vt_expression_node *node,
			 struct vt_bounds *out)
{
	struct vt_leaf *leaf = &run->leaves[run->leaf_count];
	int r = vt_query_leaf(run, node, &leaf->bounds);

	if (r < 0) {
		vt_bounds_done(&leaf->bounds);
		return r;
	}
	leaf->node = node;
	run->leaf_count++;
	out->sure = roaring_bitmap_copy(leaf->bounds.sure);
	if (leaf->bounds.unsure)
		out->unsure = roaring_bitmap_copy(leaf->bounds.unsure);
	return check_bounds(run);
}

/* `out` is zero, and on failure the caller's to release. */
static int evaluate(struct vt_query_run *run, const struct vt_expression_node *node,
		    struct vt_bounds *out)
{
	int r;

	switch (node->kind) {
	case VT_EXPRESSION_AND:
	case VT_EXPRESSION_OR:
		return evaluate_children(run, node, out);
	case VT_EXPRESSION_NOT:
		r = evaluate(run, node->child, out);
		if (r == 0)
			complement(out, run->files);
		return r;
	default:
		return evaluate_leaf(run, node, out);
	}
}

static int by_node(const void *a, const void *b)
{
	uintptr_t x = (uintptr_t) ((const struct vt_leaf *) a)->node;
	uintptr_t y = (uintptr_t) ((const struct vt_leaf *) b)->node;

	return (x > y) - (x < y);
}

static int resolve(struct vt_query_run *run, struct vt_bounds *bounds)
{
	/* A damaged set may hold positions that are no files. */
	roaring_bitmap_and_inplace(bounds->sure, run->files);
	if (!bounds->unsure)
		return 0;
	roaring_bitmap_and_inplace(bounds->unsure, run->files);
	qsort(run->leaves, run->leaf_count, sizeof *run->leaves, by_node);
	return vt_query_judge(run, bounds->unsure, bounds->sure);
}

/* ---- from outside ---------------------------------------------------------------------------- */

static bool fits(const struct vt_query *query)
{
	const struct vt_posting_origin *origin = &query->postings->origin;

	if (query->overlay)
		return vt_overlay_fits(query->overlay, query->postings, &query->version);
	return vt_digest_equal(&origin->files, &query->version.tree->root.content) &&
	       vt_digest_equal(&origin->labels, &query->version.label_tree->content);
}

static int load_files(struct vt_query_run *run)
{
	const struct vt_overlay *overlay = run->query->overlay;
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *before = NULL;
	int r = vt_postings_files(run->query->postings, &before, run->err);

	if (r < 0)
		return r;
	if (!overlay) {
		run->files = vt_steal(&before);
		return 0;
	}
	r = vt_overlay_move(overlay, before, &run->files, run->err);
	if (r == 0)
		roaring_bitmap_or_inplace(run->files, vt_overlay_changed(overlay));
	return r;
}

static int run_query(struct vt_query_run *run, struct vt_bounds *bounds)
{
	int r = load_files(run);

	if (r == 0)
		r = evaluate(run, run->expression->root, bounds);
	if (r == 0)
		r = resolve(run, bounds);
	return r;
}

int vt_query_run(const struct vt_query *query, const struct vt_expression *expression,
		 roaring_bitmap_t **out, struct vt_error *err)
{
	vt_autofree struct vt_query_run *run = calloc(1, sizeof *run);
	struct vt_bounds bounds = {0};
	int r;

	if (!run)
		return vt_query_no_memory(err);
	if (!fits(query))
		return vt_fail(err, ESTALE, "the postings are of another version");
	*run = (struct vt_query_run){.query = query, .expression = expression, .err = err};
	r = run_query(run, &bounds);
	if (r == 0)
		*out = vt_steal(&bounds.sure);
	vt_bounds_done(&bounds);
	for (size_t i = 0; i < run->leaf_count; i++)
		vt_bounds_done(&run->leaves[i].bounds);
	vt_bitmap_free(run->files);
	return r;
}

int vt_query_scan(const struct vt_query *query, const struct vt_expression *expression,
		  roaring_bitmap_t **out, struct vt_error *err)
{
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *found = roaring_bitmap_create();
	vt_autofree struct vt_query_run *run = calloc(1, sizeof *run);
	int r;

	if (!found || !run)
		return vt_query_no_memory(err);
	*run = (struct vt_query_run){.query = query, .expression = expression, .err = err};
	r = vt_query_judge(run, NULL, found);
	if (r == 0)
		*out = vt_steal(&found);
	return r;
}
