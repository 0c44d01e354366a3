/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries by postings against a look at every file: random versions, expressions, overlays and
 * limits; then postings that are damaged, or cannot be read. VT_SEED repeats a run.
 */
#include "index/query.h"
#include "index/base/error.h"
#include "index/expression_eval.h"
#include "tests/unit/chance.h"
#include "tests/unit/query_model.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <inttypes.h>

static struct memory memory;
static struct vt_page_source file_pages, label_pages;
static uint64_t seed;

static void set_up(void)
{
	memory_init(&memory, 100, 1);
	file_pages = label_pages = memory.source;
	label_pages.kind = VT_PAGE_LABELS;
}

static struct vt_labelled_files version_of(const struct world *world)
{
	return (struct vt_labelled_files){&file_pages, &label_pages, &world->tree, &world->labels};
}

static const struct vt_cancel no_cancel;

static void post(const struct world *world, const struct vt_posting_limits *limits,
		 struct posting_rows *rows)
{
	const struct vt_posting_sink sink = {put_row, rows};
	const struct vt_posting_origin origin = {.files = world->tree.root.content,
						 .labels = world->labels.content,
						 .nodes = world->tree.root.nodes};
	const struct vt_labelled_files version = version_of(world);
	struct vt_posting_builder *builder;

	must(vt_posting_builder_new(limits, &builder, NULL) == 0);
	must(vt_file_labels_post(&version, &no_cancel, builder, NULL) == 0);
	must(vt_posting_builder_finish(builder, 7, &origin, &sink, NULL) == 0);
	vt_posting_builder_free(builder);
}

static struct vt_postings open_postings(struct posting_rows *rows)
{
	const struct vt_posting_source source = rows_source(rows);
	struct vt_postings postings;

	must(vt_postings_open(&source, 7, &postings, NULL) == 0);
	return postings;
}

static const struct vt_expression *parse(const char *text)
{
	const struct vt_expression *expression;
	struct vt_error err;

	ck_assert_msg(vt_expression_parse(text, strlen(text), &expression, &err) == 0, "%s: %s",
		      text, err.text);
	return expression;
}

static const struct vt_expression *random_expression(struct rng *rng)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	write_expression(&text, rng, rng_below(rng, 4));
	vt_buf_put_u8(&text, 0);
	return parse((const char *) text.data);
}

/* ---- what is expected ------------------------------------------------------------------------ */

struct told {
	const struct item *item;
	const struct vt_expression *expression;
};

static int tell_label(void *context, size_t key, struct vt_expression_label *out,
		      struct vt_error *err)
{
	const struct told *told = context;
	const struct vt_label_text *name = &told->expression->keys[key];
	struct vt_label rows[8];
	struct vt_label_agreement agreement;
	size_t count = 0;

	for (size_t i = 0; i < told->item->count; i++)
		if (told->item->rows[i].key.len == name->len &&
		    memcmp(told->item->rows[i].key.bytes, name->bytes, name->len) == 0)
			rows[count++] = told->item->rows[i];
	*out = (struct vt_expression_label){0};
	for (size_t i = 0; i < told->item->count; i++) /* rows are copies */
		if (count > 0 && same_label(&told->item->rows[i],
					    vt_label_effective(rows, count, &agreement)
						    ? vt_label_effective(rows, count, NULL)
						    : &(struct vt_label){.key = text_of("")}))
			out->effective = &told->item->rows[i];
	if (out->effective) {
		out->agreement = (double) agreement.agreeing / (double) agreement.annotators;
		out->disputed = agreement.disputed;
	}
	return 0;
}

static int tell_labelled(void *context, struct vt_error *err)
{
	return ((const struct told *) context)->item->count > 0;
}

static bool is_meant(const struct vt_expression *expression, const struct item *item)
{
	struct told told = {item, expression};
	const char *slash = strrchr(item->path, '/');
	const struct vt_expression_facts facts = {.path = text_of(item->path),
						  .name = text_of(slash ? slash + 1 : item->path),
						  .size = item->size,
						  .label = tell_label,
						  .is_labelled = tell_labelled,
						  .context = &told};

	return item->type == VT_FILE && vt_expression_matches(expression, &facts, NULL) == 1;
}

static roaring_bitmap_t *expected(const struct vt_expression *expression, const struct world *world)
{
	roaring_bitmap_t *out = roaring_bitmap_create();

	for (size_t i = 0; i < world->count; i++)
		if (is_meant(expression, &world->items[i]))
			roaring_bitmap_add(out, world->items[i].position);
	return out;
}

