/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever is done to a log is found: bytes, lines, files, keys, and times gone back to. */
#include "policy/audit_verify.h"

#include <errno.h>
#include <fcntl.h>

#include "policy/audit_log.h"
#include "policy/checkpoint.h"
#include "tests/unit/audit_model.h"
#include "tests/unit/suite.h"

#define RECORDS 200

/* A log of 200 records, with several checkpoints and keys, signed to its end. */
static void make_log(const char *word)
{
	struct vt_audit *audit;

	audit_model.key_checkpoints = 2;
	audit = audit_model_open();
	for (int i = 0; i < RECORDS; i++) {
		audit_model_note(audit, word, false);
		if (i % 100 == 99)
			ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	}
	vt_audit_close(audit);
	audit_model.key_checkpoints = 0;
}

static char *log_data, *notes_data;
static size_t log_len, notes_len;

static void begin(void)
{
	audit_model_begin();
	make_log("a record");
	audit_model_sound();
	log_data = audit_model_read(vt_scratch_path(AUDIT_LOG), &log_len);
	notes_data = audit_model_read(vt_scratch_path(AUDIT_NOTES), &notes_len);
}

static void done(void)
{
	free(log_data);
	free(notes_data);
	vt_scratch_done();
}

static struct vt_audit_verdict verify_with(const char *data, size_t len)
{
	audit_model_write(vt_scratch_path(AUDIT_LOG), data, len);
	return audit_model_verify();
}

/* The lines of the log: where each begins, and behind the last. */
static size_t find_lines(size_t starts[], size_t max)
{
	size_t count = 0;

	for (size_t at = 0; at < log_len && count + 1 < max; count++) {
		starts[count] = at;
		at = (size_t) ((char *) memchr(log_data + at, '\n', log_len - at) - log_data) + 1;
	}
	starts[count] = log_len;
	return count;
}

START_TEST(every_flipped_byte_of_the_log_is_found)
{
	size_t starts[512], count, line = 0;

	begin();
	count = find_lines(starts, 512);
	ck_assert_uint_ge(count, RECORDS);
	for (size_t i = 0; i < log_len; i++) {
		struct vt_audit_verdict verdict;

		line += i == starts[line + 1];
		log_data[i] ^= (char) (1 << i % 8);
		verdict = verify_with(log_data, log_len);
		ck_assert_msg(verdict.problems > 0, "byte %zu", i);
		ck_assert_msg(verdict.first_bad <= line, "byte %zu of line %zu: %s", i, line,
			      audit_model_first);
		log_data[i] ^= (char) (1 << i % 8);
	}
	done();
}
END_TEST

START_TEST(every_flipped_byte_of_the_checkpoints_is_found)
{
	struct vt_audit_verdict verdict;

	begin();
	for (size_t i = 0; i < notes_len; i++) {
		notes_data[i] ^= (char) (1 << i % 8);
		audit_model_write(vt_scratch_path(AUDIT_NOTES), notes_data, notes_len);
		verdict = audit_model_verify();
		/* The last one, cut: as if it were not there, and its records not signed yet. */
		ck_assert_msg(verdict.problems > 0 || verdict.warnings == 2, "byte %zu", i);
		notes_data[i] ^= (char) (1 << i % 8);
	}
	done();
}
END_TEST

/* Puts the pieces of the log together anew. */
static void expect_found(const char *what, size_t line, const size_t pieces[][2], size_t count)
{
	char *data = malloc(2 * log_len);
	struct vt_audit_verdict verdict;
	size_t len = 0;

	for (size_t i = 0; i < count; i++) {
		memcpy(data + len, log_data + pieces[i][0], pieces[i][1] - pieces[i][0]);
		len += pieces[i][1] - pieces[i][0];
	}
	verdict = verify_with(data, len);
	ck_assert_msg(verdict.problems > 0, "%s at line %zu", what, line);
	ck_assert_msg(verdict.first_bad <= line, "%s at line %zu: %s", what, line,
		      audit_model_first);
	free(data);
}

START_TEST(every_line_removed_doubled_swapped_or_cut_off_is_found)
{
	size_t s[512], count;

	begin();
	count = find_lines(s, 512);
	for (size_t i = 0; i < count; i++) {
		expect_found("removed", i, (size_t[][2]){{0, s[i]}, {s[i + 1], log_len}}, 2);
		expect_found("doubled", i + 1, (size_t[][2]){{0, s[i + 1]}, {s[i], log_len}}, 2);
		expect_found("cut off", i, (size_t[][2]){{0, s[i]}}, 1);
		expect_found("cut inside", i, (size_t[][2]){{0, (s[i] + s[i + 1]) / 2}}, 1);
		if (i + 1 < count)
			expect_found("swapped", i,
				     (size_t[][2]){{0, s[i]},
						   {s[i + 1], s[i + 2]},
						   {s[i], s[i + 1]},
						   {s[i + 2], log_len}},
				     4);
	}
	done();
}
END_TEST

