/* SPDX-License-Identifier: Apache-2.0 */
/* Trees of some files of another version: against trees of lists that were filtered plainly. */
#include "index/curate.h"

#include <stdio.h>
#include <xxhash.h>

#include "tests/unit/chance.h"
#include "tests/unit/label_store.h"
#include "tests/unit/suite.h"

/* Files in order of paths. */
#define FILES(...) ((const struct item[]){__VA_ARGS__, {"", "", ""}})

static const struct vt_cancel never = {0};

/* The curation of `items`; `wanted` NULL: all. */
static int curate(const struct item *items, const roaring_bitmap_t *wanted,
		  const struct vt_split *split, bool store, struct vt_curated *out)
{
	vt_cleanup(vt_page_store_freep) struct vt_page_store *pages = NULL;
	struct vt_tree tree = items_tree(items);
	struct vt_label_tree labels = items_labels(items);
	struct vt_curate job = {
		.from = {&idx->pages, &idx->label_pages, &tree, &labels},
		.files = wanted,
		.split = split,
		.scratch = vt_scratch_dir,
		.cancel = &never,
	};
	int r;

	if (store)
		must(vt_page_store_new(idx->store, 1, &pages, &err) == 0);
	job.pages = pages;
	r = vt_curate(&job, out, &err);
	if (store)
		must(vt_page_store_flush(pages, &err) == 0);
	return r;
}

static void same_tree(const struct vt_tree *a, const struct vt_tree *b)
{
	struct vt_digest x, y;

	must(vt_tree_digest(a, &x, &err) == 0 && vt_tree_digest(b, &y, &err) == 0);
	ck_assert(vt_digest_equal(&x, &y));
}

static void is_as(const struct vt_curated *out, const struct item *expected)
{
	struct vt_tree tree = items_tree(expected);
	struct vt_label_tree labels = items_labels(expected);
	uint64_t bytes = 0;

	for (size_t i = 0; expected[i].path[0]; i++)
		bytes += strlen(expected[i].content);
	same_tree(&out->tree, &tree);
	ck_assert(same_labels(&out->labels, &labels));
	ck_assert_uint_eq(out->counts.files, items_count(expected));
	ck_assert_uint_eq(out->counts.bytes, bytes);
	ck_assert_uint_eq(out->counts.directories + out->counts.files + 1, tree.root.nodes);
}

/* Positions of the files for which `is_wanted`, and those files. */
static roaring_bitmap_t *pick(const struct item *items, bool (*is_wanted)(const struct item *),
			      struct item *kept)
{
	roaring_bitmap_t *wanted = roaring_bitmap_create();
	struct vt_tree tree = items_tree(items);

	for (; items->path[0]; items++) {
		struct vt_node node = {0};

		if (!items->content[0] || !is_wanted(items))
			continue;
		must(vt_tree_find(&idx->pages, &tree, items->path, strlen(items->path), &node,
				  &err) == 0);
		roaring_bitmap_add(wanted, node.position);
		vt_node_done(&node);
		*kept++ = *items;
	}
	*kept = (struct item){0};
	return wanted;
}

static bool is_labelled(const struct item *item)
{
	return item->label[0];
}

static bool at_random(const struct item *item)
{
	return one_in(3);
}

/* ---- without a split ------------------------------------------------------------------------- */

START_TEST(wanted_files_keep_their_paths_and_labels_and_nothing_else_comes_along)
{
	const struct item *items = FILES({"a/1", "1", "x"}, {"a/b/2", "2", ""}, {"a/b/3", "3", "y"},
					 {"c/d/4", "4", ""}, {"e", "5", "z"}, {"f", "", ""});
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *wanted = NULL;
	struct item kept[ITEMS_MAX];
	struct vt_curated out;

	index_set_up();
	wanted = pick(items, is_labelled, kept);
	must(curate(items, wanted, NULL, true, &out) == 0);
	is_as(&out, FILES({"a/1", "1", "x"}, {"a/b/3", "3", "y"}, {"e", "5", "z"}));
	must(curate(items, NULL, NULL, true, &out) == 0); /* symlinks stay away */
	is_as(&out, FILES({"a/1", "1", "x"}, {"a/b/2", "2", ""}, {"a/b/3", "3", "y"},
			  {"c/d/4", "4", ""}, {"e", "5", "z"}));
	index_tear_down();
}
END_TEST

