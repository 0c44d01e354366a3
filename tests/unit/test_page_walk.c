/* SPDX-License-Identifier: Apache-2.0 */
/* A walk over the pages of trees of labels, for gc and verify, which test the rest of it. */
#include "index/page_walk.h"
#include "index/page_cache.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/labelled_files.h"
#include "tests/unit/suite.h"

struct fixture {
	struct vt_store store;
	struct memory memory;
	struct files files;
	struct vt_label_tree tree;
	struct vt_page_walk *walk;
	size_t entries, labelled, problems;
};

static int count_entry(void *context, const struct vt_entry *entry, struct vt_error *err)
{
	struct fixture *f = context;

	f->entries++;
	f->labelled += entry->type == VT_LABELLED;
	return 0;
}

static void count_problem(void *context, uint64_t page, const char *problem)
{
	((struct fixture *) context)->problems++;
}

static const struct vt_page_walk_ops counting = {count_entry, count_problem};

/* All pages of the memory, but for one (0: none), are the store's. */
static void fill_store(struct fixture *f, uint64_t missing)
{
	struct memory_page *page, *next;
	uint8_t key[VT_PAGE_KEY_LEN];

	f->store.count = 0;
	HASH_ITER (hh, f->memory.by_digest, page, next) {
		must(f->store.count < FAKE_ROWS_MAX);
		vt_page_key(page->id, key);
		if (page->id != missing)
			fake_put(&f->store, VT_CF_PAGE, key, sizeof key, page->value, page->len);
	}
}

/* A tree of several levels, and a file with labels in a list of pages. */
static void set_up(struct fixture *f)
{
	struct rng rng = {3};
	char path[64];

	*f = (struct fixture){0};
	memory_init(&f->memory, 0, 1);
	for (unsigned i = 0; i < 120; i++) {
		(void) snprintf(path, sizeof path, "%s/%u", i % 3 ? "a" : "b/c", i);
		(void) add_file(&f->files, path, 1, &rng);
	}
	(void) add_file(&f->files, "few labels", 1, &rng);
	(void) add_file(&f->files, "one page of labels", 60, &rng);
	(void) add_file(&f->files, "some pages of labels", 800, &rng);
	f->tree = build(&f->files, &f->memory);
	fill_store(f, 0);
}

static void tear_down(struct fixture *f)
{
	vt_page_walk_free(f->walk);
	ck_assert_uint_eq(f->store.pinned, 0);
	memory_done(&f->memory);
	files_done(&f->files);
}

/* Walks the tree anew; how many problems there were. */
static size_t walk(struct fixture *f, bool check)
{
	vt_page_walk_free(f->walk);
	f->entries = f->labelled = f->problems = 0;
	must(vt_page_walk_new(&f->store, check, &counting, f, &f->walk, NULL) == 0);
	must(vt_page_walk_labels(f->walk, &f->tree, NULL) == 0);
	return f->problems;
}

START_TEST(every_page_of_a_tree_of_labels_is_visited_once)
{
	struct fixture f;
	struct memory_page *page, *next;
	size_t gets;

	set_up(&f);
	for (int check = 0; check < 2; check++) {
		f.store.gets = 0;
		ck_assert_uint_eq(walk(&f, check), 0);
		ck_assert_uint_eq(f.labelled, f.tree.files);
		ck_assert_uint_eq(f.entries, f.tree.nodes - 1);
		ck_assert_uint_eq(f.store.gets, HASH_COUNT(f.memory.by_digest));
		HASH_ITER (hh, f.memory.by_digest, page, next)
			ck_assert(vt_page_walk_has_seen(f.walk, page->id));
	}
	gets = f.store.gets;
	ck_assert_int_eq(vt_page_walk_labels(f.walk, &f.tree, NULL), 0);
	ck_assert_uint_eq(f.store.gets, gets);
	tear_down(&f);
}
END_TEST

START_TEST(without_labels_nothing_is_visited)
{
	struct fixture f;

	set_up(&f);
	f.tree = (struct vt_label_tree){0};
	ck_assert_uint_eq(walk(&f, true), 0);
	ck_assert_uint_eq(f.store.gets, 0);
	tear_down(&f);
}
END_TEST

START_TEST(any_page_that_is_missing_is_a_problem)
{
	struct fixture f;
	struct memory_page *page, *next;

	set_up(&f);
	HASH_ITER (hh, f.memory.by_digest, page, next) {
		fill_store(&f, page->id);
		ck_assert_uint_eq(walk(&f, false), 1);
	}
	tear_down(&f);
}
END_TEST

