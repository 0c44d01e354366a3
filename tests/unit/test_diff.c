/* SPDX-License-Identifier: Apache-2.0 */
/* The difference of two trees against a naive one, and what it costs. */
#include "index/diff.h"
#include "tests/unit/suite.h"
#include "tests/unit/tree_model.h"

#include <errno.h>

struct change {
	enum vt_change kind;
	const struct model *before, *after;
};

struct changes {
	struct change *list;
	size_t count, seen;
};

static bool same_content(const struct model *a, const struct model *b)
{
	if (a->entry.type != b->entry.type)
		return false;
	if (a->entry.type == VT_FILE)
		return a->entry.size == b->entry.size &&
		       vt_digest_equal(&a->entry.content, &b->entry.content);
	if (a->entry.type == VT_SYMLINK)
		return a->entry.target == b->entry.target; /* of one table */
	return true;
}

static void note(struct changes *changes, enum vt_change kind, const struct model *before,
		 const struct model *after)
{
	changes->list = realloc(changes->list, (changes->count + 1) * sizeof *changes->list);
	changes->list[changes->count++] = (struct change){kind, before, after};
}

/* Either may be NULL. */
static void naive_diff(struct changes *out, const struct model *before, const struct model *after)
{
	size_t i = 0, k = 0;

	if (!before)
		note(out, VT_ADDED, NULL, after);
	else if (!after)
		note(out, VT_REMOVED, before, NULL);
	else if (!same_content(before, after))
		note(out, VT_CHANGED, before, after);
	else if (!same_attributes(&before->entry, &after->entry))
		note(out, VT_METADATA, before, after);
	while ((before && i < before->count) || (after && k < after->count)) {
		const struct model *a = before && i < before->count ? before->children[i] : NULL;
		const struct model *b = after && k < after->count ? after->children[k] : NULL;
		int order = !a   ? 1
			    : !b ? -1
				 : vt_name_compare(a->name, a->entry.name_len, b->name,
						   b->entry.name_len);

		naive_diff(out, order <= 0 ? a : NULL, order >= 0 ? b : NULL);
		i += order <= 0;
		k += order >= 0;
	}
}

static int check_change(void *context, enum vt_change kind, const char *path, size_t len,
			const struct vt_entry *before, const struct vt_entry *after)
{
	struct changes *changes = context;
	const struct change *expected = &changes->list[changes->seen];
	const struct model *named;

	must(changes->seen++ < changes->count);
	must(kind == expected->kind);
	must(!before == !expected->before && !after == !expected->after);
	must(!before || same_entry(before, &expected->before->entry));
	must(!after || same_entry(after, &expected->after->entry));
	named = expected->after ? expected->after : expected->before;
	must(len == named->path_len && (len == 0 || memcmp(path, named->path, len) == 0));
	return 0;
}

static void number(struct model *root)
{
	struct model **flat = calloc(model_size(root), sizeof(struct model *));

	(void) model_number(root, flat, 0);
	free(flat);
}

/* Builds both, checks the difference in both directions; the pages read for one of them. */
static size_t check_pair(struct model *before, struct model *after)
{
	struct vt_tree tree_before, tree_after;
	struct changes changes = {0};
	struct memory memory;
	size_t gets;

	number(before);
	number(after);
	memory_init(&memory, 1, 1);
	tree_before = model_build(before, &memory);
	tree_after = model_build(after, &memory);
	naive_diff(&changes, before, after);
	memory.gets = 0;
	must(vt_diff(&memory.source, &tree_before, &tree_after, check_change, &changes, NULL) == 0);
	must(changes.seen == changes.count);
	gets = memory.gets;

	changes.count = changes.seen = 0;
	naive_diff(&changes, after, before);
	must(vt_diff(&memory.source, &tree_after, &tree_before, check_change, &changes, NULL) == 0);
	must(changes.seen == changes.count);
	free(changes.list);
	memory_done(&memory);
	return gets;
}

/* Random edits all over a tree. */
static void edit(struct model *dir, struct rng *rng, unsigned one_in)
{
	for (size_t i = 0; i < dir->count; i++) {
		struct model *child = dir->children[i];

		if (child->entry.type == VT_DIRECTORY)
			edit(child, rng, one_in);
		if (rng_below(rng, one_in) > 0)
			continue;
		switch (rng_below(rng, 4)) {
		case 0:
			model_remove(dir, i);
			break;
		case 1: /* another type, the contents of a directory stay or go */
			while (child->count > 0)
				model_remove(child, 0);
			child->entry.type = 1 + rng_below(rng, 3);
			child->entry.size = child->entry.target_len = 0;
			child->entry.linked = false;
			child->entry.content = (struct vt_digest){0};
			child->entry.hint = (struct vt_location){0};
			model_fill(child, rng);
			break;
		case 2:
			model_fill(child, rng);
			break;
		default:
			model_add_random(dir, rng, 1, 40);
		}
	}
}

