/* SPDX-License-Identifier: Apache-2.0 */
/* Control requests about labels: who may, what a labelling connection may not, and bad blobs. */
#include "index/label_block.h"
#include "tests/unit/birds_service.h"
#include "tests/unit/plain_label.h"

/* ---- blobs ----------------------------------------------------------------------------------- */

static struct vt_buf blob;

/* How labels are given (fs/requests.md, "Labels"). */
enum how { ADD = 1, SET = 2 };

static void put_part(const char *path, enum how how, struct vt_label *labels, size_t count)
{
	vt_cleanup(vt_buf_done) struct vt_buf rows = VT_BUF_INIT;

	if (count)
		must(vt_label_block_encode(labels, &count, &rows, &err) == 0);
	vt_buf_put_le16(&blob, (uint16_t) strlen(path));
	vt_buf_put(&blob, path, strlen(path));
	vt_buf_put_u8(&blob, (uint8_t) how);
	vt_buf_put_le32(&blob, (uint32_t) count);
	vt_buf_put_le32(&blob, (uint32_t) rows.len);
	vt_buf_put(&blob, rows.data, rows.len);
}

static void put_one(const char *path, enum how how, const char *value)
{
	struct vt_label label = label_of("class", value, "ann");

	put_part(path, how, &label, 1);
}

/* What was refused, or 0; the rows are in `reply` if it is given. */
static int send_blob(struct visit *visit, size_t len, struct reply *reply)
{
	struct reply dropped;
	int r = ask_with(visit, "label.rows", "{}", blob.data, len, -1, reply ? reply : &dropped);

	if (!reply)
		reply_done(&dropped);
	return r;
}

static int begin(struct visit *visit, const char *version)
{
	char args[128];

	(void) snprintf(args, sizeof args, "{'dataset': 'birds', 'version': '%s'}", version);
	return ask_dropping(visit, "label.begin", args);
}

static int commit(struct visit *visit)
{
	return ask_dropping(visit, "label.commit", "{'message': 'm'}");
}

static int label(struct visit *visit, const char *version)
{
	int r = begin(visit, version);

	vt_buf_reset(&blob);
	put_one("owl", SET, version);
	if (r == 0)
		r = send_blob(visit, blob.len, NULL);
	return r < 0 ? r : commit(visit);
}

static size_t versions(void)
{
	struct reply reply;
	size_t count;

	must(ask(&owner, "versions", "{\"dataset\": \"birds\"}", &reply) == 0);
	count = json_array_size(reply.rows);
	reply_done(&reply);
	return count;
}

static void birds_set_up(void)
{
	set_up();
	publish_birds();
}

static void birds_tear_down(void)
{
	vt_buf_done(&blob);
	tear_down();
}

static void rule(const char *op, const char *object, const char *right)
{
	char args[128];

	(void) snprintf(args, sizeof args, "{'object': '%s', 'who': 'user:ada', 'right': '%s'}",
			object, right);
	must(ask_dropping(&owner, op, args) == 0);
}

/* ---- who ------------------------------------------------------------------------------------- */

START_TEST(who_may_curate_the_dataset_or_the_version_labels_and_nobody_else)
{
	set_up();
	publish_many_birds();
	ck_assert_int_eq(label(&ada, "v1"), -EACCES);
	for (const char *const *right = (const char *const[]){"browse", "read", "lease", NULL};
	     *right; right++) {
		rule("grant", "birds", *right);
		ck_assert_int_eq(label(&ada, "v1"), -EACCES);
		rule("revoke", "birds", *right);
	}
	rule("grant", "birds", "curate");
	must(label(&ada, "v1") == 0);
	rule("revoke", "birds", "curate");
	rule("grant", "birds@v1", "curate");
	ck_assert_int_eq(label(&ada, "v2"), -EACCES);
	must(label(&ada, "v1.1") == 0);
	ck_assert_int_eq(label(&ben, "v1"), -EACCES);
	birds_tear_down();
}
END_TEST

START_TEST(who_reads_labels_reads_bytes)
{
	static const char labels[] = "{'dataset': 'birds'}";

	birds_set_up();
	must(label(&owner, "v1") == 0);
	rule("grant", "birds", "curate");
	ck_assert_int_eq(ask_dropping(&ada, "labels", labels), -EACCES);
	rule("revoke", "birds", "curate");
	rule("grant", "birds", "browse");
	ck_assert_int_eq(ask_dropping(&ada, "labels", labels), -EACCES);
	rule("grant", "birds", "read");
	must(ask_dropping(&ada, "labels", labels) == 0);
	birds_tear_down();
}
END_TEST

