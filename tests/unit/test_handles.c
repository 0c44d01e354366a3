/* SPDX-License-Identifier: Apache-2.0 */
/* Who has what open is known exactly, bounded per user, and to a successor too. */
#include "fs/handles.h"

#include <errno.h>

#include "tests/unit/instants.h"

static struct vt_handles *handles;

static void open_handles(void)
{
	ck_assert_int_eq(vt_handles_open(state, &handles, NULL), 0);
}

static uint64_t add(uint64_t id, uint32_t uid)
{
	uint64_t handle;

	ck_assert_int_eq(vt_handles_add(handles, id, uid, &handle), 0);
	return handle;
}

struct seen {
	size_t count;
	uint64_t ids[8];
	uint32_t uids[8];
};

static void see(void *context, uint64_t id, uint32_t uid)
{
	struct seen *seen = context;

	ck_assert_uint_lt(seen->count, 8);
	seen->ids[seen->count] = id;
	seen->uids[seen->count++] = uid;
}

START_TEST(handles_are_there_until_they_are_removed)
{
	struct seen seen = {0};
	uint64_t first;

	session_begin();
	open_handles();
	first = add(11, 500);
	(void) add(12, 501);
	vt_handles_remove(handles, first);
	vt_handles_each(handles, see, &seen);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.ids[0], 12);
	ck_assert_uint_eq(seen.uids[0], 501);
	ck_assert_uint_eq(vt_handles_count(handles), 1);
	vt_handles_close(handles);
	session_end();
}
END_TEST

START_TEST(a_release_that_comes_again_frees_nobody_elses)
{
	struct seen seen = {0};
	uint64_t first, second;

	session_begin();
	open_handles();
	first = add(11, 500);
	vt_handles_remove(handles, first);
	second = add(12, 501); /* in the same slot */
	ck_assert_uint_ne(first, second);
	ck_assert_uint_eq((uint32_t) first, (uint32_t) second);
	vt_handles_remove(handles, first);
	vt_handles_remove(handles, vt_handle_of_text(1));
	vt_handles_each(handles, see, &seen);
	ck_assert_uint_eq(seen.count, 1);
	vt_handles_close(handles);
	session_end();
}
END_TEST

START_TEST(a_handle_that_is_closed_twice_is_free_once)
{
	uint64_t first;

	session_begin();
	open_handles();
	first = add(11, 500);
	vt_handles_remove(handles, first);
	vt_handles_remove(handles, first);
	ck_assert_uint_ne((uint32_t) add(12, 500), (uint32_t) add(13, 500));
	ck_assert_uint_eq(vt_handles_count(handles), 2);
	vt_handles_close(handles);
	session_end();
}
END_TEST

START_TEST(a_user_has_so_many_and_others_go_on)
{
	uint64_t handle, last = 0;

	session_begin();
	open_handles();
	for (uint32_t i = 0; i < VT_HANDLES_PER_UID; i++)
		last = add(100 + i, 500);
	ck_assert_int_eq(vt_handles_add(handles, 1, 500, &handle), -EMFILE);
	(void) add(1, 501);
	vt_handles_remove(handles, last);
	(void) add(1, 500);
	vt_handles_close(handles);
	session_end();
}
END_TEST

START_TEST(a_successor_knows_them_and_their_numbers)
{
	struct seen seen = {0};
	uint64_t first, kept, handle;

	session_begin();
	open_handles();
	first = add(11, 500);
	kept = add(12, 500);
	vt_handles_remove(handles, first);
	vt_handles_close(handles);
	session_dies();
	session_begin();
	open_handles();
	ck_assert_uint_eq(vt_handles_count(handles), 1);
	handle = add(13, 500);
	ck_assert_uint_eq((uint32_t) handle, (uint32_t) first); /* the free slot is used again */
	ck_assert_uint_ne(handle, first);
	vt_handles_remove(handles, kept);
	vt_handles_each(handles, see, &seen);
	ck_assert_uint_eq(seen.count, 1);
	ck_assert_uint_eq(seen.ids[0], 13);
	vt_handles_close(handles);
	session_end();
}
END_TEST

START_TEST(a_full_table_is_enfile)
{
	uint64_t handle;

	session_begin();
	open_handles();
	state->record->handle_top = VT_SESSION_HANDLES;
	for (uint32_t i = 0; i < VT_HANDLES_PER_UID; i++) /* none of them is one of his */
		ck_assert_int_eq(vt_handles_add(handles, 1, 500, &handle), -ENFILE);
	ck_assert_uint_eq(vt_handles_count(handles), 0);
	state->record->handle_top = 0;
	(void) add(1, 500);
	vt_handles_close(handles);
	session_end();
}
END_TEST

