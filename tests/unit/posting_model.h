/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Rows of postings in memory: what a builder gives, and a source of them. */
#include "index/posting.h"
#include "tests/unit/tree_model.h"

struct posting_row {
	enum vt_family family;
	uint8_t *key, *value;
	size_t key_len, value_len;
};

struct posting_rows {
	struct posting_row *list;
	size_t count, room, bytes;
	int fails_at; /* the scan that fails; 0: none */
	int scans;
};

static inline int compare_rows(const struct posting_row *row, enum vt_family family,
			       const void *key, size_t len)
{
	if (row->family != family)
		return row->family < family ? -1 : 1;
	return vt_name_compare((const char *) row->key, row->key_len, key, len);
}

static inline uint8_t *copy_of(const void *data, size_t len)
{
	uint8_t *copy = malloc(len + 1); /* reading behind it shows */

	memcpy(copy, data, len);
	return realloc(copy, len ? len : 1);
}

static inline int put_row(void *context, enum vt_family family, const void *key, size_t key_len,
			  const void *value, size_t value_len, struct vt_error *err)
{
	struct posting_rows *rows = context;

	must(rows->count == 0 ||
	     compare_rows(&rows->list[rows->count - 1], family, key, key_len) < 0);
	if (rows->count == rows->room) {
		rows->room = rows->room ? 2 * rows->room : 64;
		rows->list = realloc(rows->list, rows->room * sizeof *rows->list);
	}
	rows->list[rows->count++] = (struct posting_row){
		family, copy_of(key, key_len), copy_of(value, value_len), key_len, value_len};
	rows->bytes += key_len + value_len;
	return 0;
}

static inline int scan_rows(void *context, enum vt_family family, const void *prefix,
			    size_t prefix_len, const void *from, size_t from_len,
			    vt_posting_row *each, void *each_context, struct vt_error *err)
{
	struct posting_rows *rows = context;
	size_t low = 0, high = rows->count;
	int r = 0;

	if (++rows->scans == rows->fails_at)
		return vt_fail(err, EIO, "a scan that fails");
	while (low < high) {
		size_t middle = (low + high) / 2;

		if (compare_rows(&rows->list[middle], family, from, from_len) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; r == 0 && low < rows->count; low++) {
		const struct posting_row *row = &rows->list[low];

		if (row->family != family || row->key_len < prefix_len ||
		    memcmp(row->key, prefix, prefix_len) != 0)
			break;
		r = each(each_context, row->key, row->key_len, row->value, row->value_len, err);
	}
	return r;
}

static inline struct vt_posting_source rows_source(struct posting_rows *rows)
{
	return (struct vt_posting_source){.scan = scan_rows, .context = rows};
}

static inline void rows_done(struct posting_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		free(rows->list[i].key);
		free(rows->list[i].value);
	}
	free(rows->list);
	*rows = (struct posting_rows){0};
}
