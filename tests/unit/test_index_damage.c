/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One wrong bit in a file of the index, or in the note of its commits: the store is refused, with
 * words that say what to do, or readers get what was there or an error, and verify names it, in a
 * table whether it is ever read or not. No
 * version is older than it was, no process ends and no shard is removed. Each bit is tried on a
 * fresh copy, in a process of its own. VT_DAMAGE_STEP: of how many bytes of a file one is tried.
 */
#include <glob.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "index/verify.h"
#include "tests/unit/index_words.h"
#include "tests/unit/publish_world.h"

#define HANGS_AFTER 60 /* s */

static struct world w;

enum outcome { SAME, FOUND, REFUSED, UNREADABLE, WRONG, LOST_SHARD, OUTCOMES };
static const char *const outcome_names[] = {"of no matter", "found by verify", "refused",
					    "unreadable",   "WRONG",           "A SHARD IS GONE"};

/* What a process that opened a store has to say. */
static struct report {
	enum outcome outcome;
	int code;
	char words[1024];
	size_t whole_len; /* what the store is, in words */
	uint8_t whole[32768];
} * report;

/* ---- the store ------------------------------------------------------------------------------- */

static void publish(const char *text)
{
	world_put_text(&w, "src/text", text);
	ck_published(&w, world_publish(&w, "src"));
}

/* What is in the log is written last; `at_rest`: nothing is. The copy is world_path("kept"). */
static void make_store(size_t at_rest)
{
	vt_cleanup(vt_buf_done) struct vt_buf whole = VT_BUF_INIT;

	world_make_store(&w);
	world_run(&w, "mkdir src/deep && seq 9 >src/nine && seq 2000 >src/deep/many && "
		      "ln -s nine src/link && ln src/nine src/same");
	publish("first");
	vt_index_close(w.direct.index);
	world_open(&w);
	publish("second");
	ck_assert(index_words(w.direct.index, &whole));
	ck_assert_uint_le(whole.len, sizeof report->whole);
	memcpy(report->whole, whole.data, whole.len);
	report->whole_len = whole.len;
	if (at_rest)
		vt_index_close(w.direct.index);
	world_run(&w, "cp -a store kept");
	_exit(0);
}

/* RocksDB's threads do not outlive a fork: only processes of their own open a store. */
static int run_apart(void (*part)(size_t), size_t argument)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		part(argument);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static size_t count_shards(void)
{
	glob_t found;
	size_t count;

	ck_assert_int_eq(glob(world_path(&w, "store/shards/*/*.vsh"), 0, NULL, &found), 0);
	count = found.gl_pathc;
	globfree(&found);
	return count;
}

static void flip(const char *path, off_t at, unsigned bit)
{
	vt_autoclose int fd = open(path, O_RDWR);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= (uint8_t) (1u << bit);
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

/* ---- one bit --------------------------------------------------------------------------------- */

static void note_finding(void *context, const char *what, const char *problem)
{
	(void) context;
	(void) snprintf(report->words, sizeof report->words, "%s: %s", what, problem);
}

static enum outcome read_all(struct vt_index *index)
{
	vt_cleanup(vt_buf_done) struct vt_buf now = VT_BUF_INIT;
	bool readable = index_words(index, &now);
	int r;

	if (readable &&
	    (now.len != report->whole_len || memcmp(now.data, report->whole, now.len) != 0))
		return WRONG;
	r = vt_verify_index(index, note_finding, NULL, NULL);
	report->code = r;
	return !readable ? UNREADABLE : r == 0 ? SAME : FOUND;
}

/* In a process of its own. */
static void look(size_t shards)
{
	struct vt_index *index = NULL;
	struct vt_error err = {""};

	(void) alarm(HANGS_AFTER);
	report->code = vt_index_open(world_path(&w, "store"), 4 << 20, &index, &err);
	if (report->code < 0) {
		report->outcome = REFUSED;
		memcpy(report->words, err.text, sizeof report->words);
	} else {
		report->outcome = read_all(index);
	}
	vt_index_close(index);
	if (count_shards() != shards)
		report->outcome = LOST_SHARD;
	_exit(0);
}

/* Damage is named with the way out; some damage makes an index of it that a newer program made. */
static bool is_clear(const struct report *said)
{
	return said->code == -ENOTSUP ||
	       (said->code == -EBADMSG &&
		(strstr(said->words, "vitrine-store(7)") || strstr(said->words, "--accept-loss")));
}

static void judge(const char *file, off_t at, int status)
{
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		      "%s, byte %lld: the process ended, status %#x", file, (long long) at, status);
	ck_assert_msg(report->outcome < WRONG, "%s, byte %lld: %s", file, (long long) at,
		      outcome_names[report->outcome]);
	ck_assert_msg(report->outcome != REFUSED || is_clear(report), "%s, byte %lld: %d, '%s'",
		      file, (long long) at, report->code, report->words);
	ck_assert_msg(report->code != 0 || (report->outcome == SAME && !strstr(file, ".sst")),
		      "%s, byte %lld: verify finds nothing", file, (long long) at);
}

