/* SPDX-License-Identifier: Apache-2.0 */
/* An index that lost commits says so, is left as it was, and loses no shard. */
#include "index/store_private.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>

#define STEP 23 /* of so many bits one is flipped */

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));
static void run(const char *format, ...)
{
	char command[1024];
	va_list ap;

	va_start(ap, format);
	ck_assert_int_lt(vsnprintf(command, sizeof command, format, ap), (int) sizeof command);
	va_end(ap);
	ck_assert_msg(system(command) == 0, "'%s' failed", command);
}

/* The last of the files that match. */
static const char *newest(const char *pattern)
{
	static char path[256];
	glob_t found;

	ck_assert_int_eq(glob(vt_scratch_path(pattern), 0, NULL, &found), 0);
	strcpy(path, found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return path;
}

static void flip(const char *path, off_t bit)
{
	int fd = open(path, O_RDWR);
	unsigned char byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, bit / 8), 1);
	byte ^= (unsigned char) (1u << bit % 8);
	ck_assert_int_eq(pwrite(fd, &byte, 1, bit / 8), 1);
	close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

/* Rows in the log become tables, and the log goes. */
static void outgrow_the_log(void)
{
	static char row[100000];
	char log[256];

	strcpy(log, newest("index/*.log"));
	for (uint32_t i = 0; access(log, F_OK) == 0; i++) {
		vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

		vt_batch_put(batch, idx->store, VT_CF_AUDIT, &i, sizeof i, row, sizeof row);
		must(vt_store_write(idx->store, batch, false, &err) == 0);
		(void) usleep(1000);
	}
}

static void commit_nothing(unsigned times)
{
	for (unsigned i = 0; i < times; i++) {
		vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

		must(vt_store_write(idx->store, batch, true, &err) == 0);
	}
}

/*
 * Two versions were published, and the process was killed. `tables`: not before the log they were
 * in had gone, and as many commits as are remembered had followed.
 */
static void leave_a_dead_store(bool tables)
{
	pid_t child;

	(void) vt_scratch();
	if (!tables)
		must(vt_index_create(vt_scratch_dir, &err) == 0);
	child = fork();
	if (child == 0) {
		if (tables) /* RocksDB's threads that make tables do not outlive a fork */
			must(vt_index_create(vt_scratch_dir, &err) == 0);
		index_open();
		publish("birds", NULL, "first bytes");
		publish("birds", NULL, "second bytes");
		if (tables) {
			outgrow_the_log();
			commit_nothing(20);
		}
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	ck_assert_uint_eq(count_files("shards"), 2);
}

static bool has_both(void)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;

	return vt_catalog_dataset(idx->catalog, "birds", &dataset, &err) == 0 &&
	       dataset->next_number == 3 && count_rows(VT_CF_VERSION) == 2 &&
	       count_rows(VT_CF_SHARD) == 2 && count_rows(VT_CF_EXHIBIT) == 2;
}

/* Opens what a flip left: both versions or damage, and all shards. True: refused. */
static bool open_flipped(const char *path, off_t bit)
{
	int r;

	idx = NULL;
	r = vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err);
	ck_assert_msg(r == 0 || r == -EBADMSG || r == -EIO, "%s bit %ld: %d %s", path, (long) bit,
		      r, err.text);
	if (r == 0)
		ck_assert_msg(has_both(), "%s bit %ld: an older state", path, (long) bit);
	vt_index_close(idx);
	ck_assert_msg(count_files("shards") == 2, "%s bit %ld: a shard is gone", path, (long) bit);
	return r < 0;
}

/* Flips bits in the last bytes of the newest file, one at a time. How many were refused. */
static unsigned flip_through(const char *pattern, off_t bytes)
{
	const char *path = newest(pattern);
	off_t size = size_of(path), from = size > bytes ? size - bytes : 0;
	unsigned refused = 0;

	run("cp -a %s %s.kept", vt_scratch_dir, vt_scratch_dir);
	for (off_t bit = from * 8; bit < size * 8; bit += STEP) {
		flip(path, bit);
		refused += open_flipped(path, bit);
		run("rm -rf %s && cp -a %s.kept %s", vt_scratch_dir, vt_scratch_dir,
		    vt_scratch_dir);
	}
	run("rm -rf %s.kept", vt_scratch_dir);
	return refused;
}

START_TEST(a_bit_of_the_log_flipped_after_a_death_is_noticed_or_harmless)
{
	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	ck_assert_uint_gt(flip_through("index/*.log", 300), 0);
	vt_scratch_done();
}
END_TEST

