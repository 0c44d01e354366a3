/* SPDX-License-Identifier: Apache-2.0 */
/* See value_counts.h: a list that is sorted and summed up at the end. */
#include "fs/value_counts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/label_set.h"

struct vt_value_count {
	struct vt_expression_value value;
	char *text; /* what it borrows from, or NULL */
	int64_t files;
};

void vt_value_counts_reset(struct vt_value_counts *counts)
{
	for (size_t i = 0; i < counts->count; i++)
		free(counts->list[i].text);
	counts->count = 0;
}

void vt_value_counts_done(struct vt_value_counts *counts)
{
	vt_value_counts_reset(counts);
	free(counts->list);
}

int vt_value_counts_add(struct vt_value_counts *counts, const struct vt_expression_value *value,
			int64_t files)
{
	struct vt_value_count *count;

	if (vt_array_reserve(counts->list, counts->room, counts->count + 1) < 0)
		return -ENOMEM;
	count = &counts->list[counts->count];
	*count = (struct vt_value_count){.value = *value, .files = files};
	if (value->type == VT_EXPRESSION_TEXT) {
		count->text = malloc(value->text.len + 1);
		if (!count->text)
			return -ENOMEM;
		memcpy(count->text, value->text.bytes, value->text.len);
		count->value.text.bytes = count->text;
	}
	counts->count++;
	return 0;
}

/* ---- changes --------------------------------------------------------------------------------- */

struct change {
	struct vt_value_counts *counts;
	const struct vt_page_source *pages;
	const struct vt_label_tree *before, *after;
	struct vt_label_set set;
	struct vt_buf path; /* of the file counted last */
	struct vt_error *err;
};

static struct vt_expression_value text(struct vt_label_text bytes)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_TEXT, .text = bytes};
}

static struct vt_expression_value choice(unsigned number)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_CHOICE, .choice = number};
}

static struct vt_expression_value said_by(const struct vt_label *label)
{
	switch (label->type) {
	case VT_LABEL_NUMBER:
		return (struct vt_expression_value){.type = VT_EXPRESSION_NUMBER,
						    .number = label->value.number};
	case VT_LABEL_BOOLEAN:
		return (struct vt_expression_value){.type = VT_EXPRESSION_BOOLEAN,
						    .boolean = label->value.boolean};
	case VT_LABEL_TEXT:
		break;
	}
	return text(label->value.text);
}

static struct vt_expression_value value_of(const struct vt_value_counts *counts,
					   const struct vt_label *label,
					   const struct vt_label_agreement *agreement)
{
	if (counts->key.len == 0)
		return text(label->key);
	switch (counts->facet) {
	case VT_POSTING_ANNOTATOR:
		return text(label->annotator);
	case VT_POSTING_SOURCE:
		return choice(label->source);
	case VT_POSTING_REVIEW:
		return choice(label->review);
	case VT_POSTING_AGREEMENT:
		return (struct vt_expression_value){.type = VT_EXPRESSION_NUMBER,
						    .number = (double) agreement->agreeing /
							      (double) agreement->annotators};
	default:
		return said_by(label);
	}
}

static bool is_counted(const struct vt_value_counts *counts, const struct vt_label *label)
{
	return counts->key.len == 0 || vt_name_compare(counts->key.bytes, counts->key.len,
						       label->key.bytes, label->key.len) == 0;
}

/* What is in force of a file in one of the trees. */
static int count_file(struct change *change, const struct vt_label_tree *tree, const char *path,
		      size_t len, int64_t files)
{
	struct vt_label_set *set = &change->set;
	int r = vt_label_set_read(set, change->pages, tree, path, len, change->err);

	for (size_t i = 0, n; r == 0 && i < set->count; i += n) {
		const struct vt_label *label;
		struct vt_label_agreement agreement;
		struct vt_expression_value value;

		n = vt_label_count_key(set->rows + i, set->count - i);
		label = vt_label_effective(&set->rows[i], n, &agreement);
		if (!label || !is_counted(change->counts, label))
			continue;
		value = value_of(change->counts, label, &agreement);
		r = vt_value_counts_add(change->counts, &value, files);
	}
	return r;
}

static int note_change(void *context, enum vt_change kind, const char *path, size_t len,
		       const struct vt_label *label)
{
	struct change *change = context;
	int r;

	(void) kind;
	if (!is_counted(change->counts, label) ||
	    (change->path.len == len && memcmp(change->path.data, path, len) == 0))
		return 0;
	vt_buf_reset(&change->path);
	vt_buf_put(&change->path, path, len);
	if (vt_buf_failed(&change->path))
		return -ENOMEM;
	r = count_file(change, change->before, path, len, -1);
	return r < 0 ? r : count_file(change, change->after, path, len, 1);
}

int vt_value_counts_change(struct vt_value_counts *counts, const struct vt_page_source *pages,
			   const struct vt_label_tree *before, const struct vt_label_tree *after,
			   struct vt_error *err)
{
	struct change change = {
		.counts = counts, .pages = pages, .before = before, .after = after, .err = err};
	int r = vt_label_diff(pages, before, after, note_change, &change, err);

	vt_label_set_done(&change.set);
	vt_buf_done(&change.path);
	return r == -ENOMEM ? vt_fail(err, ENOMEM, "no memory to count values") : r;
}

/* ---- the end --------------------------------------------------------------------------------- */

static int rank_of(enum vt_expression_type type)
{
	return type == VT_EXPRESSION_BOOLEAN  ? 0
	       : type == VT_EXPRESSION_NUMBER ? 1
	       : type == VT_EXPRESSION_CHOICE ? 2
					      : 3;
}

static int compare(const void *a, const void *b)
{
	const struct vt_expression_value *x = &((const struct vt_value_count *) a)->value;
	const struct vt_expression_value *y = &((const struct vt_value_count *) b)->value;

	if (x->type != y->type)
		return rank_of(x->type) - rank_of(y->type);
	switch (x->type) {
	case VT_EXPRESSION_BOOLEAN:
		return x->boolean - y->boolean;
	case VT_EXPRESSION_CHOICE:
		return (x->choice > y->choice) - (x->choice < y->choice);
	case VT_EXPRESSION_TEXT:
		return vt_name_compare(x->text.bytes, x->text.len, y->text.bytes, y->text.len);
	default:
		return (x->number > y->number) - (x->number < y->number);
	}
}

int vt_value_counts_each(struct vt_value_counts *counts, vt_value_counts_each_value *each,
			 void *context)
{
	int r = 0;

	if (counts->count)
		qsort(counts->list, counts->count, sizeof *counts->list, compare);
	for (size_t i = 0, n; i < counts->count && r == 0; i += n) {
		int64_t files = 0;

		for (n = 0;
		     i + n < counts->count && compare(&counts->list[i], &counts->list[i + n]) == 0;
		     n++)
			files += counts->list[i + n].files;
		if (files > 0)
			r = each(context, &counts->list[i].value, (uint32_t) files);
	}
	return r;
}
