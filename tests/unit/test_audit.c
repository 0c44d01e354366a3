/* SPDX-License-Identifier: Apache-2.0 */
/* The log keeps what it is told, through restarts, torn ends, new keys and a full disk. */
#include "policy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "policy/audit_reader.h"
#include "policy/merkle.h"
#include "policy/positions.h"
#include "tests/unit/audit_model.h"
#include "tests/unit/suite.h"

/* Calls `each` for the records of a kind; how many there were. */
static size_t each_record(const char *kind,
			  void (*each)(void *context, const struct vt_audit_line *line),
			  void *context)
{
	struct vt_audit_reader *reader;
	struct vt_audit_line line;
	const char *text;
	size_t len, count = 0;

	ck_assert_int_eq(vt_audit_reader_open(audit_model.dir, &reader, NULL), 0);
	while (vt_audit_reader_line(reader, &text, &len, NULL) == 1) {
		ck_assert_int_eq(vt_audit_line_parse(text, len, &line, NULL), 0);
		if (!vt_audit_line_is(&line, "kind", kind))
			continue;
		count++;
		if (each)
			each(context, &line);
	}
	vt_audit_reader_close(reader);
	return count;
}

START_TEST(a_new_log_is_sound_and_goes_on_after_a_restart)
{
	struct vt_audit_verdict verdict;

	audit_model_begin();
	for (int i = 0; i < 3; i++) {
		struct vt_audit *audit = audit_model_open();

		ck_assert(vt_audit_is_open(audit));
		audit_model_note(audit, "durable", true);
		audit_model_note(audit, "soon", false);
		vt_audit_close(audit);
		verdict = audit_model_verify();
		ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
		ck_assert_uint_eq(verdict.warnings, 0);
		ck_assert_uint_eq(verdict.signed_records, verdict.records);
	}
	ck_assert_uint_eq(each_record("gc", NULL, NULL), 6);
	ck_assert_uint_eq(each_record("start", NULL, NULL), 3);
	ck_assert_uint_eq(each_record("heartbeat", NULL, NULL), 3);
	vt_scratch_done();
}
END_TEST

/* As a kill would leave it: nothing is closed. */
static void leave(void (*act)(struct vt_audit *audit))
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		act(audit_model_open());
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
}

static void note_durably(struct vt_audit *audit)
{
	audit_model_note(audit, "kept", true);
}

START_TEST(what_was_durable_survives_a_kill)
{
	if (!VT_CAN_FORK || !VT_HAS_CRASH_POINTS)
		return;
	audit_model_begin();
	for (int i = 0; i < 3; i++)
		leave(note_durably);
	vt_audit_close(audit_model_open());
	audit_model_sound();
	ck_assert_uint_eq(each_record("gc", NULL, NULL), 3);
	vt_scratch_done();
}
END_TEST

START_TEST(a_torn_end_is_moved_aside_and_noted)
{
	static const char *const tails[] = {"{\"kind\":\"gc\",\"se", "\0\0\0\0\0\0\0\0\0\0",
					    "{\"kind\":\"gc\",\"seq\":99,\"t\":1}\n", "x\n{}\n"};
	static const size_t lens[] = {16, 10, 29, 5};

	for (size_t i = 0; i < 4; i++) {
		char torn[64], *data, *moved;
		size_t len, moved_len;

		audit_model_begin();
		vt_audit_close(audit_model_open());
		data = audit_model_read(vt_scratch_path(AUDIT_LOG), &len);
		data = realloc(data, len + lens[i]);
		memcpy(data + len, tails[i], lens[i]);
		audit_model_write(vt_scratch_path(AUDIT_LOG), data, len + lens[i]);
		free(data);
		vt_audit_close(audit_model_open());
		audit_model_sound();
		ck_assert_uint_eq(each_record("gap", NULL, NULL), 1);
		(void) snprintf(torn, sizeof torn, "audit/torn-%d", 3);
		moved = audit_model_read(vt_scratch_path(torn), &moved_len);
		ck_assert_uint_eq(moved_len, lens[i]);
		ck_assert_int_eq(memcmp(moved, tails[i], moved_len), 0);
		free(moved);
		vt_scratch_done();
	}
}
END_TEST

