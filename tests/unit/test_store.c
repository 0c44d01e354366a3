/* SPDX-License-Identifier: Apache-2.0 */
/* Rows survive, happen together, are found without waiting or not at all; damage is named. */
#include "index/store.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/base/error.h"

static char note[96];
static const struct vt_store_options options = {.cache_bytes = 8 << 20, .note = note};
static struct vt_error err;

static struct vt_store *open_as(const char *dir, const struct vt_store_options *how)
{
	struct vt_store *store = NULL;

	(void) snprintf(note, sizeof note, "%s/committed", dir);
	ck_assert_msg(vt_store_open(dir, how, &store, &err) == 0, "%s", err.text);
	return store;
}

static struct vt_store *open_store(const char *dir)
{
	return open_as(dir, &options);
}

static struct vt_store *new_store(void)
{
	const char *dir = vt_scratch();

	ck_assert_msg(vt_store_create(dir, &err) == 0, "%s", err.text);
	return open_store(dir);
}

static void end(struct vt_store *store)
{
	vt_store_close(store);
	vt_scratch_done();
}

static void put(struct vt_store *store, enum vt_family family, const char *key, const char *value)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, store, family, key, strlen(key), value, strlen(value));
	ck_assert_int_eq(vt_store_write(store, batch, true, &err), 0);
}

/* The value of a key as a string, or "-" without a row. */
static const char *get(struct vt_store *store, enum vt_family family, const char *key)
{
	static char text[64];
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	int r = vt_store_get(store, family, key, strlen(key), false, &value, &err);

	if (r == -ENOENT)
		return "-";
	ck_assert_int_eq(r, 0);
	ck_assert_uint_lt(value.len, sizeof text);
	memcpy(text, value.data, value.len);
	text[value.len] = '\0';
	return text;
}

/* A file of two rows: its path, until the next. */
static const char *write_two(const char *first, const char *second)
{
	const char *path = vt_scratch_path("two.sst");
	struct vt_sst *sst;
	uint64_t rows;

	ck_assert_int_eq(vt_sst_new(path, &sst, &err), 0);
	ck_assert_int_eq(vt_sst_put(sst, first, strlen(first), "1", 1, &err), 0);
	ck_assert_int_eq(vt_sst_put(sst, second, strlen(second), "2", 1, &err), 0);
	ck_assert_int_eq(vt_sst_finish(sst, &rows, &err), 0);
	vt_sst_free(sst);
	return path;
}

static void ingest_two(struct vt_store *store, const char *first, const char *second)
{
	const char *path = write_two(first, second);

	ck_assert_int_eq(vt_store_ingest(store, VT_CF_CHUNK, path, &err), 0);
}

START_TEST(a_row_survives_reopening_in_its_own_family)
{
	struct vt_store *store = new_store();

	put(store, VT_CF_TAG, "a", "1");
	put(store, VT_CF_PAGE, "a", "2");
	vt_store_close(store);
	store = open_store(vt_scratch_dir);
	ck_assert_str_eq(get(store, VT_CF_TAG, "a"), "1");
	ck_assert_str_eq(get(store, VT_CF_PAGE, "a"), "2");
	ck_assert_str_eq(get(store, VT_CF_SHARD, "a"), "-");
	end(store);
}
END_TEST

START_TEST(a_batch_puts_and_deletes_in_several_families)
{
	struct vt_store *store = new_store();
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	put(store, VT_CF_TAG, "old", "1");
	vt_batch_delete(batch, store, VT_CF_TAG, "old", 3);
	vt_batch_put(batch, store, VT_CF_DATASET, "new", 3, "2", 1);
	ck_assert_str_eq(get(store, VT_CF_TAG, "old"), "1");
	ck_assert_int_eq(vt_store_write(store, batch, false, &err), 0);
	ck_assert_str_eq(get(store, VT_CF_TAG, "old"), "-");
	ck_assert_str_eq(get(store, VT_CF_DATASET, "new"), "2");
	end(store);
}
END_TEST

