/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of positions keep what was added, and come back from the log the same. */
#include "policy/positions.h"
#include "policy/base64.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

static int add_run(void *set, uint32_t first, uint32_t last)
{
	return vt_positions_add_run(set, first, last);
}

static void round_trip(const struct vt_positions *set, size_t max)
{
	struct vt_positions again = {0};
	struct vt_buf piece = VT_BUF_INIT;
	uint64_t from = 0, count, sum = 0;

	while (vt_positions_encode(set, &from, max, &piece, &count)) {
		ck_assert_uint_le(piece.len, max);
		ck_assert_int_eq(vt_positions_decode(piece.data, piece.len, add_run, &again), 0);
		sum += count;
		vt_buf_reset(&piece);
	}
	ck_assert_uint_eq(sum, vt_positions_count(set));
	ck_assert_uint_eq(vt_positions_count(&again), sum);
	ck_assert_uint_eq(again.count, set->count);
	for (uint32_t i = 0; i < set->count * VT_POSITIONS_PAGE; i++) {
		uint32_t page = set->pages[i / VT_POSITIONS_PAGE]->number;
		uint32_t position = page * VT_POSITIONS_PAGE + i % VT_POSITIONS_PAGE;

		ck_assert_int_eq(vt_positions_has(&again, position),
				 vt_positions_has(set, position));
	}
	vt_positions_done(&again);
	vt_buf_done(&piece);
}

START_TEST(random_sets_come_back_the_same)
{
	for (unsigned density = 1; density <= 100; density *= 10) {
		struct vt_positions set = {0};
		unsigned seed = density;

		for (uint32_t i = 0; i < 30000; i++)
			if ((unsigned) rand_r(&seed) % 100 < density)
				ck_assert_int_eq(vt_positions_add(&set, i), 0);
		round_trip(&set, 64);
		round_trip(&set, 2100);
		vt_positions_done(&set);
	}
}
END_TEST

START_TEST(positions_that_come_in_any_order_are_all_there_and_no_others)
{
	static uint8_t expected[100 * VT_POSITIONS_PAGE];
	struct vt_positions set = {0};
	unsigned seed = 7;

	for (int i = 0; i < 3000; i++) {
		uint32_t position = (uint32_t) rand_r(&seed) % sizeof expected;

		expected[position] = 1;
		ck_assert_int_eq(vt_positions_add(&set, position), 0);
	}
	for (uint32_t i = 0; i < sizeof expected; i++)
		ck_assert_int_eq(vt_positions_has(&set, i), expected[i]);
	round_trip(&set, 2100);
	vt_positions_done(&set);
}
END_TEST

START_TEST(the_last_positions_take_no_more_memory_than_the_first)
{
	struct vt_positions set = {0};
	struct mallinfo2 before = mallinfo2(), after;

	ck_assert_int_eq(vt_positions_add(&set, 3), 0);
	ck_assert_int_eq(vt_positions_add(&set, 0x80000001u), 0);
	ck_assert_int_eq(vt_positions_add(&set, UINT32_MAX), 0);
	after = mallinfo2();
	ck_assert_uint_lt(after.uordblks + after.hblkhd, before.uordblks + before.hblkhd + 4096);
	round_trip(&set, 64);
	vt_positions_done(&set);
}
END_TEST

START_TEST(a_whole_walk_is_a_few_bytes)
{
	struct vt_positions set = {0};
	struct vt_buf out = VT_BUF_INIT;
	uint64_t from = 0, count;

	ck_assert_int_eq(vt_positions_add_run(&set, 1, 1000000), 0);
	ck_assert(vt_positions_encode(&set, &from, 2100, &out, &count));
	ck_assert_uint_eq(count, 1000000);
	ck_assert_uint_eq(out.len, 4);
	ck_assert(!vt_positions_encode(&set, &from, 2100, &out, &count));
	vt_buf_done(&out);
	vt_positions_done(&set);
}
END_TEST

START_TEST(what_encode_does_not_write_is_refused)
{
	static const struct {
		const char *bytes;
		size_t len;
	} bad[] = {
		{"\x01", 1},
		{"\x80\x00\x01", 3},
		{"\x80", 1},
		{"\x01\x01\x00\x01", 4},
		{"\xff\xff\xff\xff\x0f\x01", 6},
		{"\xff\xff\xff\xff\xff\x01\x00", 7},
	};
	struct vt_positions set = {0};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_int_eq(vt_positions_decode(bad[i].bytes, bad[i].len, add_run, &set),
				 -EBADMSG);
	vt_positions_done(&set);
}
END_TEST

START_TEST(base64_has_one_text_for_each_value)
{
	uint8_t bytes[8];
	char text[16];

	vt_base64_encode("foobar", 4, text);
	ck_assert_str_eq(text, "Zm9vYg==");
	ck_assert_int_eq(vt_base64_decode("Zm9vYg==", 8, bytes, sizeof bytes), 4);
	ck_assert_int_eq(memcmp(bytes, "foob", 4), 0);
	ck_assert_int_eq(vt_base64_decode("Zm9vYmFy", 8, bytes, sizeof bytes), 6);
	ck_assert_int_eq(vt_base64_decode("", 0, bytes, sizeof bytes), 0);
	ck_assert_int_eq(vt_base64_decode("Zm9vYh==", 8, bytes, sizeof bytes), -EINVAL);
	ck_assert_int_eq(vt_base64_decode("Zm9v\nYg=", 8, bytes, sizeof bytes), -EINVAL);
	ck_assert_int_eq(vt_base64_decode("Zm==Yg==", 8, bytes, sizeof bytes), -EINVAL);
	ck_assert_int_eq(vt_base64_decode("Zm9vYmFy", 8, bytes, 5), -EINVAL);
	ck_assert_int_eq(vt_base64_decode("====", 4, bytes, 5), -EINVAL);
}
END_TEST

VT_SUITE(positions, random_sets_come_back_the_same,
	 positions_that_come_in_any_order_are_all_there_and_no_others,
	 the_last_positions_take_no_more_memory_than_the_first, a_whole_walk_is_a_few_bytes,
	 what_encode_does_not_write_is_refused, base64_has_one_text_for_each_value)
