/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Statistics as the document of label_stats.h. jansson keeps members in the order they are set; a
 * failed set fails the whole, since json_pack and *_new accept a NULL from below.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/json_text.h"
#include "index/label_stats_private.h"

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for statistics");
}

static json_t *count_json(uint64_t count)
{
	return json_integer(count < INT64_MAX ? (json_int_t) count : INT64_MAX);
}

static int set_count(json_t *object, const char *key, uint64_t count)
{
	return json_object_set_new(object, key, count_json(count));
}

/* null: not defined. */
static int set_real(json_t *object, const char *key, double number)
{
	return json_object_set_new(object, key, isnan(number) ? json_null() : json_real(number));
}

/* A new array or object that `object` owns. NULL: no memory. */
static json_t *set_part(json_t *object, const char *key, json_t *part)
{
	return json_object_set_new(object, key, part) < 0 ? NULL : part;
}

static json_t *append(json_t *array)
{
	json_t *row = json_object();

	return json_array_append_new(array, row) < 0 ? NULL : row;
}

/* ---- values ---- */

static double number_of(const char bytes[8])
{
	uint64_t bits = 0;
	double number;

	for (int i = 0; i < 8; i++)
		bits = bits << 8 | (uint8_t) bytes[i];
	bits = bits >> 63 ? bits & ~(1ull << 63) : ~bits;
	memcpy(&number, &bits, sizeof number);
	return number;
}

json_t *vt_stats_value_json(const struct vt_tally_item *item)
{
	switch (item->text[0]) {
	case 't':
		return json_stringn(item->text + 1, item->len - 1);
	case 'n':
		return json_real(number_of(item->text + 1));
	}
	return json_boolean(item->text[1]);
}

/* ---- files ---- */

static int put_sizes(json_t *object, const struct vt_label_stats *stats)
{
	json_t *sizes = set_part(object, "sizes", json_array());
	unsigned first = 0, end = VT_STATS_SIZES;
	int bad = !sizes;

	while (first < end && stats->size_files[first] == 0)
		first++;
	while (end > first && stats->size_files[end - 1] == 0)
		end--;
	for (unsigned i = first; !bad && i < end; i++) {
		json_t *row = append(sizes);

		bad |= set_count(row, "from", i ? 1ull << (i - 1) : 0) < 0;
		bad |= set_count(row, "below", i < 64 ? 1ull << i : UINT64_MAX) < 0;
		bad |= set_count(row, "files", stats->size_files[i]) < 0;
		bad |= set_count(row, "bytes", stats->size_bytes[i]) < 0;
	}
	return bad ? -ENOMEM : 0;
}

static int put_extensions(json_t *object, const struct vt_tally *extensions, struct vt_error *err)
{
	json_t *list = set_part(object, "extensions", json_array()), *others;
	vt_autofree const struct vt_tally_item **sorted = NULL;
	uint64_t files = extensions->other_count, bytes = extensions->other_bytes;
	size_t count;
	int bad = !list, r = vt_tally_sorted(extensions, &sorted, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; !bad && i < count && i < VT_STATS_LISTED; i++) {
		json_t *row = append(list);

		bad |= vt_json_set_text(row, "extension", sorted[i]->text, sorted[i]->len) < 0;
		bad |= set_count(row, "files", sorted[i]->count) < 0;
		bad |= set_count(row, "bytes", sorted[i]->bytes) < 0;
	}
	others = bad ? NULL : set_part(object, "extensions_others", json_object());
	bad |= !others || set_count(others, "files", files) < 0;
	bad |= !others || set_count(others, "bytes", bytes) < 0;
	return bad ? no_memory(err) : 0;
}

/* ---- a key ---- */

static int put_words(json_t *object, const char *name, const char *const *words,
		     const uint64_t *counts)
{
	json_t *part = set_part(object, name, json_object());

	for (unsigned i = 1; part && words[i]; i++)
		if (strcmp(words[i], "rejected") != 0 && set_count(part, words[i], counts[i]) < 0)
			return -1;
	return part ? 0 : -1;
}

static int put_confidence(json_t *object, const struct vt_key_stats *key)
{
	json_t *part = set_part(object, "confidence", json_object());
	json_t *buckets = part ? set_part(part, "buckets", json_array()) : NULL;
	int bad = !buckets;

	for (unsigned i = 0; !bad && i < VT_STATS_BUCKETS; i++)
		bad |= json_array_append_new(buckets, count_json(key->buckets[i])) < 0;
	return bad || set_count(part, "without", key->unsure) < 0 ? -1 : 0;
}

