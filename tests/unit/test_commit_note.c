/* SPDX-License-Identifier: Apache-2.0 */
/* A number survives whatever happens to one of its slots, and has one holder. */
#include "index/commit_note.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>

#include "index/base/error.h"

#define SLOT_BYTES 88 /* 4096 apart */

static struct vt_error err;
static struct vt_commit_note note;
static const struct vt_manifest_mark mark = {5, 100, 77};
static int fd = -1;

static void open_note(void)
{
	ck_assert_msg(vt_commit_note_open(vt_scratch_path("committed"), &note, &err) == 0, "%s",
		      err.text);
}

/* A note that was raised to 41 and then to 42. */
static void set_up(void)
{
	(void) vt_scratch();
	open_note();
	ck_assert_int_eq(vt_commit_note_raise(&note, 41, &mark, &err), 0);
	ck_assert_int_eq(vt_commit_note_raise(&note, 42, &mark, &err), 0);
	vt_commit_note_close(&note);
	fd = open(vt_scratch_path("committed"), O_RDWR);
	ck_assert_int_ge(fd, 0);
}

static void tear_down(void)
{
	close(fd);
	vt_scratch_done();
}

static void flip(off_t at, unsigned bit)
{
	unsigned char byte;

	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= (unsigned char) (1u << bit);
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

START_TEST(a_number_survives_reopening_and_does_not_fall)
{
	set_up();
	open_note();
	ck_assert_uint_eq(note.commits, 42);
	ck_assert_mem_eq(&note.mark, &mark, sizeof mark);
	ck_assert_int_eq(vt_commit_note_raise(&note, 7, &mark, &err), 0);
	vt_commit_note_close(&note);
	open_note();
	ck_assert_uint_eq(note.commits, 42);
	vt_commit_note_close(&note);
	tear_down();
}
END_TEST

START_TEST(any_bit_flipped_leaves_the_number_or_the_one_before)
{
	set_up();
	for (int i = 0; i < 2 * SLOT_BYTES * 8; i++) {
		off_t at = (i / 8) % SLOT_BYTES + (i / 8 / SLOT_BYTES) * 4096;

		flip(at, (unsigned) i % 8);
		open_note();
		ck_assert_uint_ge(note.commits, 41);
		ck_assert_uint_le(note.commits, 42);
		vt_commit_note_close(&note);
		flip(at, (unsigned) i % 8);
	}
	tear_down();
}
END_TEST

START_TEST(a_torn_write_is_made_good_by_the_next)
{
	set_up();
	open_note();
	flip((off_t) (note.turn % 2) * 4096 + 20, 0);
	vt_commit_note_close(&note);
	open_note();
	ck_assert_uint_eq(note.commits, 41);
	ck_assert_int_eq(vt_commit_note_raise(&note, 43, &mark, &err), 0);
	vt_commit_note_close(&note);
	open_note();
	ck_assert_uint_eq(note.commits, 43);
	vt_commit_note_close(&note);
	tear_down();
}
END_TEST

START_TEST(a_file_without_a_sound_slot_is_damaged_but_an_empty_one_is_new)
{
	set_up();
	flip(10, 0);
	flip(4096 + 10, 0);
	ck_assert_int_eq(vt_commit_note_open(vt_scratch_path("committed"), &note, &err), -EBADMSG);
	ck_assert_int_eq(ftruncate(fd, 0), 0);
	open_note();
	ck_assert_uint_eq(note.commits, 0);
	vt_commit_note_close(&note);
	tear_down();
}
END_TEST

START_TEST(a_reset_lowers_it_for_good)
{
	set_up();
	open_note();
	ck_assert_int_eq(vt_commit_note_reset(&note, 5, &mark, &err), 0);
	vt_commit_note_close(&note);
	flip(4096 + 10, 0); /* both slots say so */
	open_note();
	ck_assert_uint_eq(note.commits, 5);
	vt_commit_note_close(&note);
	tear_down();
}
END_TEST

START_TEST(rest_lasts_until_it_is_taken_back)
{
	set_up();
	open_note();
	ck_assert(!note.at_rest);
	ck_assert_int_eq(vt_commit_note_rest(&note, 42, &mark, &err), 0);
	vt_commit_note_close(&note);
	open_note();
	ck_assert(note.at_rest);
	ck_assert_uint_eq(note.commits, 42);
	ck_assert_mem_eq(&note.mark, &mark, sizeof mark);
	ck_assert_int_eq(vt_commit_note_wake(&note, &err), 0);
	vt_commit_note_close(&note);
	open_note();
	ck_assert(!note.at_rest);
	ck_assert_uint_eq(note.commits, 42);
	ck_assert_mem_eq(&note.mark, &mark, sizeof mark);
	vt_commit_note_close(&note);
	tear_down();
}
END_TEST

START_TEST(a_commit_ends_rest_in_both_slots)
{
	set_up();
	open_note();
	ck_assert_int_eq(vt_commit_note_rest(&note, 42, &mark, &err), 0);
	ck_assert_int_eq(vt_commit_note_wake(&note, &err), 0);
	ck_assert_int_eq(vt_commit_note_raise(&note, 43, &mark, &err), 0);
	vt_commit_note_close(&note);
	for (int slot = 0; slot < 2; slot++) {
		flip((off_t) slot * 4096 + 10, 0);
		open_note();
		ck_assert(!note.at_rest);
		vt_commit_note_close(&note);
		flip((off_t) slot * 4096 + 10, 0);
	}
	tear_down();
}
END_TEST

START_TEST(any_bit_flipped_in_the_word_of_rest_unsays_it)
{
	off_t slot;

	set_up();
	open_note();
	ck_assert_int_eq(vt_commit_note_rest(&note, 42, &mark, &err), 0);
	slot = (off_t) (note.turn % 2) * 4096;
	vt_commit_note_close(&note);
	for (int i = 0; i < SLOT_BYTES * 8; i++) {
		flip(slot + i / 8, (unsigned) i % 8);
		open_note();
		ck_assert(!note.at_rest);
		ck_assert_uint_eq(note.commits, 42);
		vt_commit_note_close(&note);
		flip(slot + i / 8, (unsigned) i % 8);
	}
	tear_down();
}
END_TEST

START_TEST(a_second_holder_is_refused)
{
	struct vt_commit_note second;

	set_up();
	open_note();
	ck_assert_int_eq(vt_commit_note_open(vt_scratch_path("committed"), &second, &err), -EBUSY);
	vt_commit_note_close(&note);
	open_note();
	vt_commit_note_close(&note);
	tear_down();
}
END_TEST

VT_SUITE(commit_note, a_number_survives_reopening_and_does_not_fall,
	 any_bit_flipped_leaves_the_number_or_the_one_before, a_torn_write_is_made_good_by_the_next,
	 a_file_without_a_sound_slot_is_damaged_but_an_empty_one_is_new, a_reset_lowers_it_for_good,
	 rest_lasts_until_it_is_taken_back, a_commit_ends_rest_in_both_slots,
	 any_bit_flipped_in_the_word_of_rest_unsays_it, a_second_holder_is_refused)
