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
	atomic_uint gets, scans, pinned;
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

struct vt_iterator {
	struct vt_store *store;
	enum vt_family family;
	const struct fake_row *row; /* given last; NULL: none yet */
	uint8_t from[sizeof(((struct fake_row *) NULL)->key)];
	size_t from_len;
};

static inline int fake_compare(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len)
{
	int order = memcmp(a, b, a_len < b_len ? a_len : b_len);

	return order ? order : (a_len > b_len) - (a_len < b_len);
}

/* Without a prefix only. */
int vt_iterator_new(struct vt_store *store, enum vt_family family, const void *prefix,
		    size_t prefix_len, const void *from, size_t from_len, struct vt_iterator **out,
		    struct vt_error *err)
{
	struct vt_iterator *it = calloc(1, sizeof *it);

	if (prefix_len > 0 || !it)
		abort();
	it->store = store;
	it->family = family;
	it->from_len = from_len;
	memcpy(it->from, from, from_len);
	store->scans++;
	*out = it;
	return 0;
}

int vt_iterator_next(struct vt_iterator *it, struct vt_value *key, struct vt_value *value,
		     struct vt_error *err)
{
	const struct fake_row *next = NULL;

	for (size_t i = 0; i < it->store->count; i++) {
		const struct fake_row *row = &it->store->rows[i];
		int order = fake_compare(row->key, row->key_len, it->from, it->from_len);

		if (row->family == it->family && (it->row ? order > 0 : order >= 0) &&
		    (!next || fake_compare(row->key, row->key_len, next->key, next->key_len) < 0))
			next = row;
	}
	if (!next)
		return 0;
	it->row = next;
	it->from_len = next->key_len;
	memcpy(it->from, next->key, next->key_len);
	*key = (struct vt_value){.data = next->key, .len = next->key_len};
	*value = (struct vt_value){.data = next->value, .len = next->len};
	return 1;
}

void vt_iterator_free(struct vt_iterator *it)
{
	free(it);
}