/* ---- random ones ----------------------------------------------------------------------------- */

static void check_same(roaring_bitmap_t *found, const roaring_bitmap_t *wanted, const char *how,
		       const struct vt_expression *expression)
{
	if (!roaring_bitmap_equals(found, wanted))
		ck_abort_msg("VT_SEED=%" PRIu64 ": %s: %s: found %u, wanted %u", seed, how,
			     expression->text, (unsigned) roaring_bitmap_get_cardinality(found),
			     (unsigned) roaring_bitmap_get_cardinality(wanted));
	roaring_bitmap_free(found);
}

/* Gives how many are found. */
static unsigned check_query(const struct world *world, const struct vt_postings *postings,
			    const struct vt_overlay *overlay, struct rng *rng)
{
	const struct vt_query query = {
		.version = version_of(world), .postings = postings, .overlay = overlay};
	const struct vt_expression *expression = random_expression(rng);
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *wanted = expected(expression, world);
	unsigned count = (unsigned) roaring_bitmap_get_cardinality(wanted);
	roaring_bitmap_t *found;
	struct vt_error err = {""};
	int r = vt_query_run(&query, expression, &found, &err);

	ck_assert_msg(r == 0, "VT_SEED=%" PRIu64 ": %s: %s", seed, expression->text, err.text);
	check_same(found, wanted, overlay ? "overlay" : "postings", expression);
	must(vt_query_scan(&query, expression, &found, NULL) == 0);
	check_same(found, wanted, "scan", expression);
	vt_expression_free(expression);
	return count;
}

/* A version, and one that comes from it by labels (1), files (2) or both (3), by nearly all of
 * it (4), or by files that are gone at the end (8). */
static unsigned check_world(struct rng *rng, unsigned changes, unsigned queries)
{
	static const struct vt_posting_limits narrow[] = {
		{3, 2, 1 << 20}, {2, 4, 1 << 20}, {100, 100, 700}, {1, 1, 1}};
	struct vt_overlay *overlay = NULL;
	struct posting_rows rows = {0};
	struct world before, after;
	struct vt_postings postings;
	unsigned found = 0;

	random_world(&before, rng, 150);
	build_world(&before, &memory);
	post(&before, rng_below(rng, 2) ? NULL : &PICK(rng, narrow), &rows);
	postings = open_postings(&rows);
	after = clone_world(&before);
	if (changes & 1)
		relabel_some(&after, rng, 10);
	if (changes & 2)
		change_some(&after, rng, 30);
	if (changes & 4)
		change_some(&after, rng, 1000);
	if (changes & 8) /* sorted by now: all others stay where they are */
		after.count -= rng_below(rng, (unsigned) after.count + 1);
	build_world(&after, &memory);
	if (changes) {
		const struct vt_labelled_files from = version_of(&before), to = version_of(&after);

		must(vt_overlay_new(&from, &to, 10000, &no_cancel, &overlay, NULL) == 0);
	}
	for (unsigned i = 0; i < queries; i++)
		found += check_query(&after, &postings, overlay, rng);
	vt_overlay_free(overlay);
	rows_done(&rows);
	free(before.items);
	free(after.items);
	return found;
}

static void check_worlds(uint64_t first, unsigned count, unsigned changes)
{
	unsigned found = 0;

	for (unsigned i = 0; i < count; i++) {
		struct rng rng = {seed = first + i};

		set_up();
		found += check_world(&rng, changes, 20);
		memory_done(&memory);
	}
	ck_assert_uint_gt(found, count * 20 * 4); /* else they say little */
}

START_TEST(postings_mean_what_a_look_at_every_file_means)
{
	uint64_t own = chance_seed() | 1;

	fprintf(stderr, "VT_SEED=%" PRIu64 "\n", own);
	check_worlds(1, 40, 0);
	check_worlds(own, 20, 0);
}
END_TEST

START_TEST(a_set_serves_a_revision_of_labels)
{
	check_worlds(1, 20, 1);
}
END_TEST

START_TEST(a_set_serves_a_version_with_other_files)
{
	check_worlds(1, 20, 2);
	check_worlds(100, 20, 3);
	check_worlds(200, 5, 4); /* hardly a file is the same */
	check_worlds(300, 10, 8);
}
END_TEST

VT_SUITE(query, postings_mean_what_a_look_at_every_file_means, a_set_serves_a_revision_of_labels,
	 a_set_serves_a_version_with_other_files)