START_TEST(no_file_is_an_error)
{
	const struct item *items = FILES({"a", "1", ""}, {"l", "", ""});
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *wanted = roaring_bitmap_create();
	struct vt_curated out;

	index_set_up();
	ck_assert_int_eq(curate(items, wanted, NULL, true, &out), -ENOENT);
	ck_assert_str_eq(err.text, "there is no such file");
	roaring_bitmap_add(wanted, 2); /* a symlink */
	ck_assert_int_eq(curate(items, wanted, NULL, true, &out), -EBADMSG);
	index_tear_down();
}
END_TEST

static void random_items(struct item *items)
{
	static const char *const folders[] = {"", "a/", "a-/", "a/b/", "c/d/e/"};
	size_t count = 0;

	for (unsigned left = 1 + below(40); left > 0; left--) {
		struct item item = {0};

		(void) snprintf(item.path, sizeof item.path, "%sf%02u", folders[below(5)], left);
		(void) snprintf(item.content, sizeof item.content, "%u", below(20));
		if (one_in(3))
			(void) snprintf(item.label, sizeof item.label, "l%u", below(5));
		items[count++] = item;
	}
	qsort(items, count, sizeof *items, item_compare);
	items[count] = (struct item){0};
}

START_TEST(random_choices_are_as_a_plain_filter_has_them)
{
	uint64_t seed = chance_seed();
	unsigned made = 0;

	printf("# VT_SEED=%#llx\n", (unsigned long long) seed);
	chance_state = seed;
	index_set_up();
	for (unsigned i = 0; i < 300; i++) {
		struct item items[ITEMS_MAX], kept[ITEMS_MAX];
		vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *wanted = NULL;
		struct vt_curated out;

		random_items(items);
		wanted = pick(items, at_random, kept);
		if (!kept[0].path[0])
			continue;
		must(curate(items, wanted, NULL, !one_in(2), &out) == 0);
		is_as(&out, kept);
		made++;
	}
	ck_assert_uint_gt(made, 100);
	index_tear_down();
}
END_TEST

/* ---- splits ---------------------------------------------------------------------------------- */

static void refuses_split(const char *text, const char *why)
{
	struct vt_split split;

	ck_assert_int_eq(vt_split_parse(text, &split, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, why));
}

START_TEST(splits_are_read_exactly)
{
	struct vt_split split;
	char text[16];

	must(vt_split_parse("train=0.8,val=.15,a.b_c-d=0.05", &split, &err) == 0);
	ck_assert_uint_eq(split.count, 3);
	ck_assert_str_eq(split.parts[2].name, "a.b_c-d");
	ck_assert_uint_eq(split.parts[1].share, 150000);
	ck_assert_uint_eq(split.parts[1].until, 950000);
	ck_assert_uint_eq(split.parts[2].until, VT_SPLIT_WHOLE);
	must(vt_split_parse("all=1", &split, &err) == 0);
	must(vt_split_parse("a=0.333333,b=0.333333,c=0.333334", &split, &err) == 0);
	vt_split_share(150000, text);
	ck_assert_str_eq(text, "0.15");
	vt_split_share(VT_SPLIT_WHOLE, text);
	ck_assert_str_eq(text, "1");
	refuses_split("", "is no part");
	refuses_split("train", "is no part");
	refuses_split("=1", "is no part");
	refuses_split(".a=1", "is no part");
	refuses_split("a/b=1", "is no part");
	refuses_split("a=1,", "is no part");
	refuses_split("a=0,b=1", "the share of 'a'");
	refuses_split("a=1.5", "the share of 'a'");
	refuses_split("a=-1", "the share of 'a'");
	refuses_split("a=0.1234567", "the share of 'a'");
	refuses_split("a=0.", "the share of 'a'");
	refuses_split("a=.5x,b=.5", "the share of 'a'");
	refuses_split("a=0.5,a=0.5", "twice");
	refuses_split("a=0.5,b=0.4", "make 0.9");
	refuses_split("a=0.5,b=0.6", "make 1.1");
}
END_TEST

