/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking at files one by one (query.h). What is known of a part is used first, then paths and
 * sizes, and labels are read only of a file that is not decided by these.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/expression_eval.h"
#include "index/query_private.h"

#define CANCEL_EVERY 256u /* files */

enum { NO, YES, UNDECIDED };

struct judge {
	const struct vt_query_run *run;
	struct vt_file_labels *files;
	struct vt_labelled_file file;
	struct vt_expression_facts facts;
	bool with_labels;
};

/* ---- facts ----------------------------------------------------------------------------------- */

static int tell_label(void *context, size_t key, struct vt_expression_label *out,
		      struct vt_error *err)
{
	struct judge *judge = context;
	const struct vt_label_text *name = &judge->run->expression->keys[key];
	struct vt_label_agreement agreement;
	const struct vt_label *rows;
	size_t count;
	int r = vt_file_labels_rows(judge->files, &rows, &count, err);

	if (r < 0 || count == 0)
		return r; /* `out` comes as that of no labels */
	count = vt_label_find_key(&rows, count, *name);
	*out = (struct vt_expression_label){.effective =
						    vt_label_effective(rows, count, &agreement)};
	if (out->effective) {
		out->agreement = (double) agreement.agreeing / (double) agreement.annotators;
		out->disputed = agreement.disputed;
	}
	return 0;
}

static int tell_labelled(void *context, struct vt_error *err)
{
	struct judge *judge = context;
	const struct vt_label *rows;
	size_t count;
	int r = vt_file_labels_rows(judge->files, &rows, &count, err);

	return r < 0 ? r : count > 0;
}

static void set_facts(struct judge *judge)
{
	const struct vt_labelled_file *file = &judge->file;
	const char *slash = memrchr(file->path, '/', file->path_len);
	size_t name = slash ? (size_t) (slash - file->path) + 1 : 0;

	judge->facts.path = (struct vt_label_text){file->path, file->path_len};
	judge->facts.name = (struct vt_label_text){file->path + name, file->path_len - name};
	judge->facts.size = file->entry->size;
}

/* ---- the tree -------------------------------------------------------------------------------- */

static bool is_about_labels(const struct vt_expression_node *node)
{
	return node->kind != VT_EXPRESSION_COMPARE || node->field >= VT_EXPRESSION_LABEL;
}

static const struct vt_leaf *find_leaf(const struct vt_query_run *run,
				       const struct vt_expression_node *node)
{
	size_t low = 0, high = run->leaf_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if ((uintptr_t) run->leaves[middle].node < (uintptr_t) node)
			low = middle + 1;
		else
			high = middle;
	}
	return low < run->leaf_count && run->leaves[low].node == node ? &run->leaves[low] : NULL;
}

static int judge_leaf(const struct judge *judge, const struct vt_expression_node *node)
{
	const struct vt_leaf *leaf = find_leaf(judge->run, node);
	uint32_t position = judge->file.position;

	if (leaf && roaring_bitmap_contains(leaf->bounds.sure, position))
		return YES;
	if (leaf &&
	    (!leaf->bounds.unsure || !roaring_bitmap_contains(leaf->bounds.unsure, position)))
		return NO;
	if (is_about_labels(node) && !judge->with_labels)
		return UNDECIDED;
	return vt_expression_node_matches(node, &judge->facts, judge->run->err);
}

static int judge_node(const struct judge *judge, const struct vt_expression_node *node);

static int judge_children(const struct judge *judge, const struct vt_expression_node *node)
{
	int last = node->kind == VT_EXPRESSION_OR ? YES : NO;
	int all = node->kind == VT_EXPRESSION_OR ? NO : YES;

	for (const struct vt_expression_node *child = node->child; child; child = child->next) {
		int r = judge_node(judge, child);

		if (r < 0 || r == last)
			return r;
		if (r == UNDECIDED)
			all = UNDECIDED;
	}
	return all;
}

static int judge_node(const struct judge *judge, const struct vt_expression_node *node)
{
	int r;

	switch (node->kind) {
	case VT_EXPRESSION_AND:
	case VT_EXPRESSION_OR:
		return judge_children(judge, node);
	case VT_EXPRESSION_NOT:
		r = judge_node(judge, node->child);
		return r == YES ? NO : r == NO ? YES : r;
	default:
		return judge_leaf(judge, node);
	}
}

static int judge_file(struct judge *judge)
{
	int r;

	set_facts(judge);
	judge->with_labels = false;
	r = judge_node(judge, judge->run->expression->root);
	if (r != UNDECIDED)
		return r;
	judge->with_labels = true;
	return judge_node(judge, judge->run->expression->root);
}

/* ---- files ----------------------------------------------------------------------------------- */

/* The next position to look at, from `from` on: 1, or 0. */
static bool next_candidate(roaring_uint32_iterator_t *it, bool all, uint32_t *from)
{
	if (all)
		return true;
	if (!roaring_move_uint32_iterator_equalorlarger(it, *from))
		return false;
	*from = it->current_value;
	return true;
}

static int check_cancel(const struct vt_query_run *run, uint64_t done)
{
	const struct vt_cancel *cancel = &run->query->cancel;

	if (done % CANCEL_EVERY == 0 && cancel->call && cancel->call(cancel->context))
		return vt_fail(run->err, ECANCELED, "the query was cancelled");
	return 0;
}

int vt_query_judge(const struct vt_query_run *run, const roaring_bitmap_t *candidates,
		   roaring_bitmap_t *out)
{
	vt_cleanup(vt_file_labels_freep) struct vt_file_labels *files = NULL;
	struct judge judge = {.run = run};
	roaring_uint32_iterator_t it;
	uint32_t from = 1; /* the root is no file */
	int r = vt_file_labels_new(&run->query->version, &files, run->err);

	judge.files = files;
	judge.facts.label = tell_label;
	judge.facts.is_labelled = tell_labelled;
	judge.facts.context = &judge;
	if (candidates)
		roaring_init_iterator(candidates, &it);
	for (uint64_t done = 0; r == 0 && next_candidate(&it, !candidates, &from); done++) {
		r = check_cancel(run, done);
		if (r == 0)
			r = vt_file_labels_next(files, from, &judge.file, run->err);
		if (r <= 0)
			break;
		from = judge.file.position + 1;
		r = 0;
		if (candidates && !roaring_bitmap_contains(candidates, judge.file.position))
			continue; /* what was looked for is no file */
		r = judge_file(&judge);
		if (r > 0)
			roaring_bitmap_add(out, judge.file.position);
		r = r < 0 ? r : 0;
	}
	return r;
}