/* Is the number at `offset` of a trailer a sum that a check of the page itself must find wrong? */
static bool is_checked_sum(const struct vt_page *page, size_t offset)
{
	size_t step = page->level ? 40 : 16, i = offset / step;
	struct vt_entry entry;

	if (i >= page->count)
		return true;
	if (offset % step == 0)
		return false; /* the id of a page */
	if (page->level)
		return true;
	vt_page_entry(page, (unsigned) i, &entry);
	return entry.type == VT_DIRECTORY || vt_entry_is_inline(&entry);
}

START_TEST(any_sum_of_lines_that_is_another_is_a_problem_when_digests_are_checked)
{
	struct fixture f;
	struct memory_page *stored, *next;

	set_up(&f);
	HASH_ITER (hh, f.memory.by_digest, stored, next) {
		size_t trailer = 4 + (stored->value[0] | (size_t) stored->value[1] << 8);
		struct vt_page *page;

		must(memory_get(&f.memory, stored->id, false, &page, NULL) == 0);
		for (size_t at = 0; page->kind == VT_PAGE_LABELS && trailer + at < stored->len;
		     at += 8) {
			if (!is_checked_sum(page, at))
				continue;
			stored->value[trailer + at] ^= 1;
			ck_assert_msg(walk(&f, true) > 0, "page %d, %zu", (int) stored->id, at);
			stored->value[trailer + at] ^= 1;
		}
		vt_page_unref(page);
	}
	tear_down(&f);
}
END_TEST

/* In the middle of the canonical bytes: of a name, a digest or a label. */
START_TEST(any_byte_that_is_another_is_a_problem_when_digests_are_checked)
{
	struct fixture f;
	struct memory_page *page, *next;

	set_up(&f);
	HASH_ITER (hh, f.memory.by_digest, page, next) {
		size_t len = page->value[0] | (size_t) page->value[1] << 8;
		uint8_t *byte = page->value + 4 + len / 2;

		*byte ^= 1;
		ck_assert_uint_ge(walk(&f, true), 1);
		*byte ^= 1;
	}
	tear_down(&f);
}
END_TEST

static struct vt_entry find_entry(struct fixture *f, const char *path)
{
	struct vt_node node;

	must(vt_label_tree_find(&f->memory.source, &f->tree, path, strlen(path), &node, NULL) == 0);
	vt_node_done(&node);
	return node.entry; /* but for what it borrows */
}

static void swap_pages(struct fixture *f, uint64_t a, uint64_t b)
{
	struct memory_page *one = memory_find(&f->memory, a), *other = memory_find(&f->memory, b);
	struct memory_page was = *one;

	one->value = other->value;
	one->len = other->len;
	other->value = was.value;
	other->len = was.len;
	fill_store(f, 0);
}

/* Each is sound, and in the other's place: known without digests. */
START_TEST(pages_that_are_not_what_their_parents_say_are_problems)
{
	struct fixture f;
	struct vt_page *list;
	uint64_t rows, directory, part, many;

	set_up(&f);
	rows = find_entry(&f, "one page of labels").page;
	directory = find_entry(&f, "a").page;
	many = find_entry(&f, "some pages of labels").page;
	must(memory_get(&f.memory, many, false, &list, NULL) == 0);
	ck_assert_uint_eq(list->level, 1);
	part = vt_page_listed(list, 0);
	vt_page_unref(list);

	swap_pages(&f, rows, directory); /* of another kind */
	ck_assert_uint_eq(walk(&f, false), 2);
	swap_pages(&f, rows, directory);
	swap_pages(&f, rows, part); /* of other labels */
	ck_assert_uint_eq(walk(&f, false), 2);
	swap_pages(&f, rows, part);
	swap_pages(&f, many, part); /* of another level */
	ck_assert_uint_ge(walk(&f, false), 1);
	swap_pages(&f, many, part);
	ck_assert_uint_eq(walk(&f, false), 0);
	tear_down(&f);
}
END_TEST

START_TEST(trees_of_labels_and_of_files_are_not_taken_for_each_other)
{
	struct fixture f;
	struct vt_tree root;

	set_up(&f);
	root = vt_label_tree_root(&f.tree);
	must(vt_page_walk_new(&f.store, true, &counting, &f, &f.walk, NULL) == 0);
	ck_assert_int_eq(vt_page_walk_tree(f.walk, &root, NULL), 0);
	ck_assert_uint_eq(f.problems, 1);
	ck_assert_uint_eq(f.entries, 0);
	tear_down(&f);
}
END_TEST

VT_SUITE(page_walk, every_page_of_a_tree_of_labels_is_visited_once,
	 without_labels_nothing_is_visited, any_page_that_is_missing_is_a_problem,
	 any_byte_that_is_another_is_a_problem_when_digests_are_checked,
	 any_sum_of_lines_that_is_another_is_a_problem_when_digests_are_checked,
	 pages_that_are_not_what_their_parents_say_are_problems,
	 trees_of_labels_and_of_files_are_not_taken_for_each_other)
