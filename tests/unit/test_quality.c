/* SPDX-License-Identifier: Apache-2.0 */
/* Gates over a version that can be measured by hand: each rule met and not met, and what is no
 * gate. */
#include "index/quality.h"
#include "index/base/error.h"
#include "index/duplicates.h"
#include "tests/unit/stats_world.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <stdio.h>

/*
 * class: 1 cat (both), 2 cat (alice; bob says dog), 3 dog by alice alone, 5 only a rejected one;
 * raw 1/2. size: 1 is 3, 3 is -1. "xx" is in 1, 4 and 5, in 1 as train, in 4 and 5 as test.
 */
static void make_world(struct stats_world *world)
{
	static struct stats_file files[] = {
		{.path = "1", .content = "xx"},
		{.path = "2", .content = "y"},
		{.path = "3", .content = "z"},
		{.path = "4", .content = "xx"},
		{.path = "5", .content = "xx"},
		{.path = "6"},
		{.path = "7"},
	};
	struct vt_label rejected = label_of("class", "fish", "alice");
	struct vt_label accepted = label_of("class", "cat", "alice");

	rejected.review = VT_LABEL_REJECTED;
	accepted.review = VT_LABEL_ACCEPTED;
	files[0].rows[0] = label_of("class", "cat", "alice");
	files[0].rows[1] = label_of("class", "cat", "bob");
	files[0].rows[2] = label_of("split", "train", "carol");
	files[0].rows[3] = number_label("size", 3, "carol");
	files[0].count = 4;
	files[1].rows[0] = accepted;
	files[1].rows[1] = label_of("class", "dog", "bob");
	files[1].count = 2;
	files[2].rows[0] = label_of("class", "dog", "alice");
	files[2].rows[1] = number_label("size", -1, "carol");
	files[2].count = 2;
	files[3].rows[0] = label_of("split", "test", "carol");
	files[3].count = 1;
	files[4].rows[0] = rejected;
	files[4].rows[1] = label_of("split", "test", "carol");
	files[4].count = 2;
	world_init(world, files, sizeof files / sizeof *files);
}

static json_t *measure(const struct stats_world *world, const char *gates, int *passed)
{
	struct vt_quality *quality;
	struct vt_stats_options options = {.scratch = "/tmp"};
	struct vt_label_stats *stats;
	struct vt_error err;
	json_t *result;

	ck_assert_msg(vt_quality_parse(gates, strlen(gates), &quality, &err) == 0, "%s: %s", gates,
		      err.text);
	options.leak_key = vt_quality_leak_key(quality);
	options.watch = vt_quality_watch(quality);
	ck_assert_int_eq(vt_label_stats_take(&world->labelled, &options, &stats, NULL), 0);
	*passed = vt_quality_result(quality, stats, &result, NULL);
	ck_assert_int_ge(*passed, 0);
	vt_label_stats_free(stats);
	vt_quality_free(quality);
	return result;
}

/* The result of one rule without its name and limit, in single quotes. */
static void expect(const struct stats_world *world, const char *gates, const char *expected)
{
	int passed;
	json_t *result = measure(world, gates, &passed);
	json_t *rule = json_array_get(json_object_get(result, "rules"), 0);
	char *text;

	ck_assert_int_eq(json_is_true(json_object_get(result, "passed")), passed);
	ck_assert_int_eq(json_is_true(json_object_get(rule, "passed")), passed);
	(void) json_object_del(rule, "rule");
	(void) json_object_del(rule, "key");
	(void) json_object_del(rule, "limit");
	text = json_dumps(rule, JSON_COMPACT | JSON_REAL_PRECISION(3));
	for (char *c = text; *c; c++)
		if (*c == '"')
			*c = '\'';
	ck_assert_msg(strcmp(text, expected) == 0, "%s: %s", gates, text);
	free(text);
	json_decref(result);
}

#define PASSED(measured) "{'passed':true,'measured':" measured ",'offenders':[]}"
#define FAILED(measured, offenders)                                                                \
	"{'passed':false,'measured':" measured ",'offenders':[" offenders "]}"
#define KEY(key, rule) "{\"keys\": {\"" key "\": {" rule "}}}"