/* The kinds from which RocksDB 9 does not come back (index/journal.h). */
START_TEST(a_record_of_a_used_log_is_refused_and_given_up_with_what_follows)
{
	const unsigned char kinds[] = {5, 6, 7, 8, 11};
	struct vt_loss loss;
	char log[256];
	int fd;

	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	strcpy(log, newest("index/*.log"));
	for (size_t i = 0; i < sizeof kinds; i++) {
		fd = open(log, O_WRONLY);
		ck_assert_int_eq(pwrite(fd, &kinds[i], 1, 6), 1);
		close(fd);
		ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(err.text, "is damaged at byte 0"));
		ck_assert_ptr_nonnull(strstr(err.text, "--accept-loss"));
	}
	must(vt_index_accept_loss(vt_scratch_dir, &loss, &err) == 0);
	ck_assert_uint_gt(loss.commits, 0);
	index_open();
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 0);
	index_tear_down();
}
END_TEST

START_TEST(a_bit_of_the_list_of_tables_flipped_after_a_death_is_noticed_or_harmless)
{
	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(true);
	ck_assert_uint_gt(flip_through("index/MANIFEST-*", 400), 0);
	index_open();
	ck_assert(has_both());
	index_tear_down();
}
END_TEST

/* The numbers of commits are all there, in a log that is newer than what is lost. */
START_TEST(a_list_of_tables_that_lost_its_end_is_refused)
{
	const char *list;

	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(true);
	list = newest("index/MANIFEST-*");
	ck_assert_int_eq(truncate(list, size_of(list) - 2), 0);
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "its list of tables"));
	vt_scratch_done();
}
END_TEST

/* The rows of an import that is not committed yet. */
static void take_in_a_row(void)
{
	char path[256];

	make_table(path);
	must(vt_store_ingest(idx->store, VT_CF_AUDIT, path, &err) == 0);
}

/* Killed while it took in the rows of a third version; without the table that has them. */
static void leave_a_list_that_names_too_much(void)
{
	leave_a_dead_store(false);
	if (fork() == 0) {
		index_open();
		take_in_a_row();
		raise(SIGKILL);
	}
	ck_assert_int_gt(wait(NULL), 0);
	ck_assert_int_eq(unlink(newest("index/*.sst")), 0);
}

/*
 * RocksDB removes a table that it took in when it could not sync the list of tables, which may name
 * it all the same.
 */
START_TEST(a_list_that_names_a_table_which_was_never_committed_is_cut)
{
	if (!VT_CAN_FORK)
		return;
	leave_a_list_that_names_too_much();
	index_open();
	ck_assert(has_both());
	ck_assert_uint_gt(vt_store_cut_bytes(idx->store), 0);
	ck_assert_int_eq(size_of(newest("index/torn-MANIFEST-*")),
			 (off_t) vt_store_cut_bytes(idx->store));
	publish("birds", NULL, "third bytes");
	index_reopen();
	ck_assert_uint_eq(vt_store_cut_bytes(idx->store), 0);
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 3);
	index_tear_down();
}
END_TEST

/* A server that is stuck asks before it lets another one begin. */
START_TEST(an_index_that_would_be_cut_would_open)
{
	int status;

	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	if (fork() == 0) {
		char table[256];
		off_t size;

		index_open();
		take_in_a_row();
		ck_assert_int_eq(unlink(newest("index/*.sst")), 0);
		size = size_of(newest("index/MANIFEST-*"));
		must(vt_index_would_open(idx, &err) == 0);
		ck_assert_int_eq(size_of(newest("index/MANIFEST-*")), size);
		ck_assert_int_ne(access(vt_scratch_path("index/trial"), F_OK), 0);
		strcpy(table, newest("index/*.sst")); /* of a commit */
		run("mv %s %s/kept.sst", table, vt_scratch_dir);
		ck_assert_int_eq(vt_index_would_open(idx, &err), -EBADMSG);
		run("mv %s/kept.sst %s", vt_scratch_dir, table);
		raise(SIGKILL);
	}
	ck_assert_int_gt(wait(&status), 0);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	index_open();
	ck_assert(has_both());
	ck_assert_uint_gt(vt_store_cut_bytes(idx->store), 0);
	index_tear_down();
}
END_TEST