START_TEST(random_pairs_agree_with_the_naive_difference)
{
	static const unsigned rates[] = {1, 3, 20, 200};

	for (uint64_t seed = 1; seed <= 40; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		struct model *before = model_random(&rng, 3, 20 + rng_below(&rng, 150));
		struct model *after = model_clone(before);

		edit(after, &rng, rates[seed % 4]);
		(void) check_pair(before, after);
		model_free(before);
		model_free(after);
	}
}
END_TEST

START_TEST(large_directories_agree_with_the_naive_difference)
{
	for (uint64_t seed = 1; seed <= 6; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		struct model *before = model_random(&rng, 0, 3000);
		struct model *after = model_clone(before);

		edit(after, &rng, seed % 2 ? 2 : 500);
		(void) check_pair(before, after);
		model_free(before);
		model_free(after);
	}
}
END_TEST

START_TEST(unrelated_and_empty_trees_agree_with_the_naive_difference)
{
	struct rng rng = {3};
	struct model *a = model_random(&rng, 2, 100), *b = model_random(&rng, 2, 300),
		     *empty = model_random(&rng, 0, 0);

	(void) check_pair(a, b);
	(void) check_pair(a, empty);
	(void) check_pair(empty, b);
	model_free(a);
	model_free(b);
	model_free(empty);
}
END_TEST

START_TEST(equal_trees_read_no_page)
{
	struct rng rng = {4};
	struct model *a = model_random(&rng, 2, 100), *b = model_clone(a);

	ck_assert_uint_eq(check_pair(a, b), 0);
	b->entry.mode ^= 1; /* the root's own attributes are in no page */
	ck_assert_uint_eq(check_pair(a, b), 0);
	model_free(a);
	model_free(b);
}
END_TEST

START_TEST(one_edit_in_5000_entries_reads_few_pages)
{
	for (uint64_t seed = 1; seed <= 12; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		struct model *a = model_random(&rng, 0, 5000), *b = model_clone(a);
		size_t at = rng_below(&rng, (unsigned) b->count);

		if (seed % 3 == 0)
			model_remove(b, at);
		else if (seed % 3 == 1)
			b->children[at]->entry.mode ^= 1;
		else
			model_add_random(b, &rng, 0, 0);
		ck_assert_uint_gt(b->count / 32, 80); /* pages there are on either side */
		ck_assert_uint_le(check_pair(a, b), 16);
		model_free(a);
		model_free(b);
	}
}
END_TEST

static int stop_at_third(void *context, enum vt_change kind, const char *path, size_t len,
			 const struct vt_entry *before, const struct vt_entry *after)
{
	return ++*(int *) context == 3 ? 42 : 0;
}

START_TEST(the_callback_can_stop_it)
{
	struct rng rng = {6};
	struct model *a = model_random(&rng, 1, 0), *b = model_random(&rng, 1, 200);
	struct vt_tree tree_a, tree_b;
	struct memory memory;
	int calls = 0;

	memory_init(&memory, 1, 1);
	tree_a = model_build(a, &memory);
	tree_b = model_build(b, &memory);
	ck_assert_int_eq(vt_diff(&memory.source, &tree_a, &tree_b, stop_at_third, &calls, NULL),
			 42);
	ck_assert_int_eq(calls, 3);
	memory_done(&memory);
	model_free(a);
	model_free(b);
}
END_TEST

START_TEST(a_missing_page_is_an_error)
{
	struct rng rng = {7};
	struct model *a = model_random(&rng, 0, 1), *b = model_random(&rng, 0, 200);
	struct vt_tree tree_a, tree_b;
	struct memory memory;
	int calls = -1000000;

	memory_init(&memory, 1, 1);
	tree_a = model_build(a, &memory);
	tree_b = model_build(b, &memory);
	tree_b.root.page = 999;
	ck_assert_int_eq(vt_diff(&memory.source, &tree_a, &tree_b, stop_at_third, &calls, NULL),
			 -ENOENT);
	tree_b.root.page = tree_a.root.page; /* not the page that its entry tells of */
	ck_assert_int_eq(vt_diff(&memory.source, &tree_a, &tree_b, stop_at_third, &calls, NULL),
			 -EBADMSG);
	memory_done(&memory);
	model_free(a);
	model_free(b);
}
END_TEST

VT_SUITE(diff, random_pairs_agree_with_the_naive_difference,
	 large_directories_agree_with_the_naive_difference,
	 unrelated_and_empty_trees_agree_with_the_naive_difference, equal_trees_read_no_page,
	 one_edit_in_5000_entries_reads_few_pages, the_callback_can_stop_it,
	 a_missing_page_is_an_error)
