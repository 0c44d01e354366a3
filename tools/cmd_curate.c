/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine curate`: a version made of some files of another one, without copying data. All of it is
 * done by the server (fs/requests_curate.c).
 */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/gate_report.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static const char *where, *as, *split, *by, *message, *licence, *author, *gate;
static uint64_t seed = UINT64_MAX; /* not given */
static bool dry_run;
static const struct vt_option options[] = {
	VT_TEXT(0, "where", "EXPR", &where, "the files that it means (default: all)"),
	VT_TEXT(0, "as", "DATASET[@NAME]", &as, "what to publish; a new dataset is made"),
	VT_TEXT(0, "split", "NAME=SHARE,...", &split, "divide the files among folders"),
	VT_TEXT(0, "by", "KEY", &by, "shares hold within each value of this label"),
	VT_NUMBER(0, "seed", "N", &seed, "another split of the same files (default 0)"),
	VT_TEXT('m', "message", "TEXT", &message, "why, for the log"),
	VT_TEXT(0, "licence", "TEXT", &licence, "terms (default: those of the source)"),
	VT_TEXT(0, "author", "NAME", &author, "who made it (default: your user name)"),
	VT_TEXT(0, "gate", "FILE", &gate, "publish only what passes these rules"),
	VT_FLAG('n', "dry-run", &dry_run, "say what it would be, publish nothing"),
	{0},
};

static int parse_targets(struct vt_cli *cli, struct vt_target *from, struct vt_target *to,
			 struct vt_error *err)
{
	int r = vt_target_parse(cli->argv[0], from, err);

	if (r == 0 && !as)
		return vt_misused(cli, err, "--as says which dataset it becomes a version of");
	if (r == 0)
		r = vt_target_parse(as, to, err);
	if (r == 0 && (from->path || to->path))
		return vt_misused(cli, err, "versions are curated whole, without a path");
	if (r == 0 && !split && (by || seed != UINT64_MAX))
		return vt_misused(cli, err, "--by and --seed are of --split");
	if (r == 0 && gate && dry_run)
		return vt_misused(cli, err, "a dry run makes nothing that a gate could judge");
	return r;
}

static void set_text(json_t *args, const char *key, const char *text)
{
	if (text && *text)
		(void) json_object_set_new(args, key, json_string(text));
}

static json_t *make_args(const struct vt_target *from, const struct vt_target *to)
{
	json_t *args = json_pack("{s:s, s:s, s:b}", "dataset", to->dataset, "source", from->dataset,
				 "dry_run", dry_run);

	set_text(args, "source_version", from->version);
	set_text(args, "as", to->version);
	set_text(args, "where", where);
	set_text(args, "split", split);
	set_text(args, "by", by);
	if (seed != UINT64_MAX)
		(void) json_object_set_new(args, "seed", json_integer((json_int_t) seed));
	set_text(args, "message", message);
	set_text(args, "licence", licence);
	set_text(args, "author", author);
	return args;
}

static void print_parts(const struct vt_cli *cli, json_t *result)
{
	const char *name;
	json_t *files;

	json_object_foreach(json_object_get(result, "parts"), name, files)
	{
		char count[32];

		vt_format_count((uint64_t) json_integer_value(files), count);
		vt_say(cli, "%s/: %s files", name, count);
	}
}

static void print_result(const struct vt_cli *cli, json_t *result)
{
	const char *version = vt_json_text(result, "version", "");
	char files[32], labelled[32], bytes[16];

	if (json_is_true(json_object_get(result, "same"))) {
		vt_say(cli, "%s@%s is the same: nothing published",
		       vt_json_text(result, "dataset", ""), version);
		return;
	}
	vt_format_count((uint64_t) vt_json_count(result, "files"), files);
	vt_format_count((uint64_t) vt_json_count(result, "labelled"), labelled);
	vt_format_size((uint64_t) vt_json_count(result, "bytes"), bytes);
	vt_say(cli, "%s%s%s%s: %s files, %s; %s of them with labels",
	       dry_run ? "Would publish " : "", vt_json_text(result, "dataset", ""),
	       *version ? "@" : "", version, files, bytes, labelled);
	print_parts(cli, result);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_gate_report report = {.cli = cli};
	struct vt_target from, to;
	json_t *args;
	int r = parse_targets(cli, &from, &to, err);

	if (r < 0)
		return r;
	args = make_args(&from, &to);
	r = gate ? vt_gate_read(gate, args, err) : 0;
	if (r < 0) {
		json_decref(args);
		return r;
	}
	r = vt_cli_call(cli, "curate", args, vt_gate_report_row, &report, &result, err);
	vt_gate_report_end(&report);
	if (r == 0 && cli->json)
		vt_print_json(result);
	else if (r == 0)
		print_result(cli, result);
	return r;
}

const struct vt_command vt_cmd_curate = {
	.name = "curate",
	.synopsis = "DATASET[@VERSION] --as DATASET[@NAME]",
	.summary = "Make a version of some files of another one, without copying data",
	.details = "The files that an expression means (vitrine-expressions(7)), with their\n"
		   "labels, at their paths or divided among folders: train=0.8,val=0.1,test=0.1.\n"
		   "The same wish gives the same files everywhere, and equal contents are never\n"
		   "in two folders. What it was made of is in the version's digest.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
