/* SPDX-License-Identifier: Apache-2.0 */
/* What people and programs see: numbers, times, and names that are any bytes. */
#include "tools/output.h"
#include "fs/rows.h"
#include "index/base/cleanup.h"
#include "tests/unit/suite.h"
#include "tools/cli.h"

#include <string.h>

const struct vt_command *const vt_commands[] = {NULL};

static void expect_size(uint64_t bytes, const char *expected)
{
	char text[16];

	vt_format_size(bytes, text);
	ck_assert_str_eq(text, expected);
}

START_TEST(sizes_are_short_and_never_1024_of_a_unit)
{
	expect_size(0, "0 B");
	expect_size(1023, "1023 B");
	expect_size(1024, "1.0 KiB");
	expect_size(1536, "1.5 KiB");
	expect_size((1ull << 20) - 1, "1.0 MiB");
	expect_size(1ull << 30, "1.0 GiB");
	expect_size(UINT64_MAX, "16.0 EiB");
}
END_TEST

START_TEST(counts_have_a_comma_every_three_digits)
{
	char text[32];

	vt_format_count(0, text);
	ck_assert_str_eq(text, "0");
	vt_format_count(999, text);
	ck_assert_str_eq(text, "999");
	vt_format_count(1797, text);
	ck_assert_str_eq(text, "1,797");
	vt_format_count(UINT64_MAX, text);
	ck_assert_str_eq(text, "18,446,744,073,709,551,615");
}
END_TEST

static void expect_rate(double rate, const char *expected)
{
	char text[32];

	vt_format_rate(rate, text);
	ck_assert_str_eq(text, expected);
}

START_TEST(small_rates_have_a_fraction)
{
	expect_rate(0, "0.0");
	expect_rate(0.44, "0.4");
	expect_rate(99.94, "99.9");
	expect_rate(99.96, "100");
	expect_rate(1796.5, "1,797");
}
END_TEST

START_TEST(times_are_local_and_what_is_no_time_is_shown_as_it_is)
{
	char text[32];

	(void) setenv("TZ", "UTC-2", 1);
	vt_format_time("2026-11-22T03:50:36Z", text);
	ck_assert_str_eq(text, "2026-11-22 05:50");
	vt_format_time("0.5", text);
	ck_assert_str_eq(text, "1970-01-01 02:00");
	vt_format_time("yesterday, or a word far longer than a time", text);
	ck_assert_str_eq(text, "yesterday, or a word far longer");
	vt_format_time("", text);
	ck_assert_str_eq(text, "");
}
END_TEST

static void expect_escape(const char *name, size_t len, const char *expected)
{
	vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;

	vt_escape(name, len, &out);
	vt_buf_put_u8(&out, '\0');
	ck_assert_str_eq((const char *) out.data, expected);
}

START_TEST(a_terminal_sees_no_control_bytes)
{
	expect_escape("", 0, "");
	expect_escape("plain name.txt", 14, "plain name.txt");
	expect_escape("\033[2J\n\x7f", 6, "\\x1b[2J\\x0a\\x7f");
	expect_escape("a\0b", 3, "a\\x00b");
	expect_escape("back\\slash", 10, "back\\\\slash");
	expect_escape("\xc2\x9b"
		      "31m",
		      5, "\\xc2\\x9b31m"); /* U+009B is ESC [ */
}
END_TEST

START_TEST(only_well_formed_utf8_passes)
{
	expect_escape("gr\xc3\xbcn \xf0\x9f\xa6\x89", 10, "gr\xc3\xbcn \xf0\x9f\xa6\x89");
	expect_escape("\xc3", 1, "\\xc3");                            /* cut short */
	expect_escape("\xc3(", 2, "\\xc3(");                          /* no continuation */
	expect_escape("\xc0\xaf", 2, "\\xc0\\xaf");                   /* overlong */
	expect_escape("\xe0\x80\xaf", 3, "\\xe0\\x80\\xaf");          /* overlong */
	expect_escape("\xed\xa0\x80", 3, "\\xed\\xa0\\x80");          /* a surrogate */
	expect_escape("\xf4\x90\x80\x80", 4, "\\xf4\\x90\\x80\\x80"); /* beyond U+10FFFF */
	expect_escape("\xff\xfe", 2, "\\xff\\xfe");
	expect_escape("\x80", 1, "\\x80");
}
END_TEST

