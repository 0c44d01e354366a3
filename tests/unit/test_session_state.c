/* SPDX-License-Identifier: Apache-2.0 */
/* A session's state outlives its process, and is taken for nothing else. */
#include <errno.h>
#include <sys/mman.h>

#include "tests/unit/session_model.h"

START_TEST(the_plan_is_there_for_a_successor)
{
	const struct vt_mount_plan plan = {.kind = VT_MOUNT_PRIVATE, .any_uid = true, .user = 500};

	state_fd = vt_session_state_new(&plan, NULL);
	session_begin();
	session_dies();
	session_begin();
	ck_assert_int_eq(state->record->plan.kind, VT_MOUNT_PRIVATE);
	ck_assert(state->record->plan.any_uid);
	ck_assert_uint_eq(state->record->plan.user, 500);
	session_end();
}
END_TEST

START_TEST(a_plan_is_decided_once)
{
	const struct vt_mount_plan shared = {.kind = VT_MOUNT_SHARED};
	const struct vt_mount_plan open_only = {.kind = VT_MOUNT_OPEN_ONLY};

	state_fd = vt_session_state_new(NULL, NULL);
	ck_assert_int_eq(vt_session_state_decide(state_fd, &open_only, NULL), 0);
	ck_assert_int_eq(vt_session_state_decide(state_fd, &shared, NULL), 0);
	session_begin();
	ck_assert_int_eq(state->record->plan.kind, VT_MOUNT_OPEN_ONLY);
	session_end();
}
END_TEST

START_TEST(another_file_is_not_a_state)
{
	int fd = memfd_create("other", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vt_session_state_open(fd, &state, NULL), -EINVAL);
	ck_assert_int_eq(ftruncate(fd, 1l << 30), 0);
	ck_assert_int_lt(vt_session_state_open(fd, &state, NULL), 0);
	(void) close(fd);
}
END_TEST

START_TEST(stretches_of_the_file_do_not_meet)
{
	uint64_t first, second;

	session_begin();
	first = vt_session_state_extend(state, 5000);
	second = vt_session_state_extend(state, 1);
	ck_assert_uint_ne(first, 0);
	ck_assert_uint_ge(second, first + 5000);
	session_end();
}
END_TEST

VT_SUITE(session_state, the_plan_is_there_for_a_successor, a_plan_is_decided_once,
	 another_file_is_not_a_state, stretches_of_the_file_do_not_meet)