/* Opens a log whose notes go on with `fill` up to a block of the disk, and with `after` behind. */
static int open_with_note_end(char fill, const char *after)
{
	struct vt_audit *audit;
	size_t len, edge;
	char *data;
	int r;

	audit_model_begin();
	vt_audit_close(audit_model_open());
	data = audit_model_read(vt_scratch_path(AUDIT_NOTES), &len);
	edge = (len / 512 + 1) * 512;
	data = realloc(data, edge + 100);
	memset(data + len, fill, edge - len);
	memset(data + edge, 0, 100);
	memcpy(data + edge, after, strlen(after));
	audit_model_write(vt_scratch_path(AUDIT_NOTES), data, edge + 100);
	free(data);
	r = vt_audit_open(&audit_model, &audit, NULL);
	if (r == 0) {
		vt_audit_close(audit);
		audit_model_sound();
	}
	vt_scratch_done();
	return r;
}

START_TEST(a_checkpoint_of_which_a_block_was_not_written_is_torn)
{
	ck_assert_int_eq(open_with_note_end(0, "c2lnbmF0dXJl\n"), 0);
	ck_assert_int_eq(open_with_note_end('x', ""), 0);
	ck_assert_int_eq(open_with_note_end('\n', "not written by us"), -EBADMSG);
}
END_TEST

START_TEST(a_log_that_was_changed_is_not_added_to)
{
	struct vt_audit *audit;
	struct vt_error err;
	char *data;
	size_t len;

	audit_model_begin();
	audit = audit_model_open();
	audit_model_note(audit, "original", true);
	vt_audit_close(audit);
	data = audit_model_read(vt_scratch_path(AUDIT_LOG), &len);
	memcpy(strstr(data, "original"), "0riginal", 8);
	audit_model_write(vt_scratch_path(AUDIT_LOG), data, len);
	ck_assert_int_eq(vt_audit_open(&audit_model, &audit, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "vitrine audit verify"));
	/* So is one that ends too early. */
	memcpy(strstr(data, "0riginal"), "original", 8);
	audit_model_write(vt_scratch_path(AUDIT_LOG), data, len - 1);
	ck_assert_int_eq(vt_audit_open(&audit_model, &audit, &err), -EBADMSG);
	audit_model_write(vt_scratch_path(AUDIT_LOG), data, len);
	vt_audit_close(audit_model_open());
	free(data);
	vt_scratch_done();
}
END_TEST

/* ---- keys and segments ---------------------------------------------------------------------- */

START_TEST(keys_roll_forward_and_old_ones_are_erased)
{
	struct vt_audit_verdict verdict;
	struct vt_audit *audit;

	audit_model_begin();
	audit_model.key_checkpoints = 3;
	audit = audit_model_open();
	for (int i = 0; i < 12; i++) {
		audit_model_note(audit, "x", false);
		ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	}
	vt_audit_close(audit);
	audit_model.key_checkpoints = 0;
	verdict = audit_model_verify();
	ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
	ck_assert_uint_ge(verdict.keys, 4);
	for (unsigned i = 1; i <= verdict.keys; i++) {
		char name[64];

		(void) snprintf(name, sizeof name, "keys/audit-%u.key", i);
		ck_assert_int_eq(access(vt_scratch_path(name), F_OK), i == verdict.keys ? 0 : -1);
		(void) snprintf(name, sizeof name, "keys/audit-%u.pub", i);
		ck_assert_int_eq(access(vt_scratch_path(name), F_OK), 0);
	}
	vt_audit_close(audit_model_open());
	audit_model_sound();
	vt_scratch_done();
}
END_TEST

