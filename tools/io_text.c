/* SPDX-License-Identifier: Apache-2.0 */
/* See io_text.h. */
#include "tools/io_text.h"

#include <math.h>
#include <stdio.h>

#include "tools/cli.h"
#include "tools/output.h"

void vt_duration_format(double ns, char out[VT_DURATION_TEXT])
{
	if (ns < 999950)
		(void) snprintf(out, VT_DURATION_TEXT, "%.1f µs", ns / 1e3);
	else if (ns < 999950e3)
		(void) snprintf(out, VT_DURATION_TEXT, "%.1f ms", ns / 1e6);
	else
		(void) snprintf(out, VT_DURATION_TEXT, "%.1f s", ns / 1e9);
}

void vt_age_format(double ns, char out[VT_DURATION_TEXT])
{
	unsigned long minutes = (unsigned long) (ns / 60e9);

	if (minutes >= 24 * 60)
		(void) snprintf(out, VT_DURATION_TEXT, "%lud %02luh", minutes / (24 * 60),
				minutes / 60 % 24);
	else if (minutes >= 60)
		(void) snprintf(out, VT_DURATION_TEXT, "%luh %02lum", minutes / 60, minutes % 60);
	else
		(void) snprintf(out, VT_DURATION_TEXT, "%lum %02us", minutes,
				(unsigned) ((unsigned long) (ns / 1e9) % 60));
}

/* ---- how long answers took ------------------------------------------------------------------- */

double vt_io_share_within(const json_t *counts, double share)
{
	double all = 0, so_far = 0, bound_ns = 1000;
	const json_t *count;
	size_t i, last = json_array_size(counts) - 1;

	json_array_foreach((json_t *) counts, i, count) all += json_number_value(count);
	json_array_foreach((json_t *) counts, i, count)
	{
		so_far += json_number_value(count);
		if (so_far >= share * all)
			return i == last ? INFINITY : bound_ns;
		bound_ns *= 2;
	}
	return INFINITY;
}

static void set_bound(json_t *row, const char *key, double ns)
{
	char bound[VT_DURATION_TEXT], text[VT_DURATION_TEXT + 8];

	vt_duration_format(ns, bound);
	(void) snprintf(text, sizeof text, "≤ %s", bound);
	(void) json_object_set_new(row, key, json_string(isinf(ns) ? "longer" : text));
}

static json_t *latency_row(const char *name, const json_t *latency)
{
	const json_t *counts = json_object_get(latency, "counts");
	json_int_t count = vt_json_count(latency, "count");
	json_t *row = json_pack("{s:s, s:I}", "kind", name, "count", count);
	char mean[VT_DURATION_TEXT];

	vt_duration_format((double) vt_json_count(latency, "sum_ns") / (double) count, mean);
	(void) json_object_set_new(row, "mean", json_string(mean));
	set_bound(row, "half", vt_io_share_within(counts, 0.5));
	set_bound(row, "most", vt_io_share_within(counts, 0.99));
	return row;
}

static json_t *latency_rows(const json_t *io)
{
	json_t *rows = json_array(), *latency;
	const char *name;

	json_object_foreach(json_object_get(io, "latency"), name, latency)
	{
		if (vt_json_count(latency, "count") > 0)
			(void) json_array_append_new(rows, latency_row(name, latency));
	}
	return rows;
}

/* ---- other tables ---------------------------------------------------------------------------- */

/* An object of counts as rows. */
static json_t *count_rows(const json_t *counts)
{
	json_t *rows = json_array(), *count;
	const char *name;

	json_object_foreach((json_t *) counts, name, count)(void)
		json_array_append_new(rows, json_pack("{s:s, s:O}", "kind", name, "count", count));
	return rows;
}

static json_t *cache_rows(const json_t *io)
{
	static const char *const kinds[] = {"frames", "pages", "recipes"};
	const json_t *cache = json_object_get(io, "cache");
	json_t *rows = json_array();

	for (size_t i = 0; cache && i < sizeof kinds / sizeof *kinds; i++) {
		const json_t *looks = json_object_get(cache, kinds[i]);
		json_int_t hits = vt_json_count(looks, "hits");
		json_int_t all = hits + vt_json_count(looks, "misses");
		char share[16] = "-";
		json_t *row;

		if (all > 0)
			(void) snprintf(share, sizeof share, "%.1f %%",
					100.0 * (double) hits / (double) all);
		row = json_pack("{s:s, s:I, s:I, s:s}", "kind", kinds[i], "looks", all, "hits",
				hits, "share", share);
		(void) json_object_update_missing(row, (json_t *) looks);
		(void) json_array_append_new(rows, row);
	}
	return rows;
}

