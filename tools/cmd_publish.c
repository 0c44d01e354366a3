/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine publish`: folders and archives in, a version out. The engine runs in this process
 * (tools/publish/publish.h); the store hands out numbers and commits.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/confine.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "tools/commands.h"
#include "tools/gate_report.h"
#include "tools/label_intake.h"
#include "tools/label_options.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/publish/backend_client.h"
#include "tools/publish/publish.h"
#include "tools/store_owner.h"
#include "tools/target.h"

static const char *message = "", *licence = "", *as, *author, *progress_mode, *gate, *codec;
static const char *label_rule, *on_error = "fail";
static struct vt_option_list label_files;
static struct vt_label_intake intake; /* of the labels of those */
static uint64_t level, threads;
static bool decompress, checksum, strict, dry_run, open_to_all;
static const struct vt_option options[] = {
	VT_TEXT('m', "message", "TEXT", &message, "what is new, for the log"),
	VT_TEXT(0, "as", "NAME", &as, "name the version NAME instead of vN"),
	VT_TEXT(0, "licence", "TEXT", &licence, "terms, as an SPDX identifier or in words"),
	VT_TEXT(0, "author", "NAME", &author, "who made the data (default: your user name)"),
	VT_TEXT(0, "gate", "FILE", &gate, "publish only what passes these rules"),
	VT_FLAG(0, "open", &open_to_all, "let everybody on this machine read the dataset"),
	VT_TEXT(0, "codec", "NAME", &codec, "zstd (default), or lz4: faster reads, more bytes"),
	VT_NUMBER(0, "level", "N", &level, "1 to 19 (default 3) of zstd, to 12 (4) of lz4"),
	VT_NUMBER('j', "threads", "N", &threads, "how many (default: one per core)"),
	VT_FLAG(0, "decompress", &decompress, "store x.zst and x.gz as x"),
	VT_FLAG(0, "checksum", &checksum, "read files again that look unchanged"),
	VT_FLAG(0, "strict", &strict, "fail where there would be a warning"),
	VT_LIST(0, "labels", "FILE", &label_files, "labels of the files, too; several times"),
	VT_TEXT(0, "labels-from-path", "RULE", &label_rule,
		"labels out of paths: 'train/{class}/*'"),
	VT_LABEL_OPTIONS,
	VT_TEXT(0, "on-error", "HOW", &on_error, "bad labels: fail (default) or skip them"),
	VT_FLAG('n', "dry-run", &dry_run, "do all but store and publish"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

static struct vt_compression compression;
static atomic_bool cancelled;

static void on_signal(int number)
{
	cancelled = true;
}

/* Once: a second signal ends the program as usual. */
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESETHAND};

	(void) sigaction(SIGINT, &action, NULL);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGHUP, &action, NULL);
}

static void look(void *context, struct vt_progress_view *out)
{
	static const char *const phases[] = {"scanning", "storing", "indexing", "publishing"};
	const struct vt_publish_progress *p = context;

	*out = (struct vt_progress_view){
		.phase = phases[p->phase],
		.files = p->files,
		.total_files = p->total_files,
		.bytes = p->bytes,
		.total_bytes = p->total_bytes,
	};
}

static void warn(void *progress, const char *sentence)
{
	char line[1100];

	(void) snprintf(line, sizeof line, "vitrine: %s", sentence);
	vt_progress_print(progress, line);
}

static bool has_labels(void)
{
	return label_files.count > 0 || label_rule;
}

static void print_json(const char *dataset, const struct vt_publish_result *result,
		       const struct vt_publish_progress *progress)
{
	char digest[VT_DIGEST_HEX], tree[VT_DIGEST_HEX];
	vt_cleanup(vt_json_freep) json_t *line = NULL;

	vt_digest_format(&result->made.digest, digest);
	vt_digest_format(&result->tree_digest, tree);
	line = json_pack(
		"{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, "
		"s:I, s:I, s:b, s:b}",
		"dataset", dataset, "version", result->made.name, "digest", digest, "tree", tree,
		"files", (json_int_t) result->counts.files, "directories",
		(json_int_t) result->counts.directories, "symlinks",
		(json_int_t) result->counts.symlinks, "bytes", (json_int_t) result->counts.bytes,
		"new_bytes", (json_int_t) result->new_bytes, "stored_bytes",
		(json_int_t) progress->stored_bytes, "index_bytes",
		(json_int_t) result->made.index_bytes, "unchanged", (json_int_t) result->unchanged,
		"skipped", (json_int_t) result->skipped, "added", (json_int_t) result->added,
		"removed", (json_int_t) result->removed, "changed", (json_int_t) result->changed,
		"same_as_parent", result->same_as_parent, "dry_run", dry_run);
	if (has_labels()) {
		(void) json_object_set_new(line, "label_rows",
					   json_integer((json_int_t) intake.rows));
		(void) json_object_set_new(line, "bad_label_rows",
					   json_integer((json_int_t) intake.bad));
	}
	vt_print_json(line);
}

static void print_result(const struct vt_cli *cli, const char *dataset,
			 const struct vt_publish_result *result,
			 const struct vt_publish_progress *progress)
{
	char files[32], bytes[16], fresh[16], stored[16];
	uint64_t changes = result->added + result->removed + result->changed;

	if (cli->json) {
		print_json(dataset, result, progress);
		return;
	}
	if (result->nothing_new) {
		vt_say(cli, "%s: nothing changed since the latest version, nothing published",
		       dataset);
		return;
	}
	vt_format_count(result->counts.files, files);
	vt_format_size(result->counts.bytes, bytes);
	vt_format_size(result->new_bytes, fresh);
	vt_format_size(progress->stored_bytes, stored);
	vt_say(cli, "%s%s%s%s: %s files, %s; new %s, stored as %s", dry_run ? "Would publish " : "",
	       dataset, *result->made.name ? "@" : "", result->made.name, files, bytes, fresh,
	       stored);
	if (changes)
		vt_say(cli, "%llu added, %llu removed, %llu changed",
		       (unsigned long long) result->added, (unsigned long long) result->removed,
		       (unsigned long long) result->changed);
	if (result->same_as_parent && result->new_bytes)
		vt_say(cli, "the files are those of the version before; what the store had lost of "
			    "them is stored again");
	if (has_labels())
		vt_say(cli, "%llu rows of labels%s", (unsigned long long) intake.rows,
		       intake.bad ? " (bad ones were passed over)" : "");
	if (result->skipped)
		vt_say(cli, "%llu devices, sockets and pipes were skipped",
		       (unsigned long long) result->skipped);
}

/* How many may read it, and the last of them. */
struct readers {
	char only[128];
	unsigned count;
};

static int note_reader(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	struct readers *readers = context;

	readers->count++;
	(void) snprintf(readers->only, sizeof readers->only, "%s", vt_json_text(row, "who", ""));
	return 0;
}

/* A new dataset is its maker's alone, unless a rule was there before it: that surprises once. */
static void say_who_reads(struct vt_cli *cli, const char *dataset)
{
	struct readers readers = {.count = 0};

	if (cli->json || cli->quiet)
		return;
	if (vt_cli_call(cli, "who_can", json_pack("{s:s, s:s}", "right", "read", "object", dataset),
			note_reader, &readers, NULL, NULL) < 0 ||
	    readers.count != 1 || strncmp(readers.only, "user:", 5) != 0)
		return;
	(void) fprintf(stderr,
		       "vitrine: only %s may read it; 'vitrine grant WHO read %s' or --open lets "
		       "others in\n",
		       readers.only + 5, dataset);
}

/* ---- labels ---------------------------------------------------------------------------------- */

static int note_file(void *context, const char *path, size_t len, struct vt_error *err)
{
	(void) context;
	return label_rule ? vt_label_intake_add_path(&intake, path, len, err) : 0;
}

static int give_labels(void *context, struct vt_error *err)
{
	(void) context;
	return vt_label_intake_send(&intake, err);
}

static int read_labels(struct vt_cli *cli, const char *dataset, struct vt_progress *bar,
		       struct vt_error *err)
{
	int r;

	intake.cli = cli;
	intake.dataset = dataset;
	intake.bar = bar;
	intake.files = label_files.items;
	intake.file_count = label_files.count;
	intake.rule = label_rule;
	intake.verb = "published";
	intake.skip = strcmp(on_error, "skip") == 0;
	r = vt_label_intake_begin(&intake, err);
	if (r >= 0)
		r = vt_label_intake_read_files(&intake, err);
	return r < 0 || intake.skip ? r : vt_label_intake_judge(&intake, err);
}

static int check_label_options(struct vt_cli *cli, struct vt_error *err)
{
	unsigned from_input = 0;

	for (int i = 1; i < cli->argc; i++)
		from_input += strcmp(cli->argv[i], "-") == 0;
	for (size_t i = 0; i < label_files.count; i++)
		from_input += strcmp(label_files.items[i], "-") == 0;
	if (from_input > 1)
		return vt_misused(cli, err, "only one can come from standard input");
	if (strcmp(on_error, "fail") != 0 && strcmp(on_error, "skip") != 0)
		return vt_misused(cli, err, "--on-error is fail or skip");
	if (label_rule && vt_path_rule_check(label_rule, err) < 0)
		return vt_fail_in(err, -EINVAL, "--labels-from-path");
	return vt_label_options_check(cli, err);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

/*
 * Archives and labels are others' work: who takes over this process by one reads what is published
 * and the store, and changes nothing else. The server was started before, by a free process.
 */
static int confine(const struct vt_cli *cli, struct vt_error *err)
{
	const char *const *sources = (const char *const *) cli->argv + 1;
	size_t source_count = (size_t) cli->argc - 1, count = 0;
	vt_autofree const char **readable =
		calloc(source_count + label_files.count + 1, sizeof *readable);
	struct vt_bounds bounds = {
		.store = cli->store,
		.scratch = has_labels() ? vt_file_scratch_folder() : NULL,
		.readable = readable,
	};
	struct vt_confinement confinement; /* `vitrine doctor` says what the kernel lacks */

	if (!readable)
		return vt_fail(err, ENOMEM, "no memory for a list of sources");
	for (size_t i = 0; i < source_count; i++)
		readable[count++] = sources[i];
	for (size_t i = 0; i < label_files.count; i++)
		readable[count++] = label_files.items[i];
	if (vt_label_option.images)
		readable[count++] = vt_label_option.images;
	bounds.readable_count = count;
	vt_confine(&bounds, &confinement);
	return 0;
}

/* ---- the command ----------------------------------------------------------------------------- */

static int publish(struct vt_cli *cli, const char *dataset, struct vt_publish_progress *progress,
		   struct vt_publish_result *result, bool *first, struct vt_error *err)
{
	vt_cleanup(vt_publish_backend_closep) struct vt_publish_backend *backend = NULL;
	vt_cleanup(vt_progress_stopp) struct vt_progress *bar = NULL;
	struct vt_publish_options how = {
		.sources = (const char *const *) cli->argv + 1,
		.source_count = (size_t) cli->argc - 1,
		.message = message,
		.licence = licence,
		.author = author ? author : vt_cli_user_name(),
		.author_uid = getuid(),
		.compression = compression,
		.threads = (unsigned) threads,
		.decompress = decompress,
		.checksum = checksum,
		.strict = strict,
		.dry_run = dry_run,
		.cancel = &cancelled,
		.progress = progress,
		.warn = warn,
	};
	static struct vt_import_info info; /* its path is 4 KiB */
	const struct vt_publish_labels labels = {.file = note_file, .give = give_labels};
	vt_cleanup(vt_json_freep) json_t *judged = json_object();
	struct vt_gate_report report = {.cli = cli};
	int r = gate ? vt_gate_read(gate, judged, err) : 0;

	if (r == 0)
		r = vt_publish_backend_open(cli->client, dataset, as, open_to_all, &backend, &info,
					    err);
	if (r == 0)
		vt_publish_backend_judge(backend, judged, vt_gate_report_row, &report);
	if (r == 0)
		r = vt_act_as_owner(cli->store, err);
	if (r == 0)
		r = confine(cli, err);
	if (r == 0)
		r = vt_progress_start(cli, progress_mode, look, progress, &bar, err);
	if (r < 0)
		return r;
	how.warn_context = bar;
	if (has_labels()) {
		how.labels = &labels;
		r = read_labels(cli, dataset, bar, err);
	}
	if (r == 0)
		r = vt_publish(backend, &info, dataset, as, &how, result, err);
	vt_progress_stop(vt_steal(&bar));
	vt_gate_report_end(&report);
	if (r < 0 && cancelled)
		return vt_fail(err, EINTR, "interrupted; nothing was published");
	*first = info.parent == 0 && !dry_run;
	return r;
}

static int check_compression(struct vt_cli *cli, struct vt_error *err)
{
	while (codec && strcmp(codec, vt_codec_name(compression.codec)) != 0)
		if (!vt_codec_name(++compression.codec))
			return vt_misused(cli, err, "--codec is zstd or lz4, not '%s'", codec);
	if (level > (uint64_t) vt_codec_level_max(compression.codec))
		return vt_misused(cli, err, "--level goes from 1 to %d",
				  vt_codec_level_max(compression.codec));
	compression.level = (int) level;
	return 0;
}

static int check_arguments(struct vt_cli *cli, struct vt_target *target, struct vt_error *err)
{
	int r = vt_target_parse(cli->argv[0], target, err);

	if (r < 0)
		return r;
	if (target->path)
		return vt_misused(cli, err, "'%s': publish into a dataset, not a path in it",
				  cli->argv[0]);
	if (target->version[0])
		return vt_misused(cli, err,
				  "'%s': versions get their numbers; --as %s gives a name",
				  cli->argv[0], target->version);
	if (gate && dry_run)
		return vt_misused(cli, err, "a dry run makes nothing that a gate could judge");
	if (threads > 1024)
		return vt_misused(cli, err, "--threads goes from 1 to 1024");
	r = check_compression(cli, err);
	return r < 0 ? r : check_label_options(cli, err);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static struct vt_publish_progress progress;
	static struct vt_publish_result result;
	struct vt_target target;
	bool first = false;
	int r = check_arguments(cli, &target, err);

	if (r == 0)
		r = vt_cli_connect(cli, err);
	if (r < 0)
		return r;
	catch_signals();
	r = publish(cli, target.dataset, &progress, &result, &first, err);
	vt_label_intake_done(&intake);
	if (r < 0)
		return r;
	print_result(cli, target.dataset, &result, &progress);
	if (first)
		say_who_reads(cli, target.dataset);
	return 0;
}

const struct vt_command vt_cmd_publish = {
	.name = "publish",
	.synopsis = "DATASET SOURCE...",
	.summary = "Publish folders or archives as a new version of a dataset",
	.details = "A SOURCE is a folder, an archive (tar, tar.gz, tar.zst, zip), or '-' for an\n"
		   "archive on standard input. Sources are never changed. A dataset that does\n"
		   "not exist yet is made. On any error nothing is published. Labels that come\n"
		   "along are part of the version; their options are import-labels'.",
	.options = options,
	.min_args = 2,
	.max_args = -1,
	.program = VT_PROGRAM_PUBLISH,
	.run = run,
};
