/* SPDX-License-Identifier: Apache-2.0 */
/* The two-sided clock under jumps, reboots and restarts: it reopens nothing, it opens nothing
 * early. */
#include "tests/unit/book_model.h"
#include "tests/unit/failing_write.h"
#include "tests/unit/suite.h"

static struct vt_instant now(void)
{
	return vt_timekeeper_now(keeper);
}

static void is(uint64_t lo, uint64_t hi)
{
	struct vt_instant instant = now();

	ck_assert_msg(instant.lo_ns == lo && instant.hi_ns == hi, "lo NOON%+lld hi NOON%+lld s",
		      (long long) (instant.lo_ns - NOON) / (long long) SECOND,
		      (long long) (instant.hi_ns - NOON) / (long long) SECOND);
}

static void note(void)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_timekeeper_note(keeper, batch);
	must(vt_store_write(store, batch, true, &err) == 0);
}

static void open_keeper(void)
{
	must(vt_timekeeper_open(store, &keeper, &err) == 0);
}

static void restart(void)
{
	vt_timekeeper_free(keeper);
	open_keeper();
}

static void set_up(void)
{
	wall = NOON;
	reboot(0);
	catalog_set_up();
	open_keeper();
}

static void tear_down(void)
{
	vt_timekeeper_free(keeper);
	catalog_tear_down();
}

START_TEST(both_readings_are_the_wall_clock_while_nothing_is_wrong)
{
	set_up();
	is(NOON, NOON);
	pass(DAY);
	is(NOON + DAY, NOON + DAY);
	ck_assert(!vt_timekeeper_is_suspect(keeper));
	note();
	restart();
	is(NOON + DAY, NOON + DAY);
	pass(HOUR);
	is(NOON + DAY + HOUR, NOON + DAY + HOUR);
	ck_assert(!vt_timekeeper_is_suspect(keeper));
	tear_down();
}
END_TEST

static const uint64_t sizes[] = {SECOND, HOUR, 10 * YEAR};

START_TEST(a_jump_forward_moves_hi_alone)
{
	for (size_t i = 0; i < 3; i++) {
		set_up();
		jump((int64_t) sizes[i]);
		is(NOON, NOON + sizes[i]);
		pass(HOUR);
		is(NOON + HOUR, NOON + HOUR + sizes[i]);
		ck_assert_int_eq(vt_timekeeper_is_suspect(keeper), i > 0);
		jump(-(int64_t) sizes[i]); /* put right again: what hi has said stays said */
		is(NOON + HOUR, NOON + HOUR + sizes[i]);
		ck_assert_int_eq(vt_timekeeper_is_suspect(keeper), i > 0);
		tear_down();
	}
}
END_TEST

START_TEST(a_jump_back_stops_lo_and_hi_goes_on)
{
	for (size_t i = 0; i < 3; i++) {
		set_up();
		is(NOON, NOON);
		jump(-(int64_t) sizes[i]);
		is(NOON, NOON);
		ck_assert_int_eq(vt_timekeeper_is_suspect(keeper), i > 0);
		pass(SECOND / 2);
		is(NOON, NOON + SECOND / 2);
		pass(HOUR);
		is(i == 0   ? NOON + HOUR - SECOND / 2
		   : i == 1 ? NOON + SECOND / 2
			    : NOON,
		   NOON + HOUR + SECOND / 2);
		jump((int64_t) sizes[i]);
		is(NOON + HOUR + SECOND / 2, NOON + HOUR + SECOND / 2);
		ck_assert(!vt_timekeeper_is_suspect(keeper));
		tear_down();
	}
}
END_TEST

START_TEST(five_seconds_are_no_reason_for_doubt_and_more_are)
{
	set_up();
	jump((int64_t) VT_CLOCK_SUSPECT_NS);
	ck_assert(!vt_timekeeper_is_suspect(keeper));
	jump(1);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
	set_up();
	jump(-(int64_t) VT_CLOCK_SUSPECT_NS);
	ck_assert(!vt_timekeeper_is_suspect(keeper));
	jump(-1);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
}
END_TEST

