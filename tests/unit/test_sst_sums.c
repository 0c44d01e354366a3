/* SPDX-License-Identifier: Apache-2.0 */
/* Tables as RocksDB writes them are right; a wrong byte anywhere in one is found, and what it is.
 */
#include "index/sst_sums.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/record.h"
#include "index/store.h"
#include "index/sst_format.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

static struct vt_error err;

/* What was told of the last one. */
static struct {
	int count;
	uint64_t offset, len;
	char what[64];
} told;

static void take_note(void *context, uint64_t offset, uint64_t len, const char *what)
{
	(void) context;
	told.count++;
	told.offset = offset;
	told.len = len;
	(void) snprintf(told.what, sizeof told.what, "%s", what);
}

/* The damages of a file. */
static int check(int fd)
{
	int r;

	told.count = 0;
	r = vt_sst_check_sums(fd, take_note, NULL, &err);
	ck_assert_msg(r >= 0, "%s", err.text);
	ck_assert_int_eq(r, told.count);
	return r;
}

static uint64_t size_of(int fd)
{
	struct stat st;

	ck_assert_int_eq(fstat(fd, &st), 0);
	return (uint64_t) st.st_size;
}

/* A copy in memory, which is written to and cut ten thousand times. */
static int copy_of(const char *path)
{
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("table", MFD_CLOEXEC);
	size_t size;

	ck_assert_int_ge(from, 0);
	ck_assert_int_ge(to, 0);
	size = size_of(from);
	for (size_t done = 0; done < size;) {
		ssize_t sent = sendfile(to, from, NULL, size - done);

		ck_assert_int_gt(sent, 0);
		done += (size_t) sent;
	}
	(void) close(from);
	return to;
}

/* A table of so many rows, open to write; keys have much in common or, `scattered`, nothing. */
static int make_table(uint32_t rows, bool scattered)
{
	const char *path = vt_scratch_path("table.sst");
	struct vt_sst *sst;
	uint64_t count;

	ck_assert_int_eq(vt_sst_new(path, &sst, &err), 0);
	for (uint32_t i = 0; i < rows; i++) {
		uint8_t key[12];

		vt_key_u32(scattered ? i * (UINT32_MAX / rows) : i, key); /* ascending */
		vt_key_u32(scattered ? i * 2654435761u : i, key + 4);
		vt_key_u32(i, key + 8);
		ck_assert_int_eq(vt_sst_put(sst, key, sizeof key, key, 8, &err), 0);
	}
	ck_assert_int_eq(vt_sst_finish(sst, &count, &err), 0);
	vt_sst_free(sst);
	return copy_of(path);
}

static void flip(int fd, uint64_t at, unsigned bit)
{
	uint8_t byte;

	ck_assert_int_eq(pread(fd, &byte, 1, (off_t) at), 1);
	byte ^= (uint8_t) (1u << bit);
	ck_assert_int_eq(pwrite(fd, &byte, 1, (off_t) at), 1);
}

START_TEST(tables_as_they_are_written_are_right)
{
	static const uint32_t sizes[] = {1, 2, 100, 5000, 300000};

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
		for (int scattered = 0; scattered < 2; scattered++) {
			int fd = make_table(sizes[i], scattered);

			ck_assert_msg(check(fd) == 0, "%u rows: %s at %llu", sizes[i], told.what,
				      (unsigned long long) told.offset);
			(void) close(fd);
		}
	vt_scratch_done();
}
END_TEST

/* Where the number of a table that was taken in stands, which has no sum: index_damage has it. */
static uint64_t number_of(int fd)
{
	static const char key[] = "global_seqno";
	uint64_t size = size_of(fd);
	vt_autofree char *bytes = malloc(size);
	const char *found;

	ck_assert_int_eq(pread(fd, bytes, size, 0), (ssize_t) size);
	found = memmem(bytes, size, key, strlen(key));
	ck_assert_ptr_nonnull(found);
	return (uint64_t) (found - bytes) + strlen(key);
}

/* It is told where it is, but for what the footer says of places. */
static void find_bit(int fd, uint64_t at, unsigned bit, uint64_t size)
{
	flip(fd, at, bit);
	ck_assert_msg(check(fd) == 1, "byte %llu of %llu, bit %u", (unsigned long long) at,
		      (unsigned long long) size, bit);
	ck_assert_msg((at >= told.offset && at < told.offset + told.len + VT_SST_BEHIND) ||
			      at >= size - VT_SST_FOOTER,
		      "byte %llu, not from %llu on", (unsigned long long) at,
		      (unsigned long long) told.offset);
	flip(fd, at, bit);
}

