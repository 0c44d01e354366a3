/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known beforehand of one comparison (query_private.h): of labels by postings, of paths by
 * the tree. Postings speak of the version they were made for; with an overlay what they say is
 * moved to the one that is asked of, and files that changed since are unsure.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/expression_eval.h"
#include "index/posting.h"
#include "index/query_private.h"

static int start(struct vt_query_run *run, struct vt_bounds *out)
{
	out->sure = roaring_bitmap_create();
	out->unsure = roaring_bitmap_create();
	return out->sure && out->unsure ? 0 : vt_query_no_memory(run->err);
}

/* sure becomes those of `all` that are neither sure nor unsure. */
static void negate(struct vt_bounds *bounds, const roaring_bitmap_t *all)
{
	roaring_bitmap_t *rest = roaring_bitmap_andnot(all, bounds->sure);

	roaring_bitmap_andnot_inplace(rest, bounds->unsure);
	vt_bitmap_free(bounds->sure);
	bounds->sure = rest;
}

/* ---- numbers in slices ----------------------------------------------------------------------- */

/* What a number says of the files that have it. */
enum { FALSE, TRUE, PERHAPS };

struct slicing {
	roaring_bitmap_t **slices;
	const uint8_t *says; /* of each number */
};

static bool says_one_thing(const uint8_t *says, size_t count)
{
	return memcmp(says, says + 1, count - 1) == 0;
}

/* The files of `within` have one of the numbers from `first` on that differ in the lowest `bits`.
 */
static void slice(const struct slicing *slicing, const roaring_bitmap_t *within, unsigned first,
		  unsigned bits, struct vt_bounds *out)
{
	const uint8_t *says = slicing->says + first;
	roaring_bitmap_t *half;

	if (roaring_bitmap_is_empty(within))
		return;
	if (says_one_thing(says, (size_t) 1 << bits)) {
		if (*says != FALSE)
			roaring_bitmap_or_inplace(*says == TRUE ? out->sure : out->unsure, within);
		return;
	}
	bits--;
	half = roaring_bitmap_andnot(within, slicing->slices[bits]);
	slice(slicing, half, first, bits, out);
	vt_bitmap_free(half);
	half = roaring_bitmap_and(within, slicing->slices[bits]);
	slice(slicing, half, first + (1u << bits), bits, out);
	vt_bitmap_free(half);
}

static int add_slices(struct vt_query_run *run, const struct vt_posting_key *key,
		      enum vt_posting_facet facet, unsigned bits, const uint8_t *says,
		      const roaring_bitmap_t *within, struct vt_bounds *out)
{
	roaring_bitmap_t *slices[VT_POSTING_HASH_BITS] = {NULL};
	const struct slicing slicing = {slices, says};
	int r = vt_postings_slices(run->query->postings, key, facet, slices, bits, run->err);

	if (r == 0)
		slice(&slicing, within, 0, bits, out);
	for (unsigned i = 0; i < bits; i++)
		vt_bitmap_free(slices[i]);
	return r;
}

/* ---- labels, in the version of the postings -------------------------------------------------- */

static int add_has(struct vt_query_run *run, const struct vt_posting_key *key, roaring_bitmap_t *to)
{
	return vt_postings_add(run->query->postings, key, VT_POSTING_HAS, NULL, to, run->err);
}

static bool is_equality(const struct vt_expression_node *node)
{
	return node->test == VT_EXPRESSION_EQUAL || node->test == VT_EXPRESSION_IN;
}

/* What a comparison says of confidences from `from` to `to`. */
static uint8_t judge_range(const struct vt_expression_node *node, double from, double to)
{
	const struct vt_expression_value low = {.type = VT_EXPRESSION_NUMBER, .number = from};
	const struct vt_expression_value high = {.type = VT_EXPRESSION_NUMBER, .number = to};
	bool at_low = vt_expression_compare(node, &low);

	for (size_t i = 0; is_equality(node) && i < node->value_count; i++)
		if (from < to && node->values[i].number >= from && node->values[i].number <= to)
			return PERHAPS;
	/* The others are true from a bound on, or up to one. */
	return at_low == vt_expression_compare(node, &high) ? at_low : PERHAPS;
}

static int compare_confidence(struct vt_query_run *run, const struct vt_expression_node *node,
			      const struct vt_posting_key *key, const roaring_bitmap_t *has,
			      struct vt_bounds *out)
{
	uint8_t says[1u << VT_POSTING_CONFIDENCE_BITS] = {FALSE};

	for (unsigned number = 1; number < sizeof says; number++) {
		double from, to;

		vt_posting_confidence_range(number > 101 ? 101 : number, &from, &to);
		says[number] = judge_range(node, from, to);
	}
	return add_slices(run, key, VT_POSTING_CONFIDENCE, VT_POSTING_CONFIDENCE_BITS, says, has,
			  out);
}

