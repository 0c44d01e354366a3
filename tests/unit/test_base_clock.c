/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: a clock that tests can set, and one they cannot. */
#include "index/base/clock.h"
#include "tests/unit/suite.h"

#include <time.h>

START_TEST(the_realtime_clock_stands_where_it_is_set)
{
	vt_clock_set_realtime_ns(12345);
	ck_assert_uint_eq(vt_clock_realtime_ns(), 12345);
	ck_assert_uint_eq(vt_clock_realtime_ns(), 12345);
	vt_clock_set_realtime_ns(0);
}
END_TEST

START_TEST(zero_gives_it_back_to_the_system)
{
	uint64_t before = (uint64_t) time(NULL);

	vt_clock_set_realtime_ns(12345);
	vt_clock_set_realtime_ns(0);
	ck_assert_uint_ge(vt_clock_realtime_ns() / VT_NS_PER_SEC, before);
}
END_TEST

START_TEST(the_monotonic_clock_is_not_set_and_never_goes_back)
{
	uint64_t last = vt_clock_monotonic_ns();

	vt_clock_set_realtime_ns(1);
	for (int i = 0; i < 1000; i++) {
		uint64_t now = vt_clock_monotonic_ns();

		ck_assert_uint_ge(now, last);
		last = now;
	}
	ck_assert_uint_gt(last, 1);
	vt_clock_set_realtime_ns(0);
}
END_TEST

START_TEST(the_time_since_the_boot_stands_where_it_is_set)
{
	uint64_t before = vt_clock_boottime_ns();

	vt_clock_set_boottime_ns(12345);
	ck_assert_uint_eq(vt_clock_boottime_ns(), 12345);
	vt_clock_set_boottime_ns(0);
	ck_assert_uint_ge(vt_clock_boottime_ns(), before);
}
END_TEST

START_TEST(a_boot_has_one_id_and_another_when_it_is_set)
{
	static const uint8_t none[VT_BOOT_ID_LEN];
	uint8_t first[VT_BOOT_ID_LEN], again[VT_BOOT_ID_LEN], other[VT_BOOT_ID_LEN] = {1, 2};

	vt_clock_boot_id(first);
	vt_clock_boot_id(again);
	ck_assert_mem_eq(first, again, sizeof first);
	ck_assert_mem_ne(first, none, sizeof first);
	vt_clock_set_boot_id(other);
	vt_clock_boot_id(again);
	ck_assert_mem_eq(again, other, sizeof again);
	vt_clock_set_boot_id(NULL);
	vt_clock_boot_id(again);
	ck_assert_mem_eq(first, again, sizeof first);
}
END_TEST

VT_SUITE(base_clock, the_realtime_clock_stands_where_it_is_set, zero_gives_it_back_to_the_system,
	 the_monotonic_clock_is_not_set_and_never_goes_back,
	 the_time_since_the_boot_stands_where_it_is_set,
	 a_boot_has_one_id_and_another_when_it_is_set)
