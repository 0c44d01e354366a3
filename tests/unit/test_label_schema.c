/* SPDX-License-Identifier: Apache-2.0 */
/* The schema of a dataset: what of its gate is asked of a single label, and how it is said. */
#include "index/label_schema.h"
#include "index/dataset_gate.h"
#include "tests/unit/plain_label.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

static struct vt_label_schema *schema;

static void set_gate(const char *text)
{
	must(vt_dataset_gate_set(idx->store, 1, text, strlen(text), &err) == 0);
}

static void read_schema(void)
{
	vt_label_schema_free(schema);
	must(vt_label_schema_read(idx->store, 1, &schema, &err) == 0);
}

static void set_up(const char *gate)
{
	index_set_up();
	if (gate)
		set_gate(gate);
	schema = NULL;
	read_schema();
}

static void tear_down(void)
{
	vt_label_schema_free(schema);
	index_tear_down();
}

static void allows(struct vt_label label)
{
	int r = vt_label_schema_check(schema, &label, &err);

	ck_assert_msg(r == 0, "%s", err.text);
}

static void refuses(struct vt_label label, const char *sentence)
{
	ck_assert_int_eq(vt_label_schema_check(schema, &label, &err), -EDOM);
	ck_assert_str_eq(err.text, sentence);
}

static struct vt_label number_of(const char *key, double number)
{
	struct vt_label label = label_of(key, "", "ann");

	label.type = VT_LABEL_NUMBER;
	label.value.number = number;
	return label;
}

START_TEST(a_dataset_without_a_gate_allows_all)
{
	set_up(NULL);
	allows(label_of("k", "anything", "ann"));
	set_gate("{}");
	read_schema();
	allows(label_of("k", "anything", "ann"));
	tear_down();
}
END_TEST

START_TEST(each_rule_about_single_labels_says_what_it_allows)
{
	set_up("{\"other_keys\": false, \"keys\": {"
	       "\"class\": {\"values\": [\"cat\", 3, true]}, \"one\": {\"values\": [\"only\"]},"
	       "\"age\": {\"min\": 0.5, \"max\": 30}, \"word\": {\"type\": \"text\"}}}");
	allows(label_of("class", "cat", "ann"));
	allows(number_of("class", 3));
	allows(number_of("age", 0.5));
	allows(label_of("word", "3", "ann"));
	refuses(label_of("class", "3", "ann"),
		"class is \"3\", by the schema it must be one of \"cat\", 3, true");
	refuses(label_of("one", "a \"b\"", "ann"),
		"one is \"a \\\"b\\\"\", by the schema it must be \"only\"");
	refuses(number_of("age", 0), "age is 0, by the schema it must be a number, at least 0.5");
	refuses(number_of("age", 31), "age is 31, by the schema it must be a number, at most 30");
	refuses(label_of("age", "9", "ann"),
		"age is \"9\", by the schema it must be a number, at least 0.5");
	refuses(number_of("word", 1), "word is 1, by the schema it must be of type text");
	refuses(label_of("clas", "cat", "ann"),
		"the schema has no key 'clas', its keys are: class, one, age, word");
	tear_down();
}
END_TEST

START_TEST(a_key_that_has_no_rules_is_free_unless_others_are_refused)
{
	set_up("{\"keys\": {\"class\": {\"type\": \"text\"}}}");
	allows(number_of("other", 3));
	set_gate("{\"other_keys\": false, \"keys\": {\"other\": {}}}");
	read_schema();
	allows(number_of("other", 3));
	refuses(label_of("class", "cat", "ann"),
		"the schema has no key 'class', its keys are: other");
	tear_down();
}
END_TEST

START_TEST(a_rejected_label_is_outside_of_nothing)
{
	struct vt_label label = label_of("class", "eel", "ann");

	set_up("{\"other_keys\": false, \"keys\": {\"class\": {\"values\": [\"cat\"]}}}");
	for (enum vt_label_review review = VT_LABEL_DRAFT; review <= VT_LABEL_DISPUTED; review++) {
		label.review = review;
		ck_assert_int_eq(vt_label_schema_check(schema, &label, &err),
				 review == VT_LABEL_REJECTED ? 0 : -EDOM);
	}
	tear_down();
}
END_TEST

START_TEST(rules_about_the_version_are_not_asked)
{
	set_up("{\"unlabelled\": 0, \"duplicates\": 0, \"leakage\": \"k\", \"keys\": {\"k\": {"
	       "\"required\": true, \"min_share\": 1, \"max_share\": 0, \"min_count\": 9,"
	       "\"min_agreement\": 1, \"min_alpha\": 1, \"max_disputed\": 0}}}");
	allows(label_of("k", "v", "ann"));
	tear_down();
}
END_TEST

START_TEST(long_lists_and_values_are_cut)
{
	vt_cleanup(vt_buf_done) struct vt_buf gate = VT_BUF_INIT;
	struct vt_label label;
	char value[120];

	memset(value, 'x', sizeof value - 1);
	value[sizeof value - 1] = 0;
	memcpy(value + 78, "\xc3\xa4", 2); /* would be cut in the middle */
	vt_buf_printf(&gate, "{\"keys\": {\"k\": {\"values\": [");
	for (unsigned i = 0; i < 1000; i++)
		vt_buf_printf(&gate, "%s\"value %u\"", i ? ", " : "", i);
	vt_buf_printf(&gate, "]}}}%c", 0);
	set_up((const char *) gate.data);
	label = label_of("k", value, "ann");
	ck_assert_int_eq(vt_label_schema_check(schema, &label, &err), -EDOM);
	ck_assert_ptr_nonnull(strstr(err.text, "xx...\", by the schema"));
	ck_assert_ptr_nonnull(strstr(err.text, "one of \"value 0\", \"value 1\", "));
	ck_assert_ptr_nonnull(strstr(err.text, ", ... (1000 in all)"));
	ck_assert_uint_lt(strlen(err.text), 450);
	tear_down();
}
END_TEST

START_TEST(a_gate_that_is_set_changed_or_removed_meanwhile_is_noticed)
{
	static const char *const gates[] = {NULL, "{}", "{ }", NULL};

	set_up(NULL);
	for (size_t i = 0; i < 4; i++) {
		if (gates[i])
			set_gate(gates[i]);
		else
			must(vt_dataset_gate_remove(idx->store, 1, &err) == 0);
		ck_assert_int_eq(vt_label_schema_confirm(schema, idx->store, &err),
				 i ? -ESTALE : 0);
		read_schema();
		must(vt_label_schema_confirm(schema, idx->store, &err) == 0);
	}
	tear_down();
}
END_TEST

VT_SUITE(label_schema, a_dataset_without_a_gate_allows_all,
	 each_rule_about_single_labels_says_what_it_allows,
	 a_key_that_has_no_rules_is_free_unless_others_are_refused,
	 a_rejected_label_is_outside_of_nothing, rules_about_the_version_are_not_asked,
	 long_lists_and_values_are_cut, a_gate_that_is_set_changed_or_removed_meanwhile_is_noticed)