START_TEST(any_bytes_survive_json)
{
	static const char *const names[] = {"plain", "gr\xc3\xbcn", "\xff\xfe", "a\nb", "\xc3", ""};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		vt_cleanup(vt_buf_done) struct vt_buf back = VT_BUF_INIT;
		vt_cleanup(vt_json_freep) json_t *object = json_object();
		size_t len = strlen(names[i]);

		(void) vt_json_set_text(object, "path", names[i], len);
		ck_assert_ptr_nonnull(json_object_get(object, "path"));
		vt_json_get_bytes(object, "path", &back);
		ck_assert_uint_eq(back.len, len);
		ck_assert(len == 0 || memcmp(back.data, names[i], len) == 0);
	}
}
END_TEST

START_TEST(only_what_is_not_utf8_has_a_hex_form)
{
	vt_cleanup(vt_json_freep) json_t *object = json_object();

	(void) vt_json_set_text(object, "good", "a", 1);
	(void) vt_json_set_text(object, "bad", "a\xff", 2);
	ck_assert_ptr_null(json_object_get(object, "good_hex"));
	ck_assert_str_eq(vt_json_text(object, "bad_hex", ""), "61ff");
	ck_assert_str_eq(vt_json_text(object, "bad", ""), "a\xef\xbf\xbd");
}
END_TEST

/* A server of another version might send anything. */
START_TEST(hex_that_is_none_ends_the_bytes)
{
	vt_cleanup(vt_buf_done) struct vt_buf back = VT_BUF_INIT;
	vt_cleanup(vt_json_freep) json_t *object =
		json_pack("{s:s, s:s}", "path", "x", "path_hex", "6162zz61");

	vt_json_get_bytes(object, "path", &back);
	ck_assert_uint_eq(back.len, 2);
	ck_assert_mem_eq(back.data, "ab", 2);
	vt_json_get_bytes(object, "absent", &back);
	ck_assert_uint_eq(back.len, 2);
}
END_TEST

START_TEST(a_table_takes_rows_that_lack_members)
{
	static const struct vt_column columns[] = {{"A", "a", VT_COLUMN_TEXT},
						   {"B", "b", VT_COLUMN_SIZE},
						   {"C", "c", VT_COLUMN_LIST},
						   {"D", "d", VT_COLUMN_MODE},
						   {0}};
	const struct vt_cli cli = {0};
	vt_cleanup(vt_grid_freep) struct vt_grid *table = NULL;
	vt_cleanup(vt_json_freep) json_t *empty = json_object();
	vt_cleanup(vt_json_freep) json_t *wrong =
		json_pack("{s:i, s:s, s:i, s:[i]}", "a", 1, "b", "x", "c", 2, "d", 3);

	ck_assert_int_eq(vt_grid_new(&cli, columns, &table, NULL), 0);
	ck_assert_int_eq(vt_grid_row(table, empty, NULL, 0), 0);
	ck_assert_int_eq(vt_grid_row(table, wrong, NULL, 0), 0);
}
END_TEST

VT_SUITE(output, sizes_are_short_and_never_1024_of_a_unit, counts_have_a_comma_every_three_digits,
	 small_rates_have_a_fraction, times_are_local_and_what_is_no_time_is_shown_as_it_is,
	 a_terminal_sees_no_control_bytes, only_well_formed_utf8_passes, any_bytes_survive_json,
	 only_what_is_not_utf8_has_a_hex_form, hex_that_is_none_ends_the_bytes,
	 a_table_takes_rows_that_lack_members)