START_TEST(a_hole_in_what_was_never_marked_is_cut_off)
{
	const char *list;
	off_t size;
	int fd;

	if (!VT_CAN_FORK)
		return;
	leave_a_list_that_names_too_much();
	list = newest("index/MANIFEST-*");
	size = size_of(list);
	fd = open(list, O_WRONLY);
	ck_assert_int_eq(pwrite(fd, "\0\0\0\0\0\0\0\0", 8, size - 40), 8);
	ck_assert_int_eq(pwrite(fd, "written later", 13, size), 13);
	close(fd);
	index_open();
	ck_assert(has_both());
	ck_assert_uint_gt(vt_store_cut_bytes(idx->store), 13);
	index_tear_down();
}
END_TEST

START_TEST(a_list_without_a_table_of_a_commit_is_not_cut)
{
	char list[256];
	off_t size;

	if (!VT_CAN_FORK)
		return;
	leave_a_list_that_names_too_much();
	strcpy(list, newest("index/MANIFEST-*"));
	size = size_of(list);
	ck_assert_int_eq(unlink(newest("index/*.sst")), 0);
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	ck_assert_int_eq(size_of(list), size);
	ck_assert_str_eq(newest("index/MANIFEST-*"), list);
	ck_assert_uint_eq(count_files("shards"), 2);
	vt_scratch_done();
}
END_TEST

START_TEST(a_bit_of_the_list_of_tables_flipped_at_rest_is_noticed_or_harmless)
{
	index_set_up();
	publish("birds", NULL, "first bytes");
	publish("birds", NULL, "second bytes");
	vt_index_close(idx);
	ck_assert_uint_gt(flip_through("index/MANIFEST-*", 300), 0);
	vt_scratch_done();
}
END_TEST

/* So that the next opening need not look first. */
static bool is_at_rest(void)
{
	struct vt_commit_note note;
	bool at_rest;

	must(vt_commit_note_open(vt_scratch_path("committed"), &note, &err) == 0);
	at_rest = vt_store_is_at_rest(vt_scratch_path("index"), &note);
	vt_commit_note_close(&note);
	return at_rest;
}

START_TEST(an_index_is_at_rest_from_its_close_to_its_opening)
{
	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	ck_assert(!is_at_rest());
	for (int i = 0; i < 3; i++) {
		if (fork() == 0) { /* killed before it writes anything */
			index_open();
			raise(SIGKILL);
		}
		ck_assert_int_gt(wait(NULL), 0);
		ck_assert(!is_at_rest());
		index_open();
		ck_assert(has_both());
		vt_index_close(idx);
		ck_assert(is_at_rest());
	}
	vt_scratch_done();
}
END_TEST

START_TEST(an_index_at_rest_that_was_touched_is_looked_at_first)
{
	static const char *const files[] = {"index/*.log", "index/MANIFEST-*"};

	index_set_up();
	publish("birds", NULL, "first bytes");
	vt_index_close(idx);
	for (size_t i = 0; i < 2; i++) {
		const char *path = newest(files[i]);
		off_t size = size_of(path);

		ck_assert(i > 0 || size == 0); /* the log has no bit to flip */
		ck_assert(is_at_rest());
		run("printf x >>%s", path);
		ck_assert(!is_at_rest());
		ck_assert_int_eq(truncate(path, size), 0);
	}
	flip(newest("index/MANIFEST-*"), 100);
	ck_assert(!is_at_rest());
	flip(newest("index/MANIFEST-*"), 100);
	ck_assert(is_at_rest());
	vt_scratch_done();
}
END_TEST

/* RocksDB finds it after it opened the index for writing, and has thrown nothing away by then. */
START_TEST(a_table_damaged_at_rest_is_refused_until_it_is_set_right)
{
	char path[256];

	index_set_up();
	publish("birds", NULL, "first bytes");
	publish("birds", NULL, "second bytes");
	vt_index_close(idx);
	strcpy(path, newest("index/*.sst")); /* of META, which was written last */
	ck_assert(is_at_rest());
	flip(path, 100);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	flip(path, 100);
	index_open();
	ck_assert(has_both());
	index_tear_down();
}
END_TEST

START_TEST(a_refused_index_is_left_as_it_was)
{
	const char *path;
	off_t size;

	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	path = newest("index/*.log");
	size = size_of(path);
	run("cp -a %s %s.kept", path, vt_scratch_dir);
	ck_assert_int_eq(truncate(path, size - 2), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
		ck_assert_ptr_nonnull(strstr(err.text, "lost the last 1 of"));
		ck_assert_ptr_nonnull(strstr(err.text, "--accept-loss"));
	}
	ck_assert_int_eq(size_of(path), size - 2);
	run("mv %s.kept %s", vt_scratch_dir, path);
	index_open();
	ck_assert(has_both());
	index_tear_down();
}
END_TEST

