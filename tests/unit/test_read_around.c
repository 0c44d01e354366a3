/* SPDX-License-Identifier: Apache-2.0 */
/* Ranges to read around frames cost no more than what they save, and never twice. */
#include "fs/read_around.h"
#include "tests/unit/suite.h"

#define BLOCK VT_AROUND_BLOCK

static struct vt_read_around *around;
static struct vt_byte_range range;

static void set_up(uint64_t size)
{
	around = vt_read_around_new(size);
	ck_assert_ptr_nonnull(around);
}

static bool missing(uint64_t offset)
{
	return vt_read_around_missing(around, offset, UINT64_MAX, &range);
}

static void expect(uint64_t begin_block, uint64_t end_block)
{
	ck_assert_uint_eq(range.begin, begin_block * BLOCK);
	ck_assert_uint_eq(range.end, end_block * BLOCK);
}

START_TEST(the_first_frame_brings_what_lies_beside_it_in_its_128_kib)
{
	set_up(100 * BLOCK);
	ck_assert(missing(5 * BLOCK + 77));
	expect(4, 6);
	ck_assert(!missing(5 * BLOCK)); /* on its way */
	ck_assert(!missing(4 * BLOCK));
	ck_assert(missing(6 * BLOCK));
	expect(6, 8);
	vt_read_around_free(around);
}
END_TEST

START_TEST(scattered_frames_cost_128_kib_each)
{
	set_up(10000 * BLOCK);
	for (uint64_t i = 0; i < 100; i++) {
		ck_assert(missing(i * 100 * BLOCK));
		expect(i * 100, i * 100 + 2);
	}
	ck_assert_uint_eq(vt_read_around_bytes(around), 100 * VT_AROUND_EARNED);
	vt_read_around_free(around);
}
END_TEST

START_TEST(where_all_is_wanted_ranges_grow)
{
	uint64_t asked = 0, largest = 0;

	set_up(200 * BLOCK + 1);
	for (uint64_t block = 0; block <= 200; block++) {
		if (!missing(block * BLOCK)) {
			vt_read_around_found(around, block * BLOCK + 1);
			continue;
		}
		asked++;
		ck_assert_uint_eq(range.begin, block * BLOCK);
		if (range.end - range.begin > largest)
			largest = range.end - range.begin;
	}
	ck_assert_uint_eq(largest, VT_AROUND_MAX);
	ck_assert_uint_lt(asked, 25);
	ck_assert_uint_eq(vt_read_around_bytes(around), 201 * BLOCK); /* all of it, once */
	vt_read_around_free(around);
}
END_TEST

START_TEST(a_block_earns_once_however_often_it_is_read)
{
	set_up(100 * BLOCK);
	ck_assert(missing(0));
	for (int i = 0; i < 100; i++) {
		vt_read_around_found(around, 0);     /* the frame itself: it saved nothing */
		vt_read_around_found(around, BLOCK); /* this did */
	}
	ck_assert(missing(32 * BLOCK));
	expect(32, 36);
	ck_assert(missing(64 * BLOCK));
	expect(64, 66);
	vt_read_around_free(around);
}
END_TEST

START_TEST(a_range_keeps_to_the_room_and_to_the_file)
{
	set_up(5 * BLOCK - 1);
	ck_assert(!vt_read_around_missing(around, 0, VT_AROUND_EARNED - 1, &range));
	ck_assert_uint_eq(vt_read_around_bytes(around), 0);
	ck_assert(missing(4 * BLOCK));
	ck_assert_uint_le(range.end, 5 * BLOCK);
	ck_assert(!missing(5 * BLOCK));
	ck_assert(!missing(UINT64_MAX));
	vt_read_around_found(around, UINT64_MAX);
	vt_read_around_free(around);
	set_up(0);
	ck_assert(!missing(0));
	vt_read_around_free(around);
}
END_TEST

START_TEST(what_is_gone_from_memory_is_asked_for_again)
{
	set_up(8 * BLOCK);
	for (uint64_t block = 0; block < 8; block++)
		(void) missing(block * BLOCK);
	ck_assert_uint_eq(vt_read_around_bytes(around), 8 * BLOCK);
	for (int i = 0; i < 4; i++) /* 4 were so before: on their way */
		ck_assert(!missing(3 * BLOCK));
	ck_assert(!missing(3 * BLOCK)); /* one too many */
	ck_assert_uint_eq(vt_read_around_bytes(around), 0);
	ck_assert(missing(3 * BLOCK));
	expect(2, 4);
	vt_read_around_free(around);
}
END_TEST

/* Whatever the order, no block is asked for twice, and nothing is spent that was not earned. */
START_TEST(no_part_is_asked_for_twice)
{
	uint64_t state = 1, earned = 0;
	uint8_t asked[300] = {0};

	set_up(sizeof asked * BLOCK);
	for (int i = 0; i < 2000; i++) {
		uint64_t at;

		state = state * 6364136223846793005u + 1442695040888963407u;
		at = (state >> 33) % sizeof asked;
		if (asked[at]) {
			vt_read_around_found(around, at * BLOCK);
			continue;
		}
		ck_assert(missing(at * BLOCK));
		earned += VT_AROUND_EARNED;
		ck_assert_uint_le(range.begin, at * BLOCK);
		ck_assert_uint_gt(range.end, at * BLOCK);
		ck_assert_uint_le(range.end - range.begin, VT_AROUND_MAX);
		for (uint64_t block = range.begin / BLOCK; block < range.end / BLOCK; block++)
			asked[block] = 1;
	}
	ck_assert_uint_gt(earned, 0);
	for (size_t i = 0; i < sizeof asked; i++)
		ck_assert(asked[i]);
	vt_read_around_free(around);
}
END_TEST

VT_SUITE(read_around, the_first_frame_brings_what_lies_beside_it_in_its_128_kib,
	 scattered_frames_cost_128_kib_each, where_all_is_wanted_ranges_grow,
	 a_block_earns_once_however_often_it_is_read, a_range_keeps_to_the_room_and_to_the_file,
	 what_is_gone_from_memory_is_asked_for_again, no_part_is_asked_for_twice)
