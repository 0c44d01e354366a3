/* SPDX-License-Identifier: Apache-2.0 */
/* Labels that a new version takes over: cases by hand, and random trees against a plain model. */
#include "index/carry.h"

#include <stdio.h>

#include "tests/unit/chance.h"
#include "tests/unit/label_store.h"
#include "tests/unit/suite.h"

static struct vt_label_tree carry(const struct item *before, const struct item *after)
{
	struct vt_tree old = items_tree(before), new = items_tree(after);
	struct vt_label_tree labels = items_labels(before), out;

	must(vt_carry_labels(idx, 1, &old, &labels, &new, &out, &(uint64_t){0}, &err) == 0);
	return out;
}

static void carries(const struct item *before, const struct item *after, const char *expected)
{
	struct vt_label_tree out = carry(before, after);

	ck_assert_str_eq(labels_text(&out), expected);
}

/* Files in order of paths. */
#define FILES(...) ((const struct item[]){__VA_ARGS__, {"", "", ""}})

START_TEST(labels_of_unchanged_files_stay_and_of_changed_ones_go)
{
	index_set_up();
	carries(FILES({"a", "1", "x"}, {"b", "2", "y"}, {"c", "3", ""}),
		FILES({"a", "1", ""}, {"b", "9", ""}, {"c", "3", ""}, {"d", "4", ""}), "a=x ");
	carries(FILES({"a", "1", "x"}), FILES({"b", "2", ""}), "");
	carries(FILES({"a", "1", ""}), FILES({"b", "1", ""}), "");
	index_tear_down();
}
END_TEST

START_TEST(labels_follow_a_file_that_was_moved_but_not_one_that_was_edited_too)
{
	index_set_up();
	carries(FILES({"a/1", "1", "x"}, {"a/2", "2", "y"}),
		FILES({"a/2", "2", ""}, {"b/c/1", "1", ""}), "a/2=y b/c/1=x ");
	carries(FILES({"z", "1", "x"}), FILES({"a", "1", ""}), "a=x ");
	carries(FILES({"a", "1", "x"}), FILES({"b", "2", ""}), "");
	index_tear_down();
}
END_TEST

START_TEST(contents_that_change_places_take_their_labels_along)
{
	index_set_up();
	carries(FILES({"a", "1", "x"}, {"b", "2", "y"}), FILES({"a", "2", ""}, {"b", "1", ""}),
		"a=y b=x ");
	carries(FILES({"a", "1", "x"}, {"b", "2", ""}), FILES({"a", "2", ""}, {"b", "1", ""}),
		"b=x ");
	index_tear_down();
}
END_TEST

START_TEST(a_copy_gets_no_labels_and_the_new_places_of_a_moved_file_all_do)
{
	index_set_up();
	carries(FILES({"a", "1", "x"}), FILES({"a", "1", ""}, {"b", "1", ""}), "a=x ");
	carries(FILES({"a", "1", "x"}), FILES({"b", "1", ""}, {"c", "1", ""}), "b=x c=x ");
	/* one of two that were alike stays: the other was not moved to where a third one is */
	carries(FILES({"a", "1", "x"}, {"b", "1", "y"}), FILES({"a", "1", ""}, {"c", "1", ""}),
		"a=x c=y ");
	index_tear_down();
}
END_TEST

START_TEST(a_file_may_become_a_directory_and_a_directory_a_file)
{
	index_set_up();
	carries(FILES({"a", "1", "x"}, {"b", "2", "y"}),
		FILES({"a/1", "1", ""}, {"a/b/2", "2", ""}), "a/1=x a/b/2=y ");
	carries(FILES({"a/1", "1", "x"}, {"a/b/2", "2", "y"}, {"c", "3", "z"}),
		FILES({"a", "1", ""}, {"b", "2", ""}, {"c", "3", ""}), "a=x b=y c=z ");
	carries(FILES({"a", "1", "x"}), FILES({"a", "", ""}, {"b", "1", ""}), "b=x ");
	carries(FILES({"a", "", ""}, {"b", "1", "x"}), FILES({"a", "1", ""}, {"b", "", ""}),
		"a=x ");
	index_tear_down();
}
END_TEST

START_TEST(contents_are_compared_as_a_whole)
{
	index_set_up();
	carries(FILES({"a", "=1", "x"}), FILES({"b", "=2", ""}), "");
	carries(FILES({"a", "=1", "x"}), FILES({"b", "=1", ""}), "b=x ");
	index_tear_down();
}
END_TEST

START_TEST(without_labels_nothing_is_carried)
{
	index_set_up();
	carries(FILES({"a", "1", ""}), FILES({"a", "1", ""}), "");
	index_tear_down();
}
END_TEST

