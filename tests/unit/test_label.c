/* SPDX-License-Identifier: Apache-2.0 */
/* Labels: what they may be, and which one is in force. */
#include "index/base/error.h"
#include "index/label.h"
#include "tests/unit/label_model.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <math.h>

static char many[VT_LABEL_REGION_MAX + 1];

static void refused(const struct vt_label *label, const char *member)
{
	struct vt_error err;

	ck_assert_int_eq(vt_label_check(label, &err), -EINVAL);
	ck_assert_msg(strstr(err.text, member), "%s: %s", member, err.text);
}

static struct vt_label_text many_of(size_t len)
{
	return (struct vt_label_text){memset(many, 'x', sizeof many), len};
}

START_TEST(what_breaks_a_rule_is_refused_by_name)
{
	static const char *const keys[] = {"", "1a", "-a", "a b", "a.b", "\xc3\xa4"};
	static const char *const texts[] = {"\x01", "\xff",     "a\rb",
					    "\x7f", "\xc2\x85", "\xed\xa0\x80"};
	const struct vt_label good = label_of("_k-9", "a\tb\n\xe2\x82\xac", "\xc3\xa4");
	struct vt_label bad;

	ck_assert_int_eq(vt_label_check(&good, NULL), 0);
	for (size_t i = 0; i < 6; i++) {
		bad = good;
		bad.key = text_of(keys[i]);
		refused(&bad, "key");
		bad = good;
		bad.value.text = text_of(texts[i]);
		refused(&bad, "value");
		bad = good;
		bad.annotator = text_of(texts[i]);
		refused(&bad, "annotator");
		bad = good;
		bad.tool = text_of(texts[i]);
		refused(&bad, "tool");
	}
	bad = good;
	bad.annotator = text_of("");
	refused(&bad, "annotator");
	bad.annotator = text_of("a\tb");
	refused(&bad, "annotator");
	bad = good;
	bad.region = text_of("\xff");
	refused(&bad, "region");
	bad = good;
	bad.value.text.bytes = "\0";
	bad.value.text.len = 1;
	refused(&bad, "value");
}
END_TEST

START_TEST(lengths_are_allowed_up_to_their_limits)
{
	struct vt_label label = label_of("k", "v", "a");

	label.key = many_of(VT_LABEL_KEY_MAX);
	label.value.text = many_of(VT_LABEL_TEXT_MAX);
	label.annotator = label.tool = many_of(VT_LABEL_NAME_MAX);
	ck_assert_int_eq(vt_label_check(&label, NULL), 0);
	label.tool.len++;
	refused(&label, "tool");
	label.tool.len--;
	label.annotator.len++;
	refused(&label, "annotator");
	label.annotator.len--;
	label.value.text.len++;
	refused(&label, "value");
	label.value.text.len--;
	label.key.len++;
	refused(&label, "key");
}
END_TEST

START_TEST(numbers_have_one_form)
{
	static const double numbers[] = {NAN, INFINITY, -INFINITY, -0.0};
	static const double confidences[] = {NAN, -0.0, -0.1, 1.1};
	struct vt_label label = label_of("k", "v", "a");

	for (int i = 0; i < 4; i++) {
		label = label_of("k", "v", "a");
		label.has_confidence = true;
		label.confidence = confidences[i];
		refused(&label, "confidence");
		label.confidence = 1;
		label.type = VT_LABEL_NUMBER;
		label.value.number = numbers[i];
		refused(&label, "value");
		label.value.number = -1e300;
		ck_assert_int_eq(vt_label_check(&label, NULL), 0);
	}
	label.type = 4;
	refused(&label, "type");
	label.type = VT_LABEL_BOOLEAN;
	label.source = 5;
	refused(&label, "source");
	label.source = VT_LABEL_IMPORT;
	label.review = 0;
	refused(&label, "review");
}
END_TEST

START_TEST(order_is_by_key_annotator_and_time_first)
{
	struct vt_label labels[] = {label_of("a", "z", "b"), label_of("ab", "y", "a"),
				    label_of("ab", "x", "a"), label_of("ab", "w", "al")};

	labels[1].time_ns = -5;
	for (int i = 0; i < 4; i++)
		for (int k = 0; k < 4; k++) {
			int order = vt_label_compare(&labels[i], &labels[k]);

			ck_assert_int_eq((order > 0) - (order < 0), (i > k) - (i < k));
		}
}
END_TEST

/* Rules 1 to 5 one by one: in each pair the first is effective, wherever it stands. */
START_TEST(the_effective_one_is_chosen_by_the_rules)
{
	enum { H = VT_LABEL_HUMAN, M = VT_LABEL_MODEL, R = VT_LABEL_RULE, I = VT_LABEL_IMPORT };
	enum { D = VT_LABEL_DRAFT, S, A, X, Q };
	static const struct {
		int source, review, time, worse_source, worse_review, worse_time;
	} pairs[] = {
		{R, S, 1, H, D, 2}, {H, S, 1, I, A, 2}, {I, S, 1, M, A, 2}, {M, S, 1, R, A, 2},
		{H, A, 1, H, S, 2}, {H, A, 1, H, Q, 2}, {H, Q, 2, H, S, 1}, {H, S, 2, H, Q, 1},
		{H, D, 1, M, D, 2}, {R, D, 1, H, X, 2}, {M, A, 2, M, A, 1},
	};

	for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
		for (int swapped = 0; swapped < 2; swapped++) {
			struct vt_label rows[2] = {label_of("k", "v", "a"),
						   label_of("k", "v", "b")};
			struct vt_label *better = &rows[swapped], *worse = &rows[!swapped];

			better->source = pairs[i].source;
			better->review = pairs[i].review;
			better->time_ns = pairs[i].time;
			worse->source = pairs[i].worse_source;
			worse->review = pairs[i].worse_review;
			worse->time_ns = pairs[i].worse_time;
			ck_assert_msg(vt_label_effective(rows, 2, NULL) == better, "pair %zu", i);
		}
}
END_TEST

