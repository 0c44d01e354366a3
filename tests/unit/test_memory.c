/* SPDX-License-Identifier: Apache-2.0 */
/* What was freed in small pieces goes back to the kernel, and only when there is too much of it. */
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "fs/memory.h"
#include "tests/unit/suite.h"

#define PIECES 40000u
#define PIECE  6000u

/* Far below the threshold for mappings of their own; every fourth one stays. */
static void leave_holes(void *pieces[PIECES])
{
	for (unsigned i = 0; i < PIECES; i++) {
		pieces[i] = malloc(PIECE);
		ck_assert_ptr_nonnull(pieces[i]);
		memset(pieces[i], 1, PIECE);
	}
	for (unsigned i = 0; i < PIECES; i++)
		if (i % 4) {
			free(pieces[i]);
			pieces[i] = NULL;
		}
}

START_TEST(holes_are_given_back)
{
	static void *pieces[PIECES];
	uint64_t after = 0, before;
	bool is_glibc; /* sanitizers have a malloc of their own */

	leave_holes(pieces);
	is_glibc = mallinfo2().arena > PIECES / 2 * PIECE;
	before = vt_memory_anonymous();
	ck_assert_uint_gt(before, PIECES / 2 * PIECE);
	ck_assert(vt_memory_trim(0, &after));
	ck_assert_uint_gt(after, 0);
	if (is_glibc)
		ck_assert_uint_lt(vt_memory_anonymous(), before - PIECES / 4 * PIECE);
	ck_assert(!vt_memory_trim(0, &after)); /* it did not grow since */
	for (unsigned i = 0; i < PIECES; i++)
		free(pieces[i]);
}
END_TEST

START_TEST(memory_within_the_limit_is_left_alone)
{
	uint64_t after = 0;

	ck_assert(!vt_memory_trim(vt_memory_anonymous(), &after));
	ck_assert_uint_eq(after, 0);
}
END_TEST

START_TEST(resident_memory_includes_what_is_anonymous)
{
	ck_assert_uint_gt(vt_memory_anonymous(), 0);
	ck_assert_uint_ge(vt_memory_resident(), vt_memory_anonymous());
}
END_TEST

VT_SUITE(memory, holes_are_given_back, memory_within_the_limit_is_left_alone,
	 resident_memory_includes_what_is_anonymous)