/* Removed, and the numbers of those that follow made to fit: only the tree can tell. */
START_TEST(a_line_edited_with_care_is_found_at_the_next_checkpoint)
{
	struct vt_audit_verdict verdict;
	char *at;

	begin();
	at = strstr(log_data, "\"seq\":150,");
	while (memcmp(at, "a record", 8) != 0)
		at--;
	memcpy(at, "b record", 8);
	verdict = verify_with(log_data, log_len);
	ck_assert_uint_gt(verdict.problems, 0);
	ck_assert_uint_le(verdict.first_bad, 150);
	ck_assert_uint_ge(verdict.first_bad, 90);
	done();
}
END_TEST

START_TEST(two_logs_spliced_are_found)
{
	char *first_log, *first_notes, *spliced;
	size_t first_log_len, first_notes_len, starts[512], count;

	begin();
	count = find_lines(starts, 512);
	first_log = log_data;
	first_log_len = log_len;
	first_notes = notes_data;
	first_notes_len = notes_len;
	vt_scratch_done();
	begin(); /* another log, with as many records */
	spliced = malloc(first_log_len + log_len);
	for (size_t i = 1; i < count; i += 7) {
		const char *rest;
		char seq[32];
		size_t rest_len;

		(void) snprintf(seq, sizeof seq, "\"seq\":%zu,", i);
		rest = strstr(log_data, seq);
		if (!rest)
			break;
		while (rest > log_data && rest[-1] != '\n')
			rest--;
		rest_len = (size_t) (log_data + log_len - rest);
		memcpy(spliced, first_log, starts[i]);
		memcpy(spliced + starts[i], rest, rest_len);
		audit_model_write(vt_scratch_path(AUDIT_NOTES), notes_data, notes_len);
		ck_assert_uint_gt(verify_with(spliced, starts[i] + rest_len).problems, 0);
		audit_model_write(vt_scratch_path(AUDIT_NOTES), first_notes, first_notes_len);
		ck_assert_uint_gt(verify_with(spliced, starts[i] + rest_len).problems, 0);
	}
	free(spliced);
	free(first_log);
	free(first_notes);
	done();
}
END_TEST

START_TEST(an_older_whole_copy_is_found_by_a_head)
{
	char *old_head, *head;

	audit_model_begin();
	make_log("early");
	old_head = audit_model_head();
	log_data = audit_model_read(vt_scratch_path(AUDIT_LOG), &log_len);
	notes_data = audit_model_read(vt_scratch_path(AUDIT_NOTES), &notes_len);
	make_log("late");
	head = audit_model_head();
	ck_assert_uint_eq(audit_model_verify_in(audit_model.dir, old_head).problems, 0);
	ck_assert_uint_eq(audit_model_verify_in(audit_model.dir, head).problems, 0);

	audit_model_write(vt_scratch_path(AUDIT_LOG), log_data, log_len);
	audit_model_write(vt_scratch_path(AUDIT_NOTES), notes_data, notes_len);
	audit_model_sound(); /* by itself it is whole */
	ck_assert_uint_eq(audit_model_verify_in(audit_model.dir, old_head).problems, 0);
	ck_assert_uint_eq(audit_model_verify_in(audit_model.dir, head).problems, 2);
	ck_assert_ptr_nonnull(strstr(audit_model_first, "the end is missing"));
	free(head);
	free(old_head);
	done();
}
END_TEST

START_TEST(a_log_with_other_keys_is_found_by_a_head_and_by_the_first_key)
{
	struct vt_audit_verify ask = {.dir = NULL};
	struct vt_audit_verdict verdict;
	char *head;

	begin();
	head = audit_model_head();
	verdict = audit_model_verify();
	ask.key = strdup(verdict.first_key);
	done();
	begin(); /* the same records, by somebody else's keys */
	ask.dir = audit_model.dir;
	audit_model_sound();
	ck_assert_uint_gt(audit_model_verify_in(audit_model.dir, head).problems, 0);
	ck_assert_int_eq(vt_audit_verify(&ask, &verdict, NULL), 0);
	ck_assert_uint_gt(verdict.problems, 0);
	ck_assert_uint_eq(verdict.first_bad, 0);
	free(head);
	free((char *) ask.key);
	done();
}
END_TEST

