/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the labels of versions say, through sets of postings that are made, kept, displaced, damaged
 * and swept: the answers are always those of the labels themselves.
 */
#include "fs/label_index.h"

#include <time.h>

#include "fs/hits.h"
#include "index/expression.h"
#include "index/posting_sets.h"
#include "tests/unit/label_store.h"
#include "tests/unit/raw_rows.h"
#include "tests/unit/suite.h"

static const struct item first[] = {
	{"a/1", "one", "cat"}, {"a/2", "two", "dog"},  {"a/3", "three", "cat"},
	{"b/1", "four", ""},   {"b/2", "five", "owl"}, {"", "", ""},
};
/* A file before all others, one relabelled, one without its label, one gone. */
static const struct item second[] = {
	{"a/0", "zero", "cat"}, {"a/1", "one", "dog"},  {"a/2", "two", ""},
	{"b/1", "four", ""},    {"b/2", "five", "owl"}, {"", "", ""},
};

static struct vt_label_index *labels;
static uint32_t dataset;

static const struct vt_version *commit(const struct item *items)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *now = NULL;
	const struct vt_version *made;
	struct vt_version version = {
		.tree.root = items_tree(items).root,
		.labels = items_labels(items),
		.author = "ann",
		.created_ns = 1,
		.message = "",
		.licence = "",
	};

	if (!dataset)
		must(vt_catalog_create_dataset(idx->catalog, "birds", 1000, &dataset, &err) == 0);
	version.dataset = dataset;
	must(vt_label_tree_digest(&version.labels, &version.label_digest, &err) == 0);
	must(vt_catalog_dataset_by_id(idx->catalog, dataset, &now, &err) == 0);
	must(vt_catalog_commit(idx->catalog, &version, now->latest, NULL, &made, &err) == 0);
	return made;
}

static void set_up(void)
{
	dataset = 0;
	index_set_up();
	must(vt_label_index_new(idx, &labels, &err) == 0);
}

static void tear_down(void)
{
	vt_label_index_free(labels);
	index_tear_down();
}

/* A server goes, and another comes. */
static void forget_all(void)
{
	vt_label_index_free(labels);
	must(vt_label_index_new(idx, &labels, &err) == 0);
}

static int query(const struct vt_version *version, const char *text, const struct vt_cancel *cancel,
		 struct vt_hits **out)
{
	vt_cleanup(vt_expression_freep) const struct vt_expression *expression = NULL;

	must(vt_expression_parse(text, strlen(text), &expression, &err) == 0);
	return vt_label_index_query(labels, version, expression, cancel, out, &err);
}

/* Positions, as "1 2 ". */
static const char *found(const struct vt_version *version, const char *text)
{
	static char out[256];
	struct vt_hits *hits = NULL;
	size_t at = 0;

	must(query(version, text, NULL, &hits) == 0);
	out[0] = 0;
	for (uint32_t i = 0; (i = vt_hits_next(hits, i)) != VT_HITS_NONE; i++)
		at += (size_t) snprintf(out + at, sizeof out - at, "%u ", i);
	vt_hits_unref(hits);
	return out;
}

static char listed[256];

static int list_value(void *context, const struct vt_expression_value *value, uint32_t files)
{
	size_t at = strlen(listed);

	(void) context;
	ck_assert_int_eq(value->type, VT_EXPRESSION_TEXT);
	(void) snprintf(listed + at, sizeof listed - at, "%.*s:%u ", (int) value->text.len,
			value->text.bytes, files);
	return 0;
}

static const char *values(const struct vt_version *version, const char *key)
{
	listed[0] = 0;
	must(vt_label_index_values(labels, version, text_of(key), NULL, list_value, NULL, &err) ==
	     0);
	return listed;
}

static int list_key(void *context, struct vt_label_text key)
{
	size_t at = strlen(listed);

	(void) context;
	(void) snprintf(listed + at, sizeof listed - at, "%.*s ", (int) key.len, key.bytes);
	return 0;
}

static const char *keys(const struct vt_version *version)
{
	listed[0] = 0;
	must(vt_label_index_keys(labels, version, NULL, list_key, NULL, &err) == 0);
	return listed;
}

/* Positions in `first`: 0 the root, 1 a, 2 to 4 its files, 5 b, 6 and 7 its files. */
static void check_first(const struct vt_version *version)
{
	ck_assert_str_eq(found(version, "k=cat"), "2 4 ");
	ck_assert_str_eq(found(version, "k=owl or k=dog"), "3 7 ");
	ck_assert_str_eq(found(version, "unlabelled"), "6 ");
	ck_assert_str_eq(found(version, "k=bat"), "");
	ck_assert_str_eq(values(version, "k"), "cat:2 dog:1 owl:1 ");
	ck_assert_str_eq(values(version, "none"), "");
	ck_assert_str_eq(keys(version), "k ");
}