/* `bits` of each byte. */
static void find_each_byte(uint32_t rows, bool scattered, unsigned bits)
{
	int fd = make_table(rows, scattered);
	uint64_t size = size_of(fd), number = number_of(fd);

	for (uint64_t at = 0; at < size; at++) {
		if (at == number)
			at += sizeof(uint64_t);
		for (unsigned bit = 0; bit < bits; bit++)
			find_bit(fd, at, (unsigned) (at + bit) % 8, size);
	}
	ck_assert_int_eq(check(fd), 0);
	(void) close(fd);
	vt_scratch_done();
}

START_TEST(any_wrong_bit_of_a_small_table_is_found)
{
	find_each_byte(1, false, 8);
}
END_TEST

START_TEST(a_wrong_bit_in_any_byte_of_a_table_of_many_blocks_is_found)
{
	find_each_byte(500, true, 1);
}
END_TEST

/* Indexes and filters have several parts: one in the middle of each is told for what it is. */
START_TEST(what_is_damaged_is_named)
{
	static const char *const kinds[] = {"rows",
					    "a filter",
					    "an index of its rows",
					    "the index of its filters",
					    "the index of its rows",
					    "facts about it",
					    "the list of its parts",
					    "its end"};
	bool seen[sizeof kinds / sizeof *kinds] = {false};
	int fd = make_table(40000, true);
	uint64_t size = size_of(fd), number = number_of(fd);

	for (uint64_t at = 0; at < size; at += at + 20000 < size ? 2003 : 7) {
		if (at >= number && at < number + sizeof(uint64_t))
			continue;
		flip(fd, at, 3);
		ck_assert_int_eq(check(fd), 1);
		for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
			seen[i] |= strncmp(told.what, kinds[i], strlen(kinds[i])) == 0;
		flip(fd, at, 3);
	}
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		ck_assert_msg(seen[i], "%s", kinds[i]);
	(void) close(fd);
	vt_scratch_done();
}
END_TEST

/* Gives the block that was told of the sum of what it holds now. */
static void forge_sum(int fd)
{
	vt_autofree uint8_t *block = malloc(told.len + VT_SST_BEHIND);
	uint32_t sum;

	ck_assert_int_eq(pread(fd, block, told.len + VT_SST_BEHIND, (off_t) told.offset),
			 (ssize_t) (told.len + VT_SST_BEHIND));
	sum = (uint32_t) XXH3_64bits(block, told.len) ^ block[told.len] * 0x6b9083d9u;
	sum = htole32(sum);
	ck_assert_int_eq(pwrite(fd, &sum, sizeof sum, (off_t) (told.offset + told.len + 1)),
			 sizeof sum);
}

/* Whatever leads on may say anything: it is an error or a damage, in bounds (sanitizers). */
START_TEST(a_crafted_block_leads_nowhere)
{
	int fd = make_table(500, true);
	uint64_t size = size_of(fd);
	vt_autofree uint8_t *whole = malloc(size);
	unsigned odd = 0;

	ck_assert_int_eq(pread(fd, whole, size, 0), (ssize_t) size);
	for (uint64_t at = 0; at < size - VT_SST_FOOTER; at++) {
		flip(fd, at, at % 8);
		told.what[0] = '\0';
		(void) check(fd);
		if (strstr(told.what, "index") || strstr(told.what, "list")) {
			forge_sum(fd);
			odd += vt_sst_check_sums(fd, take_note, NULL, &err) != 0;
		}
		ck_assert_int_eq(pwrite(fd, whole, size, 0), (ssize_t) size);
	}
	ck_assert_uint_gt(odd, 50);
	ck_assert_int_eq(check(fd), 0);
	(void) close(fd);
	vt_scratch_done();
}
END_TEST

START_TEST(two_damages_are_two)
{
	int fd = make_table(500, true);

	flip(fd, 10, 0);
	flip(fd, 5000, 0);
	ck_assert_int_eq(check(fd), 2);
	(void) close(fd);
	vt_scratch_done();
}
END_TEST

START_TEST(a_table_that_was_cut_is_damaged_whatever_is_left_of_it)
{
	int fd = make_table(300, false);

	for (uint64_t size = size_of(fd) - 1; size > 0; size -= size > 31 ? 31 : 1) {
		ck_assert_int_eq(ftruncate(fd, (off_t) size), 0);
		ck_assert_int_eq(check(fd), 1);
		ck_assert_str_eq(told.what, "its end");
	}
	(void) close(fd);
	vt_scratch_done();
}
END_TEST

VT_SUITE(sst_sums, tables_as_they_are_written_are_right, any_wrong_bit_of_a_small_table_is_found,
	 a_wrong_bit_in_any_byte_of_a_table_of_many_blocks_is_found, what_is_damaged_is_named,
	 a_crafted_block_leads_nowhere, two_damages_are_two,
	 a_table_that_was_cut_is_damaged_whatever_is_left_of_it)
