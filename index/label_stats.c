/* SPDX-License-Identifier: Apache-2.0 */
/* See label_stats.h: the walk, and what it counts of each file. */
#include "index/label_stats.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/content_sort.h"
#include "index/label_stats_private.h"

#define CANCEL_EVERY  1024u /* files */
#define EXTENSION_MAX 16u   /* bytes; what is longer is part of a name */

struct taking {
	struct vt_label_stats *stats;
	const struct vt_stats_options *options;
	struct vt_file_labels *files;
	struct vt_content_sort *contents;
	struct vt_rating *ratings; /* of a file's says about a key */
	size_t rating_room;
	uint32_t leak_value; /* the file's of the leak key: 1 + its number; 0: none */
};

/* ---- a file ---- */

static unsigned size_class(uint64_t size)
{
	return size ? 64 - (unsigned) __builtin_clzll(size) : 0;
}

/* What follows the last dot, in small letters; nothing for "name", ".name" and "name.". */
static size_t extension_of(const struct vt_entry *entry, char out[EXTENSION_MAX])
{
	const char *dot = memrchr(entry->name, '.', entry->name_len);
	size_t len = dot ? (size_t) (entry->name + entry->name_len - dot) - 1 : 0;

	if (!dot || dot == entry->name || len > EXTENSION_MAX)
		return 0;
	for (size_t i = 0; i < len; i++)
		out[i] = (char) (dot[1 + i] >= 'A' && dot[1 + i] <= 'Z' ? dot[1 + i] + 32
									: dot[1 + i]);
	return len;
}

static int count_file(struct vt_label_stats *stats, const struct vt_labelled_file *file,
		      struct vt_error *err)
{
	uint64_t size = file->entry->size;
	char extension[EXTENSION_MAX];
	size_t len = extension_of(file->entry, extension);

	stats->files++;
	stats->bytes += size;
	stats->labelled += file->labels > 0;
	stats->labels += file->labels;
	stats->size_files[size_class(size)]++;
	stats->size_bytes[size_class(size)] += size;
	return vt_tally_add(&stats->extensions, extension, len, size, err);
}

/* What is empty is no duplicate. */
static int note_content(struct taking *taking, const struct vt_labelled_file *file,
			struct vt_error *err)
{
	struct vt_content_row row = {
		.size = file->entry->size, .position = file->position, .value = taking->leak_value};

	if (row.size == 0)
		return 0;
	memcpy(row.content, file->entry->content.bytes, VT_CONTENT_PREFIX);
	return vt_content_sort_add(taking->contents, &row, err);
}

/* ---- values ---- */

/* Big-endian, so that bytes have the order of numbers: of negative ones all bits are turned. */
static void put_number(double number, char out[8])
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof bits);
	bits = bits >> 63 ? ~bits : bits | 1ull << 63;
	for (int i = 0; i < 8; i++)
		out[i] = (char) (bits >> (56 - 8 * i));
}

struct vt_stats_value vt_stats_value_encode(const struct vt_label *label)
{
	struct vt_stats_value out = {.len = 0};

	switch (label->type) {
	case VT_LABEL_TEXT:
		if (label->value.text.len > VT_STATS_VALUE_LEN)
			return out;
		out.bytes[0] = 't';
		memcpy(out.bytes + 1, label->value.text.bytes, label->value.text.len);
		out.len = 1 + label->value.text.len;
		return out;
	case VT_LABEL_NUMBER:
		out.bytes[0] = 'n';
		put_number(label->value.number, out.bytes + 1);
		out.len = 9;
		return out;
	case VT_LABEL_BOOLEAN:
		break;
	}
	out.bytes[0] = 'b';
	out.bytes[1] = label->value.boolean;
	out.len = 2;
	return out;
}

/* `*out` is NULL for one of the others. */
static int find_value(struct vt_key_stats *key, const struct vt_label *label,
		      struct vt_tally_item **out, struct vt_error *err)
{
	struct vt_stats_value value = vt_stats_value_encode(label);

	*out = NULL;
	return value.len ? vt_tally_item(&key->values, value.bytes, value.len, out, err) : 0;
}

/* ---- the label in force ---- */

static void count_confidence(struct vt_key_stats *key, const struct vt_label *label)
{
	unsigned bucket = (unsigned) (label->confidence * VT_STATS_BUCKETS);

	if (label->has_confidence)
		key->buckets[bucket < VT_STATS_BUCKETS ? bucket : VT_STATS_BUCKETS - 1]++;
	else
		key->unsure++;
}

static int count_effective(struct vt_key_stats *key, const struct vt_label *label, uint32_t *value,
			   struct vt_error *err)
{
	struct vt_tally_item *item;
	int r = find_value(key, label, &item, err);

	if (r < 0)
		return r;
	*(item ? &item->count : &key->values.other_count) += 1;
	*value = item ? item->id + 1 : 0;
	key->files++;
	key->types[label->type]++;
	key->sources[label->source]++;
	key->reviews[label->review]++;
	count_confidence(key, label);
	return 0;
}