static uint64_t place_of(const struct item *item, uint64_t seed)
{
	return XXH64(item_content(item)->bytes, 16, seed);
}

/* The items moved into the folders of their parts. */
static void move_items(const struct item *items, const struct vt_split *split, const size_t *parts,
		       struct item *out)
{
	size_t count = items_count(items);

	for (size_t i = 0; i < count; i++) {
		out[i] = items[i];
		(void) snprintf(out[i].path, sizeof out[i].path, "%s/%.20s",
				split->parts[parts[i]].name, items[i].path);
	}
	qsort(out, count, sizeof *out, item_compare);
	out[count] = (struct item){0};
}

START_TEST(random_splits_are_as_the_rule_has_them)
{
	uint64_t seed = chance_seed();
	unsigned made = 0;

	printf("# VT_SEED=%#llx\n", (unsigned long long) seed);
	chance_state = seed;
	index_set_up();
	for (unsigned i = 0; i < 300; i++) {
		struct item items[ITEMS_MAX], expected[ITEMS_MAX];
		struct vt_split split = {.seed = chance()};
		size_t parts[ITEMS_MAX];
		bool used[2] = {0};
		struct vt_curated out;

		random_items(items);
		must(vt_split_parse("train=0.7,other=0.3", &split, &err) == 0);
		for (size_t k = 0; items[k].path[0]; k++) {
			double place = (double) place_of(&items[k], split.seed);

			parts[k] = place / 0x1p64 < 0.7 ? 0 : 1;
			used[parts[k]] = true;
		}
		if (!used[0] || !used[1]) {
			ck_assert_int_eq(curate(items, NULL, &split, true, &out), -ENOENT);
			ck_assert_ptr_nonnull(strstr(err.text, used[0] ? "'other'" : "'train'"));
			continue;
		}
		must(curate(items, NULL, &split, true, &out) == 0);
		move_items(items, &split, parts, expected);
		is_as(&out, expected);
		made++;
	}
	ck_assert_uint_gt(made, 100);
	index_tear_down();
}
END_TEST

/* `count` files of own contents, every third of them labelled x, the others y. */
static struct item *many_items(unsigned count)
{
	struct item *items = calloc(count + 1, sizeof *items);

	for (unsigned i = 0; i < count; i++) {
		(void) snprintf(items[i].path, sizeof items[i].path, "d%u/%06u", i / 100 % 10, i);
		(void) snprintf(items[i].content, sizeof items[i].content, "c%u", i);
		(void) snprintf(items[i].label, sizeof items[i].label, i % 3 ? "y" : "x");
	}
	qsort(items, count, sizeof *items, item_compare);
	return items;
}

/* Files of a label below a folder of the new tree. */
static unsigned count_labelled(const struct vt_curated *out, const char *folder, char value)
{
	const struct vt_tree root = vt_label_tree_root(&out->labels);
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_node node = {0};
	const char *path;
	unsigned count = 0;
	size_t len;

	must(vt_tree_walk_new(&idx->label_pages, &root, 1, &walk, &err) == 0);
	while (vt_tree_walk_next(walk, &node, &path, &len, &err) > 0) {
		struct vt_label_rows rows;
		struct vt_label label;

		if (node.entry.type == VT_LABELLED && strncmp(path, folder, strlen(folder)) == 0) {
			must(vt_label_rows_open(&rows, &idx->label_pages, &node.entry, &err) >= 0);
			must(vt_label_rows_next(&rows, &label, &err) > 0);
			count += label.value.text.bytes[0] == value;
			vt_label_rows_done(&rows);
		}
		vt_node_done(&node);
	}
	return count;
}