/* Values that are too many for terms: equal ones have equal hashes. */
static int compare_hash(struct vt_query_run *run, const struct vt_expression_node *node,
			const struct vt_posting_key *key, const roaring_bitmap_t *has,
			struct vt_bounds *out)
{
	vt_autofree uint8_t *says = calloc((size_t) 1 << VT_POSTING_HASH_BITS, 1);
	int r;

	if (!says)
		return vt_query_no_memory(run->err);
	for (size_t i = 0; i < node->value_count; i++)
		says[vt_posting_hash(&node->values[i])] = PERHAPS;
	r = add_slices(run, key, VT_POSTING_HASH, VT_POSTING_HASH_BITS, says, has, out);
	if (r == 0 && node->negated)
		negate(out, has);
	return r;
}

static bool is_wanted(void *context, const struct vt_expression_value *value)
{
	return vt_expression_compare(context, value);
}

static int compare_terms(struct vt_query_run *run, const struct vt_expression_node *node,
			 const struct vt_posting_key *key, enum vt_posting_facet facet,
			 const roaring_bitmap_t *has, struct vt_bounds *out)
{
	const struct vt_postings *postings = run->query->postings;
	int r = 0;

	if (!is_equality(node))
		return vt_postings_add_wanted(postings, key, facet, is_wanted, (void *) node,
					      out->sure, run->err);
	for (size_t i = 0; r == 0 && i < node->value_count; i++)
		r = vt_postings_add(postings, key, facet, &node->values[i], out->sure, run->err);
	if (r == 0 && node->negated)
		negate(out, has);
	return r;
}

static enum vt_posting_facet facet_of(const struct vt_expression_node *node)
{
	switch (node->field) {
	case VT_EXPRESSION_CONFIDENCE:
		return VT_POSTING_CONFIDENCE;
	case VT_EXPRESSION_ANNOTATOR:
		return VT_POSTING_ANNOTATOR;
	case VT_EXPRESSION_SOURCE:
		return VT_POSTING_SOURCE;
	case VT_EXPRESSION_REVIEW:
		return VT_POSTING_REVIEW;
	case VT_EXPRESSION_AGREEMENT:
		return VT_POSTING_AGREEMENT;
	default:
		return VT_POSTING_VALUE;
	}
}

static int compare_key(struct vt_query_run *run, const struct vt_expression_node *node,
		       const struct vt_posting_key *key, struct vt_bounds *out)
{
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *has = roaring_bitmap_create();
	enum vt_posting_facet facet = facet_of(node);
	int r = has ? add_has(run, key, has) : vt_query_no_memory(run->err);

	if (r < 0)
		return r;
	if (facet == VT_POSTING_CONFIDENCE)
		return compare_confidence(run, node, key, has, out);
	if (!vt_posting_is_open(key, facet))
		return compare_terms(run, node, key, facet, has, out);
	if (facet == VT_POSTING_VALUE && is_equality(node))
		return compare_hash(run, node, key, has, out);
	roaring_bitmap_or_inplace(out->unsure, has);
	return 0;
}

static int ask_key(struct vt_query_run *run, const struct vt_expression_node *node,
		   struct vt_bounds *out)
{
	const struct vt_postings *postings = run->query->postings;
	struct vt_posting_key key;
	int r = vt_postings_key(postings, run->expression->keys[node->key], &key, run->err);

	if (r < 0)
		return r;
	if (r == 0 && !postings->keys_left_out)
		return 0;
	if (r == 0) { /* it may be one of those */
		vt_bitmap_free(out->unsure);
		out->unsure = NULL;
		return vt_postings_labelled(postings, &out->unsure, run->err);
	}
	if (node->kind == VT_EXPRESSION_HAS)
		return add_has(run, &key, out->sure);
	if (node->kind == VT_EXPRESSION_DISPUTED)
		return vt_postings_add(postings, &key, VT_POSTING_DISPUTED, NULL, out->sure,
				       run->err);
	return compare_key(run, node, &key, out);
}

/* In the version of the postings: the labelled files. */
static int ask_labelled(struct vt_query_run *run, struct vt_bounds *out)
{
	vt_bitmap_free(out->sure);
	out->sure = NULL;
	return vt_postings_labelled(run->query->postings, &out->sure, run->err);
}

static int move(struct vt_query_run *run, roaring_bitmap_t **bitmap)
{
	roaring_bitmap_t *moved;
	int r = vt_overlay_move(run->query->overlay, *bitmap, &moved, run->err);

	if (r < 0)
		return r;
	vt_bitmap_free(*bitmap);
	*bitmap = moved;
	return 0;
}