START_TEST(ties_go_to_the_first_row)
{
	struct vt_label rows[2] = {label_of("k", "v", "a"), label_of("k", "w", "b")};

	ck_assert_ptr_eq(vt_label_effective(rows, 2, NULL), &rows[0]);
	rows[0].review = rows[1].review = VT_LABEL_REJECTED;
	ck_assert_ptr_null(vt_label_effective(rows, 2, NULL));
	ck_assert_ptr_null(vt_label_effective(rows, 0, NULL));
}
END_TEST

START_TEST(annotators_agree_by_their_newest_rows)
{
	struct vt_label rows[] = {label_of("k", "cat", "a"), label_of("k", "dog", "a"),
				  label_of("k", "dog", "b"), label_of("k", "cat", "c"),
				  label_of("k", "cow", "d")};
	struct vt_label_agreement agreement;

	rows[1].time_ns = 2000; /* a changed its mind */
	rows[4].review = VT_LABEL_REJECTED;
	ck_assert_ptr_eq(vt_label_effective(rows, 5, &agreement), &rows[1]);
	ck_assert_uint_eq(agreement.annotators, 3);
	ck_assert_uint_eq(agreement.agreeing, 2);
	ck_assert(agreement.disputed);
	rows[1].review = VT_LABEL_ACCEPTED; /* settled */
	(void) vt_label_effective(rows, 5, &agreement);
	ck_assert(!agreement.disputed);
	rows[3].review = VT_LABEL_DISPUTED;
	(void) vt_label_effective(rows, 5, &agreement);
	ck_assert(agreement.disputed);
	(void) vt_label_effective(rows + 4, 1, &agreement);
	ck_assert_uint_eq(agreement.annotators, 0);
	ck_assert(!agreement.disputed);
}
END_TEST

START_TEST(one_annotator_agrees_unless_its_newest_is_not_accepted)
{
	struct vt_label rows[] = {label_of("k", "cat", "a"), label_of("k", "dog", "a")};
	struct vt_label_agreement agreement;

	(void) vt_label_effective(rows, 1, &agreement);
	ck_assert_uint_eq(agreement.annotators, 1);
	ck_assert_uint_eq(agreement.agreeing, 1);
	rows[0].review = VT_LABEL_ACCEPTED;
	rows[1].time_ns = 2000;
	ck_assert_ptr_eq(vt_label_effective(rows, 2, &agreement), &rows[0]);
	ck_assert_uint_eq(agreement.annotators, 1);
	ck_assert_uint_eq(agreement.agreeing, 0);
}
END_TEST

START_TEST(a_region_is_one_json_value_in_one_line)
{
	static const struct {
		const char *region, *sentence;
	} bad[] = {
		{"[1", "no JSON"},
		{"[1] 2", "no JSON"},
		{"[NaN]", "no JSON"},
		{"[1e400]", "no JSON"},
		{"{\"a\":1,\"a\":2}", "no JSON"},
		{"[\"\\ud800\"]", "no JSON"},
		{" 1", "a blank"},
		{"1\t", "a blank"},
		{"[1,\n2]", "control"},
		{"[1]\r", "control"},
	};
	struct vt_label label = label_of("k", "v", "a");

	label.region = text_of("{\"box\": [ 1.50, 2 ], \"n\":\t\"\\u00e4\"}");
	ck_assert_int_eq(vt_label_check(&label, NULL), 0);
	label.region = text_of("7");
	ck_assert_int_eq(vt_label_check(&label, NULL), 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		label.region = text_of(bad[i].region);
		refused(&label, bad[i].sentence);
	}
	label.region = many_of(VT_LABEL_REGION_MAX);
	many[0] = many[VT_LABEL_REGION_MAX - 1] = '"';
	ck_assert_int_eq(vt_label_check(&label, NULL), 0);
	label.region.len++;
	refused(&label, "region is longer");
	memset(many, '[', sizeof many);
	label.region.len = VT_LABEL_REGION_MAX;
	refused(&label, "no JSON");
}
END_TEST

START_TEST(words_of_source_and_review_are_found_again)
{
	struct vt_label label = label_of("k", "v", "a");

	for (unsigned i = VT_LABEL_HUMAN; i <= VT_LABEL_IMPORT; i++)
		ck_assert_uint_eq(
			vt_label_word_find(vt_label_sources, text_of(vt_label_sources[i])), i);
	for (unsigned i = VT_LABEL_DRAFT; i <= VT_LABEL_DISPUTED; i++)
		ck_assert_uint_eq(
			vt_label_word_find(vt_label_reviews, text_of(vt_label_reviews[i])), i);
	ck_assert_uint_eq(vt_label_word_find(vt_label_sources, text_of("humans")), 0);
	ck_assert_uint_eq(vt_label_word_find(vt_label_reviews, text_of("")), 0);
	label.source = VT_LABEL_IMPORT + 1;
	refused(&label, "source");
	label = label_of("k", "v", "a");
	label.review = 0;
	refused(&label, "review");
}
END_TEST

VT_SUITE(label, what_breaks_a_rule_is_refused_by_name, lengths_are_allowed_up_to_their_limits,
	 numbers_have_one_form, order_is_by_key_annotator_and_time_first,
	 the_effective_one_is_chosen_by_the_rules, ties_go_to_the_first_row,
	 annotators_agree_by_their_newest_rows,
	 one_annotator_agrees_unless_its_newest_is_not_accepted,
	 a_region_is_one_json_value_in_one_line, words_of_source_and_review_are_found_again)
