/* SPDX-License-Identifier: Apache-2.0 */
/* A shard that is not there is damage, unless the server, asked again, has it no longer either. */
#include "tools/repair/shard_check.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tools/cli.h"

static struct vt_error err;
static struct vt_cli cli;
static bool dropped;    /* the server's gc was there since the list was made */
static int answers = 0; /* of the server; negative: it cannot be asked again */
static unsigned findings;
static char problem[256];

int __wrap_vt_cli_call_anew(struct vt_cli *who, const struct vt_call *call, json_t **result,
			    struct vt_error *why);
int __wrap_vt_cli_call_anew(struct vt_cli *who, const struct vt_call *call, json_t **result,
			    struct vt_error *why)
{
	json_t *row = json_pack("{s:i, s:s, s:s, s:s}", "serial", 7, "uuid", "u", "path",
				"/nowhere/7.vsh", "digest", "");
	bool again = call->args != NULL;

	(void) who;
	(void) result;
	ck_assert_str_eq(call->op, "verify.shards");
	if (again)
		ck_assert_int_eq(json_integer_value(json_object_get(call->args, "serial")), 7);
	if (!again || !dropped)
		ck_assert_int_eq(call->row(call->context, row, NULL, 0), 0);
	json_decref(row);
	json_decref(call->args);
	return again && answers < 0 ? vt_fail(why, -answers, "nobody answers") : 0;
}

static void report(void *context, const char *what, const char *words)
{
	(void) context;
	ck_assert_str_eq(what, "/nowhere/7.vsh");
	(void) snprintf(problem, sizeof problem, "%s", words);
	findings++;
}

/* Lists the one shard, and looks for it. */
static int check(size_t *damaged)
{
	vt_cleanup(vt_shard_list_freep) struct vt_shard_list *list = NULL;
	struct vt_shard_check checked = {.cli = &cli, .report = report};
	int r;

	findings = 0;
	ck_assert_int_eq(vt_shard_list_ask(&cli, &list, &err), 0);
	ck_assert_uint_eq(vt_shard_list_count(list), 1);
	checked.list = list;
	r = vt_shard_check_run(&checked, &err);
	*damaged = checked.damaged.count;
	vt_shard_check_done(&checked);
	return r;
}

START_TEST(a_shard_whose_file_is_gone_is_damaged)
{
	size_t damaged;

	dropped = false;
	ck_assert_int_eq(check(&damaged), 0);
	ck_assert_uint_eq(findings, 1);
	ck_assert_uint_eq(damaged, 1);
	ck_assert_ptr_nonnull(strstr(problem, "cannot open shard '/nowhere/7.vsh'"));
}
END_TEST

START_TEST(a_shard_that_was_dropped_since_it_was_listed_is_not)
{
	size_t damaged;

	dropped = true;
	ck_assert_int_eq(check(&damaged), 0);
	ck_assert_uint_eq(findings, 0);
	ck_assert_uint_eq(damaged, 0);
}
END_TEST

START_TEST(which_of_them_it_is_has_to_be_known)
{
	size_t damaged;

	dropped = true;
	answers = -ECONNREFUSED;
	ck_assert_int_eq(check(&damaged), -ECONNREFUSED);
	ck_assert_uint_eq(findings, 0);
	ck_assert_ptr_nonnull(strstr(err.text, "nobody answers"));
}
END_TEST

VT_SUITE(shard_check, a_shard_whose_file_is_gone_is_damaged,
	 a_shard_that_was_dropped_since_it_was_listed_is_not, which_of_them_it_is_has_to_be_known)
