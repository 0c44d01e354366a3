/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine import-labels`: label files in, a revision out. Rows are read one by one, sorted by path
 * outside of memory, and sent to the server, which knows what files there are. What is wrong with a
 * row is said with its file and line; by default nothing is imported then.
 */
#include <errno.h>
#include <string.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/label_intake.h"
#include "tools/label_options.h"
#include "tools/label_sidecars.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/target.h"

static const char *message = "", *author, *on_error = "fail", *from_path, *progress_mode;
static bool replace, from_sidecars;
static const struct vt_option options[] = {
	VT_LABEL_OPTIONS,
	VT_TEXT(0, "from-path", "RULE", &from_path, "labels out of paths: 'train/{class}/*'"),
	VT_FLAG(0, "from-sidecars", &from_sidecars, "labels out of .cls and .json beside files"),
	VT_TEXT(0, "on-error", "HOW", &on_error, "fail: import nothing (default); skip: the rest"),
	VT_FLAG(0, "replace", &replace, "in place of all labels of the files that are named"),
	VT_TEXT('m', "message", "TEXT", &message, "what is new, for the log"),
	VT_TEXT(0, "author", "NAME", &author, "who made the labels, for the log"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

static void look(void *context, struct vt_progress_view *out)
{
	const struct vt_label_intake *intake = context;

	*out = (struct vt_progress_view){
		.phase = intake->is_sending ? "labelling" : "reading",
		.files = intake->is_sending ? intake->sent : intake->rows,
		.total_files = intake->is_sending ? intake->rows : 0,
	};
}

static int take_path(void *context, const json_t *row, const void *blob, size_t len)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;

	(void) blob;
	(void) len;
	if (strcmp(vt_json_text(row, "type", ""), "file") != 0)
		return 0;
	vt_json_get_bytes(row, "path", &path);
	return vt_buf_failed(&path) ? -ENOMEM
				    : vt_label_intake_add_path(context, (const char *) path.data,
							       path.len, NULL);
}

static int read_paths(struct vt_label_intake *intake, const struct vt_target *target,
		      struct vt_error *err)
{
	json_t *args = vt_target_args(target);

	(void) json_object_set_new(args, "recursive", json_true());
	return vt_cli_call(intake->cli, "list", args, take_path, intake, NULL, err);
}

static int read_sidecars(struct vt_label_intake *intake, const struct vt_target *target,
			 struct vt_error *err)
{
	struct vt_sidecars_skipped skipped = {0};
	struct vt_error note;
	int r = vt_label_sidecars_read(intake, target, &skipped, err);

	(void) vt_fail(&note, 0, "%llu members of sidecars are no labels, such as '%.*s'",
		       (unsigned long long) skipped.members, (int) skipped.first.len,
		       (const char *) skipped.first.data);
	if (skipped.members > 0)
		vt_label_intake_say(intake, note.text);
	vt_buf_done(&skipped.first);
	return r;
}

static void print_result(const struct vt_label_intake *intake, json_t *result)
{
	const struct vt_cli *cli = intake->cli;
	char rows[32];

	if (cli->json) {
		(void) json_object_set_new(result, "rows", json_integer((json_int_t) intake->rows));
		(void) json_object_set_new(result, "bad", json_integer((json_int_t) intake->bad));
		vt_print_json(result);
		return;
	}
	if (json_is_true(json_object_get(result, "same"))) {
		vt_say(cli, "%s has these labels already, nothing was imported",
		       vt_json_text(result, "version", ""));
		return;
	}
	vt_format_count(intake->rows, rows);
	vt_say(cli, "%s@%s: %s rows imported, %lld labels of %lld files%s",
	       vt_json_text(result, "dataset", ""), vt_json_text(result, "version", ""), rows,
	       (long long) vt_json_count(result, "labels"),
	       (long long) vt_json_count(result, "labelled"),
	       intake->bad ? " (bad rows were passed over)" : "");
}

static int import_labels(struct vt_label_intake *intake, struct vt_target *target, json_t **result,
			 struct vt_error *err)
{
	int r = vt_progress_start(intake->cli, progress_mode, look, intake, &intake->bar, err);

	if (r == 0)
		r = vt_label_intake_begin(intake, err);
	if (r >= 0)
		r = vt_label_intake_read_files(intake, err);
	if (r >= 0 && from_path)
		r = read_paths(intake, target, err);
	if (r >= 0 && from_sidecars)
		r = read_sidecars(intake, target, err);
	if (r >= 0)
		r = vt_label_sender_begin(&intake->sender, target, err);
	if (r >= 0)
		r = vt_label_intake_send(intake, err);
	vt_progress_stop(vt_steal(&intake->bar));
	VT_CRASHPOINT("labels-sent");
	return r < 0 ? r : vt_label_sender_commit(&intake->sender, message, author, result, err);
}

static int check_arguments(struct vt_cli *cli, struct vt_target *target, struct vt_error *err)
{
	int r = vt_target_parse(cli->argv[0], target, err);

	if (r == 0)
		r = vt_label_options_check(cli, err);
	if (r < 0)
		return r;
	if (target->path)
		return vt_misused(cli, err, "'%s': labels are imported into a version, not a path",
				  cli->argv[0]);
	if (cli->argc < 2 && !from_path && !from_sidecars)
		return vt_misused(cli, err,
				  "name a file of labels, or use --from-path or --from-sidecars");
	if (strcmp(on_error, "fail") != 0 && strcmp(on_error, "skip") != 0)
		return vt_misused(cli, err, "--on-error is fail or skip");
	return from_path ? vt_path_rule_check(from_path, err) : 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static struct vt_label_intake intake;
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_target target;
	int r = check_arguments(cli, &target, err);

	if (r == 0)
		r = vt_cli_connect(cli, err);
	if (r < 0)
		return r;
	intake.cli = cli;
	intake.dataset = target.dataset;
	intake.files = (const char *const *) cli->argv + 1;
	intake.file_count = (size_t) cli->argc - 1;
	intake.rule = from_path;
	intake.verb = "imported";
	intake.skip = strcmp(on_error, "skip") == 0;
	intake.replace = replace;
	r = import_labels(&intake, &target, &result, err);
	vt_label_intake_done(&intake);
	if (r == 0)
		print_result(&intake, result);
	return r;
}

const struct vt_command vt_cmd_import_labels = {
	.name = "import-labels",
	.synopsis = "DATASET[@VERSION] [FILE...]",
	.summary = "Take labels in from files, as a revision of a version",
	.details = "A FILE is lines of JSON, CSV with a header, COCO's or Label Studio's JSON\n"
		   "('-': standard input), see vitrine-labels(7). The version's data stays as it\n"
		   "is; v3 becomes v3.1. A row that is wrong is reported with its line, and\n"
		   "nothing is imported, unless --on-error skip is given.",
	.options = options,
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
