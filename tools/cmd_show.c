/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine show`: everything recorded about one version. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/target.h"
#include "tools/version_text.h"

static const struct vt_column columns[] = {
	{"dataset", "dataset", VT_COLUMN_TEXT},
	{"version", "version", VT_COLUMN_TEXT},
	{"state", "state", VT_COLUMN_TEXT},
	{"reason", "reason", VT_COLUMN_TEXT},
	{"tags", "tags", VT_COLUMN_LIST},
	{"parent", "parent", VT_COLUMN_TEXT},
	{"author", "author", VT_COLUMN_TEXT},
	{"created", "created", VT_COLUMN_TIME},
	{"message", "message", VT_COLUMN_TEXT},
	{"licence", "licence", VT_COLUMN_TEXT},
	{"files", "files", VT_COLUMN_COUNT},
	{"directories", "directories", VT_COLUMN_COUNT},
	{"symlinks", "symlinks", VT_COLUMN_COUNT},
	{"size", "bytes", VT_COLUMN_SIZE},
	{"stored", "stored_bytes", VT_COLUMN_SIZE},
	{"tree", "tree", VT_COLUMN_TEXT},
	{"digest", "digest", VT_COLUMN_TEXT},
	{"revises", "revises", VT_COLUMN_TEXT},
	{"labels", "labels", VT_COLUMN_COUNT},
	{"labelled", "labelled", VT_COLUMN_COUNT},
	{"of labels", "label_digest", VT_COLUMN_TEXT},
	{"made of", "made_of", VT_COLUMN_TEXT},
	{"gate", "gate", VT_COLUMN_TEXT},
	{0},
};

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	struct vt_target target;
	int r;

	r = vt_target_parse(cli->argv[0], &target, err);
	if (r < 0)
		return r;
	if (target.path)
		return vt_misused(cli, err,
				  "'%s': show is about a version; for a path use 'vitrine ls'",
				  cli->argv[0]);
	r = vt_print_result(cli, "show", vt_target_args(&target), &version, err);
	if (r < 0)
		return r;
	if (cli->json)
		return 0;
	vt_version_say(version);
	vt_print_record(version, columns);
	return 0;
}

const struct vt_command vt_cmd_show = {
	.name = "show",
	.synopsis = "DATASET[@VERSION]",
	.summary = "Show what is recorded about a version: counts, author, digests",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