typedef int set_item(json_t *row, const struct vt_tally_item *item);

static int set_value(json_t *row, const struct vt_tally_item *item)
{
	return json_object_set_new(row, "value", vt_stats_value_json(item));
}

static int set_annotator(json_t *row, const struct vt_tally_item *item)
{
	return vt_json_set_text(row, "annotator", item->text, item->len);
}

/* A list of what was tallied, the most frequent first; NAME_distinct and NAME_others beside it. */
static int put_tally(json_t *object, const char *name, const struct vt_tally *tally, set_item *set,
		     struct vt_error *err)
{
	json_t *list = set_part(object, name, json_array());
	vt_autofree const struct vt_tally_item **sorted = NULL;
	uint64_t others = tally->other_count;
	char member[32];
	size_t count;
	int bad = !list, r = vt_tally_sorted(tally, &sorted, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; !bad && i < count; i++) {
		json_t *row;

		if (i >= VT_STATS_LISTED) {
			others += sorted[i]->count;
			continue;
		}
		row = append(list);
		bad |= set(row, sorted[i]) < 0;
		bad |= set_count(row, "files", sorted[i]->count) < 0;
	}
	(void) snprintf(member, sizeof member, "%s_distinct", name);
	bad |= set_count(object, member, count) < 0;
	(void) snprintf(member, sizeof member, "%s_others", name);
	bad |= set_count(object, member, others) < 0;
	return bad ? no_memory(err) : 0;
}

static int put_values(json_t *object, const struct vt_key_stats *key, struct vt_error *err)
{
	int r = put_tally(object, "values", &key->values, set_value, err);

	if (r == 0 && json_object_set_new(object, "values_complete",
					  json_boolean(key->values.other_count == 0)) < 0)
		r = no_memory(err);
	return r;
}

static int put_annotators(json_t *object, const struct vt_key_stats *key, struct vt_error *err)
{
	return put_tally(object, "annotators", &key->annotators, set_annotator, err);
}

/* ---- agreement ---- */

/* A pair with its names in order. */
struct named_pair {
	const struct vt_rater_pair *pair;
	size_t index;
	const struct vt_tally_item *a, *b;
};

static int compare_items(const struct vt_tally_item *a, const struct vt_tally_item *b)
{
	return vt_name_compare(a->text, a->len, b->text, b->len);
}

static int by_units(const void *left, const void *right)
{
	const struct named_pair *x = left, *y = right;
	int order = compare_items(x->a, y->a);

	if (x->pair->units != y->pair->units)
		return x->pair->units > y->pair->units ? -1 : 1;
	return order ? order : compare_items(x->b, y->b);
}

static size_t name_pairs(const struct vt_label_stats *stats, uint32_t group, struct named_pair *out)
{
	const struct vt_tally *names = &stats->keys[group]->annotators;
	size_t count = 0;

	for (size_t i = 0; i < stats->pairs.count; i++) {
		const struct vt_rater_pair *pair = &stats->pairs.list[i];
		const struct vt_tally_item *a, *b;

		if (pair->group != group)
			continue;
		a = names->items[pair->a];
		b = names->items[pair->b];
		out[count++] = compare_items(a, b) < 0 ? (struct named_pair){pair, i, a, b}
						       : (struct named_pair){pair, i, b, a};
	}
	qsort(out, count, sizeof *out, by_units);
	return count;
}

static int put_pair(json_t *list, const struct named_pair *named, double kappa)
{
	json_t *row = append(list);
	double raw = (double) named->pair->equal / (double) named->pair->units;
	int bad = vt_json_set_text(row, "a", named->a->text, named->a->len) < 0;

	bad |= vt_json_set_text(row, "b", named->b->text, named->b->len) < 0;
	bad |= set_count(row, "files", named->pair->units) < 0;
	bad |= set_real(row, "raw", raw) < 0;
	return bad | (set_real(row, "kappa", kappa) < 0);
}

static int put_pairs(json_t *part, const struct vt_label_stats *stats, uint32_t group,
		     struct vt_error *err)
{
	const struct vt_key_stats *key = stats->keys[group];
	vt_autofree struct named_pair *pairs = calloc(stats->pairs.count + 1, sizeof *pairs);
	bool only = key->annotators.count == 2 && key->annotators.other_count == 0;
	size_t count = pairs ? name_pairs(stats, group, pairs) : 0;
	json_t *list;
	int bad = !pairs;

