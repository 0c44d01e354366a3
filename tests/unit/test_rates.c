/* SPDX-License-Identifier: Apache-2.0 */
/* Two looks at what was counted, and what went on between them. */
#include "tools/rates.h"

#include <math.h>

#include "tests/unit/suite.h"
#include "tools/cli.h"
#include "tools/io_text.h"

const struct vt_command *const vt_commands[] = {NULL};

#define HEAD(age, requests, opens, bytes)                                                          \
	"\"pid\": 7, \"age_ns\": " age ", \"memory\": 5, \"requests\": " requests                  \
	", \"opens\": " opens ", \"bytes\": " bytes
#define FRAMES(hits, misses)                                                                       \
	", \"cache\": {\"frames\": {\"hits\": " hits ", \"misses\": " misses "}}"
#define ROW(id, name, requests, opens, bytes)                                                      \
	"{\"id\": " id ", \"name\": \"" name "\", \"requests\": " requests ", \"opens\": " opens   \
	", \"bytes\": " bytes "}"

static json_t *parse(const char *text)
{
	json_t *json = json_loads(text, 0, NULL);

	ck_assert_ptr_nonnull(json);
	return json;
}

/* The caller's, or NULL. */
static json_t *rates_of(const char *before, const char *after)
{
	json_t *was = parse(before), *is = parse(after), *rates = vt_rates(was, is);

	json_decref(was);
	json_decref(is);
	return rates;
}

static double number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

static const json_t *row(const json_t *rates, const char *key, size_t i)
{
	return json_array_get(json_object_get(rates, key), i);
}

START_TEST(sums_become_rates)
{
	json_t *rates =
		rates_of("{" HEAD("1000000000", "{\"read\": 10}", "4", "100") FRAMES("6", "1") "}",
			 "{" HEAD("3000000000", "{\"read\": 14, \"open\": 2}", "7", "4100")
				 FRAMES("9", "2") "}");

	ck_assert_double_eq(number(rates, "seconds"), 2);
	ck_assert_double_eq(number(rates, "up_seconds"), 3);
	ck_assert_double_eq(number(rates, "requests"), 3);
	ck_assert_double_eq(number(rates, "opens"), 1.5);
	ck_assert_double_eq(number(rates, "bytes"), 2000);
	ck_assert_double_eq(number(rates, "hit_share"), 0.75);
	ck_assert_double_eq(number(rates, "memory"), 5);
	json_decref(rates);
}
END_TEST

START_TEST(who_did_something_stands_there_the_most_first)
{
	json_t *rates =
		rates_of("{" HEAD("0", "{}", "0", "0") ", \"readers\": [" ROW(
				 "1", "ann", "5", "5", "50") "," ROW("2", "ben", "9", "9",
								     "90") "], \"datasets\": []}",
			 "{" HEAD("1000000000", "{}", "0", "0") ", \"readers\": [" ROW(
				 "1", "ann", "6", "5",
				 "60") "," ROW("2", "ben", "9", "9",
					       "90") "," ROW("3", "eve", "1", "1",
							     "70") "], \"datasets\": []}");

	ck_assert_uint_eq(json_array_size(json_object_get(rates, "readers")), 2);
	ck_assert_str_eq(vt_json_text(row(rates, "readers", 0), "name", ""), "eve");
	ck_assert_double_eq(number(row(rates, "readers", 0), "bytes"), 70);
	ck_assert_str_eq(vt_json_text(row(rates, "readers", 1), "name", ""), "ann");
	ck_assert_double_eq(number(row(rates, "readers", 1), "bytes"), 10);
	ck_assert_double_eq(number(row(rates, "readers", 1), "requests"), 1);
	ck_assert(json_is_null(json_object_get(rates, "hit_share")));
	json_decref(rates);
}
END_TEST

START_TEST(what_is_not_told_is_left_out)
{
	json_t *rates = rates_of("{\"pid\": 7, \"age_ns\": 0, \"readers\": [], \"datasets\": []}",
				 "{\"pid\": 7, \"age_ns\": 5, \"readers\": [], \"datasets\": []}");

	ck_assert_ptr_nonnull(rates);
	ck_assert_ptr_null(json_object_get(rates, "requests"));
	ck_assert_ptr_null(json_object_get(rates, "hit_share"));
	json_decref(rates);
}
END_TEST

START_TEST(two_servers_have_no_rates)
{
	ck_assert_ptr_null(rates_of("{\"pid\": 7, \"age_ns\": 0}", "{\"pid\": 8, \"age_ns\": 9}"));
	ck_assert_ptr_null(rates_of("{\"pid\": 7, \"age_ns\": 9}", "{\"pid\": 7, \"age_ns\": 9}"));
	ck_assert_ptr_null(rates_of("{\"pid\": 7, \"age_ns\": 9}", "{\"pid\": 7, \"age_ns\": 3}"));
}
END_TEST

static double within(const char *counts, double share)
{
	json_t *json = parse(counts);
	double ns = vt_io_share_within(json, share);

	json_decref(json);
	return ns;
}

START_TEST(a_share_of_answers_is_within_a_bound)
{
	ck_assert_double_eq(within("[1, 0, 0, 0]", 0.5), 1000);
	ck_assert_double_eq(within("[0, 98, 1, 1]", 0.98), 2000);
	ck_assert_double_eq(within("[0, 98, 1, 1]", 0.99), 4000);
	ck_assert(isinf(within("[0, 98, 1, 1]", 1)));
}
END_TEST

START_TEST(durations_are_short)
{
	char text[VT_DURATION_TEXT];

	vt_duration_format(1234, text);
	ck_assert_str_eq(text, "1.2 µs");
	vt_duration_format(999990, text);
	ck_assert_str_eq(text, "1.0 ms");
	vt_duration_format(2.5e9, text);
	ck_assert_str_eq(text, "2.5 s");
	vt_age_format(65e9, text);
	ck_assert_str_eq(text, "1m 05s");
	vt_age_format(3720e9, text);
	ck_assert_str_eq(text, "1h 02m");
	vt_age_format(3600e9 * 76, text);
	ck_assert_str_eq(text, "3d 04h");
}
END_TEST

VT_SUITE(rates, sums_become_rates, who_did_something_stands_there_the_most_first,
	 what_is_not_told_is_left_out, two_servers_have_no_rates,
	 a_share_of_answers_is_within_a_bound, durations_are_short)
