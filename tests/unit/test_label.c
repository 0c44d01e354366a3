/* SPDX-License-Identifier: Apache-2.0 */
/* What a label may be: each rule of index/label.h from both sides. */
#include "index/label.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "index/base/error.h"
#include "tests/unit/suite.h"

#define TEXT(literal) ((struct vt_label_text){literal, sizeof(literal) - 1})

static char many[VT_LABEL_REGION_MAX + 2];

static struct vt_label_text a_times(size_t len)
{
	memset(many, 'a', sizeof many);
	return (struct vt_label_text){many, len};
}

static struct vt_label good(void)
{
	return (struct vt_label){
		.key = TEXT("class"),
		.type = VT_LABEL_TEXT,
		.value.text = TEXT("cat"),
		.annotator = TEXT("ann"),
		.source = VT_LABEL_HUMAN,
		.review = VT_LABEL_SUBMITTED,
	};
}

static void must_pass(const struct vt_label *label)
{
	struct vt_error err = {0};

	ck_assert_msg(vt_label_check(label, &err) == 0, "%s", err.text);
}

static void must_fail(const struct vt_label *label, const char *sentence)
{
	struct vt_error err = {0};

	ck_assert_int_eq(vt_label_check(label, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, sentence) != NULL, "'%s' has no '%s'", err.text, sentence);
	ck_assert_int_eq(vt_label_check(label, NULL), -EINVAL);
}

START_TEST(a_key_is_a_short_word)
{
	struct vt_label label = good();

	label.key = TEXT("_a-9Z");
	must_pass(&label);
	label.key = a_times(VT_LABEL_KEY_MAX);
	must_pass(&label);
	label.key = a_times(VT_LABEL_KEY_MAX + 1);
	must_fail(&label, "the key is longer than 64");
	label.key = TEXT("");
	must_fail(&label, "the key is empty");
	label.key = TEXT("9a");
	must_fail(&label, "the key '9a'");
	label.key = TEXT("-a");
	must_fail(&label, "the key '-a'");
	label.key = TEXT("a.b");
	must_fail(&label, "the key 'a.b'");
	label.key = TEXT("a\0b");
	must_fail(&label, "the key 'a");
}
END_TEST

START_TEST(a_text_is_utf8_without_controls)
{
	static const struct {
		struct vt_label_text text;
		const char *sentence;
	} bad[] = {
		{TEXT("a\rb"), "U+000D"},
		{TEXT("\0"), "U+0000"},
		{TEXT("\x1b[1m"), "U+001B"},
		{TEXT("\x7f"), "U+007F"},
		{TEXT("\xc2\x85"), "U+0085"},
		{TEXT("\xff"), "not UTF-8"},
		{TEXT("\xed\xa0\x80"), "not UTF-8"},
		{TEXT("a\xc3"), "not UTF-8"},
	};
	struct vt_label label = good();

	label.value.text = TEXT("");
	must_pass(&label);
	label.value.text = TEXT("one\ttwo\nthree \xc2\xa0\xf0\x9f\x90\x88");
	must_pass(&label);
	label.value.text = a_times(VT_LABEL_TEXT_MAX);
	must_pass(&label);
	label.value.text = a_times(VT_LABEL_TEXT_MAX + 1);
	must_fail(&label, "the value is longer than 4096");
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		label.value.text = bad[i].text;
		must_fail(&label, bad[i].sentence);
	}
}
END_TEST

START_TEST(a_number_is_finite_and_a_value_has_a_type)
{
	struct vt_label label = good();

	label.type = VT_LABEL_NUMBER;
	label.value.number = -1e308;
	must_pass(&label);
	label.value.number = 0;
	must_pass(&label);
	label.value.number = -0.0;
	must_fail(&label, "-0");
	label.value.number = NAN;
	must_fail(&label, "no finite number");
	label.value.number = -INFINITY;
	must_fail(&label, "no finite number");
	label.type = VT_LABEL_BOOLEAN;
	label.value.boolean = true;
	must_pass(&label);
	label.type = 0;
	must_fail(&label, "no type");
}
END_TEST

