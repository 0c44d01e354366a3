/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An index whose disk was full, or failed, takes no change until it is opened again, and none at
 * its close. RocksDB, asked for one while it recovers by itself, ends the process by an assertion
 * now and then.
 */
#include "index/store.h"
#include "tests/unit/store_model.h"
#include "tests/unit/suite.h"

#include <stdatomic.h>
#include <sys/syscall.h>

#define ROUNDS 30

static atomic_int fails; /* an errno: what the next write to such a file gives; 0: none fails */
static const char *fails_in = ".log"; /* part of its name */

static bool may_fail(int fd)
{
	char link[64], path[512] = "";

	(void) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	return readlink(link, path, sizeof path - 1) > 0 && strstr(path, fails_in);
}

/* In place of libc's, which RocksDB calls. */
ssize_t write(int fd, const void *bytes, size_t len);
ssize_t write(int fd, const void *bytes, size_t len)
{
	int code = fails;

	if (code == 0 || !may_fail(fd))
		return syscall(SYS_write, fd, bytes, len);
	fails = 0;
	errno = code;
	return -1;
}

static int change(bool sync)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();

	vt_batch_put(batch, idx->store, VT_CF_AUDIT, "key", 3, "value", 5);
	return vt_store_write(idx->store, batch, sync, &err);
}

static void get_stuck(int code)
{
	fails = code;
	ck_assert_int_eq(change(true), -code);
	ck_assert_int_eq(vt_store_stuck(idx->store), -code);
}

START_TEST(one_that_is_stuck_is_closed_and_opens_again)
{
	static const int codes[] = {ENOSPC, EIO};

	index_set_up();
	publish("birds", NULL, "bytes");
	for (int i = 0; i < ROUNDS; i++) {
		get_stuck(codes[i % 2]);
		for (int j = 0; j < i / 2 % 4; j++) { /* while RocksDB recovers, or after */
			ck_assert_int_eq(change(j % 2), -codes[i % 2]);
			(void) usleep(j * i * 300);
		}
		index_reopen();
		ck_assert_int_eq(vt_store_stuck(idx->store), 0);
		ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	}
	index_tear_down();
}
END_TEST

/* At the close all that the log has is written to tables. */
START_TEST(one_that_gets_stuck_at_its_close_opens_again)
{
	static const char *const files[] = {".log", ".sst", "/MANIFEST-"};

	index_set_up();
	publish("birds", NULL, "bytes");
	for (int i = 0; i < ROUNDS; i++) {
		must(change(true) == 0);
		fails_in = files[i % 3];
		fails = i % 2 ? ENOSPC : EIO;
		vt_index_close(idx);
		ck_assert_int_eq(fails, 0); /* it was met */
		index_open();
		ck_assert_uint_eq(count_rows(VT_CF_VERSION), 1);
	}
	index_tear_down();
}
END_TEST

VT_SUITE(stuck, one_that_is_stuck_is_closed_and_opens_again,
	 one_that_gets_stuck_at_its_close_opens_again)