/* All checkpoints anew, of the records as they are now, by the key that is there. */
static void sign_all_anew(unsigned number)
{
	size_t log_len, notes_len, at = 0, line = 0, used;
	char *log = audit_model_read(vt_scratch_path(AUDIT_LOG), &log_len);
	char *notes = audit_model_read(vt_scratch_path(AUDIT_NOTES), &notes_len);
	vt_cleanup(vt_buf_done) struct vt_buf made = VT_BUF_INIT;
	struct vt_merkle tree = {0};
	vt_autoclose int keys = open(audit_model.keys, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct vt_audit_key *key;

	ck_assert_int_eq(vt_audit_key_load(keys, number, &key, NULL), 0);
	while (at < notes_len) {
		struct vt_checkpoint note;
		struct vt_digest digest;

		ck_assert_int_eq(
			vt_checkpoint_parse(notes + at, notes_len - at, &note, &used, NULL), 0);
		at += used;
		for (; tree.size < note.size; line += strcspn(log + line, "\n") + 1) {
			vt_merkle_leaf(log + line, strcspn(log + line, "\n"), &digest);
			vt_merkle_append(&tree, &digest);
		}
		vt_merkle_root(&tree, &digest);
		ck_assert_int_eq(
			vt_checkpoint_sign(note.origin, note.size, &digest, key, &made, NULL), 0);
	}
	audit_model_write(vt_scratch_path(AUDIT_NOTES), made.data, made.len);
	vt_audit_key_free(key);
	free(log);
	free(notes);
}

static void check_forged(const char *word)
{
	struct vt_audit *audit;
	struct vt_audit_verdict verdict;
	struct vt_error err;
	size_t len;
	char *log;

	audit_model_begin();
	audit_model.key_checkpoints = 3;
	audit = audit_model_open();
	for (unsigned i = 10; i < 24; i++) {
		char text[16];

		(void) snprintf(text, sizeof text, "note %u", i);
		audit_model_note(audit, text, false);
		ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	}
	vt_audit_close(audit);
	audit_model.key_checkpoints = 0;
	verdict = audit_model_verify();
	ck_assert_uint_ge(verdict.keys, 4);
	log = audit_model_read(vt_scratch_path(AUDIT_LOG), &len);
	*strstr(log, word) = 'N';
	audit_model_write(vt_scratch_path(AUDIT_LOG), log, len);
	sign_all_anew(verdict.keys);
	free(log);
	ck_assert_int_lt(vt_audit_open(&audit_model, &audit, &err), 0);
	vt_scratch_done();
}

START_TEST(who_has_today_s_key_cannot_change_what_an_earlier_one_signed)
{
	check_forged("note 10");
	check_forged("note 14");
	check_forged("note 20");
}
END_TEST

static void roll_until_killed(struct vt_audit *audit)
{
	for (int i = 0; i < 12; i++) {
		audit_model_note(audit, "x", false);
		(void) vt_audit_settle(audit, NULL);
	}
}

START_TEST(a_kill_anywhere_in_a_change_of_keys_leaves_a_sound_log)
{
	static const char *const points[] = {"audit-key-made", "audit-key-recorded", "audit-rolled",
					     "audit-written"};

	if (!VT_CAN_FORK || !VT_HAS_CRASH_POINTS)
		return;
	for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
		audit_model_begin();
		audit_model.key_checkpoints = 3;
		vt_audit_close(audit_model_open());
		(void) setenv("VITRINE_TEST_CRASH", points[i], 1);
		leave(roll_until_killed);
		(void) unsetenv("VITRINE_TEST_CRASH");
		vt_audit_close(audit_model_open());
		audit_model_sound();
		vt_audit_close(audit_model_open());
		audit_model_sound();
		audit_model.key_checkpoints = 0;
		vt_scratch_done();
	}
}
END_TEST

START_TEST(segments_follow_each_other)
{
	struct vt_audit_verdict verdict;
	struct vt_audit *audit;

	audit_model_begin();
	audit_model.segment_bytes = 2000;
	for (int i = 0; i < 4; i++) {
		audit = audit_model_open();
		for (int j = 0; j < 20; j++) {
			audit_model_note(audit, "some words that fill a segment", false);
			if (j % 5 == 0)
				ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
		}
		vt_audit_close(audit);
	}
	audit_model.segment_bytes = 0;
	verdict = audit_model_verify();
	ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
	ck_assert_uint_ge(verdict.segments, 4);
	ck_assert_uint_eq(each_record("gc", NULL, NULL), 80);
	vt_scratch_done();
}
END_TEST

/* ---- sums ----------------------------------------------------------------------------------- */

struct sums {
	uint64_t opens, count;
	struct vt_positions positions;
};

static int add_run(void *set, uint32_t first, uint32_t last)
{
	return vt_positions_add_run(set, first, last);
}

static void sum_up(void *context, const struct vt_audit_line *line)
{
	struct sums *sums = context;
	char text[4096];
	uint8_t runs[4096];
	ssize_t len;

	sums->opens += (uint64_t) vt_audit_line_number(line, "opens", 0);
	sums->count += (uint64_t) vt_audit_line_number(line, "count", 0);
	vt_audit_line_text(line, "positions", text, sizeof text);
	len = vt_base64_decode(text, strlen(text), runs, sizeof runs);
	ck_assert_int_ge(len, 0);
	ck_assert_int_eq(vt_positions_decode(runs, (size_t) len, add_run, &sums->positions), 0);
}