START_TEST(names_are_short_and_in_one_line)
{
	struct vt_label label = good();

	label.annotator = a_times(VT_LABEL_NAME_MAX);
	label.tool = a_times(VT_LABEL_NAME_MAX);
	must_pass(&label);
	label.tool = a_times(VT_LABEL_NAME_MAX + 1);
	must_fail(&label, "the tool is longer");
	label.tool = TEXT("a\n");
	must_fail(&label, "the tool has a control");
	label.tool = TEXT("");
	label.annotator = TEXT("");
	must_fail(&label, "the annotator is empty");
	label.annotator = TEXT("a\tb");
	must_fail(&label, "the annotator has a control");
	label.annotator = a_times(VT_LABEL_NAME_MAX + 1);
	must_fail(&label, "the annotator is longer");
}
END_TEST

START_TEST(a_confidence_is_a_share)
{
	static const double bad[] = {-0.0, -1e-9, 1.0000001, NAN, INFINITY};
	struct vt_label label = good();

	label.confidence = NAN;
	must_pass(&label); /* there is none */
	label.has_confidence = true;
	label.confidence = 0;
	must_pass(&label);
	label.confidence = 1;
	must_pass(&label);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		label.confidence = bad[i];
		must_fail(&label, "the confidence");
	}
}
END_TEST

START_TEST(a_region_is_one_json_value_in_one_line)
{
	static const struct {
		struct vt_label_text region;
		const char *sentence;
	} bad[] = {
		{TEXT("[1"), "no JSON"},
		{TEXT("[1] 2"), "no JSON"},
		{TEXT("[NaN]"), "no JSON"},
		{TEXT("[1e400]"), "no JSON"},
		{TEXT("{\"a\":1,\"a\":2}"), "no JSON"},
		{TEXT("[\"\\ud800\"]"), "no JSON"},
		{TEXT(" 1"), "a space"},
		{TEXT("1\t"), "a space"},
		{TEXT("[1,\n2]"), "one line"},
		{TEXT("[1]\r"), "one line"},
	};
	struct vt_label label = good();

	label.region = TEXT("{\"box\": [ 1.50, 2 ], \"n\":\t\"\\u00e4\"}");
	must_pass(&label);
	label.region = TEXT("7");
	must_pass(&label);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		label.region = bad[i].region;
		must_fail(&label, bad[i].sentence);
	}
	label.region = a_times(VT_LABEL_REGION_MAX);
	many[0] = many[VT_LABEL_REGION_MAX - 1] = '"';
	must_pass(&label);
	label.region.len++;
	must_fail(&label, "the region is longer");
	memset(many, '[', sizeof many);
	label.region.len = VT_LABEL_REGION_MAX;
	must_fail(&label, "no JSON");
}
END_TEST

START_TEST(words_of_source_and_review_are_found_again)
{
	struct vt_label label = good();
	struct vt_label_text name;

	for (unsigned i = VT_LABEL_HUMAN; i <= VT_LABEL_IMPORT; i++) {
		name.bytes = vt_label_source_name(i);
		name.len = strlen(name.bytes);
		ck_assert_uint_eq(vt_label_source_find(name), i);
	}
	for (unsigned i = VT_LABEL_DRAFT; i <= VT_LABEL_DISPUTED; i++) {
		name.bytes = vt_label_review_name(i);
		name.len = strlen(name.bytes);
		ck_assert_uint_eq(vt_label_review_find(name), i);
	}
	ck_assert_uint_eq(vt_label_source_find(TEXT("humans")), 0);
	ck_assert_uint_eq(vt_label_review_find(TEXT("")), 0);
	label.source = VT_LABEL_IMPORT + 1;
	must_fail(&label, "the source");
	label = good();
	label.review = 0;
	must_fail(&label, "the review");
}
END_TEST

VT_SUITE(label, a_key_is_a_short_word, a_text_is_utf8_without_controls,
	 a_number_is_finite_and_a_value_has_a_type, names_are_short_and_in_one_line,
	 a_confidence_is_a_share, a_region_is_one_json_value_in_one_line,
	 words_of_source_and_review_are_found_again)