START_TEST(an_older_index_under_newer_shards_is_refused)
{
	index_set_up();
	publish("birds", NULL, "first bytes");
	vt_index_close(idx);
	run("cp -a %s/index %s/kept", vt_scratch_dir, vt_scratch_dir);
	index_open();
	publish("birds", NULL, "second bytes");
	vt_index_close(idx);
	run("rm -r %s/index && mv %s/kept %s/index", vt_scratch_dir, vt_scratch_dir,
	    vt_scratch_dir);
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	ck_assert_uint_eq(count_files("shards"), 2);
	vt_scratch_done();
}
END_TEST

START_TEST(an_older_copy_of_the_whole_store_is_a_store)
{
	index_set_up();
	publish("birds", NULL, "first bytes");
	vt_index_close(idx);
	run("cp -a %s %s.kept", vt_scratch_dir, vt_scratch_dir);
	index_open();
	publish("birds", NULL, "second bytes");
	vt_index_close(idx);
	run("rm -r %s && mv %s.kept %s", vt_scratch_dir, vt_scratch_dir, vt_scratch_dir);
	index_open();
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	index_tear_down();
}
END_TEST

/* A store of an older vitrine has none; a crash may come between a commit and its note. */
START_TEST(a_note_that_is_absent_or_behind_is_brought_up)
{
	index_set_up();
	run("cp -a %s/committed %s/kept", vt_scratch_dir, vt_scratch_dir);
	publish("birds", NULL, "first bytes");
	vt_index_close(idx);
	run("mv %s/kept %s/committed", vt_scratch_dir, vt_scratch_dir);
	index_open();
	vt_index_close(idx);
	run("rm %s/committed", vt_scratch_dir);
	index_open();
	vt_index_close(idx);
	run("cp -a %s/index %s/kept", vt_scratch_dir, vt_scratch_dir);
	index_open();
	publish("birds", NULL, "second bytes");
	vt_index_close(idx);
	run("rm -r %s/index && mv %s/kept %s/index", vt_scratch_dir, vt_scratch_dir,
	    vt_scratch_dir);
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	vt_scratch_done();
}
END_TEST

/* Its maker was told that it failed: no other one may build on that, and lose what it did. */
START_TEST(a_commit_that_could_not_be_noted_is_the_last_until_the_index_is_opened_again)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_cleanup(vt_batch_freep) struct vt_batch *next = vt_batch_new();
	uint64_t commits;
	int note;

	index_set_up();
	commits = idx->store->commits;
	note = idx->store->note.fd;
	idx->store->note.fd = open("/dev/null", O_RDONLY);
	vt_batch_put(batch, idx->store, VT_CF_AUDIT, "a", 1, "1", 1);
	ck_assert_int_eq(vt_store_write(idx->store, batch, true, &err), -EIO);
	close(idx->store->note.fd);
	idx->store->note.fd = note;
	vt_batch_put(next, idx->store, VT_CF_AUDIT, "b", 1, "1", 1);
	ck_assert_int_eq(vt_store_write(idx->store, next, true, &err), -EIO);
	index_reopen();
	ck_assert_uint_eq(count_rows(VT_CF_AUDIT), 1);
	ck_assert_uint_ge(idx->store->commits, commits + 1);
	must(vt_store_write(idx->store, next, true, &err) == 0);
	index_tear_down();
}
END_TEST

/* Whatever kept it from being noted: the records of its shards are there at the next opening. */
START_TEST(an_import_whose_commit_could_not_be_noted_keeps_its_shards)
{
	struct publish p;
	int note;

	index_set_up();
	publish("birds", NULL, "some bytes");
	publish_begin(&p, "birds", NULL);
	publish_build(&p, "other bytes");
	note = idx->store->note.fd;
	idx->store->note.fd = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(vt_import_commit(p.import, &p.shard, 1, &p.version, NULL, NULL, &err),
			 -EIO);
	close(idx->store->note.fd);
	idx->store->note.fd = note;
	vt_import_free(p.import);
	index_reopen();
	ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	ck_assert_uint_eq(count_rows(VT_CF_SHARD), 2);
	ck_assert_uint_eq(count_files("shards"), 2);
	index_tear_down();
}
END_TEST

