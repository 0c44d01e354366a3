/* SPDX-License-Identifier: Apache-2.0 */
/* All of a range, though pipes cut it and a file ends. */
#include "index/base/cleanup.h"
#include "index/base/file.h"
#include "tests/unit/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

START_TEST(a_range_is_written_and_read_where_it_is)
{
	vt_autoclose int fd = vt_file_open_nameless("/tmp");
	char there[8] = "";

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(vt_file_write(fd, "0123", 4), 0);
	ck_assert_int_eq(vt_file_write(fd, "4567", 4), 0);
	ck_assert_int_eq(vt_file_write_at(fd, "ab", 2, 3), 0);
	ck_assert_int_eq(vt_file_read_at(fd, there, 6, 1), 6);
	ck_assert_mem_eq(there, "12ab56", 6);
}
END_TEST

START_TEST(less_is_read_where_the_file_ends)
{
	vt_autoclose int fd = vt_file_open_nameless("/tmp");
	char there[8];

	ck_assert_int_eq(vt_file_write(fd, "0123", 4), 0);
	ck_assert_int_eq(vt_file_read_at(fd, there, sizeof there, 1), 3);
	ck_assert_int_eq(vt_file_read_at(fd, there, sizeof there, 9), 0);
}
END_TEST

START_TEST(errors_are_numbers)
{
	vt_autoclose int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	vt_autoclose int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
	char byte = 0;

	ck_assert_int_eq(vt_file_write(fd, &byte, 1), -EBADF);
	ck_assert_int_eq(vt_file_write_at(full, &byte, 1, 0), -ENOSPC);
	ck_assert_int_eq(vt_file_read_at(full, &byte, 1, 0), -EBADF);
	ck_assert_int_eq(vt_file_open_nameless("/dev/null"), -ENOTDIR);
}
END_TEST

START_TEST(a_nameless_file_has_no_name)
{
	vt_autoclose int fd = vt_file_open_nameless("/tmp");
	struct stat there;

	ck_assert_int_eq(fstat(fd, &there), 0);
	ck_assert_uint_eq(there.st_nlink, 0);
}
END_TEST

START_TEST(what_is_cut_goes_on)
{
	static const char bytes[1u << 20]; /* far more than a pipe takes at once */
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(vt_file_write(ends[1], bytes, sizeof bytes),
			 -EAGAIN); /* the second time */
	ck_assert_int_eq(close(ends[0]), 0);
	ck_assert_int_eq(close(ends[1]), 0);
}
END_TEST

VT_SUITE(base_file, a_range_is_written_and_read_where_it_is, less_is_read_where_the_file_ends,
	 errors_are_numbers, a_nameless_file_has_no_name, what_is_cut_goes_on)
