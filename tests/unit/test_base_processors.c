/* SPDX-License-Identifier: Apache-2.0 */
/* What a process may run on is what counts, not what the machine has. */
#include "index/base/processors.h"
#include "tests/unit/suite.h"

#include <sched.h>

static void confine(const cpu_set_t *set)
{
	ck_assert_int_eq(sched_setaffinity(0, sizeof *set, set), 0);
}

START_TEST(a_process_confined_to_one_processor_has_one)
{
	cpu_set_t all, one;
	int first = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof all, &all), 0);
	ck_assert_uint_eq(vt_processors(), (unsigned) CPU_COUNT(&all));
	while (!CPU_ISSET(first, &all))
		first++;
	CPU_ZERO(&one);
	CPU_SET(first, &one);
	confine(&one);
	ck_assert_uint_eq(vt_processors(), 1);
	ck_assert_uint_eq(vt_processors_within(2, 8), 2);
	ck_assert_uint_eq(vt_processors_within(1, 8), 1);
	confine(&all);
}
END_TEST

START_TEST(a_count_stays_within_its_bounds)
{
	ck_assert_uint_eq(vt_processors_within(1000000, 2000000), 1000000);
	ck_assert_uint_eq(vt_processors_within(0, 0), 0);
}
END_TEST

VT_SUITE(base_processors, a_process_confined_to_one_processor_has_one,
	 a_count_stays_within_its_bounds)