START_TEST(many_are_found_at_once_and_the_absent_ones_are_null)
{
	struct vt_store *store = new_store();
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	enum { COUNT = 300 };
	char keys[COUNT][4];
	struct vt_value found[COUNT];

	for (int i = 0; i < COUNT; i++) {
		memcpy(keys[i], (char[5]){"k"}, 4);
		keys[i][1] = (char) (i >> 8);
		keys[i][2] = (char) i;
		if (i % 3)
			vt_batch_put(batch, store, VT_CF_CHUNK, keys[i], 4, keys[i], 4);
	}
	ck_assert_int_eq(vt_store_write(store, batch, false, &err), 0);
	ck_assert_int_eq(vt_store_get_many(store, VT_CF_CHUNK, keys, 4, COUNT, found, &err), 0);
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(found[i].data != NULL, i % 3 != 0);
		if (found[i].data)
			ck_assert_mem_eq(found[i].data, keys[i], 4);
		vt_value_done(&found[i]);
	}
	end(store);
}
END_TEST

/* Reading again after a restart goes to disk once; the cache then has it. */
START_TEST(a_cold_row_is_not_found_without_waiting_but_a_warm_one_is)
{
	struct vt_store *store = new_store();
	struct vt_value value = {0};

	put(store, VT_CF_PAGE, "page", "bytes");
	vt_store_close(store);
	store = open_store(vt_scratch_dir);
	ck_assert_int_eq(vt_store_get(store, VT_CF_PAGE, "page", 4, true, &value, &err), -EAGAIN);
	ck_assert_ptr_null(value.data);
	ck_assert_str_eq(get(store, VT_CF_PAGE, "page"), "bytes");
	ck_assert_int_eq(vt_store_get(store, VT_CF_PAGE, "page", 4, true, &value, &err), 0);
	ck_assert_uint_eq(value.len, 5);
	vt_value_done(&value);
	end(store);
}
END_TEST

/*
 * More tables than RocksDB opens at the start: of one that is not open, it gives an empty value for
 * any key rather than say that it would have to look.
 */
START_TEST(a_table_that_is_not_open_yet_gives_no_row_without_waiting)
{
	struct vt_store *store = new_store();
	unsigned cold = 0;

	for (unsigned i = 0; i < 60; i++) {
		char rows[3][8];

		for (unsigned j = 0; j < 3; j++)
			(void) snprintf(rows[j], sizeof rows[j], "%02u-%u", i, j);
		ingest_two(store, rows[0], rows[2]);
	}
	vt_store_close(store);
	store = open_store(vt_scratch_dir);
	for (unsigned i = 0; i < 60; i++) {
		struct vt_value value = {0};
		char key[8];
		int r;

		(void) snprintf(key, sizeof key, "%02u-1", i);
		r = vt_store_get(store, VT_CF_CHUNK, key, 4, true, &value, &err);
		ck_assert_msg(r == -EAGAIN || r == -ENOENT, "an absent row is found: %d", r);
		cold += r == -EAGAIN;
		(void) snprintf(key, sizeof key, "%02u-2", i);
		r = vt_store_get(store, VT_CF_CHUNK, key, 4, true, &value, &err);
		ck_assert_msg(r == -EAGAIN || (r == 0 && value.len == 1), "a row is %d, %zu bytes",
			      r, value.len);
		vt_value_done(&value);
	}
	ck_assert_uint_gt(cold, 0);
	end(store);
}
END_TEST