/* Somebody has the key in force, and writes the whole log anew with its chain of keys. */
START_TEST(a_stolen_key_cannot_sign_what_was_before_it)
{
	struct vt_checkpoint note;
	struct vt_audit_key *key;
	struct vt_buf forged = VT_BUF_INIT;
	struct vt_audit_verdict verdict;
	struct vt_merkle tree = {0};
	struct vt_digest leaf, root;
	size_t starts[512], count, at = 0, used;
	char *edited;
	int keys;

	begin();
	verdict = audit_model_verify();
	keys = open(audit_model.keys, O_RDONLY | O_DIRECTORY);
	ck_assert_int_eq(vt_audit_key_load(keys, (uint32_t) verdict.keys, &key, NULL), 0);
	edited = strstr(log_data, "a record");
	memcpy(edited, "b record", 8);
	count = find_lines(starts, 512);
	for (size_t i = 0; i < count; i++) {
		vt_merkle_leaf(log_data + starts[i], starts[i + 1] - starts[i] - 1, &leaf);
		vt_merkle_append(&tree, &leaf);
	}
	vt_merkle_root(&tree, &root);
	/* All older checkpoints are thrown away; one new one is signed with the stolen key. */
	ck_assert_int_eq(vt_checkpoint_sign("vitrine/test", tree.size, &root, key, &forged, NULL),
			 0);
	audit_model_write(vt_scratch_path(AUDIT_NOTES), forged.data, forged.len);
	verdict = verify_with(log_data, log_len);
	ck_assert_uint_gt(verdict.problems, 0);
	/* Or only those that do not fit any more are replaced by its own. */
	memcpy(edited, "a record", 8);
	while (at < notes_len) {
		ck_assert_int_eq(
			vt_checkpoint_parse(notes_data + at, notes_len - at, &note, &used, NULL),
			0);
		at += used;
	}
	memcpy(edited, "b record", 8);
	vt_buf_reset(&forged);
	memset(&tree, 0, sizeof tree);
	for (size_t i = 0; i < count; i++) {
		vt_merkle_leaf(log_data + starts[i], starts[i + 1] - starts[i] - 1, &leaf);
		vt_merkle_append(&tree, &leaf);
		vt_merkle_root(&tree, &root);
		ck_assert_int_eq(
			vt_checkpoint_sign("vitrine/test", tree.size, &root, key, &forged, NULL),
			0);
	}
	audit_model_write(vt_scratch_path(AUDIT_NOTES), forged.data, forged.len);
	ck_assert_uint_gt(verify_with(log_data, log_len).problems, 0);
	vt_audit_key_free(key);
	vt_buf_done(&forged);
	(void) close(keys);
	done();
}
END_TEST

START_TEST(a_segment_that_is_missing_is_found)
{
	struct vt_audit_verdict verdict;
	char command[512];

	for (int missing = 0; missing < 3; missing++) {
		audit_model_begin();
		audit_model.segment_bytes = 6000;
		make_log("a record of a segment");
		make_log("and another one");
		audit_model.segment_bytes = 0;
		verdict = audit_model_verify();
		ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
		ck_assert_uint_ge(verdict.segments, 4);
		(void) snprintf(
			command, sizeof command,
			"cd %s && set -- *.log && shift %d && rm \"$1\" \"${1%%.log}.notes\"",
			audit_model.dir, missing);
		ck_assert_int_eq(system(command), 0);
		ck_assert_uint_gt(audit_model_verify().problems, 0);
		vt_scratch_done();
	}
}
END_TEST

/* ---- the history of leases ------------------------------------------------------------------ */

struct step {
	enum vt_audit_kind kind;
	int lease, fence;
	const char *object;
};

static uint64_t replay(const struct step *steps, size_t count)
{
	struct vt_audit_verdict verdict;
	struct vt_audit *audit;

	audit_model_begin();
	audit = audit_model_open();
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(vt_audit_append(audit, steps[i].kind,
						 json_pack("{s:i, s:i, s:s}", "lease",
							   steps[i].lease, "fence", steps[i].fence,
							   "object", steps[i].object),
						 false, NULL),
				 0);
	vt_audit_close(audit);
	verdict = audit_model_verify();
	vt_scratch_done();
	return verdict.problems;
}
#define REPLAY(...)                                                                                \
	replay((struct step[]){__VA_ARGS__},                                                       \
	       sizeof((struct step[]){__VA_ARGS__}) / sizeof(struct step))
