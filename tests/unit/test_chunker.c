/* SPDX-License-Identifier: Apache-2.0 */
/* Cuts keep their bounds, follow the content, and are the same for ever. */
#include "index/digest.h"
#include "tests/unit/suite.h"
#include "tools/publish/chunker.h"

#include <string.h>

#define SIZE (8u << 20)

static uint8_t data[SIZE + 4096];

static void fill(void)
{
	uint64_t seed = 42;

	for (size_t i = 0; i < sizeof data; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		data[i] = (uint8_t) (seed >> 56);
	}
}

/* The lengths of all chunks; their number. */
static size_t cut_all(const uint8_t *bytes, size_t len, size_t *lengths)
{
	size_t count = 0;

	while (len > 0) {
		lengths[count] = vt_chunk_cut(bytes, len);
		bytes += lengths[count];
		len -= lengths[count++];
	}
	return count;
}

START_TEST(lengths_stay_within_bounds_and_near_the_average)
{
	static size_t lengths[SIZE / VT_CHUNK_MIN + 1];
	size_t count;

	fill();
	count = cut_all(data, SIZE, lengths);
	for (size_t i = 0; i + 1 < count; i++) {
		ck_assert_uint_gt(lengths[i], VT_CHUNK_MIN);
		ck_assert_uint_le(lengths[i], VT_CHUNK_MAX);
	}
	ck_assert_uint_gt(SIZE / count, VT_CHUNK_AVERAGE * 3 / 4);
	ck_assert_uint_lt(SIZE / count, VT_CHUNK_AVERAGE * 5 / 4);
}
END_TEST

START_TEST(what_follows_the_maximum_does_not_matter)
{
	size_t before;

	fill();
	before = vt_chunk_cut(data, SIZE);
	memset(data + VT_CHUNK_MAX, 0, 1000);
	ck_assert_uint_eq(vt_chunk_cut(data, SIZE), before);
	ck_assert_uint_eq(vt_chunk_cut(data, VT_CHUNK_MAX), before);
}
END_TEST

START_TEST(bytes_without_a_cut_end_at_the_maximum)
{
	memset(data, 0x5a, sizeof data);
	ck_assert_uint_eq(vt_chunk_cut(data, SIZE), VT_CHUNK_MAX);
	ck_assert_uint_eq(vt_chunk_cut(data, 100), 100);
	ck_assert_uint_eq(vt_chunk_cut(data, 1), 1);
	ck_assert_uint_eq(vt_chunk_cut(data, VT_CHUNK_MIN), VT_CHUNK_MIN);
}
END_TEST

START_TEST(an_insertion_moves_only_the_cuts_near_it)
{
	static size_t before[SIZE / VT_CHUNK_MIN + 1], after[SIZE / VT_CHUNK_MIN + 2];
	size_t n, m, same = 0, at = SIZE / 2;

	fill();
	n = cut_all(data, SIZE, before);
	memmove(data + at + 13, data + at, SIZE - at);
	m = cut_all(data, SIZE + 13, after);
	while (same < n && same < m && before[n - 1 - same] == after[m - 1 - same])
		same++;
	ck_assert_uint_gt(same, n / 2 - 8);
}
END_TEST

/* Versions published years apart share chunks only while this holds. */
START_TEST(cuts_are_the_same_for_ever)
{
	static size_t lengths[SIZE / VT_CHUNK_MIN + 1];
	size_t count;

	fill();
	count = cut_all(data, 1 << 20, lengths);
	ck_assert_uint_eq(count, 12);
	ck_assert_uint_eq(lengths[0], 126546);
	ck_assert_uint_eq(lengths[1], 77624);
	ck_assert_uint_eq(lengths[count - 1], 127924);
}
END_TEST

VT_SUITE(chunker, lengths_stay_within_bounds_and_near_the_average,
	 what_follows_the_maximum_does_not_matter, bytes_without_a_cut_end_at_the_maximum,
	 an_insertion_moves_only_the_cuts_near_it, cuts_are_the_same_for_ever)
