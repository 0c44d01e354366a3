/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A folder of its own for a test: vt_scratch() in the current test, gone at vt_scratch_done(). A
 * path below it by vt_scratch_path(), good until the 8th call after.
 */
#include <check.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The thread sanitizer follows no fork of a process with threads: such tests leave at once there.
 */
#ifdef __SANITIZE_THREAD__
#define VT_CAN_FORK false
#else
#define VT_CAN_FORK true
#endif

static char vt_scratch_dir[64];

static inline const char *vt_scratch(void)
{
	strcpy(vt_scratch_dir, "/tmp/vitrine-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(vt_scratch_dir));
	return vt_scratch_dir;
}

static inline const char *vt_scratch_path(const char *name)
{
	static char paths[8][256];
	static unsigned turn;
	char *path = paths[turn++ % 8];

	ck_assert_int_lt(snprintf(path, sizeof paths[0], "%s/%s", vt_scratch_dir, name),
			 (int) sizeof paths[0]);
	return path;
}

static inline int vt_scratch_remove(const char *path, const struct stat *st, int type,
				    struct FTW *ftw)
{
	return remove(path);
}

static inline void vt_scratch_done(void)
{
	(void) nftw(vt_scratch_dir, vt_scratch_remove, 16, FTW_DEPTH | FTW_PHYS);
}
