/* SPDX-License-Identifier: Apache-2.0 */
/* Labels given to the files of a tree: to those alone, in walk order, checked. */
#include "index/relabel.h"

#include "index/dataset_gate.h"
#include "index/label_schema.h"
#include "tests/unit/label_store.h"
#include "tests/unit/suite.h"

static const struct item files[] = {
	{"a", "1", "old"}, {"d/f", "2", "kept"}, {"d/g", "3", ""},
	{"link", "", ""},  {"z", "4", ""},       {"", "", ""},
};

static struct vt_tree tree;
static struct vt_label_tree old;
static struct vt_relabel *relabel;
static const struct vt_relabel_judge *judge;

static void begin(void)
{
	must(vt_relabel_new(idx, 1, &tree, &old, &relabel, &err) == 0);
}

static void set_up(void)
{
	index_set_up();
	tree = items_tree(files);
	old = items_labels(files);
	begin();
}

static void tear_down(void)
{
	vt_relabel_free(relabel);
	index_tear_down();
}

static int give_rows(const char *path, enum vt_relabel_how how, struct vt_label *labels,
		     size_t count)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT;

	must(count == 0 || vt_label_block_encode(labels, &count, &rows, &err) == 0);
	return vt_relabel_file(relabel, path, strlen(path), how, rows.data, rows.len,
			       (uint32_t) count, judge, &err);
}

static int give(const char *path, enum vt_relabel_how how, const char *value)
{
	struct vt_label label = label_of("k", value, "ann");

	return give_rows(path, how, &label, 1);
}

static void makes(const char *expected)
{
	struct vt_label_tree out;

	must(vt_relabel_finish(relabel, &out, NULL, &err) == 0);
	ck_assert_str_eq(labels_text(&out), expected);
}

START_TEST(labels_are_added_to_those_of_a_file_or_take_their_place)
{
	set_up();
	must(give("a", VT_RELABEL_ADD, "new") == 0);
	must(give("d/f", VT_RELABEL_SET, "other") == 0);
	must(give("d/g", VT_RELABEL_ADD, "first") == 0);
	must(give("z", VT_RELABEL_SET, "last") == 0);
	makes("a=new a=old d/f=other d/g=first z=last ");
	tear_down();
}
END_TEST

START_TEST(what_is_not_named_stays_and_equal_rows_are_one)
{
	struct vt_label_tree out;
	uint64_t bytes = 0;

	set_up();
	must(give("a", VT_RELABEL_ADD, "old") == 0);
	must(vt_relabel_finish(relabel, &out, &bytes, &err) == 0);
	ck_assert(same_labels(&out, &old));
	ck_assert_uint_eq(out.page, old.page);
	ck_assert_uint_eq(bytes, 0); /* no page is new */
	tear_down();
}
END_TEST

START_TEST(a_file_loses_its_labels_by_no_rows_or_with_what_is_above_it)
{
	set_up();
	must(give_rows("a", VT_RELABEL_ADD, NULL, 0) == 0); /* none to those it has */
	must(give_rows("d/f", VT_RELABEL_SET, NULL, 0) == 0);
	makes("a=old ");
	vt_relabel_free(relabel);
	begin();
	must(vt_relabel_remove(relabel, "a", 1, &err) == 0);
	must(vt_relabel_remove(relabel, "d", 1, &err) == 0);
	makes("");
	tear_down();
}
END_TEST

START_TEST(what_is_no_file_is_refused_and_the_next_one_may_follow)
{
	static const char *const wrong[] = {"",  "/",  "a/b",       "absent",
					    "d", "d/", "d/nothing", "link"};

	set_up();
	must(give("a", VT_RELABEL_SET, "new") == 0);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		ck_assert_msg(give(wrong[i], VT_RELABEL_ADD, "x") == -ENOENT, "'%s'", wrong[i]);
	ck_assert_int_eq(give("d", VT_RELABEL_ADD, "x"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "'d' is a directory"));
	ck_assert_int_eq(give("link", VT_RELABEL_ADD, "x"), -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "'link' is a symlink"));
	must(give("z", VT_RELABEL_ADD, "last") == 0);
	makes("a=new d/f=kept z=last ");
	tear_down();
}
END_TEST

START_TEST(rows_that_are_none_are_refused)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT;
	struct vt_label label = label_of("k", "value", "ann");
	size_t count = 1;

	set_up();
	must(vt_label_block_encode(&label, &count, &rows, &err) == 0);
	for (size_t len = 0; len <= rows.len; len++) {
		for (uint32_t rows_count = 0; rows_count < 3; rows_count++) {
			bool is_right = len == (rows_count ? rows.len : 0) && rows_count < 2;
			int r = vt_relabel_file(relabel, "a", 1, VT_RELABEL_SET, rows.data, len,
						rows_count, NULL, &err);

			ck_assert_msg((r == 0) == is_right && (r == 0 || r == -EINVAL),
				      "%u rows in %zu bytes: %d", rows_count, len, r);
			vt_relabel_free(relabel);
			begin();
		}
	}
	tear_down();
}
END_TEST

