/* SPDX-License-Identifier: Apache-2.0 */
/* The gate: everybody reads, only the owner and root change, and a refusal says what would do. */
#include "policy/gate.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tests/unit/suite.h"

enum { OWNER = 500, STRANGER = 501 };

static int check(uid_t uid, enum vt_right right, struct vt_error *err)
{
	const struct vt_subject subject = {.uid = uid, .gid = uid};
	const struct vt_object object = {.dataset = 1, .version = 2};
	uint64_t until = 0;
	struct vt_gate *gate;
	int r;

	ck_assert_int_eq(vt_gate_new(OWNER, &gate, NULL), 0);
	r = vt_gate_check(gate, &subject, right, object, &until, err);
	if (r == 0)
		ck_assert_uint_eq(until, UINT64_MAX);
	vt_gate_free(gate);
	return r;
}

START_TEST(everybody_browses_and_reads)
{
	for (uid_t uid = 0; uid <= STRANGER; uid += STRANGER) {
		ck_assert_int_eq(check(uid, VT_RIGHT_BROWSE, NULL), 0);
		ck_assert_int_eq(check(uid, VT_RIGHT_READ, NULL), 0);
	}
}
END_TEST

START_TEST(the_owner_and_root_change)
{
	ck_assert_int_eq(check(0, VT_RIGHT_CURATE, NULL), 0);
	ck_assert_int_eq(check(0, VT_RIGHT_ADMIN, NULL), 0);
	ck_assert_int_eq(check(OWNER, VT_RIGHT_CURATE, NULL), 0);
	ck_assert_int_eq(check(OWNER, VT_RIGHT_ADMIN, NULL), 0);
}
END_TEST

START_TEST(a_stranger_changes_nothing_and_hears_who_could)
{
	struct vt_error err = {0};

	ck_assert_int_eq(check(STRANGER, VT_RIGHT_CURATE, &err), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "uid 501"));
	ck_assert_ptr_nonnull(strstr(err.text, "uid 500"));
	ck_assert_int_eq(check(STRANGER, VT_RIGHT_ADMIN, NULL), -EACCES);
}
END_TEST

START_TEST(a_boundary_is_the_owners_and_open)
{
	const struct vt_object object = {.dataset = 1, .version = 2};
	struct vt_boundary boundary;
	struct vt_gate *gate;

	ck_assert_int_eq(vt_gate_new(OWNER, &gate, NULL), 0);
	vt_gate_boundary(gate, object, &boundary);
	ck_assert_uint_eq(boundary.uid, OWNER);
	ck_assert_uint_eq(boundary.mode, 0555);
	vt_gate_free(gate);
}
END_TEST

VT_SUITE(gate, everybody_browses_and_reads, the_owner_and_root_change,
	 a_stranger_changes_nothing_and_hears_who_could, a_boundary_is_the_owners_and_open)
