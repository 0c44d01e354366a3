/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and instants as files of labels write them. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "index/number.h"
#include "tools/labels/path.h"
#include "index/rfc3339.h"

#define TEXT(literal) ((struct vt_label_text){literal, sizeof(literal) - 1})

static double number_of(const char *text)
{
	double number = NAN;

	ck_assert_uint_eq(vt_number_length(text), strlen(text));
	ck_assert_int_eq(vt_number_parse(text, strlen(text), &number, NULL), 0);
	return number;
}

START_TEST(numbers_are_jsons)
{
	static const char *const none[] = {"",    "-",   "+1", ".5",  "1.",   "01", "-01",
					   "NaN", "inf", "1e", "1e+", "1.e3", "x"};

	ck_assert(number_of("-12.5e-1") == -1.25);
	ck_assert(number_of("1E+2") == 100);
	ck_assert(!signbit(number_of("-0")));
	ck_assert(!signbit(number_of("-0.0e5")));
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		ck_assert_msg(vt_number_length(none[i]) == 0, "'%s'", none[i]);
	ck_assert_uint_eq(vt_number_length("0x1"), 1);
	ck_assert_uint_eq(vt_number_length("1,2"), 1);
}
END_TEST

START_TEST(numbers_that_would_be_changed_are_refused)
{
	double out = 7;

	ck_assert(number_of("9007199254740992") == 9007199254740992.0);
	ck_assert(number_of("9007199254740994") == 9007199254740994.0);
	ck_assert_int_eq(vt_number_parse("9007199254740993", 16, &out, NULL), -EINVAL);
	ck_assert_int_eq(vt_number_parse("-9007199254740993", 17, &out, NULL), -EINVAL);
	ck_assert_int_eq(vt_number_parse("1e400", 5, &out, NULL), -EINVAL);
	ck_assert_int_eq(vt_number_parse("-1e400", 6, &out, NULL), -EINVAL);
	ck_assert(out == 7);
}
END_TEST

static void formats_as(double number, const char *text)
{
	char out[VT_NUMBER_TEXT];

	vt_number_format(number, out);
	ck_assert_str_eq(out, text);
}

START_TEST(numbers_are_written_short)
{
	formats_as(0, "0");
	formats_as(-3, "-3");
	formats_as(1e6, "1000000");
	formats_as(0.1, "0.1");
	formats_as(1.0 / 3, "0.3333333333333333");
	formats_as(1e300, "1e+300");
	formats_as(5e-324, "5e-324");
	formats_as(0.1 + 0.2, "0.30000000000000004");
}
END_TEST

START_TEST(every_number_comes_back)
{
	srand48(7);
	for (int i = 0; i < 200000; i++) {
		uint64_t bits = (uint64_t) mrand48() << 32 ^ (uint64_t) mrand48();
		char text[VT_NUMBER_TEXT];
		double number;

		memcpy(&number, &bits, sizeof number);
		if (!isfinite(number) || number == 0)
			continue;
		vt_number_format(number, text);
		ck_assert_msg(number_of(text) == number, "%s", text);
	}
}
END_TEST

static int64_t instant(const char *text)
{
	struct vt_label_text t = {text, strlen(text)};
	struct vt_error err = {0};
	int64_t ns = -7;

	ck_assert_msg(vt_rfc3339_parse(t, &ns, &err) == 0, "%s: %s", text, err.text);
	return ns;
}

