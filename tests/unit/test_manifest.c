/* SPDX-License-Identifier: Apache-2.0 */
/* A mark is of the list that counts, as far as it went. */
#include "index/manifest.h"

#include <errno.h>

#include "index/base/error.h"
#include "tests/unit/scratch.h"
#include "tests/unit/suite.h"

static struct vt_error err;
static struct vt_manifest list;

static void save(const char *name, const char *mode, const char *text)
{
	FILE *file = fopen(vt_scratch_path(name), mode);

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

/* Another CURRENT takes the place of the one that is there, as RocksDB has it. */
static void make_current(const char *text)
{
	char path[256];

	save("new", "we", text);
	strcpy(path, vt_scratch_path("CURRENT"));
	ck_assert_int_eq(rename(vt_scratch_path("new"), path), 0);
}

static void set_up(void)
{
	(void) vt_scratch();
	save("MANIFEST-000005", "we", "five");
	make_current("MANIFEST-000005\n");
	ck_assert_int_eq(vt_manifest_open(vt_scratch_dir, &list, &err), 0);
}

static void tear_down(void)
{
	vt_manifest_close(&list);
	vt_scratch_done();
}

static void advance(uint64_t number, uint64_t length)
{
	ck_assert_msg(vt_manifest_advance(&list, &err) == 0, "%s", err.text);
	ck_assert_uint_eq(list.mark.number, number);
	ck_assert_uint_eq(list.mark.length, length);
	ck_assert(vt_manifest_is(vt_scratch_dir, &list.mark));
}

START_TEST(a_mark_grows_with_the_list)
{
	set_up();
	ck_assert_uint_eq(list.mark.length, 0);
	advance(5, 4);
	save("MANIFEST-000005", "ae", " and more");
	ck_assert(!vt_manifest_is(vt_scratch_dir, &list.mark));
	ck_assert_int_eq(vt_manifest_check(vt_scratch_dir, &list.mark, &err), 0);
	advance(5, 13);
	tear_down();
}
END_TEST

START_TEST(a_mark_goes_over_to_another_list)
{
	set_up();
	advance(5, 4);
	save("MANIFEST-000007", "we", "seven");
	advance(5, 4); /* which does not count yet */
	make_current("MANIFEST-000007\n");
	advance(7, 5);
	advance(7, 5);
	tear_down();
}
END_TEST

START_TEST(a_list_that_cannot_be_followed_changes_no_mark)
{
	set_up();
	advance(5, 4);
	make_current("MANIFEST-000007\n");
	ck_assert_int_eq(vt_manifest_advance(&list, &err), -EBADMSG);
	ck_assert_uint_eq(list.mark.number, 5);
	make_current("nothing\n");
	ck_assert_int_eq(vt_manifest_advance(&list, &err), -EBADMSG);
	make_current("MANIFEST-000005\n");
	advance(5, 4);
	tear_down();
}
END_TEST

START_TEST(a_list_that_does_not_begin_as_marked_is_damaged)
{
	struct vt_manifest_mark mark;

	set_up();
	advance(5, 4);
	mark = list.mark;
	save("MANIFEST-000005", "we", "fife, and more");
	ck_assert_int_eq(vt_manifest_check(vt_scratch_dir, &mark, &err), -EBADMSG);
	save("MANIFEST-000005", "we", "fi");
	ck_assert_int_eq(vt_manifest_check(vt_scratch_dir, &mark, &err), -EBADMSG);
	tear_down();
}
END_TEST

VT_SUITE(manifest, a_mark_grows_with_the_list, a_mark_goes_over_to_another_list,
	 a_list_that_cannot_be_followed_changes_no_mark,
	 a_list_that_does_not_begin_as_marked_is_damaged)