START_TEST(files_come_in_walk_order_each_once)
{
	static const char *const wrong[][2] = {
		{"z", "a"}, {"d/g", "d/f"}, {"a", "a"}, {"z", "d/f"}};

	set_up();
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		must(give(wrong[i][0], VT_RELABEL_SET, "x") == 0);
		ck_assert_msg(give(wrong[i][1], VT_RELABEL_SET, "x") == -EINVAL, "'%s' after '%s'",
			      wrong[i][1], wrong[i][0]);
		vt_relabel_free(relabel);
		begin();
	}
	tear_down();
}
END_TEST

START_TEST(labels_are_copied_to_a_file_of_the_same_content)
{
	struct vt_node from = {0};

	set_up();
	must(vt_label_tree_find(&idx->label_pages, &old, "a", 1, &from, &err) == 0);
	must(vt_relabel_copy(relabel, "z", 1, &from.entry, &err) == 0);
	vt_node_done(&from);
	makes("a=old d/f=kept z=old ");
	tear_down();
}
END_TEST

/* ---- a schema -------------------------------------------------------------------------------- */

static char refusals[512]; /* "ROW: SENTENCE; " of each */

static int note_refusal(void *context, uint32_t row, const char *sentence, struct vt_error *error)
{
	size_t used = strlen(refusals);

	(void) error;
	(void) snprintf(refusals + used, sizeof refusals - used, "%u: %s; ", row, sentence);
	return *(const int *) context;
}

static struct vt_label_schema *schema;
static int verdict; /* what note_refusal() gives back */

static void set_up_schema(void)
{
	static const char gate[] = "{\"keys\": {\"k\": {\"values\": [\"good\", \"fine\"]}}}";
	static struct vt_relabel_judge strict = {.refuse = note_refusal, .context = &verdict};

	set_up();
	must(vt_dataset_gate_set(idx->store, 1, gate, strlen(gate), &err) == 0);
	must(vt_label_schema_read(idx->store, 1, &schema, &err) == 0);
	strict.schema = schema;
	judge = &strict;
	refusals[0] = 0;
	verdict = 0;
}

static void tear_down_schema(void)
{
	judge = NULL;
	vt_label_schema_free(schema);
	tear_down();
}

START_TEST(rows_outside_of_the_schema_are_named_and_passed_over)
{
	struct vt_label rows[] = {label_of("k", "bad", "a"), label_of("k", "good", "b"),
				  label_of("k", "worse", "c"), label_of("other", "any", "a")};

	set_up_schema();
	must(give_rows("d/f", VT_RELABEL_SET, rows, 4) == 0);
	ck_assert_str_eq(
		refusals,
		"0: 'd/f': k is \"bad\", by the schema it must be one of \"good\", \"fine\"; "
		"2: 'd/f': k is \"worse\", by the schema it must be one of \"good\", \"fine\"; ");
	must(give("z", VT_RELABEL_ADD, "fine") == 0);
	makes("a=old d/f=good d/f=any z=fine ");
	tear_down_schema();
}
END_TEST

START_TEST(a_file_of_which_no_row_is_allowed_stays_as_it_was)
{
	set_up_schema();
	must(give("a", VT_RELABEL_SET, "bad") == 0);
	must(give("d/f", VT_RELABEL_ADD, "bad") == 0);
	must(give("d/g", VT_RELABEL_ADD, "bad") == 0);
	makes("a=old d/f=kept ");
	tear_down_schema();
}
END_TEST

START_TEST(what_a_file_has_already_may_stay_and_go_but_not_change)
{
	struct vt_label rows[] = {label_of("k", "old", "ann"), label_of("k", "good", "b")};
	struct vt_label changed = rows[0];

	set_up_schema();
	must(give_rows("a", VT_RELABEL_SET, rows, 2) == 0);
	makes("a=old a=good d/f=kept ");
	ck_assert_str_eq(refusals, "");
	vt_relabel_free(relabel);
	begin();
	changed.review = VT_LABEL_ACCEPTED;
	must(give_rows("a", VT_RELABEL_SET, &changed, 1) == 0);
	ck_assert_ptr_nonnull(strstr(refusals, "0: 'a': k is \"old\""));
	changed.review = VT_LABEL_REJECTED;
	refusals[0] = 0;
	vt_relabel_free(relabel);
	begin();
	must(give_rows("a", VT_RELABEL_SET, &changed, 1) == 0);
	must(give_rows("d/f", VT_RELABEL_SET, NULL, 0) == 0);
	ck_assert_str_eq(refusals, "");
	makes("a=old ");
	tear_down_schema();
}
END_TEST

START_TEST(who_is_told_of_a_refusal_may_end_it)
{
	set_up_schema();
	verdict = -ECANCELED;
	ck_assert_int_eq(give("a", VT_RELABEL_SET, "bad"), -ECANCELED);
	tear_down_schema();
}
END_TEST

VT_SUITE(relabel, labels_are_added_to_those_of_a_file_or_take_their_place,
	 what_is_not_named_stays_and_equal_rows_are_one,
	 a_file_loses_its_labels_by_no_rows_or_with_what_is_above_it,
	 what_is_no_file_is_refused_and_the_next_one_may_follow, rows_that_are_none_are_refused,
	 files_come_in_walk_order_each_once, labels_are_copied_to_a_file_of_the_same_content,
	 rows_outside_of_the_schema_are_named_and_passed_over,
	 a_file_of_which_no_row_is_allowed_stays_as_it_was,
	 what_a_file_has_already_may_stay_and_go_but_not_change,
	 who_is_told_of_a_refusal_may_end_it)
