/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A sorted array of rows, by id or by name. The catalog's tables are small, grow at the end, and
 * are listed in order more often than they change. One table uses one of the two orders: with names
 * (all rows have one, borrowed), or without. Room is made ahead, so that what follows a durable
 * write cannot fail.
 *
 * Not thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_row {
	const char *name; /* NULL: the table is ordered by id */
	uint32_t id;
	const void *value;
};

struct vt_table {
	struct vt_row *rows;
	size_t count, room;
};

void vt_table_done(struct vt_table *table); /* frees the array; rows own nothing */

/* Makes room for `more` rows. -ENOMEM. */
int vt_table_reserve(struct vt_table *table, size_t more);

/* Puts a row, in place of the one with the same key if there is one. The room must be there. */
void vt_table_put(struct vt_table *table, struct vt_row row);

/* NULL when there is none. Borrowed until the next change. */
struct vt_row *vt_table_find(const struct vt_table *table, uint32_t id);
struct vt_row *vt_table_find_name(const struct vt_table *table, const char *name);

static inline const void *vt_row_value(const struct vt_row *row) /* NULL without a row */
{
	return row ? row->value : NULL;
}

/* Takes a found row out. NULL is accepted. */
void vt_table_remove(struct vt_table *table, struct vt_row *row);