START_TEST(an_iterator_stays_inside_its_prefix)
{
	struct vt_store *store = new_store();
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;

	put(store, VT_CF_TAG, "a9", "");
	put(store, VT_CF_TAG, "b1", "one");
	put(store, VT_CF_TAG, "b2", "two");
	put(store, VT_CF_TAG, "c1", "");
	ck_assert_int_eq(vt_iterator_new(store, VT_CF_TAG, "b", 1, NULL, 0, &it, &err), 0);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 1);
	ck_assert_mem_eq(key.data, "b1", 2);
	ck_assert_mem_eq(value.data, "one", 3);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 1);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 0);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 0);
	vt_iterator_free(vt_steal(&it));

	ck_assert_int_eq(vt_iterator_new(store, VT_CF_TAG, "b", 1, "b2", 2, &it, &err), 0);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 1);
	ck_assert_mem_eq(key.data, "b2", 2);
	vt_iterator_free(vt_steal(&it));

	ck_assert_int_eq(vt_iterator_new(store, VT_CF_LEASE, NULL, 0, NULL, 0, &it, &err), 0);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 0);
	vt_iterator_free(vt_steal(&it));
	end(store);
}
END_TEST

START_TEST(an_ingested_file_moves_in_and_its_rows_win)
{
	struct vt_store *store = new_store();
	char path[64];
	vt_cleanup(vt_sst_freep) struct vt_sst *sst = NULL;
	uint64_t rows;

	put(store, VT_CF_CHUNK, "b", "old");
	strcpy(path, vt_scratch_path("rows.sst"));
	ck_assert_int_eq(vt_sst_new(path, &sst, &err), 0);
	ck_assert_int_eq(vt_sst_put(sst, "a", 1, "1", 1, &err), 0);
	ck_assert_int_eq(vt_sst_put(sst, "b", 1, "2", 1, &err), 0);
	ck_assert_int_eq(vt_sst_put(sst, "b", 1, "3", 1, &err), -EINVAL); /* not ascending */
	ck_assert_int_eq(vt_sst_finish(sst, &rows, &err), 0);
	ck_assert_uint_eq(rows, 2);
	ck_assert_int_eq(vt_store_ingest(store, VT_CF_CHUNK, path, &err), 0);
	ck_assert_int_eq(access(path, F_OK), -1);
	ck_assert_str_eq(get(store, VT_CF_CHUNK, "a"), "1");
	ck_assert_str_eq(get(store, VT_CF_CHUNK, "b"), "2");
	end(store);
}
END_TEST

/* Reads of the index, RocksDB's too, that are done before one fails; negative: none does. */
static long reads_left = -1;

/* In place of pread(), which in this file would mean pread64(). */
ssize_t read_or_fail(int fd, void *data, size_t len, off_t offset) __asm__("pread");

ssize_t read_or_fail(int fd, void *data, size_t len, off_t offset)
{
	if (reads_left >= 0 && reads_left-- == 0) {
		errno = EIO;
		return -1;
	}
	return syscall(SYS_pread64, fd, data, len, offset);
}

static unsigned count_chunks(struct vt_store *store)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	unsigned count = 0;

	ck_assert_int_eq(vt_iterator_new(store, VT_CF_CHUNK, NULL, 0, NULL, 0, &it, &err), 0);
	while (vt_iterator_next(it, &key, &value, &err) > 0)
		count++;
	return count;
}

/* Takes in two rows while the n-th read fails. Did one? */
static bool ingest_failing(long n)
{
	struct vt_store *store = new_store();
	const char *path = write_two("b", "c");
	bool failed;
	int r;

	put(store, VT_CF_CHUNK, "a", "old");
	reads_left = n;
	r = vt_store_ingest(store, VT_CF_CHUNK, path, &err);
	failed = reads_left < 0;
	reads_left = -1;
	ck_assert(r == 0 || (failed && r == -EIO));
	ck_assert_str_eq(get(store, VT_CF_CHUNK, "b"), r == 0 ? "1" : "-");
	ck_assert_str_eq(get(store, VT_CF_CHUNK, "c"), r == 0 ? "2" : "-");
	ck_assert_uint_eq(count_chunks(store), r == 0 ? 3 : 1);
	end(store);
	return failed;
}