START_TEST(by_a_key_shares_hold_within_each_value)
{
	struct item *items = many_items(3001); /* 1001 of x, 2000 of y */
	struct vt_split split = {.seed = 7, .by = "k"};
	struct vt_curated out, again, other;

	index_set_up();
	must(vt_split_parse("train=0.8,val=0.1,test=0.1", &split, &err) == 0);
	must(curate(items, NULL, &split, true, &out) == 0);
	/* 800.8 and 900.9 of 1001, to the nearest */
	ck_assert_uint_eq(count_labelled(&out, "train/", 'x'), 801);
	ck_assert_uint_eq(count_labelled(&out, "val/", 'x'), 100);
	ck_assert_uint_eq(count_labelled(&out, "test/", 'x'), 100);
	ck_assert_uint_eq(count_labelled(&out, "train/", 'y'), 1600);
	ck_assert_uint_eq(count_labelled(&out, "val/", 'y'), 200);
	ck_assert_uint_eq(out.part_files[0], 2401);
	ck_assert_uint_eq(out.part_files[2], 300);

	must(curate(items, NULL, &split, false, &again) == 0);
	same_tree(&out.tree, &again.tree); /* and nothing needs to be stored to know it */
	split.seed = 8;
	must(curate(items, NULL, &split, true, &other) == 0);
	ck_assert_uint_eq(count_labelled(&other, "train/", 'x'), 801);
	ck_assert(!vt_digest_equal(&other.tree.root.content, &out.tree.root.content));
	free(items);
	index_tear_down();
}
END_TEST

START_TEST(without_a_key_shares_hold_about_and_files_stay_when_others_come)
{
	struct item *few = many_items(1000), *more = many_items(3000);
	struct vt_split split = {.seed = 1};
	struct vt_curated a, b;
	unsigned both = 0;

	index_set_up();
	must(vt_split_parse("train=0.8,test=0.2", &split, &err) == 0);
	must(curate(few, NULL, &split, true, &a) == 0);
	must(curate(more, NULL, &split, true, &b) == 0);
	ck_assert_uint_eq(a.part_files[0] + a.part_files[1], 1000);
	ck_assert_uint_gt(b.part_files[1], 500); /* of 600: the seed says which, always */
	ck_assert_uint_lt(b.part_files[1], 700);
	for (struct item *item = few; item->path[0]; item++) {
		struct vt_node node = {0};
		char path[64];

		(void) snprintf(path, sizeof path, "test/%s", item->path);
		if (vt_tree_find(&idx->pages, &a.tree, path, strlen(path), &node, NULL) < 0)
			continue;
		vt_node_done(&node);
		must(vt_tree_find(&idx->pages, &b.tree, path, strlen(path), &node, &err) == 0);
		vt_node_done(&node);
		both++;
	}
	ck_assert_uint_eq(both, a.part_files[1]);
	free(few);
	free(more);
	index_tear_down();
}
END_TEST

/* Two contents in many files, with labels that differ. */
START_TEST(equal_contents_are_never_in_two_parts)
{
	struct item items[ITEMS_MAX] = {0};
	struct vt_split split = {.by = "k"};

	for (unsigned i = 0; i < 60; i++) {
		(void) snprintf(items[i].path, sizeof items[i].path, "%02u", i);
		(void) snprintf(items[i].content, sizeof items[i].content, "%u", i % 20);
		(void) snprintf(items[i].label, sizeof items[i].label, "l%u", i % 7);
	}
	index_set_up();
	must(vt_split_parse("a=0.5,b=0.5", &split, &err) == 0);
	for (split.seed = 0; split.seed < 50; split.seed++) {
		roaring_bitmap_t *parts[VT_SPLIT_PARTS_MAX];
		struct vt_tree tree = items_tree(items);
		struct vt_label_tree labels = items_labels(items);
		const struct vt_labelled_files from = {&idx->pages, &idx->label_pages, &tree,
						       &labels};
		const char *key = split.seed % 2 ? "k" : NULL;

		split.by = key;
		must(vt_split_files(&split, &from, NULL, vt_scratch_dir, &never, parts, &err) == 0);
		for (unsigned i = 0; i < 60; i++)
			ck_assert(roaring_bitmap_contains(parts[0], 1 + i) ==
				  roaring_bitmap_contains(parts[0], 1 + i % 20));
		ck_assert_uint_eq(roaring_bitmap_get_cardinality(parts[0]) +
					  roaring_bitmap_get_cardinality(parts[1]),
				  60);
		vt_bitmap_free(parts[0]);
		vt_bitmap_free(parts[1]);
	}
	index_tear_down();
}
END_TEST

