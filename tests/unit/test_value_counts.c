/* SPDX-License-Identifier: Apache-2.0 */
/* How many files have each value: summed up, in order, and changed as trees of labels change. */
#include "fs/value_counts.h"

#include "tests/unit/label_store.h"
#include "tests/unit/suite.h"

static const struct item before[] = {
	{"a/1", "one", "cat"}, {"a/2", "two", "cat"}, {"b", "three", "dog"}, {"", "", ""}};
static const struct item after[] = {
	{"a/1", "one", "dog"}, {"a/3", "four", "owl"}, {"b", "three", "dog"}, {"", "", ""}};

static char listed[256];
static struct vt_value_counts counts;

static int list(void *context, const struct vt_expression_value *value, uint32_t files)
{
	size_t at = strlen(listed), room = sizeof listed - at;

	(void) context;
	switch (value->type) {
	case VT_EXPRESSION_BOOLEAN:
		(void) snprintf(listed + at, room, "%d:%u ", value->boolean, files);
		break;
	case VT_EXPRESSION_NUMBER:
		(void) snprintf(listed + at, room, "%g:%u ", value->number, files);
		break;
	default:
		(void) snprintf(listed + at, room, "'%.*s':%u ", (int) value->text.len,
				value->text.bytes, files);
	}
	return 0;
}

static const char *all(void)
{
	listed[0] = 0;
	ck_assert_int_eq(vt_value_counts_each(&counts, list, NULL), 0);
	return listed;
}

static void begin(const char *key)
{
	counts = (struct vt_value_counts){.key = text_of(key)};
}

static void add_text(const char *text, int64_t files)
{
	const struct vt_expression_value value = {.type = VT_EXPRESSION_TEXT,
						  .text = text_of(text)};

	ck_assert_int_eq(vt_value_counts_add(&counts, &value, files), 0);
}

static void add_number(double number, int64_t files)
{
	const struct vt_expression_value value = {.type = VT_EXPRESSION_NUMBER, .number = number};

	ck_assert_int_eq(vt_value_counts_add(&counts, &value, files), 0);
}

static void add_boolean(bool boolean, int64_t files)
{
	const struct vt_expression_value value = {.type = VT_EXPRESSION_BOOLEAN,
						  .boolean = boolean};

	ck_assert_int_eq(vt_value_counts_add(&counts, &value, files), 0);
}

START_TEST(values_are_summed_up_and_come_in_order)
{
	begin("k");
	ck_assert_str_eq(all(), "");
	add_text("dog", 2);
	add_number(10, 1);
	add_boolean(true, 5);
	add_text("", 1);
	add_number(-2.5, 4);
	add_text("cat", 3);
	add_boolean(false, 6);
	add_text("dog", -1);
	add_text("cat", -3);
	add_text("3", 1);
	add_number(3, 1);
	ck_assert_str_eq(all(), "0:6 1:5 -2.5:4 3:1 10:1 '':1 '3':1 'dog':1 ");
	vt_value_counts_done(&counts);
}
END_TEST

START_TEST(after_a_reset_nothing_was_counted)
{
	begin("k");
	for (int i = 0; i < 200; i++)
		add_text("x", 1);
	vt_value_counts_reset(&counts);
	ck_assert_str_eq(all(), "");
	add_text("y", 1);
	ck_assert_str_eq(all(), "'y':1 ");
	vt_value_counts_done(&counts);
}
END_TEST

static void change(const struct item *from, const struct item *to)
{
	const struct vt_label_tree was = items_labels(from), is = items_labels(to);

	must(vt_value_counts_change(&counts, &idx->label_pages, &was, &is, &err) == 0);
}

START_TEST(what_differs_between_two_trees_is_counted)
{
	index_set_up();
	begin("k");
	add_text("cat", 2);
	add_text("dog", 1);
	change(before, after);
	ck_assert_str_eq(all(), "'dog':2 'owl':1 ");
	vt_value_counts_done(&counts);
	begin("other");
	change(before, after);
	ck_assert_str_eq(all(), "");
	vt_value_counts_done(&counts);
	begin(""); /* the keys themselves */
	add_text("k", 3);
	change(before, after);
	ck_assert_str_eq(all(), "'k':3 ");
	vt_value_counts_done(&counts);
	index_tear_down();
}
END_TEST

VT_SUITE(value_counts, values_are_summed_up_and_come_in_order, after_a_reset_nothing_was_counted,
	 what_differs_between_two_trees_is_counted)