/* Takes `rows`. */
static int print_made(const struct vt_cli *cli, const struct vt_column *columns, json_t *rows,
		      struct vt_error *err)
{
	int r = vt_print_table(cli, columns, rows, SIZE_MAX, err);

	json_decref(rows);
	return r;
}

static int print_sums(const struct vt_cli *cli, const json_t *io, struct vt_error *err)
{
	static const struct vt_column kinds[] = {
		{"KIND", "kind", VT_COLUMN_TEXT}, {"REQUESTS", "count", VT_COLUMN_COUNT}, {0}};
	static const struct vt_column errors[] = {
		{"ERROR", "kind", VT_COLUMN_TEXT}, {"ANSWERS", "count", VT_COLUMN_COUNT}, {0}};
	static const struct vt_column latencies[] = {
		{"ANSWERED", "kind", VT_COLUMN_TEXT}, {"TIMES", "count", VT_COLUMN_COUNT},
		{"MEAN", "mean", VT_COLUMN_TEXT},     {"HALF", "half", VT_COLUMN_TEXT},
		{"99 %", "most", VT_COLUMN_TEXT},     {0}};
	static const struct vt_column looks[] = {{"CACHE", "kind", VT_COLUMN_TEXT},
						 {"LOOKS", "looks", VT_COLUMN_COUNT},
						 {"HITS", "hits", VT_COLUMN_COUNT},
						 {"SHARE", "share", VT_COLUMN_TEXT},
						 {"READ AROUND", "around", VT_COLUMN_COUNT},
						 {"USED", "around_used", VT_COLUMN_COUNT},
						 {0}};
	int r = print_made(cli, kinds, count_rows(json_object_get(io, "requests")), err);

	if (r == 0)
		r = print_made(cli, errors, count_rows(json_object_get(io, "errors")), err);
	if (r == 0)
		r = print_made(cli, latencies, latency_rows(io), err);
	return r < 0 ? r : print_made(cli, looks, cache_rows(io), err);
}

static int print_usage(const struct vt_cli *cli, const json_t *io, struct vt_error *err)
{
	static const struct vt_column readers[] = {{"READER", "name", VT_COLUMN_NAME},
						   {"REQUESTS", "requests", VT_COLUMN_COUNT},
						   {"OPENED", "opens", VT_COLUMN_COUNT},
						   {"READ", "bytes", VT_COLUMN_SIZE},
						   {0}};
	static const struct vt_column datasets[] = {{"DATASET", "name", VT_COLUMN_NAME},
						    {"OPENED", "opens", VT_COLUMN_COUNT},
						    {"READ", "bytes", VT_COLUMN_SIZE},
						    {0}};
	int r = vt_print_table(cli, readers, json_object_get(io, "readers"), SIZE_MAX, err);

	return r < 0 ? r
		     : vt_print_table(cli, datasets, json_object_get(io, "datasets"), SIZE_MAX,
				      err);
}

static void print_head(const json_t *io)
{
	static const struct vt_column server[] = {{"server", "pid", VT_COLUMN_TEXT},
						  {"memory", "memory", VT_COLUMN_SIZE},
						  {"opened", "opens", VT_COLUMN_COUNT},
						  {"read", "bytes", VT_COLUMN_SIZE},
						  {0}};
	static const struct vt_column frames[] = {{"frames decoded", "decoded", VT_COLUMN_COUNT},
						  {"to", "bytes_decoded", VT_COLUMN_SIZE},
						  {"from", "bytes_stored", VT_COLUMN_SIZE},
						  {"read around", "around", VT_COLUMN_SIZE},
						  {"of that used", "around_used", VT_COLUMN_SIZE},
						  {"waited for", "waits", VT_COLUMN_COUNT},
						  {"damaged", "damaged", VT_COLUMN_COUNT},
						  {"failed", "failed", VT_COLUMN_COUNT},
						  {0}};
	const json_t *decoded = json_object_get(io, "frames");
	char age[VT_DURATION_TEXT];

	vt_age_format(vt_json_number(io, "age_ns"), age);
	vt_print_record(io, server);
	(void) printf("counted for %s\n", age);
	if (decoded) {
		(void) putchar('\n');
		vt_print_record(decoded, frames);
	}
}

int vt_io_print(const struct vt_cli *cli, const json_t *io, struct vt_error *err)
{
	int r;

	print_head(io);
	r = print_sums(cli, io, err);
	return r < 0 ? r : print_usage(cli, io, err);
}