	bad |= set_real(part, "kappa",
			only && count == 1 ? vt_kappa(&stats->pairs, pairs->index,
						      (uint32_t) key->values.count)
					   : NAN) < 0;
	list = set_part(part, "pairs", json_array());
	for (size_t i = 0; list && !bad && i < count && i < VT_STATS_LISTED; i++)
		bad |= put_pair(
			list, &pairs[i],
			vt_kappa(&stats->pairs, pairs[i].index, (uint32_t) key->values.count));
	bad |= !list || json_object_set_new(part, "pairs_listed_all",
					    json_boolean(!stats->pairs.incomplete &&
							 count <= VT_STATS_LISTED)) < 0;
	return bad ? no_memory(err) : 0;
}

static int put_agreement(json_t *object, const struct vt_label_stats *stats, uint32_t group,
			 struct vt_error *err)
{
	const struct vt_key_stats *key = stats->keys[group];
	json_t *part = set_part(object, "agreement", json_object());
	int bad = !part;

	bad |= !part || set_count(part, "files", key->agreement.units) < 0;
	bad |= !part || set_real(part, "raw", vt_agreement_raw(&key->agreement)) < 0;
	bad |= !part || set_real(part, "alpha", vt_stats_alpha(key)) < 0;
	bad |= !part ||
	       json_object_set_new(part, "metric",
				   json_string(key->compares_words || key->agreement.units == 0
						       ? "nominal"
						       : "interval")) < 0;
	return bad ? no_memory(err) : put_pairs(part, stats, group, err);
}

static int put_key(json_t *row, const struct vt_label_stats *stats, uint32_t group,
		   struct vt_error *err)
{
	static const char *const types[] = {"", "text", "number", "boolean", NULL};
	const struct vt_tally_item *name = stats->key_names.items[group];
	const struct vt_key_stats *key = stats->keys[group];
	int bad = vt_json_set_text(row, "key", name->text, name->len) < 0, r;

	bad |= set_count(row, "labels", key->labels) < 0;
	bad |= set_count(row, "files", key->files) < 0;
	bad |= set_count(row, "undecided", key->undecided) < 0;
	bad |= set_count(row, "disputed", key->disputed) < 0;
	bad |= put_words(row, "types", types, key->types) < 0;
	r = bad ? no_memory(err) : put_values(row, key, err);
	if (r < 0)
		return r;
	bad |= put_confidence(row, key) < 0;
	bad |= put_words(row, "sources", vt_label_sources, key->sources) < 0;
	bad |= put_words(row, "reviews", vt_label_reviews, key->reviews) < 0;
	r = bad ? no_memory(err) : put_annotators(row, key, err);
	return r < 0 ? r : put_agreement(row, stats, group, err);
}

static int by_name(const void *left, const void *right)
{
	return compare_items(*(const struct vt_tally_item *const *) left,
			     *(const struct vt_tally_item *const *) right);
}

static int put_keys(json_t *object, const struct vt_label_stats *stats, struct vt_error *err)
{
	json_t *list = set_part(object, "keys", json_array());
	vt_autofree const struct vt_tally_item **sorted = NULL;
	size_t count;
	int r = vt_tally_sorted(&stats->key_names, &sorted, &count, err);

	if (r < 0)
		return r;
	qsort(sorted, count, sizeof(const struct vt_tally_item *), by_name);
	for (size_t i = 0; r == 0 && i < count; i++) {
		json_t *row = list ? append(list) : NULL;

		r = row ? put_key(row, stats, sorted[i]->id, err) : no_memory(err);
	}
	if (r == 0 && set_count(object, "keys_others", stats->key_names.other_count) < 0)
		r = no_memory(err);
	return r;
}

/* ---- duplicates ---- */

int vt_stats_set_path(const struct vt_labelled_files *tree, json_t *object, const char *key,
		      uint32_t position, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	vt_cleanup(vt_node_done) struct vt_node node = {0};
	int r = vt_tree_path_at(tree->files, tree->tree, position, &node, &path, err);

	if (r < 0)
		return r;
	r = vt_json_set_text(object, key, (const char *) path.data, path.len);
	return r < 0 ? no_memory(err) : 0;
}