START_TEST(a_file_that_could_not_be_read_is_not_taken_in)
{
	long n = 0;

	while (ingest_failing(n))
		n++;
	ck_assert_int_gt(n, 2);
}
END_TEST

START_TEST(a_file_without_rows_or_end_leaves_nothing)
{
	const char *path;
	struct vt_sst *sst;
	uint64_t rows = 1;

	(void) vt_scratch();
	path = vt_scratch_path("rows.sst");
	ck_assert_int_eq(vt_sst_new(path, &sst, &err), 0);
	ck_assert_int_eq(vt_sst_finish(sst, &rows, &err), 0);
	ck_assert_uint_eq(rows, 0);
	vt_sst_free(sst);
	ck_assert_int_eq(access(path, F_OK), -1);

	ck_assert_int_eq(vt_sst_new(path, &sst, &err), 0);
	ck_assert_int_eq(vt_sst_put(sst, "a", 1, "1", 1, &err), 0);
	vt_sst_free(sst);
	ck_assert_int_eq(access(path, F_OK), -1);
	vt_scratch_done();
}
END_TEST

START_TEST(a_file_that_is_no_sst_is_refused)
{
	struct vt_store *store = new_store();
	const char *path = vt_scratch_path("rows.sst");
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	for (int i = 0; i < 1000; i++)
		fputs("no rows here ", file);
	fclose(file);
	ck_assert_int_eq(vt_store_ingest(store, VT_CF_CHUNK, path, &err), -EBADMSG);
	ck_assert_int_eq(vt_store_ingest(store, VT_CF_CHUNK, vt_scratch_path("none"), &err), -EIO);
	end(store);
}
END_TEST

START_TEST(a_second_opener_is_told_who_is_in_the_way)
{
	struct vt_store *store = new_store(), *second = NULL;
	pid_t child;
	int status;

	ck_assert_int_eq(vt_store_open(vt_scratch_dir, &options, &second, &err), -EBUSY);
	ck_assert_ptr_null(second);
	child = fork(); /* also from another process, where it is another lock that refuses */
	if (child == 0)
		_exit(vt_store_open(vt_scratch_dir, &options, &second, &err) == -EBUSY ? 0 : 1);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_ptr_nonnull(strstr(err.text, "another process has the store open"));
	end(store);
}
END_TEST

START_TEST(an_absent_an_existing_and_a_newer_index_are_refused)
{
	struct vt_store *store = new_store(), *other = NULL;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, store, VT_CF_META, "format", 6, "\4\0\0", 4);
	ck_assert_int_eq(vt_store_write(store, batch, true, &err), 0);
	vt_store_close(store);
	ck_assert_int_eq(vt_store_open(vt_scratch_dir, &options, &other, &err), -ENOTSUP);
	ck_assert_ptr_nonnull(strstr(err.text, "format 4"));
	ck_assert_int_eq(vt_store_create(vt_scratch_dir, &err), -EEXIST);
	vt_scratch_done();

	ck_assert_int_eq(vt_store_open(vt_scratch(), &options, &other, &err), -ENOENT);
	vt_scratch_done();
}
END_TEST

/* Damages a row of every table file, or of the newest alone. */
static void damage_tables(bool newest)
{
	glob_t found;

	ck_assert_int_eq(glob(vt_scratch_path("*.sst"), 0, NULL, &found), 0);
	for (size_t i = newest ? found.gl_pathc - 1 : 0; i < found.gl_pathc; i++) {
		int fd = open(found.gl_pathv[i], O_RDWR);

		ck_assert_int_ge(fd, 0);
		ck_assert_int_eq(pwrite(fd, "damage", 6, 8), 6);
		close(fd);
	}
	globfree(&found);
}

