/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of postings: what they list, keys with too many values, and rows that are not as they were.
 */
#include "index/posting.h"
#include "index/base/error.h"
#include "index/query.h"
#include "tests/unit/query_model.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <sys/stat.h>

enum { SET = 3 };

static struct memory memory;
static struct posting_rows rows;
static struct world world;
static struct vt_page_source file_pages, label_pages;
static struct vt_postings postings;

static void set_up(void)
{
	memory_init(&memory, 100, 1);
	file_pages = label_pages = memory.source;
	label_pages.kind = VT_PAGE_LABELS;
	world = (struct world){0};
	rows = (struct posting_rows){0};
}

static struct vt_labelled_files version(void)
{
	return (struct vt_labelled_files){&file_pages, &label_pages, &world.tree, &world.labels};
}

static const struct vt_cancel no_cancel;

static void post(const struct vt_posting_limits *limits, const struct vt_posting_sink *sink)
{
	const struct vt_posting_origin origin = {world.tree.root.content, world.labels.content,
						 world.tree.root.nodes};
	const struct vt_labelled_files files = version();
	struct vt_posting_builder *builder;

	must(vt_posting_builder_new(limits, &builder, NULL) == 0);
	must(vt_file_labels_post(&files, &no_cancel, builder, NULL) == 0);
	must(vt_posting_builder_finish(builder, SET, &origin, sink, NULL) == 0);
	vt_posting_builder_free(builder);
}

static void build(const struct vt_posting_limits *limits)
{
	const struct vt_posting_sink sink = {put_row, &rows};
	const struct vt_posting_source source = rows_source(&rows);

	build_world(&world, &memory);
	post(limits, &sink);
	must(vt_postings_open(&source, SET, &postings, NULL) == 0);
}

/* A file "f" + number, with one label or, without a value, none. */
static struct item *add_file(unsigned number, const char *key, const char *value)
{
	struct item *item;

	world.items = realloc(world.items, (world.count + 1) * sizeof *world.items);
	item = &world.items[world.count++];
	*item = (struct item){.type = VT_FILE, .content = number};
	(void) snprintf(item->path, sizeof item->path, "f%05u", number);
	if (value)
		item->rows[item->count++] = label_of(key, value, "alice");
	return item;
}

static int run(const char *text, roaring_bitmap_t **found)
{
	const struct vt_query query = {.version = version(), .postings = &postings};
	const struct vt_expression *expression;
	int r;

	must(vt_expression_parse(text, strlen(text), &expression, NULL) == 0);
	r = vt_query_run(&query, expression, found, NULL);
	vt_expression_free(expression);
	return r;
}

static unsigned count(const char *text)
{
	roaring_bitmap_t *found;
	unsigned out;

	must(run(text, &found) == 0);
	out = (unsigned) roaring_bitmap_get_cardinality(found);
	roaring_bitmap_free(found);
	return out;
}

/* ---- listing --------------------------------------------------------------------------------- */

static int write_key(void *context, struct vt_label_text name, const struct vt_posting_key *key)
{
	vt_buf_printf(context, "%.*s ", (int) name.len, name.bytes);
	return 0;
}

static int write_value(void *context, const struct vt_expression_value *value, uint32_t files)
{
	if (value->type == VT_EXPRESSION_TEXT)
		vt_buf_printf(context, "'%.*s'", (int) value->text.len, value->text.bytes);
	else if (value->type == VT_EXPRESSION_NUMBER)
		vt_buf_printf(context, "%g", value->number);
	else
		vt_buf_printf(context, "%s", value->boolean ? "true" : "false");
	vt_buf_printf(context, ":%u ", files);
	return 0;
}

static void add_number(unsigned number, double value)
{
	struct item *item = add_file(number, "k", "");

	item->rows[0].type = VT_LABEL_NUMBER;
	item->rows[0].value.number = value;
}

