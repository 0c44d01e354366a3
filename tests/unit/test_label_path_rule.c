/* SPDX-License-Identifier: Apache-2.0 */
/* Labels out of paths. */
#include "tools/labels/path_rule.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tests/unit/suite.h"

static const struct vt_label_options usual = {.annotator = "ann", .time_ns = 5};

/* "key=value …", "-" for none. */
static void says(const char *rule, const char *path, const char *expected)
{
	struct vt_label_text text = {path, strlen(path)};
	struct vt_label_row rows[VT_PATH_RULE_KEYS];
	struct vt_error err = {0};
	char found[512] = "";
	int count;

	ck_assert_msg(vt_path_rule_check(rule, &err) == 0, "%s", err.text);
	count = vt_path_rule_labels(rule, text, &usual, rows, &err);
	ck_assert_msg(count >= 0, "%s", err.text);
	for (int i = 0; i < count; i++) {
		const struct vt_label *label = &rows[i].label;
		size_t len = strlen(found);

		ck_assert(rows[i].path.bytes == path && label->type == VT_LABEL_TEXT);
		(void) snprintf(found + len, sizeof found - len, "%s%.*s=%.*s", i ? " " : "",
				(int) label->key.len, label->key.bytes, (int) label->value.text.len,
				label->value.text.bytes);
	}
	ck_assert_str_eq(count ? found : "-", expected);
}

START_TEST(names_become_values)
{
	says("train/{class}/*", "train/cat/1.png", "class=cat");
	says("train/{class}/*", "train/cat/", "class=cat");
	says("train/{class}/*", "train/cat", "-");
	says("train/{class}/*", "train/cat/a/b", "-");
	says("train/{class}/*", "test/cat/a", "-");
	says("train/{class}/*", "train//a", "-");
	says("{split}/{class}/{take}_*.png", "train/cat/7_a_b.png", "split=train class=cat take=7");
	says("{a}_{b}", "x_y_z", "a=x b=y_z");
	says("*_{b}", "x_y_z", "b=y_z");
	says("{a}.png", "x.png.png", "a=x.png");
	says("{a}.png", ".png", "-");
	says("{a}x", "ax/x", "-");
}
END_TEST

START_TEST(what_can_be_no_value_is_refused)
{
	struct vt_label_row rows[VT_PATH_RULE_KEYS];
	struct vt_label_text bad = {"\xff/a", 3};
	struct vt_error err = {0};

	ck_assert_int_eq(vt_path_rule_labels("{k}/*", bad, &usual, rows, &err), -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "the value is not UTF-8"));
	ck_assert_int_eq(vt_path_rule_labels("x{k}/*", bad, &usual, rows, &err), 0);
}
END_TEST

START_TEST(rules_that_mean_nothing_are_refused)
{
	static const char *const bad[][2] = {
		{"", "there is no {key}"},
		{"train/*", "there is no {key}"},
		{"{class", "is not closed"},
		{"class}", "closes nothing"},
		{"{}", "the key is empty"},
		{"{9}", "the key is not of"},
		{"{a/b}", "the key is not of"},
		{"{a}{b}", "nothing parts"},
		{"{a}*", "nothing parts"},
		{"{a}/{a}", "stands there twice"},
		{"*a*b*c*d{k}", "more than 4"},
		{"{a}/{b}/{c}/{d}/{e}/{f}/{g}/{h}/{i}/{j}/{k}/{l}/{m}/{n}/{o}/{p}/{q}",
		 "more than 16 keys"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vt_error err = {0};

		ck_assert_int_eq(vt_path_rule_check(bad[i][0], &err), -EINVAL);
		ck_assert_msg(strstr(err.text, bad[i][1]) != NULL, "%s", err.text);
	}
}
END_TEST

VT_SUITE(label_path_rule, names_become_values, what_can_be_no_value_is_refused,
	 rules_that_mean_nothing_are_refused)