START_TEST(differences_of_labels_are_for_who_reads_both_versions)
{
	static const char difference[] = "{'dataset': 'birds', 'version': 'v1', 'other': 'v1.1'}";

	birds_set_up();
	must(label(&owner, "v1") == 0);
	rule("grant", "birds", "browse");
	assert_told(&ada, "diff", difference, "\"L\"", false);
	assert_told(&ada, "diff", difference, "labels", false);
	rule("grant", "birds", "read");
	assert_told(&ada, "diff", difference, "\"L\"", true);
	rule("deny", "birds", "read");
	assert_told(&ada, "diff", difference, "\"L\"", false);
	birds_tear_down();
}
END_TEST

START_TEST(a_right_that_ends_under_way_ends_the_labelling)
{
	birds_set_up();
	rule("grant", "birds@v1", "curate");
	must(begin(&ada, "v1") == 0);
	put_one("owl", SET, "owl");
	must(send_blob(&ada, blob.len, NULL) == 0);
	rule("revoke", "birds@v1", "curate");
	ck_assert_int_eq(send_blob(&ada, 0, NULL), -EACCES);
	ck_assert_int_eq(commit(&ada), -EACCES);
	ck_assert_uint_eq(versions(), 1);
	birds_tear_down();
}
END_TEST

START_TEST(a_labelling_connection_may_nothing_that_a_publisher_may)
{
	const struct vt_control_op *table;
	size_t count, tried = 0;

	birds_set_up();
	rule("grant", "birds@v1", "curate");
	must(begin(&ada, "v1") == 0);
	must(begin(&owner, "v1") == 0);
	table = vt_control_table(&count);
	for (size_t i = 0; i < count; i++) {
		if (strncmp(table[i].name, "import.", 7) != 0)
			continue;
		tried++;
		ck_assert_msg(ask_dropping(&ada, table[i].name, "{'dataset': 'birds'}") < 0, "%s",
			      table[i].name);
		ck_assert_msg(ask_dropping(&owner, table[i].name, "{'dataset': 'birds'}") < 0, "%s",
			      table[i].name);
		ck_assert_msg(strstr(err.text, "import is") != NULL, "%s: %s", table[i].name,
			      err.text);
	}
	ck_assert_uint_gt(tried, 8);
	must(commit(&ada) == 0); /* what it may, it still may: nothing is different */
	birds_tear_down();
}
END_TEST

START_TEST(rows_without_a_beginning_are_refused)
{
	birds_set_up();
	ck_assert_int_eq(send_blob(&owner, 0, NULL), -EINVAL);
	ck_assert_int_eq(commit(&owner), -EINVAL);
	must(begin(&owner, "v1") == 0);
	ck_assert_int_eq(begin(&owner, "v1"), -EBUSY);
	birds_tear_down();
}
END_TEST

/* ---- blobs that are wrong -------------------------------------------------------------------- */

START_TEST(a_blob_that_is_cut_or_wrong_ends_the_labelling_and_leaves_nothing)
{
	static const size_t how_at = 2 + 3, count_at = how_at + 1, bytes_at = count_at + 4;
	size_t whole;

	birds_set_up();
	put_one("owl", SET, "owl");
	whole = blob.len;
	for (size_t len = 1; len < whole; len++) {
		must(begin(&owner, "v1") == 0);
		ck_assert_int_eq(send_blob(&owner, len, NULL), -EINVAL);
		ck_assert_int_eq(commit(&owner), -EINVAL);
	}
	for (size_t i = 0; i < 4; i++) {
		const size_t at = (const size_t[]){how_at, how_at, count_at, bytes_at}[i];
		const uint8_t old = blob.data[at];

		blob.data[at] = (uint8_t[]){0, 3, 2, 0}[i];
		must(begin(&owner, "v1") == 0);
		ck_assert_msg(send_blob(&owner, whole, NULL) == -EINVAL, "%zu", i);
		ck_assert_int_eq(commit(&owner), -EINVAL);
		blob.data[at] = old;
	}
	must(begin(&owner, "v1") == 0);
	must(send_blob(&owner, whole, NULL) == 0);
	ck_assert_int_eq(send_blob(&owner, whole, NULL), -EINVAL); /* the same file again */
	ck_assert_uint_eq(versions(), 1);
	birds_tear_down();
}
END_TEST

