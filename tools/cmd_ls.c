/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine ls`: what there is, one level at a time: datasets, versions of one, files of a version.
 */
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static bool recursive;
static const struct vt_option options[] = {
	VT_FLAG('r', "recursive", &recursive, "list everything below, with paths"),
	{0},
};

static const struct vt_column dataset_columns[] = {
	{"DATASET", "dataset", VT_COLUMN_TEXT},
	{"LATEST", "latest", VT_COLUMN_TEXT},
	{"VERSIONS", "versions", VT_COLUMN_COUNT},
	{"FILES", "files", VT_COLUMN_COUNT},
	{"SIZE", "bytes", VT_COLUMN_SIZE},
	{"CREATED", "created", VT_COLUMN_TIME},
	{0},
};
static const struct vt_column version_columns[] = {
	{"VERSION", "version", VT_COLUMN_TEXT},     {"STATE", "state", VT_COLUMN_TEXT},
	{"FILES", "files", VT_COLUMN_COUNT},        {"SIZE", "bytes", VT_COLUMN_SIZE},
	{"STORED", "stored_bytes", VT_COLUMN_SIZE}, {"CREATED", "created", VT_COLUMN_TIME},
	{"TAGS", "tags", VT_COLUMN_LIST},           {0},
};
static const struct vt_column entry_columns[] = {
	{"MODE", "mode", VT_COLUMN_MODE},
	{"SIZE", "size", VT_COLUMN_SIZE},
	{"CHANGED", "mtime", VT_COLUMN_TIME},
	{"NAME", "name", VT_COLUMN_NAME},
	{0},
};
static const struct vt_column path_columns[] = {
	{"MODE", "mode", VT_COLUMN_MODE},
	{"SIZE", "size", VT_COLUMN_SIZE},
	{"CHANGED", "mtime", VT_COLUMN_TIME},
	{"PATH", "path", VT_COLUMN_NAME},
	{0},
};

static int list_datasets(struct vt_cli *cli, struct vt_error *err)
{
	int rows = vt_print_rows(cli, "datasets", NULL, dataset_columns, err);

	if (rows == 0)
		vt_say(cli, "The store '%s' holds no dataset yet (see 'vitrine publish --help').",
		       cli->store);
	return rows;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	struct vt_target target;
	json_t *args;
	int r;

	if (cli->argc == 0)
		return list_datasets(cli, err);
	r = vt_target_parse(cli->argv[0], &target, err);
	if (r < 0)
		return r;
	args = vt_target_args(&target);
	if (!target.version[0] && !target.path && !recursive)
		return vt_print_rows(cli, "versions", args, version_columns, err);
	(void) json_object_set_new(args, "recursive", json_boolean(recursive));
	return vt_print_rows(cli, "list", args, recursive ? path_columns : entry_columns, err);
}

const struct vt_command vt_cmd_ls = {
	.name = "ls",
	.synopsis = "[DATASET[@VERSION][:PATH]]",
	.summary = "List datasets, the versions of one, or the files of a version",
	.details = "Without an argument: the datasets. DATASET alone: its versions.\n"
		   "With @VERSION or :PATH: the files there (DATASET: is the latest version).",
	.options = options,
	.max_args = 1,
	.run = run,
};