static void check_second(const struct vt_version *version)
{
	ck_assert_str_eq(found(version, "k=cat"), "2 ");
	ck_assert_str_eq(found(version, "k=owl or k=dog"), "3 7 ");
	ck_assert_str_eq(found(version, "unlabelled"), "4 6 ");
	ck_assert_str_eq(values(version, "k"), "cat:1 dog:1 owl:1 ");
}

static int sets(struct vt_posting_set out[VT_POSTING_SETS_KEPT])
{
	int count = vt_posting_sets_list(idx->store, dataset, out, &err);

	must(count >= 0);
	return count;
}

static const struct vt_cancel never;

static void make_sets(const struct vt_version *version, unsigned count)
{
	uint64_t set;

	while (count-- > 0)
		must(vt_posting_sets_make(idx, version, &never, &set, &err) == 0);
}

/* ---- answers --------------------------------------------------------------------------------- */

START_TEST(one_set_answers_for_versions_that_differ_little)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	vt_cleanup(vt_version_unrefp) const struct vt_version *b = commit(second);
	struct vt_posting_set kept[VT_POSTING_SETS_KEPT];

	check_first(a);
	check_second(b);
	ck_assert_int_eq(sets(kept), 1);
	ck_assert_uint_eq(kept[0].serial, a->serial);
	forget_all();
	check_second(b);
	check_first(a);
	ck_assert_int_eq(sets(kept), 1);
	tear_down();
}
END_TEST

START_TEST(a_version_without_labels_has_none)
{
	static const struct item plain[] = {{"1", "one", ""}, {"", "", ""}};
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = commit(plain);

	ck_assert_str_eq(keys(version), "");
	ck_assert_str_eq(values(version, "k"), "");
	ck_assert_str_eq(found(version, "unlabelled"), "1 ");
	ck_assert_str_eq(found(version, "has(k)"), "");
	tear_down();
}
END_TEST

static bool at_once(void *context)
{
	++*(unsigned *) context;
	return true;
}

START_TEST(who_stops_waiting_does_not_stop_the_making)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	struct vt_posting_set kept[VT_POSTING_SETS_KEPT];
	struct vt_hits *hits = NULL;
	unsigned asked = 0;
	const struct vt_cancel cancel = {at_once, &asked};

	ck_assert_int_eq(query(a, "k=cat", &cancel, &hits), -ECANCELED);
	ck_assert_uint_gt(asked, 0);
	check_first(a);
	ck_assert_int_eq(sets(kept), 1);
	tear_down();
}
END_TEST

START_TEST(what_is_prepared_is_there_for_who_asks)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	const struct timespec moment = {.tv_nsec = 10000000};
	struct vt_posting_set kept[VT_POSTING_SETS_KEPT];

	vt_label_index_prepare(labels, a);
	for (unsigned i = 0; i < 3000 && sets(kept) == 0; i++)
		(void) nanosleep(&moment, NULL);
	ck_assert_int_eq(sets(kept), 1);
	check_first(a);
	ck_assert_int_eq(sets(kept), 1);
	vt_label_index_stop(labels);
	vt_label_index_prepare(labels, a);
	tear_down();
}
END_TEST

START_TEST(who_stops_is_answered)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	struct vt_hits *hits = NULL;

	vt_label_index_stop(labels);
	ck_assert_int_eq(query(a, "k=cat", NULL, &hits), -ECANCELED);
	tear_down();
}
END_TEST

/* ---- sets that go ---------------------------------------------------------------------------- */

START_TEST(a_set_that_newer_ones_displaced_answers_no_more)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	vt_cleanup(vt_version_unrefp) const struct vt_version *b = commit(second);
	struct vt_posting_set before[VT_POSTING_SETS_KEPT], after[VT_POSTING_SETS_KEPT];

	check_first(a);
	ck_assert_int_eq(sets(before), 1);
	make_sets(b, VT_POSTING_SETS_KEPT);
	ck_assert_int_eq(sets(after), VT_POSTING_SETS_KEPT);
	for (unsigned i = 0; i < VT_POSTING_SETS_KEPT; i++)
		ck_assert_uint_ne(after[i].id, before[0].id);
	check_first(a);
	check_second(b);
	make_sets(a, VT_POSTING_SETS_KEPT);
	check_second(b);
	tear_down();
}
END_TEST

/* Every row of a family gets other bytes. */
static void damage(enum vt_family family)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct vt_value key, value;

	must(vt_iterator_new(idx->store, family, NULL, 0, NULL, 0, &it, &err) == 0);
	while (vt_iterator_next(it, &key, &value, &err) > 0)
		vt_batch_put(batch, idx->store, family, key.data, key.len, "bad", 3);
	must(vt_store_write(idx->store, batch, false, &err) == 0);
}