START_TEST(a_curator_sends_no_blob_before_the_beginning_and_as_long_ones_as_there_are_after)
{
	birds_set_up();
	rule("grant", "birds", "curate");
	while (blob.len < VT_MESSAGE_BLOB_MAX)
		put_one("absent", SET, "x");
	must(begin(&ada, "v1") == 0);
	ck_assert_int_eq(send_blob(&ada, VT_MESSAGE_BLOB_MAX, NULL), -EINVAL); /* cut in a file */
	visit_end(&ada);
	visit_begin(&ada, ADA);
	ck_assert_int_eq(send_blob(&ada, 1, NULL), -EMSGSIZE);
	birds_tear_down();
}
END_TEST

START_TEST(a_file_that_is_not_there_is_named_and_the_others_are_taken)
{
	struct reply reply;

	birds_set_up();
	must(begin(&owner, "v1") == 0);
	put_one("absent", ADD, "x");
	put_one("owl", ADD, "owl");
	put_one("owl/below", ADD, "x");
	must(send_blob(&owner, blob.len, &reply) == 0);
	ck_assert_uint_eq(json_array_size(reply.rows), 2);
	for (size_t i = 0; i < 2; i++) {
		const json_t *row = json_array_get(reply.rows, i);

		ck_assert_int_eq(json_integer_value(json_object_get(row, "file")), 2 * (int) i);
		ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(row, "text")),
					     i ? "owl/below" : "absent"));
	}
	ck_assert_int_eq(json_integer_value(json_object_get(reply.result, "files")), 3);
	reply_done(&reply);
	must(commit(&owner) == 0);
	ck_assert_uint_eq(versions(), 2);
	birds_tear_down();
}
END_TEST

/* ---- the schema ------------------------------------------------------------------------------ */

static void set_gate(const char *gate)
{
	json_t *args = json_pack("{s:s, s:s}", "dataset", "birds", "gate", gate);
	vt_autofree char *text = json_dumps(args, 0);
	struct reply reply;

	json_decref(args);
	must(ask(&owner, "gate.set", text, &reply) == 0);
	reply_done(&reply);
}

START_TEST(a_label_outside_of_the_schema_is_named_and_the_others_are_taken)
{
	struct vt_label labels[] = {label_of("class", "emu", "a"), label_of("class", "owl", "b"),
				    label_of("klass", "owl", "a")};
	struct reply reply;

	birds_set_up();
	set_gate("{\"other_keys\": false, \"keys\": {\"class\": {\"values\": [\"owl\"]}}}");
	rule("grant", "birds", "curate");
	must(begin(&ada, "v1") == 0);
	put_one("absent", ADD, "emu");
	put_part("owl", ADD, labels, 3);
	must(send_blob(&ada, blob.len, &reply) == 0);
	ck_assert_uint_eq(json_array_size(reply.rows), 3);
	ck_assert_ptr_null(json_object_get(json_array_get(reply.rows, 0), "row"));
	for (size_t i = 1; i < 3; i++) {
		const json_t *row = json_array_get(reply.rows, i);

		ck_assert_int_eq(json_integer_value(json_object_get(row, "file")), 1);
		ck_assert_int_eq(json_integer_value(json_object_get(row, "row")), i == 1 ? 0 : 2);
		ck_assert_ptr_nonnull(strstr(json_string_value(json_object_get(row, "text")),
					     i == 1 ? "'owl': class is \"emu\""
						    : "'owl': the schema has no key 'klass'"));
	}
	reply_done(&reply);
	must(commit(&ada) == 0);
	assert_told(&owner, "show", "{'dataset': 'birds', 'version': 'v1.1'}", "\"labels\": 1,",
		    true);
	birds_tear_down();
}
END_TEST

START_TEST(rules_about_a_whole_version_do_not_keep_labels_out)
{
	birds_set_up();
	set_gate(
		"{\"unlabelled\": 0, \"keys\": {\"class\": {\"required\": true, \"min_count\": 9}}}");
	must(label(&owner, "v1") == 0);
	birds_tear_down();
}
END_TEST

START_TEST(a_gate_that_is_set_under_way_ends_the_labelling)
{
	birds_set_up();
	must(begin(&owner, "v1") == 0);
	put_one("owl", SET, "emu");
	must(send_blob(&owner, blob.len, NULL) == 0);
	set_gate("{\"keys\": {\"class\": {\"values\": [\"owl\"]}}}");
	ck_assert_int_eq(commit(&owner), -ESTALE);
	ck_assert_uint_eq(versions(), 1);
	birds_tear_down();
}
END_TEST

/* ---- commits --------------------------------------------------------------------------------- */