START_TEST(a_damaged_table_is_named_so)
{
	struct vt_store *store = new_store();
	struct vt_value value = {0};

	put(store, VT_CF_PAGE, "page", "some bytes of a page, uncompressed");
	vt_store_close(store);
	store = open_store(vt_scratch_dir); /* the log becomes a table */
	vt_store_close(store);
	damage_tables(false);
	if (vt_store_open(vt_scratch_dir, &options, &store, &err) == 0) {
		ck_assert_int_eq(vt_store_get(store, VT_CF_PAGE, "page", 4, false, &value, &err),
				 -EBADMSG);
		vt_store_close(store);
	} else
		ck_assert_ptr_nonnull(strstr(err.text, "damaged"));
	vt_scratch_done();
}
END_TEST

/*
 * Two tables one behind the other, in a level where RocksDB opens the second when it comes to it.
 * RocksDB 9 keeps what it read when it took them in.
 */
START_TEST(a_walk_does_not_end_at_a_table_that_is_damaged)
{
	static const struct vt_store_options uncached = {.note = note};
	struct vt_store *store = new_store();
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;

	vt_store_close(store);
	store = open_as(vt_scratch_dir, &uncached);
	ingest_two(store, "a", "b");
	ingest_two(store, "c", "d");
	damage_tables(true);
	ck_assert_int_eq(vt_iterator_new(store, VT_CF_CHUNK, NULL, 0, NULL, 0, &it, &err), 0);
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), 1);
	ck_assert_int_eq(vt_iterator_next(it, &key, &value, &err), -EBADMSG);
	vt_iterator_free(vt_steal(&it));
	end(store);
}
END_TEST

static void keep_words(void *words, const char *table, const char *problem)
{
	(void) snprintf(words, 200, "%s: %s", table, problem);
}

/* What was taken in above a row that it replaces has a number behind that row's, in the file. */
START_TEST(tables_are_whole_as_written_and_as_taken_in_and_else_named)
{
	struct vt_store *store = new_store();
	char words[200] = "";

	put(store, VT_CF_CHUNK, "b", "old");
	ingest_two(store, "a", "c");
	ingest_two(store, "b", "d");
	ck_assert_str_eq(get(store, VT_CF_CHUNK, "b"), "1");
	vt_store_close(store);
	store = open_store(vt_scratch_dir);
	ck_assert_msg(vt_store_check_tables(store, vt_scratch_dir, keep_words, words, &err) == 0,
		      "%s", words);
	damage_tables(false);
	ck_assert_int_gt(vt_store_check_tables(store, vt_scratch_dir, keep_words, words, &err), 0);
	ck_assert_ptr_nonnull(strstr(words, ".sst: damaged from byte 0 on, "));
	end(store);
}
END_TEST

