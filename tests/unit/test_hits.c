/* SPDX-License-Identifier: Apache-2.0 */
/* Files that a view shows, against a plain list of them. */
#include "fs/hits.h"

#include "tests/unit/chance.h"
#include "tests/unit/suite.h"

enum { POSITIONS = 200000 };

static bool shown[POSITIONS];

static uint32_t plain_next(uint32_t from)
{
	while (from < POSITIONS && !shown[from])
		from++;
	return from < POSITIONS ? from : VT_HITS_NONE;
}

START_TEST(the_next_file_and_any_in_an_interval_are_those_of_a_plain_list)
{
	roaring_bitmap_t *files = roaring_bitmap_create();
	struct vt_hits *hits;

	for (unsigned i = 0; i < 500; i++) { /* some alone, some in a row, blocks without any */
		uint32_t from = below(POSITIONS - 64) / 3000 * 3000, count = below(64);

		for (uint32_t at = from; at < from + count; at++) {
			shown[at] = true;
			roaring_bitmap_add(files, at);
		}
	}
	hits = vt_hits_new(files);
	for (unsigned i = 0; i < 20000; i++) {
		uint32_t from = below(POSITIONS), count = below(i % 2 ? 100 : POSITIONS);
		uint32_t next = plain_next(from);

		ck_assert_uint_eq(vt_hits_next(hits, from), next);
		ck_assert(vt_hits_any(hits, from, count) ==
			  (next != VT_HITS_NONE && next < (uint64_t) from + count));
	}
	vt_hits_unref(hits);
}
END_TEST

START_TEST(ends_are_in_and_behind_is_nothing)
{
	struct vt_hits *hits = vt_hits_new(roaring_bitmap_from_range(10, 12, 1));
	struct vt_hits *none = vt_hits_new(roaring_bitmap_create());

	ck_assert_uint_eq(vt_hits_next(hits, 0), 10);
	ck_assert_uint_eq(vt_hits_next(hits, 11), 11);
	ck_assert_uint_eq(vt_hits_next(hits, 12), VT_HITS_NONE);
	ck_assert_uint_eq(vt_hits_next(hits, UINT32_MAX), VT_HITS_NONE);
	ck_assert(!vt_hits_any(hits, 0, 10));
	ck_assert(vt_hits_any(hits, 0, 11));
	ck_assert(vt_hits_any(hits, 11, 1));
	ck_assert(!vt_hits_any(hits, 11, 0));
	ck_assert(!vt_hits_any(hits, 12, UINT32_MAX));
	ck_assert_uint_eq(vt_hits_next(none, 0), VT_HITS_NONE);
	ck_assert(!vt_hits_any(none, 0, UINT32_MAX));
	vt_hits_unref(hits);
	vt_hits_unref(none);
}
END_TEST

VT_SUITE(hits, the_next_file_and_any_in_an_interval_are_those_of_a_plain_list,
	 ends_are_in_and_behind_is_nothing)
