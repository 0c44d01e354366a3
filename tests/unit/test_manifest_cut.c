/* SPDX-License-Identifier: Apache-2.0 */
/* An end of a list of tables goes as far as it must and no further, or not at all. */
#include "index/manifest_cut.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "index/base/error.h"
#include "index/manifest.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

#define RECORD  107 /* bytes: a header of 7, and what it says */
#define RECORDS 10

static struct vt_error err;
static struct vt_manifest_mark mark;
static uint64_t good;   /* the judge takes a list of so many bytes, or fewer */
static unsigned judged; /* lists */
static uint64_t cut;

static void save(const char *name, const void *bytes, size_t len)
{
	FILE *file = fopen(vt_scratch_path(name), "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static uint64_t size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) < 0 ? 0 : (uint64_t) st.st_size;
}

/* A list of records, of which the first `marked` are. */
static void set_up(unsigned marked)
{
	static unsigned char bytes[RECORDS * RECORD];

	(void) vt_scratch();
	for (unsigned i = 0; i < RECORDS; i++) {
		memset(bytes + i * RECORD, (int) (i + 0x20), RECORD);
		memcpy(bytes + i * RECORD + 4, (unsigned char[]){RECORD - 7, 0, 1}, 3);
	}
	save("CURRENT", "MANIFEST-000005\n", 16);
	save("MANIFEST-000005", bytes, sizeof bytes);
	save("000003.sst", "table", 5);
	mark = (struct vt_manifest_mark){.number = 5, .length = marked * RECORD};
	judged = 0;
	cut = 0;
}

static int judge(void *context, const char *dir, struct vt_error *unused)
{
	char path[4200];

	(void) snprintf(path, sizeof path, "%s/000003.sst", dir);
	ck_assert_uint_eq(size_of(path), 5);
	(void) snprintf(path, sizeof path, "%s/MANIFEST-000005", dir);
	judged++;
	return size_of(path) <= good ? 0 : -EBADMSG;
}

static int cut_off(void)
{
	int r = vt_manifest_cut(vt_scratch_dir, &mark, judge, NULL, &cut, &err);

	ck_assert_int_ne(access(vt_scratch_path("trial"), F_OK), 0);
	return r;
}

static void nothing_was_changed(void)
{
	ck_assert_uint_eq(size_of(vt_scratch_path("MANIFEST-000005")), RECORDS * RECORD);
	ck_assert_int_ne(access(vt_scratch_path("torn-MANIFEST-000005"), F_OK), 0);
	ck_assert_uint_eq(cut, 0);
}

START_TEST(no_more_records_go_than_must)
{
	for (unsigned left = 4; left < RECORDS; left++) {
		set_up(4);
		good = left * RECORD;
		ck_assert_int_eq(cut_off(), 1);
		ck_assert_uint_eq(judged, RECORDS - left);
		ck_assert_uint_eq(cut, (RECORDS - left) * RECORD);
		ck_assert_uint_eq(size_of(vt_scratch_path("MANIFEST-000005")), good);
		vt_scratch_done();
	}
}
END_TEST

START_TEST(what_is_cut_off_is_kept)
{
	char first = 0;
	int fd;

	set_up(1);
	good = 7 * RECORD;
	ck_assert_int_eq(cut_off(), 1);
	fd = open(vt_scratch_path("torn-MANIFEST-000005"), O_RDONLY);
	ck_assert_uint_eq(size_of(vt_scratch_path("torn-MANIFEST-000005")), 3 * RECORD);
	ck_assert_int_eq(pread(fd, &first, 1, 0), 1);
	ck_assert_int_eq(first, 7 + 0x20);
	close(fd);
	vt_scratch_done();
}
END_TEST

START_TEST(what_is_marked_stays)
{
	set_up(4);
	good = 3 * RECORD;
	ck_assert_int_eq(cut_off(), 0);
	ck_assert_uint_eq(judged, RECORDS - 4);
	nothing_was_changed();
	mark.length = RECORDS * RECORD;
	ck_assert_int_eq(cut_off(), 0);
	ck_assert_uint_eq(judged, RECORDS - 4);
	nothing_was_changed();
	vt_scratch_done();
}
END_TEST

START_TEST(a_mark_within_a_record_keeps_that_record)
{
	set_up(4);
	mark.length++;
	good = 4 * RECORD;
	ck_assert_int_eq(cut_off(), 0);
	good = 5 * RECORD;
	ck_assert_int_eq(cut_off(), 1);
	ck_assert_uint_eq(cut, 5 * RECORD);
	vt_scratch_done();
}
END_TEST

START_TEST(a_list_that_was_never_marked_is_left_alone)
{
	set_up(0);
	good = 5 * RECORD;
	for (mark.number = 0; mark.number < 8; mark.number += mark.number == 4 ? 2 : 1)
		ck_assert_int_eq(cut_off(), 0);
	ck_assert_uint_eq(judged, 0);
	nothing_was_changed();
	vt_scratch_done();
}
END_TEST

START_TEST(a_trial_of_one_who_died_is_in_nobodys_way)
{
	set_up(4);
	good = 8 * RECORD;
	ck_assert_int_eq(mkdir(vt_scratch_path("trial"), 0700), 0);
	save("trial/000003.sst", "another", 7);
	save("trial/MANIFEST-000005", "another", 7);
	ck_assert_int_eq(cut_off(), 1);
	vt_scratch_done();
}
END_TEST

VT_SUITE(manifest_cut, no_more_records_go_than_must, what_is_cut_off_is_kept, what_is_marked_stays,
	 a_mark_within_a_record_keeps_that_record, a_list_that_was_never_marked_is_left_alone,
	 a_trial_of_one_who_died_is_in_nobodys_way)