static void try_bit(const char *file, off_t at, unsigned bit)
{
	world_run(&w, "rm -rf store && cp -a kept store");
	flip(world_path(&w, file), at, bit);
	report->words[0] = '\0';
	judge(file, at, run_apart(look, count_shards()));
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void try_file(const char *file, size_t number)
{
	const char *text = getenv("VT_DAMAGE_STEP");
	off_t step = text ? atoll(text) : 797;
	unsigned counts[OUTCOMES] = {0};
	struct stat st;

	ck_assert_int_eq(stat(world_path(&w, file), &st), 0);
	if (st.st_size == 0)
		return;
	if (strstr(file, "CURRENT")) /* a name */
		step = 1;
	if (strstr(file, "OPTIONS")) /* long, and for people */
		step *= 64;
	for (off_t at = (off_t) number * 31 % (st.st_size < step ? st.st_size : step);
	     at < st.st_size; at += step) {
		try_bit(file, at, (unsigned) at % 8);
		counts[report->outcome]++;
	}
	printf("# %s, %lld bytes:", file, (long long) st.st_size);
	for (enum outcome i = 0; i < WRONG; i++)
		if (counts[i])
			printf(" %u %s", counts[i], outcome_names[i]);
	printf("\n");
	(void) fflush(stdout);
}

static void make_kept(bool at_rest)
{
	world_make_folder(&w);
	report = mmap(NULL, sizeof *report, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	ck_assert_ptr_ne(report, MAP_FAILED);
	ck_assert_int_eq(run_apart(make_store, at_rest), 0);
}

/* Else all that follows would prove nothing. */
static void check_whole(void)
{
	world_run(&w, "rm -rf store && cp -a kept store");
	report->words[0] = '\0';
	ck_assert_int_eq(run_apart(look, count_shards()), 0);
	ck_assert_msg(report->outcome == SAME && report->code == 0, "%s", report->words);
}

static void try_files(bool at_rest, const char *const *patterns)
{
	size_t skip;
	glob_t found = {0};

	make_kept(at_rest);
	check_whole();
	skip = strlen(world_path(&w, "kept/"));
	for (size_t i = 0; patterns[i]; i++)
		ck_assert_int_eq(
			glob(world_path(&w, patterns[i]), i ? GLOB_APPEND : 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char file[512];

		(void) snprintf(file, sizeof file, "store/%s", found.gl_pathv[i] + skip);
		world_run(&w, "rm -rf store && cp -a kept store");
		try_file(file, i);
	}
	globfree(&found);
	direct_remove_all(w.dir);
}

#define FILES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Check fails a test of more than 35 minutes, which all tables need on a busy machine. */
#define TRIES_TABLES(name, digits)                                                                 \
	START_TEST(name)                                                                           \
	{                                                                                          \
		try_files(true, FILES("kept/index/*[" digits "].sst"));                            \
	}                                                                                          \
	END_TEST

TRIES_TABLES(a_wrong_bit_in_a_table_is_found_0_1, "01")
TRIES_TABLES(a_wrong_bit_in_a_table_is_found_2_3, "23")
TRIES_TABLES(a_wrong_bit_in_a_table_is_found_4_5, "45")
TRIES_TABLES(a_wrong_bit_in_a_table_is_found_6_7, "67")
TRIES_TABLES(a_wrong_bit_in_a_table_is_found_8_9, "89")

START_TEST(a_wrong_bit_in_what_is_beside_the_tables_is_found_or_of_no_matter)
{
	try_files(true, FILES("kept/index/MANIFEST*", "kept/index/[0-9]*.log", "kept/committed",
			      "kept/index/[!M]*[!gt]"));
}
END_TEST

/* Tables are then as they are at rest. */
START_TEST(a_wrong_bit_in_an_index_with_a_log_is_found_or_of_no_matter)
{
	try_files(false, FILES("kept/index/MANIFEST*", "kept/index/[0-9]*.log", "kept/committed"));
}
END_TEST

/* The last byte of the block before the metaindex, and its sum; the footer says where that is. */
static off_t end_of_properties(const char *table)
{
	vt_autoclose int fd = open(table, O_RDONLY);
	uint8_t footer[53];
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(pread(fd, footer, sizeof footer, st.st_size - (off_t) sizeof footer),
			 sizeof footer);
	ck_assert_uint_ge(footer[1], 0x80); /* a varint of two bytes */
	ck_assert_uint_lt(footer[2], 0x80);
	return ((footer[1] & 0x7f) | footer[2] << 7) - 6;
}

START_TEST(the_bit_of_a_table_that_ends_rocksdb_is_found_before)
{
	glob_t found;

	make_kept(true);
	check_whole();
	ck_assert_int_eq(glob(world_path(&w, "kept/index/*.sst"), 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		char file[512];

		(void) snprintf(file, sizeof file, "store/index/%s",
				strrchr(found.gl_pathv[i], '/') + 1);
		try_bit(file, end_of_properties(found.gl_pathv[i]), 7);
		ck_assert_int_eq(report->outcome, REFUSED);
	}
	globfree(&found);
	direct_remove_all(w.dir);
}
END_TEST

VT_SUITE(index_damage, the_bit_of_a_table_that_ends_rocksdb_is_found_before,
	 a_wrong_bit_in_a_table_is_found_0_1, a_wrong_bit_in_a_table_is_found_2_3,
	 a_wrong_bit_in_a_table_is_found_4_5, a_wrong_bit_in_a_table_is_found_6_7,
	 a_wrong_bit_in_a_table_is_found_8_9,
	 a_wrong_bit_in_what_is_beside_the_tables_is_found_or_of_no_matter,
	 a_wrong_bit_in_an_index_with_a_log_is_found_or_of_no_matter)