static const struct {
	const char *gates, *expected;
} cases[] = {
	{"{\"unlabelled\": 2}", PASSED("2")},
	{"{\"unlabelled\": 1}", FAILED("2", "{'path':'6'},{'path':'7'}")},
	{"{\"duplicates\": 2}", PASSED("2")},
	{"{\"duplicates\": 0}",
	 FAILED("2", "{'path':'4','other_path':'1'},{'path':'5','other_path':'1'}")},
	{"{\"leakage\": \"class\"}", PASSED("0")},
	{"{\"leakage\": \"nowhere\"}", PASSED("0")},
	{"{\"leakage\": \"split\"}",
	 FAILED("1", "{'path':'4','other_path':'1','value':'test','other_value':'train'}")},
	{"{\"other_keys\": false, \"keys\": {\"class\": {}, \"split\": {}, \"size\": {}}}",
	 PASSED("0")},
	{"{\"other_keys\": false, \"keys\": {\"class\": {}, \"split\": {}}}",
	 FAILED("2", "{'path':'1','key':'size'},{'path':'3','key':'size'}")},
	{KEY("class", "\"required\": true"),
	 FAILED("4", "{'path':'4'},{'path':'5'},{'path':'6'},{'path':'7'}")},
	{KEY("class", "\"type\": \"text\""), PASSED("0")},
	{KEY("size", "\"type\": \"text\""),
	 FAILED("2", "{'path':'1','value':3.0},{'path':'3','value':-1.0}")},
	{KEY("class", "\"values\": [\"cat\", \"dog\"]"), PASSED("0")},
	{KEY("class", "\"values\": [\"dog\", 3]"),
	 FAILED("2", "{'path':'1','value':'cat'},{'path':'2','value':'cat'}")},
	{KEY("size", "\"values\": [3, -1, true]"), PASSED("0")},
	{KEY("size", "\"min\": -1"), PASSED("0")},
	{KEY("size", "\"min\": 0"), FAILED("1", "{'path':'3','value':-1.0}")},
	{KEY("size", "\"max\": 2.5"), FAILED("1", "{'path':'1','value':3.0}")},
	{KEY("split", "\"max\": 9"), FAILED("3", "{'path':'1','value':'train'},"
						 "{'path':'4','value':'test'},"
						 "{'path':'5','value':'test'}")},
	{KEY("class", "\"min_share\": 0.33"), PASSED("0.333")},
	{KEY("class", "\"min_share\": 0.34"), FAILED("0.333", "{'value':'dog','measured':0.333}")},
	{KEY("class", "\"min_share\": 0.01, \"values\": [\"cat\", \"dog\", \"eel\"]"),
	 FAILED("0", "{'value':'eel','measured':0.0}")},
	{KEY("nowhere", "\"min_share\": 0.5"), FAILED("null", "")},
	{KEY("nowhere", "\"max_share\": 0.5"), FAILED("null", "")},
	{KEY("class", "\"max_share\": 0.67"), PASSED("0.667")},
	{KEY("class", "\"max_share\": 0.5"), FAILED("0.667", "{'value':'cat','measured':0.667}")},
	{KEY("class", "\"min_count\": 1"), PASSED("1")},
	{KEY("class", "\"min_count\": 2"), FAILED("1", "{'value':'dog','measured':1.0}")},
	{KEY("class", "\"min_agreement\": 0.5"), PASSED("0.5")},
	{KEY("class", "\"min_agreement\": 0.51"), FAILED("0.5", "{'path':'2'}")},
	{KEY("split", "\"min_agreement\": 0"), FAILED("null", "")},
	/* cat cat, cat dog: D_o = 2/4, D_e = (16 - 9 - 1) / 12 */
	{KEY("class", "\"min_alpha\": 0"), PASSED("0")},
	{KEY("class", "\"min_alpha\": 0.1"), FAILED("0", "{'path':'2'}")},
	{KEY("class", "\"max_disputed\": 0"), PASSED("0")},
};

START_TEST(each_rule_measures_what_it_says)
{
	struct stats_world world;

	make_world(&world);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		expect(&world, cases[i].gates, cases[i].expected);
	world_done(&world);
}
END_TEST

START_TEST(a_dispute_is_counted_and_what_is_not_in_force_has_no_share)
{
	struct stats_file file = {.path = "1",
				  .rows = {label_of("k", "a", "alice"), label_of("k", "b", "bob")},
				  .count = 2};
	struct stats_world world;

	world_init(&world, &file, 1);
	expect(&world, KEY("k", "\"max_disputed\": 1"), PASSED("1"));
	expect(&world, KEY("k", "\"max_disputed\": 0"), FAILED("1", "{'path':'1'}"));
	expect(&world, KEY("k", "\"min_share\": 0.5"), PASSED("1")); /* b is not in force */
	world_done(&world);
}
END_TEST

START_TEST(rules_are_reported_in_order_and_one_failing_fails_all)
{
	struct stats_world world;
	int passed;
	json_t *result, *rules;

	make_world(&world);
	result = measure(&world,
			 "{\"unlabelled\": 5, \"keys\": {\"class\": {\"min_count\": 9, "
			 "\"type\": \"text\"}}, \"duplicates\": 9}",
			 &passed);
	rules = json_object_get(result, "rules");
	ck_assert_int_eq(passed, 0);
	ck_assert_uint_eq(json_array_size(rules), 4);
	for (size_t i = 0; i < 4; i++) {
		static const char *const names[] = {"unlabelled", "min_count", "type",
						    "duplicates"};
		const json_t *rule = json_array_get(rules, i);

		ck_assert_str_eq(json_string_value(json_object_get(rule, "rule")), names[i]);
		ck_assert_int_eq(json_is_true(json_object_get(rule, "passed")), i != 1);
		ck_assert_int_eq(json_object_get(rule, "key") != NULL, i == 1 || i == 2);
	}
	ck_assert_int_eq(json_integer_value(json_object_get(json_array_get(rules, 1), "limit")), 9);
	json_decref(result);
	result = measure(&world, "{}", &passed);
	ck_assert_int_eq(passed, 1);
	json_decref(result);
	world_done(&world);
}
END_TEST