/* ---- links and cancelling -------------------------------------------------------------------- */

static int note_linked(void *context, const char *path, size_t len, const struct vt_entry *entry,
		       uint32_t position, struct vt_error *why)
{
	unsigned *entries = context;

	(void) path;
	(void) len;
	(void) why;
	ck_assert(!entry->linked);
	ck_assert_uint_eq(position, ++*entries);
	return 0;
}

/* A tree of two names of one file, as a publish would make it. */
static struct vt_tree linked_tree(void)
{
	vt_cleanup(vt_page_store_freep) struct vt_page_store *pages = NULL;
	struct vt_entry entry = {.type = VT_FILE,
				 .linked = true,
				 .mode = 0600,
				 .size = 5,
				 .content = *content_of("links"),
				 .name = "a",
				 .name_len = 1,
				 .nodes = 1};
	const struct vt_entry root = {.type = VT_DIRECTORY, .mode = 0700, .mtime_sec = 9};
	struct vt_tree_builder *builder;
	struct vt_page_sink sink;
	struct vt_tree tree = {0};

	must(vt_page_store_new(idx->store, 1, &pages, &err) == 0);
	sink = vt_page_store_sink(pages, VT_PAGE_FILES);
	must(vt_tree_builder_new(&sink, &builder, &err) == 0);
	must(vt_tree_builder_add(builder, &entry, &err) == 0);
	entry.name = "b";
	must(vt_tree_builder_add(builder, &entry, &err) == 0);
	must(vt_tree_builder_finish(builder, &root, &tree, &err) == 0);
	vt_tree_builder_free(builder);
	must(vt_page_store_flush(pages, &err) == 0);
	tree.links = 1;
	tree.link_count = 2;
	return tree;
}

START_TEST(hard_links_become_files_and_the_root_stays_as_it_was)
{
	const struct vt_label_tree none = {0};
	struct vt_tree tree;
	struct vt_curated out;
	unsigned entries = 0;
	struct vt_curate job = {.cancel = &never, .each = note_linked, .context = &entries};

	index_set_up();
	tree = linked_tree();
	job.from = (struct vt_labelled_files){&idx->pages, &idx->label_pages, &tree, &none};
	must(vt_curate(&job, &out, &err) == 0);
	ck_assert_uint_eq(entries, 2);
	ck_assert_uint_eq(out.counts.bytes, 10);
	ck_assert_uint_eq(out.tree.link_count, 0);
	ck_assert_uint_eq(out.tree.root.mode, 0700);
	ck_assert_int_eq(out.tree.root.mtime_sec, 9);
	index_tear_down();
}
END_TEST

static bool at_once(void *context)
{
	(void) context;
	return true;
}

START_TEST(it_can_be_cancelled)
{
	const struct vt_label_tree none = {0};
	const struct vt_cancel cancel = {.call = at_once};
	struct vt_tree tree;
	struct vt_curated out;
	struct vt_curate job = {.cancel = &cancel};

	index_set_up();
	tree = linked_tree();
	job.from = (struct vt_labelled_files){&idx->pages, &idx->label_pages, &tree, &none};
	ck_assert_int_eq(vt_curate(&job, &out, &err), -ECANCELED);
	index_tear_down();
}
END_TEST

VT_SUITE(curate, wanted_files_keep_their_paths_and_labels_and_nothing_else_comes_along,
	 no_file_is_an_error, random_choices_are_as_a_plain_filter_has_them,
	 splits_are_read_exactly, random_splits_are_as_the_rule_has_them,
	 by_a_key_shares_hold_within_each_value,
	 without_a_key_shares_hold_about_and_files_stay_when_others_come,
	 equal_contents_are_never_in_two_parts,
	 hard_links_become_files_and_the_root_stays_as_it_was, it_can_be_cancelled)