START_TEST(a_table_that_is_gone_is_named_and_one_that_is_not_used_is_not)
{
	struct vt_store *store = new_store();
	char words[200] = "";
	glob_t found;

	ingest_two(store, "a", "c");
	ck_assert_int_eq(glob(vt_scratch_path("*.sst"), 0, NULL, &found), 0);
	(void) close(open(vt_scratch_path("999999.sst"), O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(vt_store_check_tables(store, vt_scratch_dir, keep_words, words, &err), 0);
	ck_assert_int_eq(unlink(found.gl_pathv[found.gl_pathc - 1]), 0);
	ck_assert_int_eq(vt_store_check_tables(store, vt_scratch_dir, keep_words, words, &err), 1);
	ck_assert_ptr_nonnull(strstr(words, "it is not there"));
	globfree(&found);
	end(store);
}
END_TEST

/* The path of the newest log, after a process that wrote three rows died. */
static const char *log_of_the_dead(void)
{
	static char path[256];
	glob_t found;
	int status;
	pid_t child;

	(void) vt_scratch();
	ck_assert_int_eq(vt_store_create(vt_scratch_dir, &err), 0);
	child = fork();
	if (child == 0) {
		struct vt_store *store = open_store(vt_scratch_dir);

		put(store, VT_CF_TAG, "a", "first");
		put(store, VT_CF_TAG, "b", "second");
		put(store, VT_CF_TAG, "c", "third");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_int_eq(glob(vt_scratch_path("*.log"), 0, NULL, &found), 0);
	ck_assert_uint_gt(found.gl_pathc, 0);
	strcpy(path, found.gl_pathv[found.gl_pathc - 1]);
	globfree(&found);
	return path;
}

START_TEST(a_log_torn_or_damaged_below_the_note_is_refused)
{
	struct vt_store *store = NULL;
	const char *path;
	struct stat st;
	char data[4096], *row;
	ssize_t len;
	int fd;

	if (!VT_CAN_FORK)
		return;
	path = log_of_the_dead();
	(void) snprintf(note, sizeof note, "%s/committed", vt_scratch_dir);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_int_eq(truncate(path, st.st_size - 2), 0);
	ck_assert_int_eq(vt_store_open(vt_scratch_dir, &options, &store, &err), -EBADMSG);
	ck_assert_int_eq(unlink(note), 0); /* as if the last row had been written, but not noted */
	store = open_store(vt_scratch_dir);
	ck_assert_str_eq(get(store, VT_CF_TAG, "b"), "second");
	ck_assert_str_eq(get(store, VT_CF_TAG, "c"), "-");
	end(store);

	path = log_of_the_dead();
	(void) snprintf(note, sizeof note, "%s/committed", vt_scratch_dir);
	fd = open(path, O_RDWR);
	len = read(fd, data, sizeof data);
	row = memmem(data, (size_t) len, "second", 6);
	ck_assert_ptr_nonnull(row);
	ck_assert_int_eq(pwrite(fd, "S", 1, row - data), 1);
	close(fd);
	ck_assert_int_eq(vt_store_open(vt_scratch_dir, &options, &store, &err), -EBADMSG);
	vt_scratch_done();
}
END_TEST

START_TEST(a_closed_store_needs_no_log)
{
	struct vt_store *store = new_store();
	glob_t found;

	put(store, VT_CF_TAG, "a", "1");
	vt_store_close(store);
	ck_assert_int_eq(glob(vt_scratch_path("*.log"), 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++)
		ck_assert_int_eq(truncate(found.gl_pathv[i], 0), 0);
	globfree(&found);
	store = open_store(vt_scratch_dir);
	ck_assert_str_eq(get(store, VT_CF_TAG, "a"), "1");
	end(store);
}
END_TEST

START_TEST(a_reader_sees_rows_and_writes_none)
{
	struct vt_store *store = new_store(), *reader = NULL;
	struct vt_store_options read_only = {.cache_bytes = 1 << 20, .read_only = true};
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	put(store, VT_CF_TAG, "a", "1");
	vt_store_close(store);
	ck_assert_int_eq(vt_store_open(vt_scratch_dir, &read_only, &reader, &err), 0);
	ck_assert_str_eq(get(reader, VT_CF_TAG, "a"), "1");
	vt_batch_put(batch, reader, VT_CF_TAG, "b", 1, "2", 1);
	ck_assert_int_lt(vt_store_write(reader, batch, true, &err), 0);
	end(reader);
}
END_TEST

START_TEST(numbers_begin_with_one_and_never_come_twice)
{
	struct vt_store *store = new_store();
	uint64_t first, last;

	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_PAGE, 10000, &first, &err), 0);
	ck_assert_uint_eq(first, 1);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_PAGE, 1, &first, &err), 0);
	ck_assert_uint_eq(first, 10001);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_SHARD, 1, &last, &err), 0);
	ck_assert_uint_eq(last, 1);
	vt_store_close(store);
	store = open_store(vt_scratch_dir);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_PAGE, 1, &last, &err), 0);
	ck_assert_uint_gt(last, first);
	end(store);
}
END_TEST

