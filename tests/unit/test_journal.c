/* SPDX-License-Identifier: Apache-2.0 */
/* Records that RocksDB would never come back from are found, whatever block they are in. */
#include "index/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

#include "index/base/error.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#define BLOCK  32768
#define HEADER 7

static struct vt_error err;
static unsigned char bytes[3 * BLOCK];

/* A record of `len` bytes, none of whose own bytes is a kind. Where the next one begins. */
static size_t put(size_t at, unsigned char kind, size_t len)
{
	memset(bytes + at, 0x55, HEADER + len);
	bytes[at + 4] = (unsigned char) len;
	bytes[at + 5] = (unsigned char) (len >> 8);
	bytes[at + 6] = kind;
	return at + HEADER + len;
}

static void save(const char *name, size_t len)
{
	FILE *file = fopen(vt_scratch_path(name), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static int check(bool mend)
{
	err.text[0] = '\0';
	return vt_journal_check(vt_scratch_dir, mend, &err);
}

static void found_at(const char *name, size_t at)
{
	char words[128];

	(void) snprintf(words, sizeof words, "'%s' is damaged at byte %zu", name, at);
	ck_assert_int_eq(check(false), -EBADMSG);
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s'", err.text);
}

START_TEST(each_kind_is_found_where_it_stands_and_no_other)
{
	(void) vt_scratch();
	for (int kind = 0; kind < 256; kind++) {
		size_t at = put(0, 1, 100), end = put(at, (unsigned char) kind, 20);

		save("000001.log", end);
		if ((kind >= 5 && kind <= 8) || kind == 11)
			found_at("000001.log", at);
		else
			ck_assert_int_eq(check(false), 0);
	}
	vt_scratch_done();
}
END_TEST

START_TEST(a_block_ends_with_zeros_where_nothing_was_written)
{
	size_t at = put(0, 1, 100), next = at + 10 * HEADER;

	(void) vt_scratch();
	memset(bytes + at, 0, next - at);
	memset(bytes + next, 5, 100);
	save("MANIFEST-000001", next + 100);
	ck_assert_int_eq(check(false), 0);
	put(BLOCK, 5, 10); /* but not the file */
	save("MANIFEST-000001", BLOCK + HEADER + 10);
	found_at("MANIFEST-000001", BLOCK);
	vt_scratch_done();
}
END_TEST

START_TEST(blocks_begin_with_a_record_and_what_is_below_a_header_is_unused)
{
	size_t at;

	(void) vt_scratch();
	at = put(0, 2, BLOCK - HEADER - 6);
	memset(bytes + at, 5, 6);
	at = put(BLOCK, 3, 1000);
	at = put(at, 4, BLOCK - HEADER - (at - BLOCK));
	ck_assert_uint_eq(at, 2 * BLOCK);
	save("000001.log", put(at, 1, 10));
	ck_assert_int_eq(check(false), 0);
	save("000001.log", put(at, 7, 10));
	found_at("000001.log", 2 * BLOCK);
	vt_scratch_done();
}
END_TEST

START_TEST(what_a_crash_leaves_is_not_damage)
{
	size_t at;

	(void) vt_scratch();
	memset(bytes, 5, sizeof bytes);
	at = put(0, 1, 30);
	save("empty.log", 0);
	save("000001.log", at + HEADER - 1); /* a header that is not whole */
	(void) put(at, 1, 20000);
	save("000002.log", at + HEADER + 500); /* a record that is not whole */
	save("000003.sst", sizeof bytes);      /* no such file */
	ck_assert_int_eq(check(false), 0);
	vt_scratch_done();
}
END_TEST

START_TEST(a_log_is_mended_and_a_list_of_tables_is_not)
{
	size_t at, end;

	(void) vt_scratch();
	at = put(0, 1, 30);
	end = put(at, 5, 30);
	save("000001.log", end);
	ck_assert_int_eq(check(true), 0);
	ck_assert_int_eq(check(false), 0);
	save("MANIFEST-000002", end);
	found_at("MANIFEST-000002", at);
	ck_assert_ptr_null(strstr(err.text, "accept-loss"));
	ck_assert_int_eq(check(true), -EBADMSG);
	vt_scratch_done();
}
END_TEST

/* Where records end in what was put, as text: all of them, or the last `max`. */
static const char *ends_of(size_t len, uint64_t from, unsigned max)
{
	static char text[256];
	uint64_t ends[8];
	size_t at = 0;
	int count, fd;

	save("MANIFEST-000001", len);
	fd = open(vt_scratch_path("MANIFEST-000001"), O_RDONLY);
	count = vt_journal_ends(fd, from, ends, max);
	close(fd);
	ck_assert_int_ge(count, 0);
	text[0] = '\0';
	for (int i = 0; i < count; i++)
		at += (size_t) snprintf(text + at, sizeof text - at, "%" PRIu64 " ", ends[i]);
	return text;
}

START_TEST(records_end_where_their_last_piece_does)
{
	size_t at, end;

	(void) vt_scratch();
	at = put(0, 1, 93); /* 100 */
	at = put(at, 2, BLOCK - at - HEADER);
	at = put(at, 3, BLOCK - HEADER);
	at = put(at, 4, 93); /* 2 * BLOCK + 100 = 65636 */
	at = put(at, 1, 43); /* 65686 */
	end = put(at, 1, 3);
	ck_assert_str_eq(ends_of(end, 0, 8), "100 65636 65686 "); /* not where the file does */
	ck_assert_str_eq(ends_of(end, 100, 8), "100 65636 65686 ");
	ck_assert_str_eq(ends_of(end, 101, 8), "65636 65686 ");
	ck_assert_str_eq(ends_of(end, 65637, 8), "65686 ");
	ck_assert_str_eq(ends_of(end, end, 8), "");
	ck_assert_str_eq(ends_of(end, 0, 2), "65636 65686 ");
	ck_assert_str_eq(ends_of(BLOCK + 500, 0, 8), "100 "); /* torn, within a piece */
	ck_assert_str_eq(ends_of(at + HEADER - 1, 0, 8), "100 65636 65686 ");
	vt_scratch_done();
}
END_TEST

START_TEST(records_end_before_the_first_bytes_that_are_none)
{
	size_t at, end;

	(void) vt_scratch();
	at = put(0, 1, 93);
	at = put(at, 1, 93);
	end = put(put(at, 1, 93), 1, 93);
	ck_assert_str_eq(ends_of(end, 0, 8), "100 200 300 ");
	for (int kind = 0; kind < 256; kind++) {
		bytes[at + 6] = (unsigned char) kind;
		if (kind == 0 || kind > 4)
			ck_assert_str_eq(ends_of(end, 0, 8), "100 200 ");
	}
	memset(bytes + at, 0, HEADER); /* a hole, and more behind it in the next block */
	put(BLOCK, 1, 93);
	ck_assert_str_eq(ends_of(BLOCK + 200, 0, 8), "100 200 ");
	vt_scratch_done();
}
END_TEST

VT_SUITE(journal, each_kind_is_found_where_it_stands_and_no_other,
	 a_block_ends_with_zeros_where_nothing_was_written,
	 blocks_begin_with_a_record_and_what_is_below_a_header_is_unused,
	 what_a_crash_leaves_is_not_damage, a_log_is_mended_and_a_list_of_tables_is_not,
	 records_end_where_their_last_piece_does, records_end_before_the_first_bytes_that_are_none)
