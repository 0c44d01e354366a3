/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine status`: the server of the store and what it serves. Asking starts no server. */
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/io_text.h"
#include "tools/leftover.h"
#include "tools/options.h"
#include "tools/output.h"

static bool want_io;
static const struct vt_option options[] = {
	VT_FLAG(0, "io", &want_io, "what readers asked for, how long it took, for whom"),
	{0},
};
static const struct vt_column server_columns[] = {
	{"server", "pid", VT_COLUMN_TEXT},
	{"version", "version", VT_COLUMN_TEXT},
	{"started", "started", VT_COLUMN_TIME},
	{"uid", "uid", VT_COLUMN_TEXT},
	{"memory", "memory", VT_COLUMN_SIZE},
	{"confined", "confined", VT_COLUMN_TEXT},
	{"but not", "unconfined", VT_COLUMN_TEXT},
	{"imports", "imports", VT_COLUMN_COUNT},
	{0},
};
static const struct vt_column mount_columns[] = {
	{"MOUNTPOINT", "mountpoint", VT_COLUMN_TEXT},
	{"KIND", "kind", VT_COLUMN_TEXT},
	{"SINCE", "since", VT_COLUMN_TIME},
	{"REQUESTS", "requests", VT_COLUMN_COUNT},
	{0},
};

static int keep_row(void *list, const json_t *row, const void *blob, size_t blob_len)
{
	return json_array_append(list, (json_t *) row) < 0 ? -1 : 0;
}

static void print_server(const json_t *status, const json_t *cache)
{
	char used[16], limit[16];

	vt_print_record(status, server_columns);
	if (!json_is_object(cache))
		return;
	vt_format_size((uint64_t) vt_json_count(cache, "used"), used);
	vt_format_size((uint64_t) vt_json_count(cache, "limit"), limit);
	(void) printf("cache     %s of %s\n", used, limit);
}

static void print_torn(const json_t *torn)
{
	const json_t *row;
	size_t i;

	json_array_foreach(torn, i, row)
	{
		const char *path = vt_json_text(row, "path", "?");

		(void) fputs("cut off   ", stdout);
		vt_print_name(stdout, path, strlen(path));
		(void) printf(", %lld bytes\n", (long long) vt_json_count(row, "bytes"));
	}
}

static int print_mounts(const struct vt_cli *cli, const json_t *mounts, struct vt_error *err)
{
	if (json_array_size(mounts) == 0)
		(void) puts("mounts    none");
	return vt_print_table(cli, mount_columns, mounts, SIZE_MAX, err);
}

static int show_io(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *io = NULL;
	int r = vt_print_result(cli, "io", NULL, &io, err);

	return r < 0 || cli->json ? r : vt_io_print(cli, io, err);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *status = NULL, *mounts = json_array(), *leftovers = NULL;
	int r = vt_cli_connect_running(cli, err);

	if (r <= 0)
		return r;
	if (want_io)
		return show_io(cli, err);
	r = vt_cli_call(cli, "status", NULL, NULL, NULL, &status, err);
	if (r == 0)
		r = vt_cli_call(cli, "mounts", NULL, keep_row, mounts, NULL, err);
	if (r == 0)
		r = vt_leftover_rows(cli, &leftovers, err);
	if (r < 0)
		return r;
	if (!cli->json) {
		print_server(status, json_object_get(status, "cache"));
		print_torn(json_object_get(status, "torn"));
		r = print_mounts(cli, mounts, err);
		if (json_array_size(leftovers) > 0)
			(void) putchar('\n');
		vt_leftover_print(stdout, leftovers);
		return r;
	}
	(void) json_object_set_new(status, "running", json_true());
	(void) json_object_set_new(status, "store", json_string(cli->store));
	(void) json_object_set(status, "mounts", mounts);
	(void) json_object_set(status, "leftovers", leftovers);
	vt_print_json(status);
	return 0;
}

const struct vt_command vt_cmd_status = {
	.name = "status",
	.synopsis = "",
	.options = options,
	.summary = "Show the server of the store, its memory and its mounts",
	.run = run,
};
