/* SPDX-License-Identifier: Apache-2.0 */
/* Who has what open is known exactly, bounded per user, and to a successor too. */
#include "fs/handles.h"

#include <errno.h>

#include "tests/unit/session_model.h"

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
	vt_handles_remove(handles, VT_HANDLE_NONE);
	vt_handles_each(handles, see, &seen);
	ck_assert_uint_eq(seen.count, 1);
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
	ck_assert_int_eq(vt_handles_add(handles, 1, 500, &handle), -ENFILE);
	ck_assert_uint_eq(vt_handles_count(handles), 0);
	state->record->handle_top = 0;
	(void) add(1, 500);
	vt_handles_close(handles);
	session_end();
}
END_TEST

VT_SUITE(handles, handles_are_there_until_they_are_removed,
	 a_release_that_comes_again_frees_nobody_elses, a_user_has_so_many_and_others_go_on,
	 a_successor_knows_them_and_their_numbers, a_full_table_is_enfile)
