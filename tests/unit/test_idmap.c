/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by id: what is put is found, and where there is room nothing can fail. */
#include "index/idmap.h"

#include <errno.h>

#include "tests/unit/failing_malloc.h"
#include "tests/unit/suite.h"

#define MANY 10000u

static struct vt_idmap map;

static uint64_t value_of(uint64_t id)
{
	uint64_t value = 0;

	ck_assert(vt_idmap_find(&map, id, &value));
	return value;
}

START_TEST(an_empty_map_has_nothing)
{
	ck_assert(!vt_idmap_find(&map, 1, NULL));
	ck_assert(!vt_idmap_find(&map, 0, NULL));
	vt_idmap_done(&map);
}
END_TEST

START_TEST(zero_is_no_id)
{
	ck_assert_int_eq(vt_idmap_put(&map, 1, 5), 0);
	ck_assert(!vt_idmap_find(&map, 0, NULL));
	vt_idmap_done(&map);
}
END_TEST

START_TEST(add_leaves_what_is_there_and_put_does_not)
{
	ck_assert_int_eq(vt_idmap_add(&map, 1, 5), 0);
	ck_assert_int_eq(vt_idmap_add(&map, 1, 6), 0);
	ck_assert_uint_eq(value_of(1), 5);
	ck_assert_int_eq(vt_idmap_put(&map, 1, 7), 0);
	ck_assert_uint_eq(value_of(1), 7);
	ck_assert_uint_eq(map.count, 1);
	vt_idmap_done(&map);
}
END_TEST

/* The second half of the keys differs from the first in its high bits alone. */
static uint64_t key(uint64_t i)
{
	return i < MANY / 2 ? i + 1 : (i - MANY / 2 + 1) << 32;
}

START_TEST(many_are_found_again)
{
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_int_eq(vt_idmap_put(&map, key(i), i), 0);
	for (uint64_t i = 0; i < MANY; i += 3)
		ck_assert_int_eq(vt_idmap_put(&map, key(i), i + MANY), 0);
	ck_assert_uint_eq(map.count, MANY);
	for (uint64_t i = 0; i < MANY; i++)
		ck_assert_uint_eq(value_of(key(i)), i % 3 ? i : i + MANY);
	ck_assert(!vt_idmap_find(&map, MANY, NULL));
	vt_idmap_done(&map);
}
END_TEST

/* The most slots in a row that are taken: so long does looking for an absent id take. */
static size_t longest_run(void)
{
	size_t longest = 0, run = 0;

	for (size_t i = 0; i < 2 * map.room; i++) {
		run = map.slots[i & (map.room - 1)].id ? run + 1 : 0;
		longest = run > longest ? run : longest;
	}
	return longest;
}

/* As of one version and many users, of one position and many versions. */
START_TEST(ids_that_differ_in_their_high_half_are_spread)
{
	for (uint64_t i = 1; i <= 1000; i++)
		ck_assert_int_eq(vt_idmap_put(&map, i << 32 | 5, i), 0);
	ck_assert_uint_lt(longest_run(), 50);
	vt_idmap_done(&map);
	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_int_eq(vt_idmap_put(&map, (i / 32 + 1) << 32 | i % 32, i), 0);
	ck_assert_uint_lt(longest_run(), 50);
	vt_idmap_done(&map);
	for (uint64_t i = 1; i <= 1000; i++)
		ck_assert_int_eq(vt_idmap_put(&map, i, i), 0);
	ck_assert_uint_lt(longest_run(), 50);
	vt_idmap_done(&map);
}
END_TEST

START_TEST(what_was_reserved_needs_no_memory)
{
	int r = 0;

	ck_assert_int_eq(vt_idmap_put(&map, 1, 1), 0);
	ck_assert_int_eq(vt_idmap_reserve(&map, 1000), 0);
	allocations_left = 0; /* Check allocates too: nothing is asserted meanwhile */
	for (uint64_t id = 2; id < 1002; id++)
		r |= vt_idmap_put(&map, id, id);
	ck_assert(!stop_failing());
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(map.count, 1001);
	vt_idmap_done(&map);
}
END_TEST

/* However full the map is: a handle that is closed gives its number back. */
START_TEST(another_value_needs_no_memory)
{
	int r = 0;

	for (uint64_t id = 1; id <= 200; id++) {
		ck_assert_int_eq(vt_idmap_put(&map, id, id), 0);
		allocations_left = 0;
		r |= vt_idmap_put(&map, id, 2 * id);
		r |= vt_idmap_add(&map, id, 3 * id);
		ck_assert(!stop_failing());
		ck_assert_int_eq(r, 0);
		ck_assert_uint_eq(value_of(id), 2 * id);
	}
	vt_idmap_done(&map);
}
END_TEST

START_TEST(without_memory_all_stays)
{
	uint64_t id = 1;
	int r;

	ck_assert_int_eq(vt_idmap_put(&map, id, id), 0);
	do {
		id++;
		allocations_left = 0;
		r = vt_idmap_put(&map, id, id);
	} while (!stop_failing());
	ck_assert_int_eq(r, -ENOMEM);
	ck_assert(!vt_idmap_find(&map, id, NULL));
	for (uint64_t there = 1; there < id; there++)
		ck_assert_uint_eq(value_of(there), there);
	ck_assert_uint_eq(map.count, id - 1);
	vt_idmap_done(&map);
}
END_TEST

VT_SUITE(idmap, an_empty_map_has_nothing, zero_is_no_id, add_leaves_what_is_there_and_put_does_not,
	 many_are_found_again, ids_that_differ_in_their_high_half_are_spread,
	 what_was_reserved_needs_no_memory, another_value_needs_no_memory, without_memory_all_stays)
