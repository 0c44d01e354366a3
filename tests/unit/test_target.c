/* SPDX-License-Identifier: Apache-2.0 */
/* What people point at: [SPACE/]DATASET[@VERSION|@TAG][:PATH]. */
#include "tools/target.h"
#include "tests/unit/suite.h"
#include "tools/cli.h"

#include <errno.h>
#include <string.h>

const struct vt_command *const vt_commands[] = {NULL};

static void expect(const char *text, const char *dataset, const char *version, const char *path)
{
	struct vt_target target;

	ck_assert_int_eq(vt_target_parse(text, &target, NULL), 0);
	ck_assert_str_eq(target.dataset, dataset);
	ck_assert_str_eq(target.version, version);
	if (!path) {
		ck_assert_ptr_null(target.path);
		return;
	}
	ck_assert_uint_eq(target.path_len, strlen(path));
	ck_assert_int_eq(strncmp(target.path, path, target.path_len), 0);
}

START_TEST(every_part_but_the_dataset_may_be_missing)
{
	expect("birds", "birds", "", NULL);
	expect("space/birds", "space/birds", "", NULL);
	expect("birds@v2", "birds", "v2", NULL);
	expect("birds@v2:a/b", "birds", "v2", "a/b");
	expect("birds:a/b", "birds", "", "a/b");
	expect("birds:", "birds", "", "");
}
END_TEST

START_TEST(a_path_may_hold_anything)
{
	expect("birds:a@v9:b c", "birds", "", "a@v9:b c");
	expect("birds@v1:@:", "birds", "v1", "@:");
	expect("birds:\xff\n", "birds", "", "\xff\n");
}
END_TEST

START_TEST(slashes_around_a_path_do_not_matter)
{
	expect("birds:/a/b/", "birds", "", "a/b");
	expect("birds:///", "birds", "", "");
}
END_TEST

START_TEST(names_that_are_missing_or_too_long_are_refused)
{
	char text[1000];
	struct vt_target target;

	ck_assert_int_eq(vt_target_parse("", &target, NULL), -EINVAL);
	ck_assert_int_eq(vt_target_parse("@v1", &target, NULL), -EINVAL);
	ck_assert_int_eq(vt_target_parse(":a", &target, NULL), -EINVAL);
	ck_assert_int_eq(vt_target_parse("birds@", &target, NULL), -EINVAL);
	ck_assert_int_eq(vt_target_parse("birds@:a", &target, NULL), -EINVAL);

	memset(text, 'n', sizeof text);
	text[VT_DATASET_NAME_MAX] = '\0';
	ck_assert_int_eq(vt_target_parse(text, &target, NULL), 0);
	text[VT_DATASET_NAME_MAX] = 'n';
	text[VT_DATASET_NAME_MAX + 1] = '\0';
	ck_assert_int_eq(vt_target_parse(text, &target, NULL), -EINVAL);
	memset(text, 'n', sizeof text);
	text[1] = '@';
	text[2 + VT_NAME_PART_MAX] = '\0';
	ck_assert_int_eq(vt_target_parse(text, &target, NULL), 0);
	text[2 + VT_NAME_PART_MAX] = 'n';
	text[3 + VT_NAME_PART_MAX] = '\0';
	ck_assert_int_eq(vt_target_parse(text, &target, NULL), -EINVAL);
}
END_TEST

START_TEST(arguments_hold_what_was_given_and_no_more)
{
	vt_cleanup(vt_json_freep) json_t *plain = NULL, *full = NULL;
	struct vt_target target;

	ck_assert_int_eq(vt_target_parse("birds", &target, NULL), 0);
	plain = vt_target_args(&target);
	ck_assert_uint_eq(json_object_size(plain), 1);

	ck_assert_int_eq(vt_target_parse("birds@gold:a\xff", &target, NULL), 0);
	full = vt_target_args(&target);
	ck_assert_str_eq(vt_json_text(full, "version", ""), "gold");
	ck_assert_str_eq(vt_json_text(full, "path_hex", ""), "61ff");
}
END_TEST

VT_SUITE(target, every_part_but_the_dataset_may_be_missing, a_path_may_hold_anything,
	 slashes_around_a_path_do_not_matter, names_that_are_missing_or_too_long_are_refused,
	 arguments_hold_what_was_given_and_no_more)