START_TEST(offenders_are_the_first_hundred)
{
	const size_t count = VT_OFFENDERS_MAX + 20;
	static struct stats_file files[VT_OFFENDERS_MAX + 20];
	static char paths[VT_OFFENDERS_MAX + 20][8];
	struct stats_world world;
	json_t *result, *rule;
	int passed;

	for (size_t i = 0; i < count; i++) {
		(void) snprintf(paths[i], sizeof paths[i], "%03zu", i);
		files[i] = (struct stats_file){.path = paths[i]};
	}
	world_init(&world, files, count);
	result = measure(&world, "{\"unlabelled\": 0}", &passed);
	rule = json_array_get(json_object_get(result, "rules"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(rule, "measured")), (json_int_t) count);
	ck_assert_uint_eq(json_array_size(json_object_get(rule, "offenders")), VT_OFFENDERS_MAX);
	json_decref(result);
	world_done(&world);
}
END_TEST

START_TEST(what_is_no_gate_is_refused_by_name)
{
	static const struct {
		const char *gates, *words;
	} bad[] = {
		{"", "line 1"},
		{"[]", "object of rules"},
		{"{\"unlabeled\": 0}", "unlabeled: there is no such rule"},
		{"{\"unlabelled\": -1}", "unlabelled: it must be a number of files"},
		{"{\"unlabelled\": 0.5}", "unlabelled"},
		{"{\"unlabelled\": 0, \"unlabelled\": 1}", "duplicate"},
		{"{\"duplicates\": \"refuse\"}", "duplicates"},
		{"{\"leakage\": true}", "leakage: it must be the name of a key"},
		{"{\"leakage\": \"a b\"}", "leakage"},
		{"{\"other_keys\": true}", "other_keys: it must be false"},
		{"{\"keys\": []}", "keys: it must be"},
		{"{\"keys\": {\"a b\": {}}}", "'a b' is not the name of a key"},
		{"{\"keys\": {\"k\": 3}}", "keys.k: it must be an object"},
		{KEY("k", "\"min_shares\": 0"), "keys.k.min_shares: there is no such rule"},
		{KEY("k", "\"unlabelled\": 0"), "keys.k.unlabelled"},
		{KEY("k", "\"required\": false"), "keys.k.required"},
		{KEY("k", "\"type\": \"word\""), "keys.k.type: it must be \"text\""},
		{KEY("k", "\"values\": []"), "keys.k.values: it must be a list"},
		{KEY("k", "\"values\": [1, null]"), "keys.k.values: the 2."},
		{KEY("k", "\"min\": \"0\""), "keys.k.min"},
		{KEY("k", "\"min_share\": 1.01"), "keys.k.min_share: it must be from 0 to 1"},
		{KEY("k", "\"max_share\": -0.1"), "keys.k.max_share"},
		{KEY("k", "\"min_count\": 2.5"), "keys.k.min_count"},
		{KEY("k", "\"min_agreement\": 80"), "keys.k.min_agreement"},
		{KEY("k", "\"min_alpha\": -2"), "keys.k.min_alpha: it must be from -1 to 1"},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vt_quality *quality;
		struct vt_error err = {""};

		ck_assert_msg(vt_quality_parse(bad[i].gates, strlen(bad[i].gates), &quality,
					       &err) == -EINVAL,
			      "%s", bad[i].gates);
		ck_assert_msg(strstr(err.text, bad[i].words) != NULL, "%s: %s", bad[i].gates,
			      err.text);
	}
}
END_TEST

START_TEST(more_rules_than_there_is_room_for_are_refused)
{
	vt_cleanup(vt_buf_done) struct vt_buf gates = VT_BUF_INIT;
	struct vt_quality *quality;
	struct vt_error err = {""};

	vt_buf_printf(&gates, "{\"keys\": {");
	for (unsigned i = 0; i <= VT_QUALITY_RULES_MAX; i++)
		vt_buf_printf(&gates, "%s\"k%u\": {\"required\": true}", i ? ", " : "", i);
	vt_buf_printf(&gates, "}}");
	ck_assert_int_eq(vt_quality_parse((const char *) gates.data, gates.len, &quality, &err),
			 -EINVAL);
	ck_assert_ptr_nonnull(strstr(err.text, "keys.k200.required: more than 200 rules"));
}
END_TEST

VT_SUITE(quality, each_rule_measures_what_it_says,
	 a_dispute_is_counted_and_what_is_not_in_force_has_no_share,
	 rules_are_reported_in_order_and_one_failing_fails_all, offenders_are_the_first_hundred,
	 what_is_no_gate_is_refused_by_name, more_rules_than_there_is_room_for_are_refused)
