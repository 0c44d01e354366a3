/* SPDX-License-Identifier: Apache-2.0 */
/* Options: what is taken, what is left, and what is refused by name. */
#include "tools/options.h"
#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tools/cli.h"

#include <errno.h>
#include <string.h>

const struct vt_command *const vt_commands[] = {NULL};

static bool loud;
static const char *message;
static struct vt_option_list list;
static uint64_t number, bytes;
static const struct vt_option options[] = {
	VT_FLAG('l', "loud", &loud, ""),         VT_TEXT('m', "message", "TEXT", &message, ""),
	VT_LIST('i', "item", "TEXT", &list, ""), VT_NUMBER(0, "number", "N", &number, ""),
	VT_SIZE(0, "size", "SIZE", &bytes, ""),  {0},
};
static const struct vt_command command = {
	.name = "test", .synopsis = "A [B]", .options = options, .min_args = 1, .max_args = 2};

#define PARSE(...) parse((char *[]){(char *) "test", __VA_ARGS__, NULL})

static struct vt_cli cli;
static struct vt_error err;

static int parse(char **argv)
{
	static char *words[2 * VT_OPTION_LIST_MAX +
			   8]; /* outlives the literals of the callers, as main's argv does */
	int argc = 0;

	for (; argv[argc]; argc++)
		words[argc] = argv[argc];
	words[argc] = NULL;
	loud = false;
	message = NULL;
	list.count = 0;
	number = bytes = 0;
	cli = (struct vt_cli){.command = &command, .store = "default"};
	return vt_options_parse(&cli, argc, words, &err);
}

#define ARG(text) ((char *) (text))

static void expect_refusal(int r, const char *words)
{
	ck_assert_int_eq(r, -EINVAL);
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' is not in '%s'", words, err.text);
}

START_TEST(options_may_stand_anywhere)
{
	ck_assert_int_eq(PARSE(ARG("a"), ARG("--loud"), ARG("b"), ARG("-m"), ARG("hello")), 0);
	ck_assert(loud);
	ck_assert_str_eq(message, "hello");
	ck_assert_int_eq(cli.argc, 2);
	ck_assert_str_eq(cli.argv[0], "a");
	ck_assert_str_eq(cli.argv[1], "b");
	ck_assert_str_eq(cli.store, "default");
}
END_TEST

START_TEST(after_two_dashes_all_are_arguments)
{
	ck_assert_int_eq(PARSE(ARG("--"), ARG("--loud"), ARG("-")), 0);
	ck_assert(!loud);
	ck_assert_int_eq(cli.argc, 2);
	ck_assert_str_eq(cli.argv[0], "--loud");
}
END_TEST

START_TEST(what_may_be_given_several_times_is_kept_in_order)
{
	char *many[2 * (VT_OPTION_LIST_MAX + 1) + 3] = {ARG("test"), ARG("a")};

	ck_assert_int_eq(PARSE(ARG("-i"), ARG("x"), ARG("a"), ARG("--item=y"), ARG("-ix")), 0);
	ck_assert_uint_eq(list.count, 3);
	ck_assert_str_eq(list.items[0], "x");
	ck_assert_str_eq(list.items[1], "y");
	ck_assert_str_eq(list.items[2], "x");
	for (size_t i = 0; i <= VT_OPTION_LIST_MAX; i++) {
		many[2 + 2 * i] = ARG("-i");
		many[3 + 2 * i] = ARG("z");
	}
	expect_refusal(parse(many), "--item: given more than 256 times");
	many[2 * VT_OPTION_LIST_MAX + 2] = NULL;
	ck_assert_int_eq(parse(many), 0);
	ck_assert_uint_eq(list.count, VT_OPTION_LIST_MAX);
}
END_TEST

START_TEST(every_command_has_the_common_ones)
{
	ck_assert_int_eq(PARSE(ARG("a"), ARG("--store=/s"), ARG("--json"), ARG("-q")), 0);
	ck_assert_str_eq(cli.store, "/s");
	ck_assert(cli.json);
	ck_assert(cli.quiet);
}
END_TEST

START_TEST(help_asks_for_no_arguments)
{
	ck_assert_int_eq(PARSE(ARG("--help")), 0);
	ck_assert(cli.help);
}
END_TEST

START_TEST(what_is_wrong_is_named)
{
	expect_refusal(PARSE(ARG("a"), ARG("--laud")), "'--laud'");
	expect_refusal(PARSE(ARG("a"), ARG("-x")), "'-x'");
	expect_refusal(PARSE(ARG("a"), ARG("-lx")), "'-x'");
	expect_refusal(PARSE(ARG("a"), ARG("-m")), "'-m' needs a value: TEXT");
	expect_refusal(PARSE(ARG("a"), ARG("--message")), "'--message' needs a value: TEXT");
	expect_refusal(PARSE(ARG("a"), ARG("--loud=yes")), "'--loud' takes no value");
	expect_refusal(PARSE(ARG("a"), ARG("--number=-1")), "--number: '-1' is no number");
	expect_refusal(PARSE(ARG("a"), ARG("--number=")), "--number: '' is no number");
	expect_refusal(PARSE(ARG("a"), ARG("--number=99999999999999999999")), "is no number");
	expect_refusal(PARSE(ARG("a"), ARG("--size=big")), "--size: 'big' is no size");
	expect_refusal(PARSE(ARG("--loud")), "needs A [B]");
	expect_refusal(PARSE(ARG("a"), ARG("b"), ARG("c")), "'c' is one argument too many");
}
END_TEST

START_TEST(sizes_are_powers_of_1024)
{
	ck_assert_int_eq(PARSE(ARG("a"), ARG("--size=4096")), 0);
	ck_assert_uint_eq(bytes, 4096);
	ck_assert_int_eq(PARSE(ARG("a"), ARG("--size=256M")), 0);
	ck_assert_uint_eq(bytes, 256 << 20);
	expect_refusal(PARSE(ARG("a"), ARG("--size=-1")), "--size: '-1' is no size");
	expect_refusal(PARSE(ARG("a"), ARG("--size=99999999999T")), "is no size");
}
END_TEST

START_TEST(each_errno_has_its_exit_status)
{
	ck_assert_int_eq(vt_exit_status(0), 0);
	ck_assert_int_eq(vt_exit_status(7), 0);
	ck_assert_int_eq(vt_exit_status(-EIO), 1);
	ck_assert_int_eq(vt_exit_status(-EINVAL), 2);
	ck_assert_int_eq(vt_exit_status(-EACCES), 3);
	ck_assert_int_eq(vt_exit_status(-EPERM), 3);
	ck_assert_int_eq(vt_exit_status(-ENOENT), 4);
	ck_assert_int_eq(vt_exit_status(-EBADMSG), 5);
	ck_assert_int_eq(vt_exit_status(-EBUSY), 6);
}
END_TEST

VT_SUITE(options, options_may_stand_anywhere, after_two_dashes_all_are_arguments,
	 what_may_be_given_several_times_is_kept_in_order, every_command_has_the_common_ones,
	 help_asks_for_no_arguments, what_is_wrong_is_named, sizes_are_powers_of_1024,
	 each_errno_has_its_exit_status)