START_TEST(keys_and_values_are_listed_in_order_with_counts)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	struct vt_posting_key key;
	struct item *item;

	set_up();
	(void) add_file(0, "k", "dog");
	(void) add_file(1, "k", "cat");
	(void) add_file(2, "k", "cat");
	(void) add_file(3, "other", "x");
	item = add_file(4, "k", "");
	item->rows[0].type = VT_LABEL_BOOLEAN;
	item->rows[0].value.boolean = true;
	add_number(5, 10);
	add_number(6, -2);
	add_number(7, -1e300);
	add_number(8, 0);
	(void) add_file(9, "k", "");
	item = add_file(10, "k", "rejected");
	item->rows[0].review = VT_LABEL_REJECTED;
	item = add_file(11, "gone", "rejected"); /* a key of which none is in force */
	item->rows[0].review = VT_LABEL_REJECTED;
	build(NULL);
	must(postings.files == 12 && postings.labelled == 12);
	must(vt_postings_keys(&postings, write_key, &text, NULL) == 0);
	must(vt_postings_key(&postings, text_of("gone"), &key, NULL) == 0);
	must(vt_postings_key(&postings, text_of("k"), &key, NULL) == 1);
	must(vt_postings_terms(&postings, &key, VT_POSTING_VALUE, write_value, &text, NULL) == 0);
	vt_buf_put_u8(&text, 0);
	ck_assert_str_eq((const char *) text.data,
			 "k other true:1 -1e+300:1 -2:1 0:1 10:1 '':1 'cat':2 'dog':1 ");
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

/* ---- too many values ------------------------------------------------------------------------- */

/* Two values of the same hash among "v" + number. */
static void find_collision(char one[16], char other[16])
{
	static uint16_t seen[1u << VT_POSTING_HASH_BITS];

	for (unsigned i = 1;; i++) {
		struct vt_expression_value value = {.type = VT_EXPRESSION_TEXT};
		unsigned hash;

		(void) snprintf(other, 16, "v%u", i & 0xffff);
		value.text = text_of(other);
		hash = vt_posting_hash(&value);
		if (seen[hash]) {
			(void) snprintf(one, 16, "v%u", seen[hash]);
			return;
		}
		seen[hash] = (uint16_t) i;
	}
}

