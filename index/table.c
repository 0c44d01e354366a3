/* SPDX-License-Identifier: Apache-2.0 */
/* See table.h. */
#include "index/table.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"

void vt_table_done(struct vt_table *table)
{
	free(table->rows);
	*table = (struct vt_table){0};
}

int vt_table_reserve(struct vt_table *table, size_t more)
{
	return vt_array_reserve(table->rows, table->room, table->count + more);
}

static int compare(const struct vt_row *row, uint32_t id, const char *name)
{
	if (name)
		return strcmp(row->name, name);
	return row->id < id ? -1 : row->id > id;
}

/* Index of the first row that does not come before the key. */
static size_t lower_bound(const struct vt_table *table, uint32_t id, const char *name)
{
	size_t low = 0, high = table->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(&table->rows[middle], id, name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct vt_row *find(const struct vt_table *table, uint32_t id, const char *name)
{
	size_t i = lower_bound(table, id, name);

	if (i == table->count || compare(&table->rows[i], id, name) != 0)
		return NULL;
	return &table->rows[i];
}

struct vt_row *vt_table_find(const struct vt_table *table, uint32_t id)
{
	return find(table, id, NULL);
}

struct vt_row *vt_table_find_name(const struct vt_table *table, const char *name)
{
	return find(table, 0, name);
}

void vt_table_put(struct vt_table *table, struct vt_row row)
{
	size_t i = lower_bound(table, row.id, row.name);

	if (i < table->count && compare(&table->rows[i], row.id, row.name) == 0) {
		table->rows[i] = row;
		return;
	}
	assert(table->count < table->room);
	memmove(&table->rows[i + 1], &table->rows[i], (table->count - i) * sizeof row);
	table->rows[i] = row;
	table->count++;
}

void vt_table_remove(struct vt_table *table, struct vt_row *row)
{
	size_t after;

	if (!row)
		return;
	after = table->count - (size_t) (row - table->rows) - 1;
	memmove(row, row + 1, after * sizeof *row);
	table->count--;
}