/* ---- says ---- */

/* A number for a value that has none of its own: equal ones have the same, others by chance. */
static uint32_t unkept_category(const struct vt_label *say)
{
	uint64_t hash = say->type == VT_LABEL_TEXT
				? XXH3_64bits(say->value.text.bytes, say->value.text.len)
				: XXH3_64bits(&say->value, say->type == VT_LABEL_NUMBER ? 8 : 1);

	return VT_CATEGORY_UNKEPT | (uint32_t) hash;
}

static int rate(struct vt_key_stats *key, const struct vt_label *say, struct vt_rating *out,
		struct vt_error *err)
{
	struct vt_tally_item *annotator, *value;
	int r = vt_tally_item(&key->annotators, say->annotator.bytes, say->annotator.len,
			      &annotator, err);

	if (r == 0)
		r = find_value(key, say, &value, err);
	if (r < 0)
		return r;
	*(annotator ? &annotator->count : &key->annotators.other_count) += 1;
	out->rater = annotator ? annotator->id : VT_RATERS_MAX;
	out->category = value ? value->id : unkept_category(say);
	out->number = say->type == VT_LABEL_NUMBER ? say->value.number : 0;
	return 0;
}

static int count_says(struct taking *taking, uint32_t group, const struct vt_label *rows,
		      size_t count, struct vt_error *err)
{
	struct vt_label_stats *stats = taking->stats;
	struct vt_key_stats *key = stats->keys[group];
	bool words = false;
	size_t said = 0;
	int r = 0;

	if (vt_array_reserve(taking->ratings, taking->rating_room, count) < 0)
		return vt_fail(err, ENOMEM, "no memory for the labels of a file");
	for (size_t i = 0; r == 0 && i < count;) {
		const struct vt_label *say = vt_label_next_say(rows, count, &i);

		if (!say)
			continue;
		words |= say->type != VT_LABEL_NUMBER;
		r = rate(key, say, &taking->ratings[said++], err);
	}
	if (r < 0 || said < 2)
		return r;
	key->compares_words |= words;
	r = vt_rater_pairs_unit(&stats->pairs, group, taking->ratings, said, err);
	return r < 0 ? r : vt_agreement_unit(&key->agreement, taking->ratings, said, err);
}

/* ---- keys ---- */

static struct vt_key_stats *new_key(struct vt_label_stats *stats)
{
	struct vt_key_stats *key = calloc(1, sizeof *key);

	if (!key)
		return NULL;
	vt_tally_init(&key->values, VT_STATS_VALUES_MAX, &stats->budget);
	vt_tally_init(&key->annotators, VT_STATS_ANNOTATORS_MAX, &stats->budget);
	return key;
}

/* `*id` becomes the key's, UINT32_MAX if there are too many. */
static int find_key(struct vt_label_stats *stats, struct vt_label_text name, size_t labels,
		    uint32_t *id, struct vt_error *err)
{
	struct vt_tally_item *item;
	int r = vt_tally_item(&stats->key_names, name.bytes, name.len, &item, err);

	if (r < 0)
		return r;
	*id = item ? item->id : UINT32_MAX;
	*(item ? &item->count : &stats->key_names.other_count) += labels;
	if (!item || stats->keys[item->id])
		return 0;
	stats->keys[item->id] = new_key(stats);
	return stats->keys[item->id] ? 0 : vt_fail(err, ENOMEM, "no memory to count labels");
}

static bool is_leak_key(const struct vt_label_stats *stats, struct vt_label_text key)
{
	return strlen(stats->leak_key) == key.len &&
	       memcmp(stats->leak_key, key.bytes, key.len) == 0;
}

static int count_labels(struct taking *taking, const struct vt_label *rows, size_t count,
			const struct vt_label *effective,
			const struct vt_label_agreement *agreement, struct vt_error *err)
{
	uint32_t id, value = 0;
	struct vt_key_stats *key;
	int r = find_key(taking->stats, rows[0].key, count, &id, err);

	if (r < 0 || id == UINT32_MAX)
		return r;
	key = taking->stats->keys[id];
	key->labels += count;
	key->disputed += agreement->disputed;
	key->undecided += !effective;
	if (effective)
		r = count_effective(key, effective, &value, err);
	if (is_leak_key(taking->stats, rows[0].key))
		taking->leak_value = value;
	return r < 0 ? r : count_says(taking, id, rows, count, err);
}

static int take_key(struct taking *taking, const struct vt_labelled_file *file,
		    const struct vt_label *rows, size_t count, struct vt_error *err)
{
	const struct vt_stats_watch *watch = taking->options->watch;
	struct vt_label_agreement agreement;
	const struct vt_label *effective = vt_label_effective(rows, count, &agreement);
	int r = count_labels(taking, rows, count, effective, &agreement, err);

	if (r >= 0 && watch)
		r = watch->key(watch->context, file, rows, count, effective, &agreement, err);
	return r;
}