START_TEST(a_value_is_found_among_too_many_also_beside_one_of_its_hash)
{
	static const struct vt_posting_limits few = {.values = 100, .keys = 100, .bytes = 1 << 20};
	static char values[300][16];
	struct vt_posting_key key;
	char text[64];

	set_up();
	for (unsigned i = 0; i < 298; i++) {
		(void) snprintf(values[i], sizeof values[i], "id-%u", i);
		(void) add_file(i, "k", values[i]);
	}
	find_collision(values[298], values[299]);
	(void) add_file(298, "k", values[298]);
	(void) add_file(299, "k", values[299]);
	build(&few);
	must(vt_postings_key(&postings, text_of("k"), &key, NULL) == 1);
	must(vt_posting_is_open(&key, VT_POSTING_VALUE));
	for (unsigned i = 0; i < 300; i++) {
		(void) snprintf(text, sizeof text, "k=%.15s", values[i]);
		ck_assert_uint_eq(count(text), 1);
		(void) snprintf(text, sizeof text, "k!=%.15s", values[i]);
		ck_assert_uint_eq(count(text), 299);
	}
	ck_assert_uint_eq(count("k~\"id-1?\""), 10);
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

START_TEST(by_itself_a_key_is_listed_up_to_ten_thousand_values)
{
	for (unsigned more = 0; more <= 1; more++) {
		const struct vt_posting_origin origin = {.nodes = VT_POSTING_VALUES_MAX + 3};
		const struct vt_posting_sink sink = {put_row, &rows};
		const struct vt_posting_source source = rows_source(&rows);
		struct vt_posting_builder *builder;
		struct vt_posting_key key;

		rows = (struct posting_rows){0};
		must(vt_posting_builder_new(NULL, &builder, NULL) == 0);
		for (unsigned i = 0; i < VT_POSTING_VALUES_MAX + more; i++) {
			struct vt_label label = label_of("k", "", "alice");

			label.type = VT_LABEL_NUMBER;
			label.value.number = i;
			must(vt_posting_builder_add(builder, i + 1, &label, 1, NULL) == 0);
		}
		must(vt_posting_builder_finish(builder, SET, &origin, &sink, NULL) == 0);
		vt_posting_builder_free(builder);
		must(vt_postings_open(&source, SET, &postings, NULL) == 0);
		must(vt_postings_key(&postings, text_of("k"), &key, NULL) == 1);
		must(vt_posting_is_open(&key, VT_POSTING_VALUE) == more);
		must(!vt_posting_is_open(&key, VT_POSTING_ANNOTATOR));
		rows_done(&rows);
	}
}
END_TEST

/* ---- rows that are not as they were ---------------------------------------------------------- */

static const char *const questions[] = {
	"k=a",         "k>a",         "has(k)",          "unlabelled",      "k.confidence>=0.5",
	"disputed(k)", "not k~\"?\"", "k.annotator=bob", "k.source!=human", "path~\"f*\"",
};

static void random_labels(struct rng *rng)
{
	static const char *const some[] = {"a", "b", "c", NULL};

	for (unsigned i = 0; i < 60; i++) {
		struct item *item = add_file(i, "k", PICK(rng, some));

		item->rows[0].has_confidence = item->count;
		item->rows[0].confidence = rng_below(rng, 101) / 100.0;
	}
}

/* All are answered as before, or refused as damaged. */
static void ask_all(unsigned *refused)
{
	const struct vt_posting_source source = rows_source(&rows);
	int r = vt_postings_open(&source, SET, &postings, NULL);

	must(r == 0 || r == -EBADMSG || r == -ENOENT);
	*refused += r < 0;
	for (size_t i = 0; r == 0 && i < sizeof questions / sizeof *questions; i++) {
		roaring_bitmap_t *found = NULL;
		int result = run(questions[i], &found);

		must(result == 0 || result == -EBADMSG || result == -ESTALE);
		*refused += result < 0;
		must(!found || roaring_bitmap_is_empty(found) ||
		     roaring_bitmap_maximum(found) < world.tree.root.nodes);
		vt_bitmap_free(found);
	}
}

static void damage(struct posting_row *row, struct rng *rng)
{
	if (row->value_len > 0 && rng_below(rng, 4))
		row->value[rng_below(rng, (unsigned) row->value_len)] ^=
			(uint8_t) (1 + rng_below(rng, 255));
	else
		row->value_len = rng_below(rng, (unsigned) row->value_len + 1);
}

START_TEST(damaged_rows_are_refused_and_harm_nothing)
{
	struct rng rng = {11};
	unsigned refused = 0;

	set_up();
	random_labels(&rng);
	build(NULL);
	ask_all(&refused);
	ck_assert_uint_eq(refused, 0);
	for (unsigned i = 0; i < 2000; i++) {
		struct posting_row *row = &rows.list[rng_below(&rng, (unsigned) rows.count)];
		struct posting_row kept = *row;

		row->value = copy_of(kept.value, kept.value_len);
		damage(row, &rng);
		ask_all(&refused);
		free(row->value);
		*row = kept;
	}
	ck_assert_uint_gt(refused, 2000);
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

START_TEST(a_row_that_is_gone_is_missed)
{
	struct rng rng = {12};
	unsigned missed = 0;

	set_up();
	random_labels(&rng);
	build(NULL);
	for (size_t i = 0; rows.list[i].family == VT_CF_POSTING; i++) {
		struct posting_row gone = rows.list[i];
		size_t behind = --rows.count - i;
		unsigned refused = 0;

		memmove(&rows.list[i], &rows.list[i + 1], behind * sizeof gone);
		ask_all(&refused);
		memmove(&rows.list[i + 1], &rows.list[i], behind * sizeof gone);
		rows.list[i] = gone;
		rows.count++;
		missed += refused > 0;
	}
	ck_assert_uint_gt(missed, 5);
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

START_TEST(what_a_source_fails_with_is_handed_on)
{
	struct rng rng = {13};
	unsigned failed = 0;

	set_up();
	random_labels(&rng);
	build(NULL);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		for (rows.fails_at = 1;; rows.fails_at++) {
			roaring_bitmap_t *found = NULL;
			int r;

			rows.scans = 0;
			r = run(questions[i], &found);
			vt_bitmap_free(found);
			if (r == 0)
				break;
			ck_assert_int_eq(r, -EIO);
			failed++;
		}
	ck_assert_uint_gt(failed, 20);
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

/* ---- a store, and what a query is bounded by ------------------------------------------------- */

static int put_store(void *context, enum vt_family family, const void *key, size_t key_len,
		     const void *value, size_t value_len, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, context, family, key, key_len, value, value_len);
	return vt_store_write(context, batch, false, err);
}

START_TEST(a_set_in_a_store_answers_as_one_in_memory)
{
	const struct vt_store_options options = {.cache_bytes = 1 << 20};
	struct rng rng = {14};
	unsigned counts[sizeof questions / sizeof *questions];
	struct vt_posting_source source;
	struct vt_posting_sink sink = {.put = put_store};
	struct vt_store *store;

	set_up();
	random_labels(&rng);
	build(NULL);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		counts[i] = count(questions[i]);
	must(vt_store_create(vt_scratch(), NULL) == 0);
	must(vt_store_open(vt_scratch_dir, &options, &store, NULL) == 0);
	sink.context = store;
	post(NULL, &sink);
	source = vt_posting_store_source(store);
	must(vt_postings_open(&source, SET + 1, &postings, NULL) == -ENOENT);
	must(vt_postings_open(&source, SET, &postings, NULL) == 0);
	for (size_t i = 0; i < sizeof questions / sizeof *questions; i++)
		ck_assert_uint_eq(count(questions[i]), counts[i]);
	vt_store_close(store);
	vt_scratch_done();
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

static bool stop(void *context)
{
	return --*(int *) context == 0;
}

START_TEST(a_query_can_be_stopped_and_takes_no_more_memory_than_it_may)
{
	struct rng rng = {15};
	struct vt_query query;
	const struct vt_expression *expression;
	roaring_bitmap_t *found = NULL;
	int left;

	set_up();
	random_labels(&rng);
	build(NULL);
	query = (struct vt_query){.version = version(), .postings = &postings};
	must(vt_expression_parse("k=a or size>1", 13, &expression, NULL) == 0);
	query.memory = 16;
	ck_assert_int_eq(vt_query_run(&query, expression, &found, NULL), -E2BIG);
	query.memory = 0;
	query.cancel = (struct vt_cancel){stop, &left};
	for (int when = 1; when <= 3; when++) { /* after each part, and among the files */
		left = when;
		ck_assert_int_eq(vt_query_run(&query, expression, &found, NULL), -ECANCELED);
	}
	left = 1;
	ck_assert_int_eq(vt_query_scan(&query, expression, &found, NULL), -ECANCELED);
	left = 100;
	must(vt_query_run(&query, expression, &found, NULL) == 0);
	roaring_bitmap_free(found);
	vt_expression_free(expression);
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

START_TEST(postings_of_another_version_are_refused_and_too_large_a_difference)
{
	struct world before;
	struct vt_labelled_files from, to;
	struct vt_overlay *overlay;
	roaring_bitmap_t *found;
	struct rng rng = {16};

	set_up();
	random_labels(&rng);
	build(NULL);
	before = clone_world(&world);
	before.tree = world.tree;
	before.labels = world.labels;
	world.items[3].content++;
	world.items[5].rows[0] = label_of("k", "new", "bob");
	world.items[5].count = 1;
	build_world(&world, &memory);
	ck_assert_int_eq(run("k=a", &found), -ESTALE);
	from = (struct vt_labelled_files){&file_pages, &label_pages, &before.tree, &before.labels};
	to = version();
	must(vt_overlay_new(&from, &to, 2, &no_cancel, &overlay, NULL) == 0);
	vt_overlay_free(overlay);
	ck_assert_int_eq(vt_overlay_new(&from, &to, 1, &no_cancel, &overlay, NULL), -E2BIG);
	free(before.items);
	free(world.items);
	rows_done(&rows);
	memory_done(&memory);
}
END_TEST

VT_SUITE(posting, keys_and_values_are_listed_in_order_with_counts,
	 a_value_is_found_among_too_many_also_beside_one_of_its_hash,
	 by_itself_a_key_is_listed_up_to_ten_thousand_values,
	 damaged_rows_are_refused_and_harm_nothing, a_row_that_is_gone_is_missed,
	 what_a_source_fails_with_is_handed_on, a_set_in_a_store_answers_as_one_in_memory,
	 a_query_can_be_stopped_and_takes_no_more_memory_than_it_may,
	 postings_of_another_version_are_refused_and_too_large_a_difference)
