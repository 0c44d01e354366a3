/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine log`: the history of a dataset, newest version first. */
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"
#include "tools/version_text.h"

static uint64_t limit = UINT64_MAX;
static const struct vt_option options[] = {
	VT_NUMBER('n', "number", "N", &limit, "the newest N versions only"),
	{0},
};

/* Rows come oldest first. */
static int keep_row(void *list, const json_t *row, const void *blob, size_t blob_len)
{
	return json_array_append(list, (json_t *) row) < 0 ? -1 : 0;
}

static void print_message(const char *message)
{
	const char *line = message;

	while (*line) {
		size_t len = strcspn(line, "\n");

		(void) fputs("    ", stdout);
		vt_print_name(stdout, line, len);
		(void) putchar('\n');
		line += len + (line[len] == '\n');
	}
}

static void print_version(json_t *row)
{
	static const struct vt_column columns[] = {
		{"tags", "tags", VT_COLUMN_LIST},       {"author", "author", VT_COLUMN_TEXT},
		{"date", "created", VT_COLUMN_TIME},    {"files", "files", VT_COLUMN_COUNT},
		{"size", "bytes", VT_COLUMN_SIZE},      {"reason", "reason", VT_COLUMN_TEXT},
		{"made of", "made_of", VT_COLUMN_TEXT}, {"gate", "gate", VT_COLUMN_TEXT},
		{"digest", "digest", VT_COLUMN_TEXT},   {0},
	};
	static const struct vt_column label_columns[] = {
		{"labels", "labels", VT_COLUMN_COUNT},
		{"labelled", "labelled", VT_COLUMN_COUNT},
		{"revises", "revises", VT_COLUMN_TEXT},
		{0},
	};
	const char *state = vt_json_text(row, "state", "live");

	(void) printf("%s%s@%s%s%s%s%s\n", vt_colour(VT_YELLOW), vt_json_text(row, "dataset", ""),
		      vt_json_text(row, "version", ""), vt_colour(VT_PLAIN),
		      json_is_true(json_object_get(row, "latest")) ? " (latest)" : "",
		      strcmp(state, "live") == 0 ? "" : " ",
		      strcmp(state, "live") == 0 ? "" : state);
	vt_version_say(row);
	vt_print_record(row, columns);
	if (vt_json_count(row, "labels") > 0 || json_object_get(row, "revises"))
		vt_print_record(row, label_columns);
	print_message(vt_json_text(row, "message", ""));
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *rows = json_array();
	struct vt_target target;
	size_t i;
	int r;

	r = vt_target_parse(cli->argv[0], &target, err);
	if (r < 0)
		return r;
	if (target.version[0] || target.path)
		return vt_misused(cli, err, "'%s': the log is of a whole dataset", cli->argv[0]);
	r = vt_cli_call(cli, "versions", vt_target_args(&target), keep_row, rows, NULL, err);
	if (r < 0)
		return r;
	for (i = json_array_size(rows); i-- > 0 && limit > 0; limit--) {
		json_t *row = json_array_get(rows, i);

		if (cli->json) {
			vt_print_json(row);
			continue;
		}
		print_version(row);
		if (i > 0 && limit > 1)
			(void) putchar('\n');
	}
	return 0;
}

const struct vt_command vt_cmd_log = {
	.name = "log",
	.synopsis = "DATASET",
	.summary = "Show the history of a dataset, newest version first",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
