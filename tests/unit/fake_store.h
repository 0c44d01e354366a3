/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store of a few rows in memory, for tests of modules that only read: it counts what it is asked
 * and can refuse to wait. Its functions take the place of index/store.c's in the test program.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/store.h"

#define FAKE_ROWS_MAX 64

struct fake_row {
	enum vt_family family;
	uint8_t key[40];
	size_t key_len;
	const void *value; /* borrowed */
	size_t len;
};

struct vt_store {
	struct fake_row rows[FAKE_ROWS_MAX];
	size_t count;
	atomic_uint gets, pinned;
	bool no_disk;
};

static inline void fake_put(struct vt_store *store, enum vt_family family, const void *key,
			    size_t key_len, const void *value, size_t len)
{
	struct fake_row *row = &store->rows[store->count++];

	*row = (struct fake_row){.family = family, .key_len = key_len, .value = value, .len = len};
	memcpy(row->key, key, key_len);
}

int vt_store_get(struct vt_store *store, enum vt_family family, const void *key, size_t key_len,
		 bool nowait, struct vt_value *out, struct vt_error *err)
{
	store->gets++;
	if (nowait && store->no_disk)
		return -EAGAIN;
	for (size_t i = 0; i < store->count; i++) {
		const struct fake_row *row = &store->rows[i];

		if (row->family != family || row->key_len != key_len ||
		    memcmp(row->key, key, key_len) != 0)
			continue;
		store->pinned++;
		*out = (struct vt_value){malloc(row->len ? row->len : 1), row->len, store};
		memcpy((void *) out->data, row->value, row->len);
		return 0;
	}
	return vt_fail(err, ENOENT, "no such key");
}

void vt_value_done(struct vt_value *value)
{
	if (!value->pin)
		return;
	((struct vt_store *) value->pin)->pinned--;
	free((void *) value->data);
	*value = (struct vt_value){0};
}
