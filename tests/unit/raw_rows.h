/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows as RocksDB has them, seals and all, read and written past the store's own calls: so a test
 * makes damage that RocksDB's sums do not know of.
 */
#include <stdlib.h>
#include <string.h>

#include "index/store_private.h"
#include "tests/unit/suite.h"

struct raw_row {
	uint8_t *key, *value;
	size_t key_len, len;
};

struct raw_rows {
	struct raw_row *rows;
	size_t count;
};

static inline uint8_t *raw_copy(const char *bytes, size_t len)
{
	return memcpy(malloc(len ? len : 1), bytes, len);
}

static inline struct raw_rows raw_rows_load(struct vt_store *store, enum vt_family family)
{
	rocksdb_iterator_t *it =
		rocksdb_create_iterator_cf(store->db, store->read, store->families[family]);
	struct raw_rows out = {0};

	for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		struct raw_row row;
		const char *key = rocksdb_iter_key(it, &row.key_len);
		const char *value = rocksdb_iter_value(it, &row.len);

		row.key = raw_copy(key, row.key_len);
		row.value = raw_copy(value, row.len);
		out.rows = reallocarray(out.rows, out.count + 1, sizeof *out.rows);
		out.rows[out.count++] = row;
	}
	rocksdb_iter_destroy(it);
	return out;
}

static inline void raw_rows_done(struct raw_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->rows[i].key);
		free(rows->rows[i].value);
	}
	free(rows->rows);
	*rows = (struct raw_rows){0};
}

static inline void raw_put(struct vt_store *store, enum vt_family family, const struct raw_row *row)
{
	char *message = NULL;

	rocksdb_put_cf(store->db, store->write, store->families[family], (const char *) row->key,
		       row->key_len, (const char *) row->value, row->len, &message);
	ck_assert_ptr_null(message);
}

static inline void raw_delete(struct vt_store *store, enum vt_family family,
			      const struct raw_row *row)
{
	char *message = NULL;

	rocksdb_delete_cf(store->db, store->write, store->families[family], (const char *) row->key,
			  row->key_len, &message);
	ck_assert_ptr_null(message);
}
