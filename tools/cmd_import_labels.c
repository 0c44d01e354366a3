/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine import-labels`: label files in, a revision out. Rows are read one by one, sorted by path
 * outside of memory, and sent to the server, which knows what files there are. What is wrong with a
 * row is said with its file and line; by default nothing is imported then.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/label_block.h"
#include "tools/commands.h"
#include "tools/label_options.h"
#include "tools/label_sort.h"
#include "tools/label_stream.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/target.h"

static const char *message = "", *author, *on_error = "fail", *from_path, *progress_mode;
static bool replace;
static const struct vt_option options[] = {
	VT_LABEL_OPTIONS,
	VT_TEXT(0, "from-path", "RULE", &from_path, "labels out of paths: 'train/{class}/*'"),
	VT_TEXT(0, "on-error", "HOW", &on_error, "fail: import nothing (default); skip: the rest"),
	VT_FLAG(0, "replace", &replace, "in place of all labels of the files that are named"),
	VT_TEXT('m', "message", "TEXT", &message, "what is new, for the log"),
	VT_TEXT(0, "author", "NAME", &author, "who made the labels, for the log"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

#define SAID_MAX 20u /* bad rows that are told one by one */

struct import {
	struct vt_cli *cli;
	struct vt_label_sort *sort;
	struct vt_label_sender sender;
	struct vt_progress *bar;
	bool skip;
	uint64_t bad, rows;
	_Atomic uint64_t done; /* rows read or sent, for the bar */
	_Atomic bool is_sending;
};

static void look(void *context, struct vt_progress_view *out)
{
	const struct import *import = context;

	*out = (struct vt_progress_view){
		.phase = import->is_sending ? "labelling" : "reading",
		.files = import->done,
		.total_files = import->is_sending ? import->rows : 0,
	};
}

/* One bad row. By policy it is passed over; else the rest is looked at, and then all fails. */
static void say_bad(struct import *import, const char *sentence)
{
	vt_cleanup(vt_buf_done) struct vt_buf line = VT_BUF_INIT;

	if (import->bad++ >= SAID_MAX)
		return;
	vt_buf_printf(&line, "vitrine: ");
	vt_escape(sentence, strlen(sentence), &line);
	vt_buf_put_u8(&line, 0);
	if (!vt_buf_failed(&line))
		vt_progress_print(import->bar, (const char *) line.data);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_file(struct import *import, unsigned number, struct vt_error *err)
{
	vt_cleanup(vt_label_reader_closep) struct vt_label_reader *reader = NULL;
	const char *name = import->cli->argv[number];
	struct vt_label_row row;
	struct vt_error why;
	int r = vt_label_options_open(import->cli, name, &reader, err);

	while (r >= 0) {
		r = vt_label_reader_next(reader, &row, &why);
		if (r == 0)
			break;
		if (r == -EINVAL) {
			say_bad(import, why.text);
			r = 0;
			continue;
		}
		if (r < 0)
			return vt_fail(err, -r, "%s", why.text);
		r = vt_label_sort_add(import->sort, &row, number, vt_label_reader_line(reader),
				      err);
		import->done = ++import->rows;
	}
	return r;
}

static int take_path(void *context, const json_t *row, const void *blob, size_t len)
{
	struct import *import = context;
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;
	struct vt_label_row rows[VT_PATH_RULE_KEYS];
	struct vt_error why;
	int count;

	(void) blob;
	(void) len;
	if (strcmp(vt_json_text(row, "type", ""), "file") != 0)
		return 0;
	vt_json_get_bytes(row, "path", &path);
	if (vt_buf_failed(&path))
		return -ENOMEM;
	count = vt_path_rule_labels(from_path,
				    (struct vt_label_text){(const char *) path.data, path.len},
				    vt_label_options_get(), rows, &why);
	if (count < 0)
		say_bad(import, why.text);
	for (int i = 0; i < count; i++) {
		int r;

		rows[i].label.source = VT_LABEL_RULE;
		r = vt_label_sort_add(import->sort, &rows[i], 0, 0, NULL);

		if (r < 0)
			return r;
		import->done = ++import->rows;
	}
	return 0;
}

static int read_paths(struct import *import, const struct vt_target *target, struct vt_error *err)
{
	json_t *args = vt_target_args(target);

	(void) json_object_set_new(args, "recursive", json_true());
	return vt_cli_call(import->cli, "list", args, take_path, import, NULL, err);
}

/* ---- sending --------------------------------------------------------------------------------- */

static int note_absent(void *context, uint64_t origin, const char *sentence, struct vt_error *err)
{
	struct import *import = context;
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	(void) err;
	vt_label_sort_where(origin, import->cli->argv, &text);
	vt_buf_printf(&text, "%s", sentence);
	vt_buf_put_u8(&text, 0);
	if (!vt_buf_failed(&text))
		say_bad(import, (const char *) text.data);
	return 0;
}

static int send_all(struct import *import, struct vt_error *err)
{
	struct vt_label_sorted file;
	int r = vt_label_sort_finish(import->sort, err);

	import->done = 0;
	import->is_sending = true;
	while (r >= 0 && (r = vt_label_sort_next(import->sort, &file, err)) > 0) {
		r = vt_label_sender_put(&import->sender, file.path, replace, file.labels,
					file.count, file.origin, err);
		import->done += file.count;
	}
	return r < 0 ? r : vt_label_sender_flush(&import->sender, err);
}

static int finish(struct import *import, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_cli *cli = import->cli;
	char rows[32];
	int r;

	if (import->bad > SAID_MAX)
		(void) fprintf(stderr, "vitrine: and %llu more\n",
			       (unsigned long long) (import->bad - SAID_MAX));
	if (import->bad && !import->skip)
		return vt_fail(err, EINVAL,
			       "%llu rows are bad, nothing was imported (--on-error skip passes "
			       "them over)",
			       (unsigned long long) import->bad);
	r = vt_label_sender_commit(&import->sender, message, author, &result, err);
	if (r < 0)
		return r;
	if (cli->json) {
		(void) json_object_set_new(result, "rows", json_integer((json_int_t) import->rows));
		(void) json_object_set_new(result, "bad", json_integer((json_int_t) import->bad));
		vt_print_json(result);
		return 0;
	}
	if (json_is_true(json_object_get(result, "same"))) {
		vt_say(cli, "%s has these labels already, nothing was imported",
		       vt_json_text(result, "version", ""));
		return 0;
	}
	vt_format_count(import->rows, rows);
	vt_say(cli, "%s@%s: %s rows imported, %lld labels of %lld files%s",
	       vt_json_text(result, "dataset", ""), vt_json_text(result, "version", ""), rows,
	       (long long) vt_json_count(result, "labels"),
	       (long long) vt_json_count(result, "labelled"),
	       import->bad ? " (bad rows were passed over)" : "");
	return 0;
}

static int import_labels(struct import *import, struct vt_target *target, struct vt_error *err)
{
	int r = vt_progress_start(import->cli, progress_mode, look, import, &import->bar, err);

	if (r == 0)
		r = vt_label_sort_new(&import->sort, err);
	for (int i = 1; r >= 0 && i < import->cli->argc; i++)
		r = read_file(import, (unsigned) i, err);
	if (r >= 0 && from_path)
		r = read_paths(import, target, err);
	if (r >= 0)
		r = vt_label_sender_begin(&import->sender, target, err);
	if (r >= 0)
		r = send_all(import, err);
	vt_progress_stop(vt_steal(&import->bar));
	return r < 0 ? r : finish(import, err);
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
	if (cli->argc < 2 && !from_path)
		return vt_misused(cli, err, "name a file of labels, or a rule with --from-path");
	if (strcmp(on_error, "fail") != 0 && strcmp(on_error, "skip") != 0)
		return vt_misused(cli, err, "--on-error is fail or skip");
	return from_path ? vt_path_rule_check(from_path, err) : 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static struct import import;
	struct vt_target target;
	int r = check_arguments(cli, &target, err);

	if (r == 0)
		r = vt_cli_connect(cli, err);
	if (r < 0)
		return r;
	import.cli = cli;
	import.skip = strcmp(on_error, "skip") == 0;
	import.sender =
		(struct vt_label_sender){.cli = cli, .absent = note_absent, .context = &import};
	r = import_labels(&import, &target, err);
	vt_label_sender_done(&import.sender);
	vt_label_sort_free(import.sort);
	return r;
}

const struct vt_command vt_cmd_import_labels = {
	.name = "import-labels",
	.synopsis = "DATASET[@VERSION] FILE...",
	.summary = "Take labels in from files, as a revision of a version",
	.details = "A FILE is lines of JSON or CSV with a header ('-': standard input), see\n"
		   "vitrine-labels(7). The version's data stays as it is; v3 becomes v3.1. A row\n"
		   "that is wrong is reported with its line, and nothing is imported, unless\n"
		   "--on-error skip is given.",
	.options = options,
	.min_args = 1,
	.max_args = -1,
	.run = run,
};