/* ---- random trees ---------------------------------------------------------------------------- */

static bool is_inside(const char *path, const char *of)
{
	size_t len = strlen(of);

	return strncmp(path, of, len) == 0 && path[len] == '/';
}

static bool has_room(const struct item *items, const char *path)
{
	for (; items->path[0]; items++)
		if (strcmp(items->path, path) == 0 || is_inside(items->path, path) ||
		    is_inside(path, items->path))
			return false;
	return true;
}

/* Few paths and fewer contents, so that files meet. */
static void random_item(struct item *items, const char *content, const char *label)
{
	static const char *const folders[] = {"", "a/", "a-/", "a/b/", "c/d/e/"};
	size_t count = items_count(items);
	char path[48];

	(void) snprintf(path, sizeof path, "%s%c", folders[below(5)], 'a' + (char) below(6));
	if (count + 1 == ITEMS_MAX || !has_room(items, path))
		return;
	strcpy(items[count].path, path);
	strcpy(items[count].content, content);
	strcpy(items[count].label, label);
	qsort(items, count + 1, sizeof *items, item_compare);
}

static const char *random_content(void)
{
	static char text[16];

	(void) snprintf(text, sizeof text, "%u", below(12));
	return one_in(15) ? "" : text;
}

static void random_before(struct item *items)
{
	static unsigned labels;
	char label[16];

	for (unsigned left = below(30); left > 0; left--) {
		const char *content = random_content();

		(void) snprintf(label, sizeof label, "l%u", labels++);
		random_item(items, content, content[0] && !one_in(4) ? label : "");
	}
}

/* Some stay, some go, some are changed, some come: of the old contents or of others. */
static void random_after(const struct item *before, struct item *after)
{
	for (const struct item *item = before; item->path[0]; item++) {
		size_t count = items_count(after);

		if (one_in(3))
			continue;
		strcpy(after[count].path, item->path);
		strcpy(after[count].content, one_in(5) ? random_content() : item->content);
	}
	for (unsigned left = below(12); left > 0; left--)
		random_item(after, random_content(), "");
}

static const struct item *item_at(const struct item *items, const char *path)
{
	for (; items->path[0]; items++)
		if (strcmp(items->path, path) == 0)
			return items;
	return NULL;
}

static bool has_content(const struct item *item, const char *content)
{
	return item && item->content[0] && strcmp(item->content, content) == 0;
}

/* The labelled file of that content that is no longer where it was; the last of several. */
static const struct item *moved(const struct item *before, const struct item *after,
				const char *content)
{
	const struct item *found = NULL;

	for (; before->path[0]; before++)
		if (before->label[0] && has_content(before, content) &&
		    !has_content(item_at(after, before->path), content))
			found = before;
	return found;
}

static void model_carry(const struct item *before, struct item *after)
{
	for (struct item *item = after; item->path[0]; item++) {
		const struct item *from = item_at(before, item->path);

		item->label[0] = 0;
		if (!item->content[0])
			continue;
		if (!has_content(from, item->content))
			from = moved(before, after, item->content);
		if (from)
			strcpy(item->label, from->label);
	}
}

START_TEST(random_versions_carry_what_the_model_does)
{
	uint64_t seed = chance_seed(), carried = 0;

	printf("# VT_SEED=%#llx\n", (unsigned long long) seed);
	chance_state = seed;
	index_set_up();
	for (unsigned i = 0; i < 2000; i++) {
		struct item before[ITEMS_MAX] = {0}, after[ITEMS_MAX] = {0};
		struct vt_label_tree out, expected;
		char text[ITEMS_MAX * 80];

		random_before(before);
		random_after(before, after);
		out = carry(before, after);
		model_carry(before, after);
		expected = items_labels(after);
		strcpy(text, labels_text(&out));
		ck_assert_str_eq(text, labels_text(&expected));
		ck_assert(same_labels(&out, &expected));
		carried += out.labels;
	}
	ck_assert_uint_gt(carried, 2000);
	index_tear_down();
}
END_TEST

VT_SUITE(carry, labels_of_unchanged_files_stay_and_of_changed_ones_go,
	 labels_follow_a_file_that_was_moved_but_not_one_that_was_edited_too,
	 contents_that_change_places_take_their_labels_along,
	 a_copy_gets_no_labels_and_the_new_places_of_a_moved_file_all_do,
	 a_file_may_become_a_directory_and_a_directory_a_file, contents_are_compared_as_a_whole,
	 without_labels_nothing_is_carried, random_versions_carry_what_the_model_does)