static int ask_postings(struct vt_query_run *run, const struct vt_expression_node *node,
			struct vt_bounds *out)
{
	bool unlabelled = node->kind == VT_EXPRESSION_UNLABELLED;
	int r = unlabelled ? ask_labelled(run, out) : ask_key(run, node, out);

	if (r == 0 && run->query->overlay) {
		const roaring_bitmap_t *changed = vt_overlay_changed(run->query->overlay);

		r = move(run, &out->sure);
		if (r == 0)
			r = move(run, &out->unsure);
		roaring_bitmap_andnot_inplace(out->sure, changed);
		roaring_bitmap_or_inplace(out->unsure, changed);
	}
	if (r == 0 && unlabelled)
		negate(out, run->files);
	return r;
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* A path that no node has may still lead vt_tree_find() to one: "a/" to "a". */
static bool is_path(const char *path, size_t len)
{
	bool after_slash = true;

	for (size_t i = 0; i < len; i++) {
		if (path[i] == '/' && after_slash)
			return false;
		after_slash = path[i] == '/';
	}
	return !after_slash;
}

/* 1: found; 0: there is none. */
static int find(struct vt_query_run *run, const char *path, size_t len, struct vt_node *out)
{
	const struct vt_labelled_files *version = &run->query->version;
	int r;

	if (!is_path(path, len) || version->tree->root.nodes <= 1)
		return 0;
	r = vt_tree_find(version->files, version->tree, path, len, out, run->err);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	return r < 0 ? r : 1;
}

static int add_path(struct vt_query_run *run, struct vt_label_text path, struct vt_bounds *out)
{
	struct vt_node node;
	int r = find(run, path.bytes, path.len, &node);

	if (r <= 0)
		return r;
	if (node.entry.type == VT_FILE)
		roaring_bitmap_add(out->sure, node.position);
	vt_node_done(&node);
	return 0;
}

/* Bytes of the pattern that are meant literally and end with a '/'. */
static size_t literal_folders(struct vt_label_text pattern)
{
	size_t end = 0;

	for (size_t i = 0; i < pattern.len && !memchr("*?[", pattern.bytes[i], 3); i++)
		if (pattern.bytes[i] == '/')
			end = i + 1;
	return end;
}

/* Files that may match are in the folder that the pattern names; all of them do if it ends so. */
static int add_pattern(struct vt_query_run *run, struct vt_label_text pattern,
		       struct vt_bounds *out)
{
	size_t front = literal_folders(pattern);
	bool all = pattern.len - front == 2 && memcmp(pattern.bytes + front, "**", 2) == 0;
	roaring_bitmap_t *to = all ? out->sure : out->unsure;
	struct vt_node node;
	int r;

	if (front == 0) {
		roaring_bitmap_or_inplace(to, run->files);
		return 0;
	}
	r = find(run, pattern.bytes, front - 1, &node);
	if (r <= 0)
		return r;
	roaring_bitmap_add_range(to, node.position, (uint64_t) node.position + node.entry.nodes);
	roaring_bitmap_and_inplace(to, run->files);
	if (node.entry.type != VT_DIRECTORY)
		roaring_bitmap_clear(to);
	vt_node_done(&node);
	return 0;
}

static int ask_path(struct vt_query_run *run, const struct vt_expression_node *node,
		    struct vt_bounds *out)
{
	int r = 0;

	if (node->test == VT_EXPRESSION_MATCH)
		r = add_pattern(run, node->values[0].text, out);
	else
		for (size_t i = 0; r == 0 && i < node->value_count; i++)
			r = add_path(run, node->values[i].text, out);
	if (r == 0 && node->negated)
		negate(out, run->files);
	return r;
}

static bool is_of_tree(const struct vt_expression_node *node)
{
	return node->kind == VT_EXPRESSION_COMPARE && node->field < VT_EXPRESSION_LABEL;
}

int vt_query_leaf(struct vt_query_run *run, const struct vt_expression_node *node,
		  struct vt_bounds *out)
{
	int r = start(run, out);

	if (r < 0)
		return r;
	if (!is_of_tree(node))
		r = ask_postings(run, node, out);
	else if (node->field == VT_EXPRESSION_PATH &&
		 (is_equality(node) || node->test == VT_EXPRESSION_MATCH))
		r = ask_path(run, node, out);
	else
		roaring_bitmap_or_inplace(out->unsure, run->files);
	if (r == 0 && roaring_bitmap_is_empty(out->unsure)) {
		vt_bitmap_free(out->unsure);
		out->unsure = NULL;
	}
	return r;
}