static int put_group(json_t *list, const struct vt_label_stats *stats,
		     const struct vt_duplicate_group *group, struct vt_error *err)
{
	json_t *row = append(list), *paths;
	int bad = set_count(row, "files", group->files) < 0, r = 0;

	bad |= set_count(row, "size", group->size) < 0;
	paths = bad ? NULL : set_part(row, "paths", json_array());
	for (unsigned i = 0; paths && r == 0 && i < group->member_count; i++) {
		json_t *path = append(paths);

		r = path ? vt_stats_set_path(&stats->tree, path, "path", group->members[i], err)
			 : no_memory(err);
	}
	return paths ? r : no_memory(err);
}

static int put_duplicates(json_t *object, const struct vt_label_stats *stats, struct vt_error *err)
{
	const struct vt_duplicates *duplicates = &stats->duplicates;
	json_t *part = set_part(object, "duplicates", json_object()), *list;
	int bad = !part, r = 0;

	bad |= !part || set_count(part, "groups", duplicates->groups) < 0;
	bad |= !part || set_count(part, "files", duplicates->files) < 0;
	bad |= !part || set_count(part, "bytes", duplicates->bytes) < 0;
	list = bad ? NULL : set_part(part, "examples", json_array());
	for (size_t i = 0; list && r == 0 && i < duplicates->example_count; i++)
		r = put_group(list, stats, &duplicates->examples[i], err);
	return list ? r : no_memory(err);
}

static int put_leak(json_t *row, const struct vt_label_stats *stats, const struct vt_key_stats *key,
		    const struct vt_twin *twin, struct vt_error *err)
{
	struct vt_tally_item *const *values = key->values.items;
	int r = vt_stats_set_path(&stats->tree, row, "path", twin->position, err);

	if (r == 0 &&
	    json_object_set_new(row, "value", vt_stats_value_json(values[twin->value - 1])) < 0)
		r = no_memory(err);
	if (r == 0)
		r = vt_stats_set_path(&stats->tree, row, "other_path", twin->other, err);
	if (r == 0 && json_object_set_new(row, "other_value",
					  vt_stats_value_json(values[twin->other_value - 1])) < 0)
		r = no_memory(err);
	return r;
}

static int put_leakage(json_t *object, const struct vt_label_stats *stats, struct vt_error *err)
{
	const struct vt_key_stats *key =
		vt_stats_key(stats, stats->leak_key, strlen(stats->leak_key));
	const struct vt_duplicates *duplicates = &stats->duplicates;
	json_t *part = set_part(object, "leakage", key ? json_object() : json_null()), *list;
	int bad = !part, r = 0;

	if (part && !key)
		return 0;
	bad |= !part || json_object_set_new(part, "key", json_string(stats->leak_key)) < 0;
	bad |= !part || set_count(part, "contents", duplicates->leaks) < 0;
	bad |= !part || set_count(part, "files", duplicates->leaked_files) < 0;
	list = bad ? NULL : set_part(part, "examples", json_array());
	for (size_t i = 0;
	     list && r == 0 && i < duplicates->leaked.count && i < VT_DUPLICATE_EXAMPLES; i++) {
		json_t *row = append(list);

		r = row ? put_leak(row, stats, key, &duplicates->leaked.list[i], err)
			: no_memory(err);
	}
	return list ? r : no_memory(err);
}

static int put_all(json_t *object, const struct vt_label_stats *stats, struct vt_error *err)
{
	int bad = set_count(object, "files", stats->files) < 0, r;

	bad |= set_count(object, "bytes", stats->bytes) < 0;
	bad |= set_count(object, "labelled", stats->labelled) < 0;
	bad |= set_count(object, "unlabelled", stats->files - stats->labelled) < 0;
	bad |= set_count(object, "labels", stats->labels) < 0;
	bad |= put_sizes(object, stats) < 0;
	r = bad ? no_memory(err) : put_extensions(object, &stats->extensions, err);
	if (r == 0)
		r = put_keys(object, stats, err);
	if (r == 0)
		r = put_duplicates(object, stats, err);
	return r < 0 ? r : put_leakage(object, stats, err);
}

int vt_label_stats_json(const struct vt_label_stats *stats, json_t **out, struct vt_error *err)
{
	json_t *object = json_object();
	int r = object ? put_all(object, stats, err) : no_memory(err);

	if (r < 0)
		json_decref(object);
	else
		*out = object;
	return r;
}
