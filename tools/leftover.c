/* SPDX-License-Identifier: Apache-2.0 */
/* See leftover.h. */
#include "tools/leftover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/fuse_connections.h"
#include "fs/mount_table.h"
#include "fs/rows.h"
#include "index/base/error.h"
#include "policy/people.h"
#include "policy/rule.h"
#include "tools/holders.h"
#include "tools/output.h"

/* ---- gathering ------------------------------------------------------------------------------- */

static const char *const ways[] = {"file", "mapping", "folder", "mount"}; /* enum vt_hold_way */

static void add_holder(void *holders, const struct vt_holder *holder)
{
	char user[VT_PRINCIPAL_NAME_MAX + 1];
	json_t *holds = json_array(), *row;

	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (holder->ways & 1u << i)
			(void) json_array_append_new(holds, json_string(ways[i]));
	vt_people_name_of(holder->uid, user, sizeof user);
	row = json_pack("{s:i, s:I, s:s, s:o}", "pid", (int) holder->pid, "uid",
			(json_int_t) holder->uid, "user", user, "holds", holds);
	(void) vt_json_set_text(row, "command", holder->command, strlen(holder->command));
	(void) json_array_append_new(holders, row);
}

struct points {
	uint64_t device;
	json_t *list;
};

static int add_point(void *context, const struct vt_mounted *mounted)
{
	struct points *points = context;
	vt_cleanup(vt_json_freep) json_t *row = json_object();

	if (mounted->device != points->device)
		return 0;
	(void) vt_json_set_text(row, "point", mounted->point, strlen(mounted->point));
	(void) json_array_append(points->list, json_object_get(row, "point"));
	return 0;
}

static int add_row(void *rows, const json_t *given, const void *blob, size_t blob_len)
{
	struct points points = {.list = json_array()};
	json_t *row = json_copy((json_t *) given), *holders = json_array();
	int all;

	(void) vt_device_parse(vt_json_text(given, "device", ""), &points.device);
	(void) vt_mounted_list(add_point, &points, NULL);
	all = vt_holders_each(points.device, add_holder, holders, NULL);
	(void) json_object_set_new(row, "mounted", points.list);
	(void) json_object_set_new(row, "holders", holders);
	(void) json_object_set_new(row, "all_seen", json_boolean(all > 0));
	return json_array_append_new(rows, row);
}

int vt_leftover_rows(struct vt_cli *cli, json_t **rows, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *list = json_array();
	vt_autoclose int connections = vt_fuse_connections_open();
	const struct vt_call call = {.op = "leftovers",
				     .fd = connections < 0 ? 0 : connections,
				     .row = add_row,
				     .context = list};
	int r = vt_cli_connect(cli, err);

	if (r >= 0)
		r = vt_client_call(cli->client, &call, NULL, err);
	if (r < 0)
		return r;
	*rows = vt_steal(&list);
	return 0;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void print_text(FILE *out, const char *text)
{
	vt_print_name(out, text, strlen(text));
}

static void print_holder(FILE *out, const json_t *holder)
{
	const json_t *way;
	size_t i;

	(void) fprintf(out, "  pid %lld  ", (long long) vt_json_count(holder, "pid"));
	print_text(out, vt_json_text(holder, "user", "?"));
	(void) fputs("  ", out);
	print_text(out, vt_json_text(holder, "command", "?"));
	json_array_foreach(json_object_get(holder, "holds"), i, way)(void)
		fprintf(out, "%s %s", i == 0 ? " " : ",", json_string_value(way));
	(void) fputc('\n', out);
}

static void print_row(FILE *out, const json_t *row)
{
	const json_t *list = json_object_get(row, "holders"), *item;
	size_t i;

	(void) fputs("What the mount on ", out);
	print_text(out, vt_json_text(row, "mountpoint", "?"));
	(void) fprintf(out, " (device %s) showed can still be read there, without a server",
		       vt_json_text(row, "device", "?"));
	(void) fputs(json_array_size(list) ? ", by\n" : ".\n", out);
	json_array_foreach(list, i, item) print_holder(out, item);
	if (!json_is_true(json_object_get(row, "all_seen")))
		(void) fputs("  (processes of other users are seen by root only)\n", out);
	json_array_foreach(json_object_get(row, "mounted"), i, item)
	{
		(void) fputs("  It is still mounted: end it with 'vitrine umount --lazy ", out);
		print_text(out, json_string_value(item));
		(void) fputs("'.\n", out);
	}
	if (!json_is_true(json_object_get(row, "known")))
		(void) fputs(
			"  The server cannot ask the kernel; 'vitrine status' by root lets it.\n",
			out);
}

void vt_leftover_print(FILE *out, const json_t *rows)
{
	const json_t *row;
	size_t i;

	if (json_array_size(rows) == 0)
		return;
	json_array_foreach(rows, i, row) print_row(out, row);
	(void) fputs(
		"Until that ends only what is open to everybody is served. An administrator who "
		"takes it upon\nhimself says 'vitrine mount --accept-leftover'.\n",
		out);
}