START_TEST(damaged_sets_are_made_again)
{
	static const enum vt_family families[] = {VT_CF_POSTING, VT_CF_TERM};
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	struct vt_posting_set before[VT_POSTING_SETS_KEPT], after[VT_POSTING_SETS_KEPT];

	for (size_t i = 0; i < 4; i++) {
		check_first(a);
		ck_assert_int_ge(sets(before), 1);
		damage(families[i % 2]);
		if (i >= 2)
			forget_all();
		check_first(a);
		ck_assert_int_ge(sets(after), 1);
		ck_assert_uint_gt(after[0].id, before[0].id);
	}
	tear_down();
}
END_TEST

/* Every 5th byte of each row, past the sums of RocksDB: of postings, and those that name sets. */
static void flip_rows(enum vt_family family, const struct vt_version *version)
{
	struct raw_rows rows = raw_rows_load(idx->store, family);

	for (size_t i = 0; i < rows.count; i++) {
		struct raw_row *row = &rows.rows[i];

		if (family == VT_CF_META && memcmp(row->key, "postings.", 9) != 0)
			continue;
		for (size_t at = i % 5; at < row->len; at += 5) {
			row->value[at] ^= (uint8_t) (1u << at % 8);
			raw_put(idx->store, family, row);
			forget_all();
			check_first(version);
			must(vt_posting_sets_sweep(idx, &err) == 0);
			row->value[at] ^= (uint8_t) (1u << at % 8);
			raw_put(idx->store, family, row);
		}
	}
	raw_rows_done(&rows);
}

START_TEST(answers_are_right_whatever_bit_of_the_postings_is_wrong)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);

	check_first(a);
	flip_rows(VT_CF_META, a);
	flip_rows(VT_CF_POSTING, a);
	flip_rows(VT_CF_TERM, a);
	tear_down();
}
END_TEST

/* ---- gc -------------------------------------------------------------------------------------- */

static void put_stray_row(uint64_t set)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint8_t key[12] = {0};

	vt_key_u64(set, key);
	vt_batch_put(batch, idx->store, VT_CF_POSTING, key, sizeof key, "row", 3);
	must(vt_store_write(idx->store, batch, false, &err) == 0);
}

START_TEST(a_sweep_drops_what_has_no_name_unless_it_is_being_made)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *a = commit(first);
	size_t rows;
	uint64_t set;

	check_first(a);
	rows = count_rows(VT_CF_POSTING);
	ck_assert_uint_gt(rows, 0);
	must(vt_store_take(idx->store, VT_COUNTER_POSTINGS, 1, &set, &err) == 0);
	put_stray_row(set);
	idx->posting_makings = 1;
	must(vt_posting_sets_sweep(idx, &err) == 0);
	ck_assert_uint_eq(count_rows(VT_CF_POSTING), rows + 1);
	idx->posting_makings = 0;
	must(vt_posting_sets_sweep(idx, &err) == 0);
	ck_assert_uint_eq(count_rows(VT_CF_POSTING), rows);
	put_stray_row(set + 1000); /* one that begins after the sweep did */
	must(vt_posting_sets_sweep(idx, &err) == 0);
	ck_assert_uint_eq(count_rows(VT_CF_POSTING), rows + 1);
	check_first(a);
	tear_down();
}
END_TEST

START_TEST(sets_of_a_dataset_that_is_gone_are_swept)
{
	const struct vt_version *a = commit(first);
	uint32_t serial = a->serial, *retired, one;
	size_t count;

	check_first(a);
	vt_version_unref(a);
	must(vt_catalog_remove(idx->catalog, serial, 0, &one, &err) == 0);
	must(vt_catalog_remove_dataset(idx->catalog, dataset, 0, &retired, &count, &err) == 0);
	free(retired);
	must(vt_posting_sets_sweep(idx, &err) == 0);
	ck_assert_uint_eq(count_rows(VT_CF_POSTING), 0);
	ck_assert_uint_eq(count_rows(VT_CF_TERM), 0);
	tear_down();
}
END_TEST

VT_SUITE_FRESH(label_index, set_up, one_set_answers_for_versions_that_differ_little,
	       a_version_without_labels_has_none, who_stops_waiting_does_not_stop_the_making,
	       what_is_prepared_is_there_for_who_asks, who_stops_is_answered,
	       a_set_that_newer_ones_displaced_answers_no_more, damaged_sets_are_made_again,
	       answers_are_right_whatever_bit_of_the_postings_is_wrong,
	       a_sweep_drops_what_has_no_name_unless_it_is_being_made,
	       sets_of_a_dataset_that_is_gone_are_swept)
