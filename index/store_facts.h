/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a store says of itself without being opened: STORE/vitrine.json. Thread-safe. */
#include <stdint.h>

struct vt_error;

#define VT_STORE_FORMAT 1 /* a newer one is refused */

struct vt_store_facts {
	int format;
	char uuid[37];
	uint32_t owner_uid;  /* of the folder */
	uint64_t created_ns; /* when its description was written, once */
};
/* -ENOENT no store there, -ENOTSUP a newer format (both say what to do). */
int vt_store_facts_read(const char *dir, struct vt_store_facts *out, struct vt_error *err);

/* Of a new store, a uuid of its own with them; durable when it returns. -errno. */
int vt_store_facts_write(const char *dir, struct vt_error *err);