START_TEST(of_two_who_label_at_once_the_second_is_told_so)
{
	birds_set_up();
	rule("grant", "birds", "curate");
	must(begin(&ada, "v1") == 0);
	put_one("owl", SET, "ada's");
	must(send_blob(&ada, blob.len, NULL) == 0);
	must(label(&owner, "v1") == 0);
	ck_assert_int_eq(commit(&ada), -ESTALE);
	ck_assert_int_eq(commit(&ada), -EINVAL);
	ck_assert_uint_eq(versions(), 2);
	ck_assert_int_eq(label(&ada, "v1.2"), -ENOENT);
	must(label(&ada, "v1.1") == 0);
	ck_assert_int_eq(label(&ada, "v1.1"), -ESTALE);
	birds_tear_down();
}
END_TEST

START_TEST(only_the_owner_of_the_store_names_an_author)
{
	birds_set_up();
	rule("grant", "birds", "curate");
	for (int i = 0; i < 2; i++) {
		struct visit *visit = i ? &owner : &ada;

		must(begin(visit, "v1") == 0);
		vt_buf_reset(&blob);
		put_one("owl", SET, i ? "b" : "a");
		must(send_blob(visit, blob.len, NULL) == 0);
		assert_told(visit, "label.commit", "{'author': 'somebody'}",
			    i ? "\"somebody\"" : "\"ada\"", true);
	}
	birds_tear_down();
}
END_TEST

START_TEST(labels_that_are_there_already_make_no_revision)
{
	birds_set_up();
	must(label(&owner, "v1") == 0);
	must(begin(&owner, "v1") == 0);
	put_one("owl", ADD, "v1"); /* behind what label() put */
	assert_told(&owner, "label.commit", "{}", "\"same\"", true);
	ck_assert_int_eq(commit(&owner), -EINVAL);
	ck_assert_uint_eq(versions(), 2);
	birds_tear_down();
}
END_TEST

START_TEST(labels_come_as_path_and_row)
{
	struct vt_label labels[] = {label_of("a", "1", "ann"), label_of("b", "2", "ann")};
	struct vt_buf expected = VT_BUF_INIT;
	struct reply reply;

	birds_set_up();
	must(begin(&owner, "v1") == 0);
	put_part("owl", SET, labels, 2);
	must(send_blob(&owner, blob.len, NULL) == 0);
	must(commit(&owner) == 0);
	for (size_t i = 0; i < 2; i++) {
		size_t count = 1;

		vt_buf_put_le16(&expected, 3);
		vt_buf_put(&expected, "owl", 3);
		must(vt_label_block_encode(&labels[i], &count, &expected, &err) == 0);
	}
	for (int i = 0; i < 2; i++) {
		must(ask(&owner, "labels",
			 quoted(i ? "{'dataset': 'birds', 'path': 'owl'}" : "{'dataset': 'birds'}"),
			 &reply) == 0);
		ck_assert_uint_eq(reply.blobs.len, expected.len);
		ck_assert_mem_eq(reply.blobs.data, expected.data, expected.len);
		ck_assert_int_eq(json_integer_value(json_object_get(reply.result, "labels")), 2);
		reply_done(&reply);
	}
	ck_assert_int_eq(ask_dropping(&owner, "labels", "{'dataset': 'birds', 'path': 'emu'}"),
			 -ENOENT);
	vt_buf_done(&expected);
	birds_tear_down();
}
END_TEST

VT_SUITE(requests_label, who_may_curate_the_dataset_or_the_version_labels_and_nobody_else,
	 who_reads_labels_reads_bytes, differences_of_labels_are_for_who_reads_both_versions,
	 a_right_that_ends_under_way_ends_the_labelling,
	 a_labelling_connection_may_nothing_that_a_publisher_may,
	 rows_without_a_beginning_are_refused,
	 a_blob_that_is_cut_or_wrong_ends_the_labelling_and_leaves_nothing,
	 a_curator_sends_no_blob_before_the_beginning_and_as_long_ones_as_there_are_after,
	 a_file_that_is_not_there_is_named_and_the_others_are_taken,
	 a_label_outside_of_the_schema_is_named_and_the_others_are_taken,
	 rules_about_a_whole_version_do_not_keep_labels_out,
	 a_gate_that_is_set_under_way_ends_the_labelling,
	 of_two_who_label_at_once_the_second_is_told_so,
	 only_the_owner_of_the_store_names_an_author,
	 labels_that_are_there_already_make_no_revision, labels_come_as_path_and_row)
