/* SPDX-License-Identifier: Apache-2.0 */
/* See rates.h. */
#include "tools/rates.h"

#include <stdlib.h>
#include <string.h>

#include "tools/cli.h"

static double sum_of(const json_t *counts)
{
	double sum = 0;
	const char *key;
	json_t *count;

	json_object_foreach((json_t *) counts, key, count) sum += json_number_value(count);
	return sum;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* By id, of which the row of the others has none. */
static const json_t *find_row(const json_t *rows, const json_t *id)
{
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *) rows, i, row)
	{
		const json_t *its = json_object_get(row, "id");

		if ((!id && !its) || (id && its && json_equal(id, its)))
			return row;
	}
	return NULL;
}

/* NULL: nothing was done. */
static json_t *row_rates(const json_t *before, const json_t *after, double seconds)
{
	static const char *const sums[] = {"requests", "opens", "bytes"};
	json_t *row = json_copy((json_t *) after);
	double all = 0;

	for (size_t i = 0; i < sizeof sums / sizeof *sums; i++) {
		double done = vt_json_number(after, sums[i]) - vt_json_number(before, sums[i]);

		(void) json_object_set_new(row, sums[i], json_real(done / seconds));
		all += done;
	}
	if (all == 0)
		json_decref(vt_steal(&row));
	return row;
}

static int more_first(const void *a, const void *b)
{
	static const char *const keys[] = {"bytes", "requests", "opens"};
	const json_t *one = *(json_t *const *) a, *other = *(json_t *const *) b;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		double x = vt_json_number(one, keys[i]), y = vt_json_number(other, keys[i]);

		if (x != y)
			return x > y ? -1 : 1;
	}
	return strcmp(vt_json_text(one, "name", ""), vt_json_text(other, "name", ""));
}

/* Takes `rows`. */
static json_t *sorted(json_t *rows)
{
	size_t count = json_array_size(rows);
	json_t **items = calloc(count + 1, sizeof *items), *out = json_array();

	for (size_t i = 0; items && i < count; i++)
		items[i] = json_array_get(rows, i);
	if (items)
		qsort(items, count, sizeof(json_t *), more_first);
	for (size_t i = 0; items && i < count; i++)
		(void) json_array_append(out, items[i]);
	free(items);
	json_decref(rows);
	return out;
}

static json_t *rows_rates(const json_t *before, const json_t *after, double seconds)
{
	json_t *rows = json_array();
	const json_t *row;
	size_t i;

	json_array_foreach((json_t *) after, i, row)
	{
		json_t *rates =
			row_rates(find_row(before, json_object_get(row, "id")), row, seconds);

		if (rates)
			(void) json_array_append_new(rows, rates);
	}
	return sorted(rows);
}

/* ---- sums ------------------------------------------------------------------------------------ */

static const json_t *frame_looks(const json_t *io)
{
	return json_object_get(json_object_get(io, "cache"), "frames");
}

static json_t *hit_share(const json_t *before, const json_t *after)
{
	const json_t *was = frame_looks(before), *is = frame_looks(after);
	double hits = vt_json_number(is, "hits") - vt_json_number(was, "hits");
	double misses = vt_json_number(is, "misses") - vt_json_number(was, "misses");

	return hits + misses > 0 ? json_real(hits / (hits + misses)) : json_null();
}

static void set_sums(const json_t *before, const json_t *after, double seconds, json_t *rates)
{
	double requests = sum_of(json_object_get(after, "requests")) -
			  sum_of(json_object_get(before, "requests"));

	if (!json_object_get(after, "requests"))
		return;
	(void) json_object_set(rates, "memory", json_object_get(after, "memory"));
	(void) json_object_set_new(rates, "requests", json_real(requests / seconds));
	(void) json_object_set_new(
		rates, "opens",
		json_real((vt_json_number(after, "opens") - vt_json_number(before, "opens")) /
			  seconds));
	(void) json_object_set_new(
		rates, "bytes",
		json_real((vt_json_number(after, "bytes") - vt_json_number(before, "bytes")) /
			  seconds));
	(void) json_object_set_new(rates, "hit_share", hit_share(before, after));
}

json_t *vt_rates(const json_t *before, const json_t *after)
{
	double seconds = (vt_json_number(after, "age_ns") - vt_json_number(before, "age_ns")) / 1e9;
	json_t *rates;

	if (seconds <= 0 || vt_json_count(before, "pid") != vt_json_count(after, "pid"))
		return NULL;
	rates = json_pack("{s:f, s:f}", "seconds", seconds, "up_seconds",
			  vt_json_number(after, "age_ns") / 1e9);
	set_sums(before, after, seconds, rates);
	(void) json_object_set_new(rates, "readers",
				   rows_rates(json_object_get(before, "readers"),
					      json_object_get(after, "readers"), seconds));
	(void) json_object_set_new(rates, "datasets",
				   rows_rates(json_object_get(before, "datasets"),
					      json_object_get(after, "datasets"), seconds));
	return rates;
}