START_TEST(accesses_are_one_record_at_once_and_then_sums)
{
	struct vt_audit_access who = {1001, 1, 7, 1, 5, 9}, other = {1002, 1, 7, 1, 5, 9};
	struct sums sums = {0};
	struct vt_audit *audit;

	audit_model_begin();
	audit = audit_model_open();
	for (uint32_t i = 0; i < 10000; i += 2)
		for (int twice = 0; twice < 2; twice++)
			ck_assert_int_eq(vt_audit_access(audit, &who, i), 0);
	ck_assert_int_eq(vt_audit_access(audit, &other, 3), 0);
	ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	ck_assert_uint_eq(each_record("access", NULL, NULL), 2);
	vt_audit_access_flush(audit, 5, 0);
	ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	ck_assert_uint_gt(each_record("access", sum_up, &sums), 3); /* in pieces that fit a line */
	ck_assert_uint_eq(sums.opens, 10001);
	ck_assert_uint_eq(vt_positions_count(&sums.positions), 5001);
	vt_positions_done(&sums.positions);

	ck_assert_int_eq(vt_audit_access(audit, &who, 1), 0);
	vt_audit_fold(audit);
	ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	memset(&sums, 0, sizeof sums);
	(void) each_record("access", sum_up, &sums);
	ck_assert_uint_eq(sums.opens, 10002);
	vt_positions_done(&sums.positions);
	ck_assert_uint_eq(each_record("heartbeat", NULL, NULL), 1);
	vt_audit_close(audit);
	audit_model_sound();
	vt_scratch_done();
}
END_TEST

START_TEST(ten_denials_a_minute_are_recorded_and_none_is_uncounted)
{
	struct vt_audit_denial bob = {.uid = 1002, .dataset = 1, .version = 7, .right = 1};
	struct sums sums = {0};
	struct vt_audit *audit;

	audit_model_begin();
	vt_clock_set_realtime_ns(1000 * VT_NS_PER_SEC);
	audit = audit_model_open();
	for (int i = 0; i < 100; i++)
		vt_audit_deny(audit, &bob);
	bob.version = 8;
	vt_audit_deny(audit, &bob);
	ck_assert_int_eq(vt_audit_settle(audit, NULL), 0);
	ck_assert_uint_eq(each_record("deny", NULL, NULL), 11);
	vt_clock_set_realtime_ns(1060 * VT_NS_PER_SEC);
	for (int i = 0; i < 11; i++)
		vt_audit_deny(audit, &bob);
	vt_clock_set_realtime_ns(0);
	vt_audit_close(audit);
	(void) each_record("deny", sum_up, &sums);
	ck_assert_uint_eq(sums.count, 112);
	ck_assert_uint_eq(each_record("deny", NULL, NULL), 11 + 10 + 2);
	audit_model_sound();
	vt_positions_done(&sums.positions);
	vt_scratch_done();
}
END_TEST

static void *append_many(void *audit)
{
	struct vt_audit_access who = {.uid = 1, .dataset = 1, .version = 1, .session = 1};

	for (uint32_t i = 0; i < 500; i++) {
		audit_model_note(audit, "from a thread", i % 50 == 0);
		ck_assert_int_eq(vt_audit_access(audit, &who, i), 0);
	}
	return NULL;
}

START_TEST(threads_append_together)
{
	struct sums sums = {0};
	pthread_t threads[6];
	struct vt_audit *audit;

	audit_model_begin();
	audit = audit_model_open();
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, append_many, audit), 0);
	vt_audit_fold(audit);
	for (int i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	vt_audit_close(audit);
	audit_model_sound();
	ck_assert_uint_eq(each_record("gc", NULL, NULL), 3000);
	(void) each_record("access", sum_up, &sums);
	ck_assert_uint_eq(sums.opens, 3000);
	vt_positions_done(&sums.positions);
	vt_scratch_done();
}
END_TEST

/* ---- when it cannot be written -------------------------------------------------------------- */

START_TEST(a_queue_that_overflows_closes_the_log_until_the_gap_is_recorded)
{
	struct vt_audit_verdict verdict;
	struct vt_audit *audit;
	uint64_t refused = 0;

	audit_model_begin();
	audit_model.queue_max = 4;
	audit = audit_model_open();
	for (int i = 0; i < 20000; i++)
		refused += vt_audit_append(audit, VT_AUDIT_GC, json_object(), false, NULL) == -EIO;
	ck_assert_uint_gt(refused, 0);
	vt_audit_close(audit);
	audit_model.queue_max = 0;
	verdict = audit_model_verify();
	ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
	ck_assert_uint_eq(verdict.lost, refused);
	ck_assert_uint_eq(each_record("gc", NULL, NULL), 20000 - refused);
	vt_scratch_done();
}
END_TEST

