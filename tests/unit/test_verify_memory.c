/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever allocation fails while an index is verified, that is no damage of it. */
#include "index/verify.h"
#include "tests/unit/failing_malloc.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

static void refuse_finding(void *context, const char *what, const char *problem)
{
	(void) context;
	allocations_left = -1;
	ck_abort_msg("%s: %s", what, problem);
}

START_TEST(a_lack_of_memory_is_no_damage)
{
	long lacks = 0;
	int r;

	index_set_up();
	publish("birds", NULL, "first bytes");
	publish("birds", NULL, "second bytes");
	for (long nth = 0;; nth++) {
		allocations_left = nth;
		r = vt_verify_index(idx, refuse_finding, NULL, &err);
		if (allocations_left >= 0)
			break; /* it needs no more than that */
		allocations_left = -1;
		ck_assert_msg(r == 0 || r == -ENOMEM, "allocation %ld: %d %s", nth, r, err.text);
		lacks += r == -ENOMEM;
	}
	allocations_left = -1;
	ck_assert_int_eq(r, 0);
	ck_assert_int_gt(lacks, 10);
	index_tear_down();
}
END_TEST

VT_SUITE(verify_memory, a_lack_of_memory_is_no_damage)