START_TEST(a_restart_forgets_no_jump)
{
	for (size_t i = 1; i < 3; i++) {
		set_up();
		jump((int64_t) sizes[i]);
		is(NOON, NOON + sizes[i]);
		note();
		restart();
		is(NOON, NOON + sizes[i]);
		ck_assert(vt_timekeeper_is_suspect(keeper));
		jump(-(int64_t) sizes[i]);
		is(NOON, NOON + sizes[i]);
		restart();
		ck_assert(vt_timekeeper_is_suspect(keeper));
		is(NOON, NOON + sizes[i]);
		tear_down();
	}
}
END_TEST

START_TEST(a_jump_while_nobody_ran_is_seen)
{
	set_up();
	note();
	vt_timekeeper_free(keeper);
	pass(HOUR);
	jump((int64_t) DAY);
	open_keeper();
	is(NOON + HOUR, NOON + HOUR + DAY);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
	set_up();
	note();
	vt_timekeeper_free(keeper);
	pass(HOUR);
	jump(-(int64_t) DAY);
	open_keeper();
	is(NOON, NOON + HOUR);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
}
END_TEST

START_TEST(notes_under_a_wrong_clock_do_not_make_it_right)
{
	set_up();
	jump((int64_t) HOUR);
	for (int i = 0; i < 100; i++) {
		pass(HOUR);
		note();
		restart();
	}
	is(NOON + 100 * HOUR, NOON + 101 * HOUR);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
}
END_TEST

START_TEST(small_steps_of_a_time_server_do_not_add_up)
{
	set_up();
	for (int i = 0; i < 100; i++) {
		pass(DAY);
		jump(-(int64_t) SECOND);
		note();
		ck_assert(!vt_timekeeper_is_suspect(keeper));
	}
	tear_down();
}
END_TEST

START_TEST(steps_faster_than_ten_minutes_do_add_up)
{
	set_up();
	for (int i = 0; i < 6; i++) {
		pass(60 * SECOND);
		jump((int64_t) SECOND);
		note();
	}
	ck_assert(vt_timekeeper_is_suspect(keeper));
	is(NOON + 360 * SECOND, NOON + 366 * SECOND);
	tear_down();
}
END_TEST

START_TEST(a_reboot_takes_the_wall_clock_as_it_is)
{
	set_up();
	note();
	vt_timekeeper_free(keeper);
	reboot((int64_t) DAY);
	open_keeper();
	is(NOON + DAY, NOON + DAY);
	ck_assert(!vt_timekeeper_is_suspect(keeper));
	jump((int64_t) HOUR); /* from then on it is watched */
	is(NOON + DAY, NOON + DAY + HOUR);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
}
END_TEST

START_TEST(a_reboot_with_a_clock_set_back_reopens_nothing_until_it_is_put_right)
{
	for (size_t i = 1; i < 3; i++) {
		set_up();
		pass(HOUR);
		note();
		vt_timekeeper_free(keeper);
		reboot(-(int64_t) sizes[i] - (int64_t) SECOND);
		open_keeper();
		is(NOON + HOUR, NOON + HOUR);
		ck_assert(vt_timekeeper_is_suspect(keeper));
		pass(SECOND / 2);
		note();
		restart();
		is(NOON + HOUR, NOON + HOUR);
		ck_assert(vt_timekeeper_is_suspect(keeper));
		jump((int64_t) (sizes[i] + 60 * SECOND)); /* a time server comes up */
		is(NOON + HOUR + 59 * SECOND + SECOND / 2, NOON + HOUR + 59 * SECOND + SECOND / 2);
		ck_assert(!vt_timekeeper_is_suspect(keeper));
		tear_down();
	}
}
END_TEST

