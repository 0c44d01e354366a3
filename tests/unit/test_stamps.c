/* SPDX-License-Identifier: Apache-2.0 */
/* The stat cache answers only for what is the same in everything, and damage makes it silent. */
#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tools/publish/stamps.h"

#include <stdio.h>
#include <string.h>

#define DATASET     7u
#define SCAN_NS     100000000000ll
#define BEHIND_ROWS (4 + 64) /* bytes, when no directory can be kept */

static char path[] = "/tmp/vitrine-stamps.XXXXXX";

static const char *const names[] = {"a", "a/b", "a-b", "c", "\xff\nd"};

static struct vt_item item_of(unsigned i)
{
	return (struct vt_item){
		.path = names[i],
		.path_len = strlen(names[i]),
		.type = VT_FILE,
		.stamp = {.device = 1, .inode = i, .size = 10 * i, .mtime_ns = -5, .ctime_ns = i},
	};
}

static struct vt_digest content_of(unsigned i)
{
	struct vt_digest digest;

	vt_digest_of(&i, sizeof i, &digest);
	return digest;
}

static void write_stamps(void)
{
	vt_cleanup(vt_stamps_writer_freep) struct vt_stamps_writer *writer = NULL;
	int fd = mkstemp(strcpy(path, "/tmp/vitrine-stamps.XXXXXX"));

	(void) close(fd);
	(void) unlink(path);
	ck_assert_int_eq(vt_stamps_writer_new(path, DATASET, SCAN_NS, &writer, NULL), 0);
	for (unsigned i = 0; i < 5; i++) {
		struct vt_item item = item_of(i);
		struct vt_digest content = content_of(i);

		if (i == 3)
			item.stamp.ctime_ns = SCAN_NS - VT_STAMP_RACY_NS + 1;
		ck_assert_int_eq(vt_stamps_add(writer, &item, &content, 100 + i, NULL), 0);
	}
	ck_assert_int_eq(vt_stamps_finish(writer, &(struct vt_digest){{1}}, 2, NULL), 0);
}

static bool matches(struct vt_stamps_reader *reader, const struct vt_item *item, unsigned i)
{
	struct vt_digest content, expected = content_of(i);
	uint64_t size;

	if (!vt_stamps_match(reader, item, &content, &size))
		return false;
	ck_assert(vt_digest_equal(&content, &expected));
	ck_assert_uint_eq(size, 100 + i);
	return true;
}

START_TEST(unchanged_files_are_recognised_and_racy_ones_are_not)
{
	vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *reader = NULL;

	write_stamps();
	reader = vt_stamps_open(path, DATASET);
	ck_assert_ptr_nonnull(reader);
	for (unsigned i = 0; i < 5; i++) {
		struct vt_item item = item_of(i);

		if (i == 3)
			item.stamp.ctime_ns = SCAN_NS - VT_STAMP_RACY_NS + 1;
		ck_assert(matches(reader, &item, i) == (i != 3));
	}
	(void) unlink(path);
}
END_TEST

START_TEST(any_difference_counts)
{
	write_stamps();
	for (unsigned what = 0; what < 7; what++) {
		vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *reader =
			vt_stamps_open(path, DATASET);
		struct vt_item item = item_of(1), next = item_of(2);

		item.stamp.device += what == 0;
		item.stamp.inode += what == 1;
		item.stamp.size += what == 2;
		item.stamp.mtime_ns += what == 3;
		item.stamp.ctime_ns += what == 4;
		item.decode = what == 5;
		ck_assert(matches(reader, &item, 1) == (what == 6));
		ck_assert(matches(reader, &next, 2));
	}
	(void) unlink(path);
}
END_TEST

START_TEST(new_and_missing_names_do_not_disturb_the_others)
{
	vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *reader = NULL;
	struct vt_item fresh = item_of(0), kept = item_of(2), last = item_of(4);

	write_stamps();
	reader = vt_stamps_open(path, DATASET);
	fresh.path = "a/c";
	fresh.path_len = 3;
	ck_assert(!matches(reader, &fresh, 0)); /* a and a/b are gone */
	ck_assert(matches(reader, &kept, 2));
	fresh.path = "b";
	fresh.path_len = 1;
	ck_assert(!matches(reader, &fresh, 0));
	ck_assert(matches(reader, &last, 4));
	(void) unlink(path);
}
END_TEST

START_TEST(another_dataset_s_file_and_no_file_say_nothing)
{
	struct vt_item item = item_of(0);

	write_stamps();
	ck_assert_ptr_null(vt_stamps_open(path, DATASET + 1));
	(void) unlink(path);
	ck_assert_ptr_null(vt_stamps_open(path, DATASET));
	ck_assert(!matches(NULL, &item, 0));
}
END_TEST

/* Every single byte flipped, and every length: never a wrong content, never a crash. */
START_TEST(damage_means_nothing_known)
{
	static uint8_t bytes[4096];
	FILE *file;
	size_t len;

	write_stamps();
	file = fopen(path, "r+");
	len = fread(bytes, 1, sizeof bytes, file);
	ck_assert_uint_lt(len, sizeof bytes);
	for (size_t at = 0; at < 2 * len; at++) {
		struct vt_stamps_reader *reader;
		unsigned found = 0;

		bytes[at % len] ^= 0x41;
		rewind(file);
		ck_assert_int_eq(fwrite(bytes, 1, at < len ? len : at - len, file),
				 at < len ? len : at - len);
		(void) fflush(file);
		if (at >= len)
			ck_assert_int_eq(ftruncate(fileno(file), (off_t) (at - len)), 0);
		bytes[at % len] ^= 0x41;
		reader = vt_stamps_open(path, DATASET);
		for (unsigned i = 0; reader && i < 5; i++) {
			struct vt_item item = item_of(i);

			found += matches(reader, &item, i);
		}
		ck_assert_uint_le(found, at % len < len - BEHIND_ROWS ? 3 : 4);
		vt_stamps_close(reader);
	}
	(void) fclose(file);
	(void) unlink(path);
}
END_TEST

VT_SUITE(stamps, unchanged_files_are_recognised_and_racy_ones_are_not, any_difference_counts,
	 new_and_missing_names_do_not_disturb_the_others,
	 another_dataset_s_file_and_no_file_say_nothing, damage_means_nothing_known)