/* A newer log must not hide that an older one lost its end. */
START_TEST(a_hole_before_the_last_commit_is_noticed)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	unsigned commits = 0;

	index_set_up();
	for (int i = 0; i < 10; i++)
		publish("birds", NULL, "bytes");
	must(vt_iterator_new(idx->store, VT_CF_META, "commit.", 7, NULL, 0, &it, &err) == 0);
	while (vt_iterator_next(it, &key, &value, &err) > 0)
		if (commits++ == 3)
			vt_batch_delete(batch, idx->store, VT_CF_META, key.data, key.len);
	ck_assert_uint_eq(commits, 16);
	must(vt_store_write(idx->store, batch, false, &err) == 0);
	vt_iterator_free(vt_steal(&it));
	vt_index_close(idx);
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "lost commit"));
	vt_scratch_done();
}
END_TEST

START_TEST(an_accepted_loss_keeps_every_shard)
{
	struct vt_loss loss;
	const char *path;

	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	must(vt_index_accept_loss(vt_scratch_dir, &loss, &err) == 0);
	ck_assert_uint_eq(loss.commits, 0); /* of a store that was merely killed */
	index_open();
	ck_assert(has_both());
	index_tear_down();

	leave_a_dead_store(false);
	path = newest("index/*.log");
	ck_assert_int_eq(truncate(path, size_of(path) / 2), 0);
	must(vt_index_accept_loss(vt_scratch_dir, &loss, &err) == 0);
	ck_assert_uint_gt(loss.commits, 0);
	ck_assert_uint_gt(loss.shards, 0);
	ck_assert_uint_eq(count_files("lost"), loss.shards);
	ck_assert_uint_eq(count_files("shards") + loss.shards, 2);
	index_open();
	publish("birds", NULL, "third bytes");
	index_reopen();
	ck_assert_uint_eq(count_files("lost"), loss.shards);
	must(vt_index_accept_loss(vt_scratch_dir, &loss, &err) == -EBUSY);
	vt_index_close(idx);
	must(vt_index_accept_loss(vt_scratch_dir, &loss, &err) == 0);
	ck_assert_uint_eq(loss.commits, 0);
	vt_scratch_done();
}
END_TEST

/* What is written at a close must not stand for the commit that is missing. */
START_TEST(a_loss_that_was_not_accepted_is_refused_again)
{
	struct vt_store_options options = {.cache_bytes = 4 << 20, .accept_loss = true};
	vt_cleanup(vt_store_closep) struct vt_store *store = NULL;
	char note[256];
	const char *path;

	if (!VT_CAN_FORK)
		return;
	leave_a_dead_store(false);
	path = newest("index/*.log");
	ck_assert_int_eq(truncate(path, size_of(path) - 2), 0);
	options.note = strcpy(note, vt_scratch_path("committed"));
	for (int i = 0; i < 2; i++) {
		must(vt_store_open(vt_scratch_path("index"), &options, &store, &err) == 0);
		ck_assert_uint_eq(vt_store_lost(store), 1);
		vt_store_close(vt_steal(&store));
	}
	ck_assert_int_eq(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err), -EBADMSG);
	vt_scratch_done();
}
END_TEST

VT_SUITE(commits, a_bit_of_the_log_flipped_after_a_death_is_noticed_or_harmless,
	 a_record_of_a_used_log_is_refused_and_given_up_with_what_follows,
	 a_bit_of_the_list_of_tables_flipped_after_a_death_is_noticed_or_harmless,
	 a_list_of_tables_that_lost_its_end_is_refused,
	 a_list_that_names_a_table_which_was_never_committed_is_cut,
	 an_index_that_would_be_cut_would_open, a_hole_in_what_was_never_marked_is_cut_off,
	 a_list_without_a_table_of_a_commit_is_not_cut,
	 a_bit_of_the_list_of_tables_flipped_at_rest_is_noticed_or_harmless,
	 an_index_is_at_rest_from_its_close_to_its_opening,
	 an_index_at_rest_that_was_touched_is_looked_at_first,
	 a_table_damaged_at_rest_is_refused_until_it_is_set_right,
	 a_loss_that_was_not_accepted_is_refused_again, a_refused_index_is_left_as_it_was,
	 an_older_index_under_newer_shards_is_refused, an_older_copy_of_the_whole_store_is_a_store,
	 a_note_that_is_absent_or_behind_is_brought_up, a_hole_before_the_last_commit_is_noticed,
	 a_commit_that_could_not_be_noted_is_the_last_until_the_index_is_opened_again,
	 an_import_whose_commit_could_not_be_noted_keeps_its_shards,
	 an_accepted_loss_keeps_every_shard)