START_TEST(instants_are_rfc_3339)
{
	static const char *const none[] = {"",
					   "2026-11-27",
					   "2026-11-27T00:28:00",
					   "2026-11-27 00:28:00Z",
					   "1764203280",
					   "2026-02-29T00:00:00Z",
					   "2026-13-01T00:00:00Z",
					   "2026-00-01T00:00:00Z",
					   "2026-01-00T00:00:00Z",
					   "2026-01-01T24:00:00Z",
					   "2026-01-01T00:60:00Z",
					   "2016-12-31T23:59:60Z",
					   "2026-01-01T00:00:00.Z",
					   "2026-01-01T00:00:00.1234567890Z",
					   "2026-01-01T00:00:00+2:00",
					   "2026-01-01T00:00:00+24:00",
					   "2026-01-01T00:00:00ZZ",
					   "2026-01-01T00:00:00Z ",
					   "-026-01-01T00:00:00Z",
					   "2026-1-01T00:00:00Z",
					   "1600-01-01T00:00:00Z",
					   "2300-01-01T00:00:00Z",
					   "9999-12-31T23:59:59Z",
					   "0000-01-01T00:00:00Z"};
	int64_t ns;

	ck_assert_int_eq(instant("1970-01-01T00:00:01Z"), 1000000000);
	ck_assert_int_eq(instant("1970-01-01t02:00:00.5+02:00"), 500000000);
	ck_assert_int_eq(instant("1969-12-31T23:59:59.999999999z"), -1);
	ck_assert_int_eq(instant("2024-02-29T00:00:00-00:30"), 1709166600000000000);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++) {
		struct vt_label_text text = {none[i], strlen(none[i])};

		ck_assert_msg(vt_rfc3339_parse(text, &ns, NULL) == -EINVAL, "'%s'", none[i]);
	}
	ck_assert_int_eq(vt_rfc3339_parse(TEXT("2026-01-01T00:00:00\0"), &ns, NULL), -EINVAL);
}
END_TEST

START_TEST(every_instant_comes_back)
{
	char text[VT_RFC3339_TEXT];

	vt_rfc3339_format(1500000000, text);
	ck_assert_str_eq(text, "1970-01-01T00:00:01.5Z");
	vt_rfc3339_format(-1, text);
	ck_assert_str_eq(text, "1969-12-31T23:59:59.999999999Z");
	vt_rfc3339_format(INT64_MIN, text);
	ck_assert(instant(text) == INT64_MIN);
	vt_rfc3339_format(INT64_MAX, text);
	ck_assert(instant(text) == INT64_MAX);
	srand48(7);
	for (int i = 0; i < 100000; i++) {
		int64_t ns = (int64_t) ((uint64_t) mrand48() << 32 ^ (uint64_t) mrand48());

		vt_rfc3339_format(ns, text);
		ck_assert_msg(instant(text) == ns, "%s", text);
	}
}
END_TEST

START_TEST(paths_stay_below_their_version)
{
	static const struct vt_label_text good[] = {TEXT("a"),      TEXT("a/b.c"), TEXT("..."),
						    TEXT(".a/..b"), TEXT("\xff"),  TEXT("a b\n"),
						    TEXT("a\\b")};
	static const struct vt_label_text bad[] = {
		TEXT(""),    TEXT("/"),   TEXT("/a"),   TEXT("a/"),     TEXT("a//b"),
		TEXT("."),   TEXT(".."),  TEXT("../a"), TEXT("a/../b"), TEXT("a/.."),
		TEXT("./a"), TEXT("a/."), TEXT("a\0b")};
	static char name[70000];

	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_int_eq(vt_label_path_check(good[i], NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(vt_label_path_check(bad[i], NULL) == -EINVAL, "%s", bad[i].bytes);
	memset(name, 'a', sizeof name);
	ck_assert_int_eq(vt_label_path_check((struct vt_label_text){name, 255}, NULL), 0);
	ck_assert_int_eq(vt_label_path_check((struct vt_label_text){name, 256}, NULL), -EINVAL);
	for (size_t i = 100; i < sizeof name; i += 100)
		name[i] = '/';
	ck_assert_int_eq(vt_label_path_check((struct vt_label_text){name, 65535}, NULL), 0);
	ck_assert_int_eq(vt_label_path_check((struct vt_label_text){name, 65536}, NULL), -EINVAL);
}
END_TEST

VT_SUITE(label_numbers, numbers_are_jsons, numbers_that_would_be_changed_are_refused,
	 numbers_are_written_short, every_number_comes_back, instants_are_rfc_3339,
	 every_instant_comes_back, paths_stay_below_their_version)
