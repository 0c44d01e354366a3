/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays grow, keep what they hold, and are as they were when there is no memory. */
#include "index/base/array.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/suite.h"

#include <errno.h>

START_TEST(items_stay_while_it_grows)
{
	uint32_t *items = NULL;
	size_t room = 0, grown = 0, before;

	for (uint32_t i = 0; i < 100000; i++) {
		before = room;
		ck_assert_int_eq(vt_array_reserve(items, room, i + 1), 0);
		ck_assert_uint_gt(room, i);
		grown += room != before;
		items[i] = i;
	}
	for (uint32_t i = 0; i < 100000; i++)
		ck_assert_uint_eq(items[i], i);
	ck_assert_uint_lt(grown, 20);
	free(items);
}
END_TEST

START_TEST(many_find_room_at_once)
{
	uint64_t *items = NULL;
	size_t room = 0;

	ck_assert_int_eq(vt_array_reserve(items, room, 1000), 0);
	ck_assert_uint_ge(room, 1000);
	items[999] = 1;
	free(items);
}
END_TEST

START_TEST(without_memory_nothing_changes)
{
	char *items = NULL, *before;
	size_t room = 0, room_before;

	ck_assert_int_eq(vt_array_reserve(items, room, 1), 0);
	items[0] = 'x';
	before = items;
	room_before = room;
	allocations_left = 0;
	ck_assert_int_eq(vt_array_reserve(items, room, room + 1), -ENOMEM);
	ck_assert(stop_failing());
	ck_assert_int_eq(vt_array_grow(&items, &room, SIZE_MAX / 2, room + 1), -ENOMEM);
	ck_assert_ptr_eq(items, before);
	ck_assert_uint_eq(room, room_before);
	ck_assert_int_eq(items[0], 'x');
	free(items);
}
END_TEST

VT_SUITE(base_array, items_stay_while_it_grows, many_find_room_at_once,
	 without_memory_nothing_changes)
