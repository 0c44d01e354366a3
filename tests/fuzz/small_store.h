/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store in a folder of its own, for targets that need one: made once, removed at exit. In memory
 * where that can be, for stores sync often.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "tests/unit/publish_direct.h"

static char small_store_top[64];

static inline void small_store_remove(void)
{
	direct_remove_all(small_store_top);
}

/* A path in the folder; good until the next call. */
static inline const char *small_store_path(const char *name)
{
	static char path[256];

	(void) snprintf(path, sizeof path, "%s/%s", small_store_top, name);
	return path;
}

/* The store's folder. */
static inline const char *small_store_make(void)
{
	(void) snprintf(small_store_top, sizeof small_store_top, "%s/vitrine-fuzz.XXXXXX",
			access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	must(mkdtemp(small_store_top) != NULL);
	(void) atexit(small_store_remove);
	must(vt_index_create(small_store_path("store"), NULL) == 0);
	return small_store_path("store");
}