#define TAKE(lease, fence, object)                                                                 \
	{                                                                                          \
		VT_AUDIT_LEASE_ACQUIRE, lease, fence, object                                       \
	}
#define WAIT(lease, object)                                                                        \
	{                                                                                          \
		VT_AUDIT_LEASE_QUEUE, lease, 0, object                                             \
	}
#define RENEW(lease, object)                                                                       \
	{                                                                                          \
		VT_AUDIT_LEASE_RENEW, lease, 0, object                                             \
	}
#define DRAIN(lease, object)                                                                       \
	{                                                                                          \
		VT_AUDIT_LEASE_DRAIN, lease, 0, object                                             \
	}
#define END(lease, object)                                                                         \
	{                                                                                          \
		VT_AUDIT_LEASE_END, lease, 0, object                                               \
	}

START_TEST(a_right_history_of_leases_is_taken)
{
	ck_assert_uint_eq(REPLAY(TAKE(1, 1, "a@v1"), WAIT(2, "a@v1"), TAKE(3, 2, "a@v2"),
				 RENEW(1, "a@v1"), DRAIN(1, "a@v1"), END(1, "a@v1"),
				 TAKE(2, 3, "a@v1"), DRAIN(3, "a@v2"), END(3, "a@v2"),
				 WAIT(4, "a@v1"), END(4, "a@v1"), TAKE(5, 4, "s/a"),
				 TAKE(6, 5, "sa/**")),
			  0);
}
END_TEST

START_TEST(two_holders_at_once_are_found)
{
	static const char *const pairs[][2] = {{"a", "a"},     {"a", "a@v1"},      {"a@v1", "a"},
					       {"**", "a@v1"}, {"s/**", "s/a@v1"}, {"s/a", "s/**"}};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		ck_assert_uint_eq(REPLAY(TAKE(1, 1, pairs[i][0]), TAKE(2, 2, pairs[i][1])), 1);
		ck_assert_uint_eq(REPLAY(TAKE(1, 1, pairs[i][0]), DRAIN(1, pairs[i][0]),
					 TAKE(2, 2, pairs[i][1])),
				  1);
	}
}
END_TEST

START_TEST(steps_out_of_turn_are_found)
{
	ck_assert_uint_eq(REPLAY(TAKE(1, 2, "a"), TAKE(2, 2, "b")), 1);
	ck_assert_uint_eq(REPLAY(TAKE(1, 2, "a"), TAKE(2, 1, "b")), 1);
	ck_assert_uint_eq(REPLAY(TAKE(1, 1, "a"), END(1, "a")), 1);
	ck_assert_uint_eq(REPLAY(DRAIN(1, "a")), 1);
	ck_assert_uint_eq(REPLAY(END(1, "a")), 1);
	ck_assert_uint_eq(REPLAY(TAKE(1, 1, "a"), DRAIN(1, "a"), RENEW(1, "a")), 1);
	ck_assert_uint_eq(REPLAY(WAIT(1, "a"), WAIT(1, "a")), 1);
	ck_assert_uint_eq(REPLAY(WAIT(1, "a"), DRAIN(1, "a")), 1);
}
END_TEST

/* Sums that do not fit are found even where the one who wrote them signed them. */
START_TEST(a_heartbeat_that_does_not_add_up_is_found)
{
	struct vt_audit *audit;

	audit_model_begin();
	audit = audit_model_open();
	ck_assert_int_eq(vt_audit_append(audit, VT_AUDIT_HEARTBEAT,
					 json_pack("{s:i, s:i, s:i}", "records", 77, "opens", 0,
						   "denials", 0),
					 true, NULL),
			 0);
	vt_audit_close(audit);
	ck_assert_uint_eq(audit_model_verify().problems, 1);
	vt_scratch_done();
}
END_TEST

VT_SUITE(audit_verify, every_flipped_byte_of_the_log_is_found,
	 every_flipped_byte_of_the_checkpoints_is_found,
	 every_line_removed_doubled_swapped_or_cut_off_is_found,
	 a_line_edited_with_care_is_found_at_the_next_checkpoint, two_logs_spliced_are_found,
	 an_older_whole_copy_is_found_by_a_head,
	 a_log_with_other_keys_is_found_by_a_head_and_by_the_first_key,
	 a_stolen_key_cannot_sign_what_was_before_it, a_segment_that_is_missing_is_found,
	 a_right_history_of_leases_is_taken, two_holders_at_once_are_found,
	 steps_out_of_turn_are_found, a_heartbeat_that_does_not_add_up_is_found)