START_TEST(a_boot_that_has_no_name_is_another_one)
{
	static const uint8_t none[VT_BOOT_ID_LEN];

	set_up();
	vt_timekeeper_free(keeper);
	vt_clock_set_boot_id(none);
	open_keeper();
	note();
	jump((int64_t) HOUR);
	restart();
	is(NOON + HOUR, NOON + HOUR);
	tear_down();
}
END_TEST

START_TEST(accepting_the_clock_takes_it_for_both_and_lasts)
{
	for (int forward = 0; forward < 2; forward++) {
		uint64_t then;

		set_up();
		note();
		jump(forward ? (int64_t) YEAR : -(int64_t) YEAR);
		then = wall;
		ck_assert(vt_timekeeper_is_suspect(keeper));
		must(vt_timekeeper_accept(keeper, &err) == 0);
		is(then, then);
		ck_assert(!vt_timekeeper_is_suspect(keeper));
		restart();
		is(then, then);
		ck_assert(!vt_timekeeper_is_suspect(keeper));
		pass(HOUR);
		is(then + HOUR, then + HOUR);
		tear_down();
	}
}
END_TEST

START_TEST(an_acceptance_that_cannot_be_written_is_none)
{
	set_up();
	jump((int64_t) YEAR);
	is(NOON, NOON + YEAR);
	write_fails = EIO;
	ck_assert_int_eq(vt_timekeeper_accept(keeper, &err), -EIO);
	write_fails = 0;
	is(NOON, NOON + YEAR);
	ck_assert(vt_timekeeper_is_suspect(keeper));
	tear_down();
}
END_TEST

START_TEST(a_damaged_note_is_refused)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct vt_timekeeper *other;

	set_up();
	vt_batch_put(batch, store, VT_CF_POLICY, "clock", 5, "\1\2\3", 3);
	must(vt_store_write(store, batch, true, &err) == 0);
	ck_assert_int_eq(vt_timekeeper_open(store, &other, &err), -EBADMSG);
	says("clock");
	tear_down();
}
END_TEST

/* Whatever happens: neither reading falls, lo never passes hi. */
START_TEST(readings_never_fall_under_random_jumps)
{
	struct vt_instant last;
	uint64_t dice = 88172645463325252u;

	set_up();
	last = now();
	for (int i = 0; i < 20000; i++) {
		struct vt_instant instant;

		dice ^= dice << 13;
		dice ^= dice >> 7;
		dice ^= dice << 17;
		if (dice % 8 == 0 && wall > NOON / 2 && wall < 2 * NOON)
			jump((int64_t) sizes[dice / 8 % 3] * (dice / 64 % 2 ? 1 : -1));
		else if (dice % 101 == 0)
			reboot(0);
		else
			pass(dice / 8 % HOUR);
		if (dice % 101 == 0 || dice % 7 == 0) {
			note();
			restart();
		}
		instant = now();
		ck_assert_uint_le(instant.lo_ns, instant.hi_ns);
		ck_assert_uint_ge(instant.lo_ns, last.lo_ns);
		ck_assert_uint_ge(instant.hi_ns, last.hi_ns);
		last = instant;
	}
	tear_down();
}
END_TEST

VT_SUITE(instant, both_readings_are_the_wall_clock_while_nothing_is_wrong,
	 a_jump_forward_moves_hi_alone, a_jump_back_stops_lo_and_hi_goes_on,
	 five_seconds_are_no_reason_for_doubt_and_more_are, a_restart_forgets_no_jump,
	 a_jump_while_nobody_ran_is_seen, notes_under_a_wrong_clock_do_not_make_it_right,
	 small_steps_of_a_time_server_do_not_add_up, steps_faster_than_ten_minutes_do_add_up,
	 a_reboot_takes_the_wall_clock_as_it_is,
	 a_reboot_with_a_clock_set_back_reopens_nothing_until_it_is_put_right,
	 a_boot_that_has_no_name_is_another_one, accepting_the_clock_takes_it_for_both_and_lasts,
	 an_acceptance_that_cannot_be_written_is_none, a_damaged_note_is_refused,
	 readings_never_fall_under_random_jumps)