static bool is_open(uint64_t id)
{
	struct seen seen = {0};

	vt_handles_each(handles, see, &seen);
	for (size_t i = 0; i < seen.count; i++)
		if (seen.ids[i] == id)
			return true;
	return false;
}

/* Of the session that dies: two are open, one was closed. */
static uint64_t open_one, closed_one;

static void dies_with_handles(void (*operation)(void), void (*check)(void))
{
	struct vt_handles *before = handles;

	dies_at_every_instant(operation, check);
	vt_handles_close(before);
}

static void some_are_open(void)
{
	session_begin();
	open_handles();
	open_one = add(11, 500);
	(void) add(12, 501);
	closed_one = add(13, 500);
	vt_handles_remove(handles, closed_one);
}

static void open_another(void)
{
	(void) add(14, 502);
}

static void check_opener(void *context, uint64_t id, uint32_t uid)
{
	(void) context;
	ck_assert_uint_eq(uid, id == 11 ? 500 : id == 12 ? 501 : 502);
}

/* The OPEN comes again: it is noted at least once. */
static void check_open_again(void)
{
	open_handles();
	ck_assert(is_open(11) && is_open(12) && !is_open(13));
	vt_handles_each(handles, check_opener, NULL);
	open_another();
	ck_assert(is_open(14));
	vt_handles_remove(handles, closed_one);
	ck_assert(is_open(11) && is_open(12) && is_open(14));
	ck_assert_uint_le(vt_handles_count(handles), 4);
	vt_handles_close(handles);
}

START_TEST(a_server_may_die_while_it_notes_one)
{
	some_are_open();
	dies_with_handles(open_another, check_open_again);
}
END_TEST

static void close_one(void)
{
	vt_handles_remove(handles, open_one);
}

/* The RELEASE comes again, and somebody's OPEN came first. */
static void check_release_again(void)
{
	open_handles();
	(void) add(15, 502);
	(void) add(16, 502);
	close_one();
	ck_assert(is_open(15) && is_open(16) && is_open(12));
	ck_assert(!is_open(11));
	ck_assert_uint_eq(vt_handles_count(handles), 3);
	vt_handles_close(handles);
}

START_TEST(a_server_may_die_while_it_removes_one)
{
	some_are_open();
	dies_with_handles(close_one, check_release_again);
}
END_TEST

/* The last slots are used, then no more; one that is closed is free again. */
START_TEST(the_last_slots_of_a_nearly_full_table_are_used)
{
	uint64_t handle, last;

	session_begin();
	open_handles();
	state->record->handle_top = VT_SESSION_HANDLES - 2;
	(void) add(98, 500);
	last = add(99, 500);
	ck_assert_uint_eq((uint32_t) last, VT_SESSION_HANDLES - 1);
	ck_assert_int_eq(vt_handles_add(handles, 1, 501, &handle), -ENFILE);
	vt_handles_remove(handles, last);
	(void) add(1, 501);
	ck_assert_int_eq(vt_handles_add(handles, 1, 501, &handle), -ENFILE);
	ck_assert_uint_eq(vt_handles_count(handles), 2);
	vt_handles_close(handles);
	session_end();
}
END_TEST

START_TEST(the_bound_of_a_user_is_a_successors_too)
{
	uint64_t handle;

	session_begin();
	open_handles();
	for (uint32_t i = 0; i < VT_HANDLES_PER_UID; i++)
		(void) add(100 + i, 500);
	vt_handles_close(handles);
	session_dies();
	session_begin();
	open_handles();
	ck_assert_int_eq(vt_handles_add(handles, 1, 500, &handle), -EMFILE);
	ck_assert_uint_eq(vt_handles_count(handles), VT_HANDLES_PER_UID);
	(void) add(1, 501);
	vt_handles_close(handles);
	session_end();
}
END_TEST

VT_SUITE(handles, handles_are_there_until_they_are_removed,
	 a_release_that_comes_again_frees_nobody_elses, a_handle_that_is_closed_twice_is_free_once,
	 a_user_has_so_many_and_others_go_on, a_successor_knows_them_and_their_numbers,
	 a_full_table_is_enfile, a_server_may_die_while_it_notes_one,
	 a_server_may_die_while_it_removes_one, the_last_slots_of_a_nearly_full_table_are_used,
	 the_bound_of_a_user_is_a_successors_too)
