/* SPDX-License-Identifier: Apache-2.0 */
/* Names of values and expressions: what is escaped, what is cut, and that all others are read back.
 */
#include "fs/view_name.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/chance.h"
#include "tests/unit/suite.h"

static struct vt_buf name, back;

static void put(const char *text, size_t len)
{
	vt_buf_reset(&name);
	vt_view_name_put(text, len, &name);
	ck_assert(!vt_buf_failed(&name));
}

static void is_written(const char *text, size_t len, const char *expected)
{
	put(text, len);
	ck_assert_msg(name.len == strlen(expected) && memcmp(name.data, expected, name.len) == 0,
		      "'%.*s' instead of '%s'", (int) name.len, (const char *) name.data, expected);
}

static int read_back(const char *text)
{
	vt_buf_reset(&back);
	return vt_view_name_read(text, strlen(text), &back);
}

static bool reads_as(const char *from, const char *expected)
{
	return read_back(from) == 0 && back.len == strlen(expected) &&
	       (back.len == 0 || memcmp(back.data, expected, back.len) == 0);
}

START_TEST(what_a_folder_cannot_be_called_is_escaped)
{
	is_written("cat", 3, "cat");
	is_written("", 0, "%00");
	is_written(".", 1, "%2E");
	is_written("..", 2, "%2E.");
	is_written(".a.b", 4, "%2Ea.b");
	is_written("a/b", 3, "a%2Fb");
	is_written("50%", 3, "50%25");
	is_written("a\tb\nc\x7f", 6, "a%09b%0Ac%7F");
	is_written("sch\xc3\xb6n \"'\\", 10, "sch\xc3\xb6n \"'\\");
}
END_TEST

START_TEST(any_byte_may_be_escaped_and_half_an_escape_is_none)
{
	ck_assert(reads_as("%63%61%74", "cat"));
	ck_assert(reads_as("%2f%2F", "//"));
	ck_assert(reads_as("%00", ""));
	ck_assert_int_eq(read_back("%00%00"), 0);
	ck_assert_uint_eq(back.len, 2);
	ck_assert(reads_as("%2E.", ".."));
	ck_assert_int_eq(read_back("%"), -EINVAL);
	ck_assert_int_eq(read_back("a%4"), -EINVAL);
	ck_assert_int_eq(read_back("a%4g"), -EINVAL);
	ck_assert_int_eq(read_back("a%g4"), -EINVAL);
	ck_assert_int_eq(read_back("%~0123456789abcdef"), -EINVAL);
}
END_TEST

static bool is_cut(void)
{
	return vt_view_name_is_cut((const char *) name.data, name.len);
}

START_TEST(a_long_name_is_cut_and_says_which_it_is)
{
	char text[400], other[VT_VIEW_NAME_MAX + 1];

	memset(text, 'x', sizeof text);
	put(text, VT_VIEW_NAME_MAX);
	ck_assert(!is_cut());
	ck_assert_uint_eq(name.len, VT_VIEW_NAME_MAX);
	put(text, VT_VIEW_NAME_MAX + 1);
	ck_assert(is_cut());
	ck_assert_uint_eq(name.len, VT_VIEW_NAME_MAX);
	memcpy(other, name.data, name.len);
	text[VT_VIEW_NAME_MAX] = 'y'; /* behind the cut */
	put(text, VT_VIEW_NAME_MAX + 1);
	ck_assert_int_ne(memcmp(other, name.data, name.len), 0);
	ck_assert_int_eq(memcmp(other, name.data, VT_VIEW_NAME_MAX - 16), 0);
}
END_TEST

START_TEST(a_cut_goes_through_no_escape_and_no_character)
{
	for (unsigned before = 170; before < 190; before++) {
		char text[600];
		size_t len = before, end;

		memset(text, 'x', before);
		for (; len + 3 < sizeof text; len += 3)
			memcpy(text + len, "\xe2\x82\xac", 3);
		put(text, len);
		end = name.len - 18;
		ck_assert(is_cut());
		ck_assert_uint_eq((end - (end < before ? end : before)) % 3, 0);
		memset(text + before, '/', sizeof text - before);
		put(text, sizeof text);
		end = name.len - 18;
		ck_assert(is_cut());
		ck_assert_uint_eq((end - (end < before ? end : before)) % 3, 0);
		ck_assert_int_eq(vt_view_name_read((const char *) name.data, end, &back), 0);
	}
}
END_TEST

/* Not UTF-8: nothing is left in front of the cut, and it is one all the same. */
START_TEST(bytes_that_are_no_characters_are_cut_too)
{
	char text[300];

	memset(text, '\x80', sizeof text);
	put(text, sizeof text);
	ck_assert(is_cut());
}
END_TEST

START_TEST(random_values_come_back_and_never_look_cut)
{
	static const char bytes[] = "ab%/.~\x01\x7f\n \xc3\xa4"
				    "09AF";

	for (unsigned i = 0; i < 20000; i++) {
		char text[VT_VIEW_NAME_MAX / 3];
		size_t len = below(sizeof text);

		for (size_t j = 0; j < len; j++)
			text[j] =
				below(4) ? bytes[below(sizeof bytes - 1)] : (char) (1 + below(255));
		put(text, len);
		ck_assert(!is_cut());
		ck_assert(name.len > 0 && name.data[0] != '.' && !memchr(name.data, '/', name.len));
		vt_buf_reset(&back);
		ck_assert_int_eq(vt_view_name_read((const char *) name.data, name.len, &back), 0);
		ck_assert_uint_eq(back.len, len);
		ck_assert(len == 0 || memcmp(back.data, text, len) == 0);
	}
}
END_TEST

START_TEST(an_expression_is_not_cut_but_refused)
{
	char text[256];

	memset(text, 'x', sizeof text);
	vt_buf_reset(&name);
	ck_assert_int_eq(vt_view_name_put_expression(text, 255, &name), 0);
	ck_assert_uint_eq(name.len, 255);
	vt_buf_reset(&name);
	ck_assert_int_eq(vt_view_name_put_expression(text, 256, &name), -ENAMETOOLONG);
	text[7] = '/';
	vt_buf_reset(&name);
	ck_assert_int_eq(vt_view_name_put_expression(text, 254, &name), -ENAMETOOLONG);
}
END_TEST

VT_SUITE(view_name, what_a_folder_cannot_be_called_is_escaped,
	 any_byte_may_be_escaped_and_half_an_escape_is_none,
	 a_long_name_is_cut_and_says_which_it_is, a_cut_goes_through_no_escape_and_no_character,
	 bytes_that_are_no_characters_are_cut_too, random_values_come_back_and_never_look_cut,
	 an_expression_is_not_cut_but_refused)