START_TEST(numbers_taken_before_a_kill_stay_taken)
{
	struct vt_store *store;
	uint64_t last = 0, next;
	int channel[2];
	pid_t child;

	if (!VT_CAN_FORK)
		return;
	ck_assert_int_eq(vt_store_create(vt_scratch(), &err), 0);
	ck_assert_int_eq(pipe(channel), 0);
	child = fork();
	if (child == 0) {
		store = open_store(vt_scratch_dir);
		for (int i = 0; i < 100; i++)
			ck_assert_int_eq(vt_store_take(store, VT_COUNTER_VERSION, 1, &next, &err),
					 0);
		(void) !write(channel[1], &next, sizeof next);
		raise(SIGKILL);
	}
	ck_assert_int_eq(read(channel[0], &last, sizeof last), sizeof last);
	ck_assert_int_eq(waitpid(child, NULL, 0), child);
	store = open_store(vt_scratch_dir);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_VERSION, 1, &next, &err), 0);
	ck_assert_uint_gt(next, last);
	end(store);
}
END_TEST

START_TEST(numbers_run_out_where_a_node_id_ends)
{
	struct vt_store *store = new_store();
	uint64_t first;

	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_DATASET, (1 << 28) - 2, &first, &err), 0);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_DATASET, 1, &first, &err), -EOVERFLOW);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_PAGE, UINT64_MAX, &first, &err),
			 -EOVERFLOW);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_PAGE, 0, &first, &err), -EINVAL);
	ck_assert_int_eq(vt_store_take(store, VT_COUNTER_PAGE, 1, &first, &err), 0);
	ck_assert_uint_eq(first, 1);
	end(store);
}
END_TEST

enum { TAKERS = 4, TAKES = 500 };

static struct vt_store *shared;
static uint64_t taken[TAKERS * TAKES];

static void *taker(void *argument)
{
	uint64_t *mine = argument;

	for (int i = 0; i < TAKES; i++)
		if (vt_store_take(shared, VT_COUNTER_SHARD, 1, &mine[i], NULL) < 0)
			mine[i] = 0;
	return NULL;
}

START_TEST(threads_never_get_the_same_number)
{
	static bool seen[TAKERS * TAKES + 1];
	pthread_t threads[TAKERS];

	shared = new_store();
	for (int i = 0; i < TAKERS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, taker, taken + i * TAKES), 0);
	for (int i = 0; i < TAKERS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < TAKERS * TAKES; i++) {
		ck_assert_uint_ge(taken[i], 1);
		ck_assert_uint_le(taken[i], TAKERS * TAKES);
		ck_assert(!seen[taken[i]]);
		seen[taken[i]] = true;
	}
	end(shared);
}
END_TEST

VT_SUITE(store, a_row_survives_reopening_in_its_own_family,
	 a_batch_puts_and_deletes_in_several_families,
	 many_are_found_at_once_and_the_absent_ones_are_null,
	 a_cold_row_is_not_found_without_waiting_but_a_warm_one_is,
	 a_table_that_is_not_open_yet_gives_no_row_without_waiting,
	 an_iterator_stays_inside_its_prefix, an_ingested_file_moves_in_and_its_rows_win,
	 a_file_that_could_not_be_read_is_not_taken_in, a_file_without_rows_or_end_leaves_nothing,
	 a_file_that_is_no_sst_is_refused, a_second_opener_is_told_who_is_in_the_way,
	 an_absent_an_existing_and_a_newer_index_are_refused, a_damaged_table_is_named_so,
	 a_walk_does_not_end_at_a_table_that_is_damaged,
	 tables_are_whole_as_written_and_as_taken_in_and_else_named,
	 a_table_that_is_gone_is_named_and_one_that_is_not_used_is_not,
	 a_log_torn_or_damaged_below_the_note_is_refused, a_closed_store_needs_no_log,
	 a_reader_sees_rows_and_writes_none, numbers_begin_with_one_and_never_come_twice,
	 numbers_taken_before_a_kill_stay_taken, numbers_run_out_where_a_node_id_ends,
	 threads_never_get_the_same_number)