static void fill(const char *path)
{
	static char block[4096];
	int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0600);

	ck_assert_int_ge(fd, 0);
	while (write(fd, block, sizeof block) > 0)
		continue;
	(void) close(fd);
}

static void wait_until_open(struct vt_audit *audit, bool open)
{
	struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < 3000 && vt_audit_is_open(audit) != open; i++)
		(void) nanosleep(&pause, NULL);
	ck_assert_int_eq(vt_audit_is_open(audit), open);
}

/* Whoever waited for a record is told first. */
static void wait_for_alarm(void)
{
	struct timespec pause = {.tv_nsec = 10000000};

	for (int i = 0; i < 3000 && each_record("gap", NULL, NULL) == 0; i++)
		(void) nanosleep(&pause, NULL);
}

START_TEST(a_full_disk_closes_the_log_says_so_and_room_opens_it_again)
{
	struct vt_audit_access who = {1001, 1, 7, 1, 5, 9};
	struct vt_audit_verdict verdict;
	struct vt_audit *audit;
	struct vt_error err = {""};
	int r = 0;

	audit_model_begin();
	if (geteuid() != 0 || mount("none", vt_scratch_dir, "tmpfs", 0, "size=1m") < 0) {
		vt_scratch_done();
		return; /* only root can have a small disk */
	}
	audit_model.retry_ns = 20000000;
	audit_model.reserve_bytes = 65536;
	audit = audit_model_open();
	audit_model_note(audit, "before", true);
	fill(vt_scratch_path("fill"));
	for (int i = 0; i < 1000 && r == 0; i++)
		r = vt_audit_append(audit, VT_AUDIT_GC, json_pack("{s:s}", "note", "while full"),
				    true, &err);
	ck_assert_int_eq(r, -EIO);
	ck_assert_ptr_nonnull(strstr(err.text, "No space left"));
	ck_assert(!vt_audit_is_open(audit));
	ck_assert_uint_ne(vt_audit_closed_since(audit, &err), 0);
	ck_assert_int_eq(vt_audit_access(audit, &who, 1), -EIO);
	ck_assert_int_eq(vt_audit_append(audit, VT_AUDIT_GC, json_object(), false, NULL), -EIO);
	/* The alarm is in the log, signed, though the disk is full. */
	wait_for_alarm();
	verdict = audit_model_verify();
	ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
	ck_assert_uint_eq(each_record("gap", NULL, NULL), 1);

	ck_assert_int_eq(unlink(vt_scratch_path("fill")), 0);
	wait_until_open(audit, true);
	audit_model_note(audit, "after", true);
	vt_audit_close(audit);
	verdict = audit_model_verify();
	ck_assert_msg(verdict.problems == 0, "%s", audit_model_first);
	ck_assert_uint_eq(each_record("gap", NULL, NULL), 2);
	ck_assert_uint_eq(verdict.lost,
			  1); /* the durable one was refused: nobody took it for written */
	audit_model.retry_ns = 0;
	audit_model.reserve_bytes = 4096;
	ck_assert_int_eq(umount(vt_scratch_dir), 0);
	vt_scratch_done();
}
END_TEST

VT_SUITE(audit, a_new_log_is_sound_and_goes_on_after_a_restart, what_was_durable_survives_a_kill,
	 a_torn_end_is_moved_aside_and_noted,
	 a_checkpoint_of_which_a_block_was_not_written_is_torn, a_log_that_was_changed_is_not_added_to,
	 keys_roll_forward_and_old_ones_are_erased,
	 who_has_today_s_key_cannot_change_what_an_earlier_one_signed,
	 a_kill_anywhere_in_a_change_of_keys_leaves_a_sound_log, segments_follow_each_other,
	 accesses_are_one_record_at_once_and_then_sums,
	 ten_denials_a_minute_are_recorded_and_none_is_uncounted, threads_append_together,
	 a_queue_that_overflows_closes_the_log_until_the_gap_is_recorded,
	 a_full_disk_closes_the_log_says_so_and_room_opens_it_again)