static int take_file(struct taking *taking, struct vt_labelled_file *file, struct vt_error *err)
{
	const struct vt_stats_watch *watch = taking->options->watch;
	const struct vt_label *rows;
	int r = vt_file_labels_rows(taking->files, &rows, &file->labels, err);

	if (r >= 0)
		r = count_file(taking->stats, file, err);
	taking->leak_value = 0;
	for (size_t i = 0, count; r >= 0 && i < file->labels; i += count) {
		count = vt_label_count_key(rows + i, file->labels - i);
		r = take_key(taking, file, rows + i, count, err);
	}
	if (r >= 0)
		r = note_content(taking, file, err);
	if (r >= 0 && watch)
		r = watch->file(watch->context, file, err);
	return r;
}

static int check_labelled(const struct vt_label_stats *stats, struct vt_error *err)
{
	uint32_t there = stats->tree.label_tree->files;

	if (stats->labelled == there)
		return 0;
	return vt_fail(err, EBADMSG,
		       "there are labels of %u files, but only %" PRIu64 " of the files", there,
		       stats->labelled);
}

static int take_all(struct taking *taking, struct vt_error *err)
{
	const struct vt_stats_options *options = taking->options;
	struct vt_labelled_file file = {0};
	int r;

	while ((r = vt_file_labels_next(taking->files, file.position + 1, &file, err)) == 1) {
		if (taking->stats->files % CANCEL_EVERY == 0 && options->is_cancelled &&
		    options->is_cancelled(options->context))
			return vt_fail(err, ECANCELED, "cancelled");
		r = take_file(taking, &file, err);
		if (r < 0)
			return r;
	}
	if (r == 0)
		r = check_labelled(taking->stats, err);
	if (r < 0)
		return r;
	return vt_duplicates_find(taking->contents, options->is_cancelled, options->context,
				  &taking->stats->duplicates, err);
}

/* ---- the result ---- */

static struct vt_label_stats *new_stats(const struct vt_labelled_files *tree, const char *leak_key)
{
	vt_cleanup(vt_label_stats_freep) struct vt_label_stats *stats = calloc(1, sizeof *stats);

	if (!stats)
		return NULL;
	stats->tree = *tree;
	stats->budget = VT_STATS_BUDGET;
	vt_tally_init(&stats->extensions, VT_STATS_EXTENSIONS_MAX, &stats->budget);
	vt_tally_init(&stats->key_names, VT_STATS_KEYS_MAX, &stats->budget);
	stats->leak_key = strdup(leak_key ? leak_key : "split");
	stats->keys = calloc(VT_STATS_KEYS_MAX, sizeof(struct vt_key_stats *));
	return stats->leak_key && stats->keys ? vt_steal(&stats) : NULL;
}

static void key_free(struct vt_key_stats *key)
{
	if (!key)
		return;
	vt_tally_done(&key->values);
	vt_tally_done(&key->annotators);
	vt_agreement_done(&key->agreement);
	free(key);
}

void vt_label_stats_free(struct vt_label_stats *stats)
{
	if (!stats)
		return;
	for (size_t i = 0; stats->keys && i < VT_STATS_KEYS_MAX; i++)
		key_free(stats->keys[i]);
	free(stats->keys);
	free(stats->leak_key);
	vt_tally_done(&stats->extensions);
	vt_tally_done(&stats->key_names);
	vt_rater_pairs_done(&stats->pairs);
	free(stats);
}

int vt_label_stats_take(const struct vt_labelled_files *tree,
			const struct vt_stats_options *options, struct vt_label_stats **out,
			struct vt_error *err)
{
	vt_cleanup(vt_label_stats_freep) struct vt_label_stats *stats =
		new_stats(tree, options->leak_key);
	struct taking taking = {.stats = stats, .options = options};
	size_t memory = options->sort_memory ? options->sort_memory : VT_STATS_SORT_MEMORY;
	int r;

	if (!stats)
		return vt_fail(err, ENOMEM, "no memory to count labels");
	r = vt_file_labels_new(tree, &taking.files, err);
	if (r == 0)
		r = vt_content_sort_new(options->scratch, memory, &taking.contents, err);
	if (r == 0)
		r = take_all(&taking, err);
	vt_file_labels_free(taking.files);
	vt_content_sort_free(taking.contents);
	free(taking.ratings);
	if (r < 0)
		return r;
	*out = vt_steal(&stats);
	return 0;
}

const struct vt_key_stats *vt_stats_key(const struct vt_label_stats *stats, const char *name,
					size_t len)
{
	const struct vt_tally_item *item = vt_tally_find(&stats->key_names, name, len);

	return item ? stats->keys[item->id] : NULL;
}

double vt_stats_alpha(const struct vt_key_stats *key)
{
	return key->compares_words ? vt_alpha_nominal(&key->agreement)
				   : vt_alpha_interval(&key->agreement);
}
