/* SPDX-License-Identifier: Apache-2.0 */
/* Counting strings within bounds. */
#include "index/tally.h"
#include "tests/unit/suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void add(struct vt_tally *tally, const char *text, uint64_t bytes)
{
	ck_assert_int_eq(vt_tally_add(tally, text, strlen(text), bytes, NULL), 0);
}

START_TEST(the_most_frequent_come_first_then_by_their_bytes)
{
	static const char *const expected[] = {"b", "", "a"};
	const struct vt_tally_item **sorted;
	size_t budget = 1 << 20, count;
	struct vt_tally tally;

	vt_tally_init(&tally, 10, &budget);
	ck_assert_ptr_null(vt_tally_find(&tally, "a", 1));
	add(&tally, "a", 1);
	add(&tally, "b", 2);
	add(&tally, "", 4);
	add(&tally, "b", 8);
	ck_assert_uint_eq(vt_tally_find(&tally, "b", 1)->bytes, 10);
	ck_assert_int_eq(vt_tally_sorted(&tally, &sorted, &count, NULL), 0);
	ck_assert_uint_eq(count, 3);
	for (size_t i = 0; i < count; i++) {
		ck_assert_uint_eq(sorted[i]->len, strlen(expected[i]));
		ck_assert_mem_eq(sorted[i]->text, expected[i], sorted[i]->len);
	}
	free(sorted);
	vt_tally_done(&tally);
}
END_TEST

START_TEST(a_thousand_are_found_again_under_their_number)
{
	size_t budget = 1 << 20;
	struct vt_tally tally;
	char text[16];

	vt_tally_init(&tally, 1000, &budget);
	for (int round = 0; round < 2; round++)
		for (uint32_t i = 0; i < 1001; i++) {
			struct vt_tally_item *item;
			size_t len = (size_t) snprintf(text, sizeof text, "%u", i);

			ck_assert_int_eq(vt_tally_item(&tally, text, len, &item, NULL), 0);
			if (i < 1000)
				ck_assert_uint_eq(item->id, i);
			else
				ck_assert_ptr_null(item);
		}
	ck_assert_uint_eq(tally.count, 1000);
	vt_tally_done(&tally);
}
END_TEST

START_TEST(tables_share_what_they_may_take)
{
	size_t budget = 300, before;
	struct vt_tally one, two;

	vt_tally_init(&one, 10, &budget);
	vt_tally_init(&two, 10, &budget);
	add(&one, "first", 0);
	before = budget;
	ck_assert_uint_lt(before, 300);
	for (int i = 0; i < 1000; i++) {
		char text[16];

		(void) snprintf(text, sizeof text, "%d", i);
		add(i % 2 ? &one : &two, text, 3);
	}
	ck_assert_uint_le(budget, before);
	ck_assert_uint_lt(one.count + two.count, 10);
	ck_assert_uint_eq(one.count - 1 + two.count + one.other_count + two.other_count, 1000);
	add(&one, "first", 0);
	ck_assert_uint_eq(vt_tally_find(&one, "first", 5)->count, 2);
	vt_tally_done(&one);
	vt_tally_done(&two);
}
END_TEST

VT_SUITE(tally, the_most_frequent_come_first_then_by_their_bytes,
	 a_thousand_are_found_again_under_their_number, tables_share_what_they_may_take)
