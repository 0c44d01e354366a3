/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine verify`: is every stored byte what it was? The server says which shards there are; this
 * process, which needs their owner's rights, reads them; then the server checks the index. Damage
 * is a result, printed on standard output, and the exit status is 5.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/daemon.h"
#include "index/base/error.h"
#include "index/index.h"
#include "index/json_text.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/repair/damage.h"
#include "tools/repair/lost.h"

static bool quick, accept_loss;
static const char *progress_mode;
static const struct vt_option options[] = {
	VT_FLAG(0, "quick", &quick, "headers, and a sample of the frames only"),
	VT_FLAG(0, "accept-loss", &accept_loss, "go on with an index that lost its last commits"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

struct verification {
	struct vt_cli *cli;
	struct vt_shard_check check;
	uint64_t total_shards, total_bytes;
	uint64_t damaged, lost; /* findings; files and versions */
};

static void look(void *context, struct vt_progress_view *out)
{
	const struct verification *v = context;

	*out = (struct vt_progress_view){
		.phase =
			v->check.shards < v->total_shards ? "reading shards" : "checking the index",
		.files = v->check.shards,
		.total_files = v->total_shards,
		.bytes = v->check.bytes,
		.total_bytes = v->total_bytes,
	};
}

static void report(void *context, const char *what, const char *problem)
{
	vt_cleanup(vt_json_freep) json_t *line = json_object();
	struct verification *v = context;

	v->damaged++;
	(void) vt_json_set_text(line, "what", what, strlen(what));
	(void) vt_json_set_text(line, "problem", problem, strlen(problem));
	if (v->cli->json) {
		vt_print_json(line);
		return;
	}
	(void) printf("%sdamaged%s  ", vt_colour(VT_RED), vt_colour(VT_PLAIN));
	vt_print_name(stdout, what, strlen(what));
	(void) fputs(": ", stdout);
	vt_print_name(stdout, problem, strlen(problem));
	(void) putchar('\n');
}

/* Which files that costs. */
static int name_lost(struct verification *v, struct vt_error *err)
{
	struct vt_damage damage = {0};
	int r = 0;

	if (v->check.damaged.count == 0)
		return 0;
	r = vt_damage_assess(v->cli, &v->check, &damage, err);
	if (r == 0)
		v->lost = vt_print_lost(v->cli, &damage, true, "lost");
	vt_damage_done(&damage);
	return r;
}

static int check_shards(struct verification *v, struct vt_error *err)
{
	vt_cleanup(vt_progress_stopp) struct vt_progress *bar = NULL;
	vt_cleanup(vt_shard_list_freep) struct vt_shard_list *list = NULL;
	int r = vt_shard_list_ask(v->cli, &list, err);

	if (r < 0)
		return r;
	v->total_shards = vt_shard_list_count(list);
	v->total_bytes = vt_shard_list_bytes(list);
	v->check.cli = v->cli;
	v->check.list = list;
	v->check.quick = quick;
	v->check.report = report;
	v->check.context = v;
	r = vt_progress_start(v->cli, progress_mode, look, v, &bar, err);
	if (r == 0)
		r = vt_shard_check_run(&v->check, err);
	return r < 0 ? r : name_lost(v, err);
}

static int print_finding(void *context, const json_t *row, const void *blob, size_t blob_len)
{
	report(context, vt_json_text(row, "what", ""), vt_json_text(row, "problem", ""));
	return 0;
}

static int check_index(struct verification *v, struct vt_error *err)
{
	const struct vt_call call = {.op = "verify.index", .row = print_finding, .context = v};

	return vt_cli_call_anew(v->cli, &call, NULL, err);
}

static int finish(const struct verification *v, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *line =
		json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:b}}", "summary", "shards",
			  (json_int_t) v->check.shards, "frames", (json_int_t) v->check.frames,
			  "bytes", (json_int_t) v->check.bytes, "damaged", (json_int_t) v->damaged,
			  "lost", (json_int_t) v->lost, "quick", quick);
	char frames[32], bytes[16];

	vt_format_count(v->check.frames, frames);
	vt_format_size(v->check.bytes, bytes);
	if (v->cli->json)
		vt_print_json(line);
	if (v->damaged > 0)
		return vt_fail(err, EBADMSG,
			       "%llu finding(s) in '%s'; what is damaged is not served (see "
			       "'vitrine repair --help')",
			       (unsigned long long) v->damaged, v->cli->store);
	vt_say(v->cli, "%llu shards, %s frames, %s: all sound",
	       (unsigned long long) v->check.shards, frames, bytes);
	return 0;
}

/* Such an index has no server: it is refused. */
static int accept(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *line = NULL;
	struct vt_loss loss;
	int r = vt_become_owner(cli->store, err);

	if (r == 0)
		r = vt_index_accept_loss(cli->store, &loss, err);
	if (r < 0)
		return r;
	line = json_pack("{s:{s:I, s:I}}", "lost", "commits", (json_int_t) loss.commits, "shards",
			 (json_int_t) loss.shards);
	if (cli->json)
		vt_print_json(line);
	if (loss.commits == 0)
		vt_say(cli, "The index lost nothing; nothing was done.");
	else
		vt_say(cli, "%llu lost commits are given up; %llu shards are in %s/lost now.",
		       (unsigned long long) loss.commits, (unsigned long long) loss.shards,
		       cli->store);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	struct verification v = {.cli = cli};
	int r;

	if (accept_loss)
		return accept(cli, err);
	r = check_shards(&v, err);
	if (r == 0)
		r = check_index(&v, err);
	vt_shard_check_done(&v.check);
	return r < 0 ? r : finish(&v, err);
}

const struct vt_command vt_cmd_verify = {
	.name = "verify",
	.synopsis = "",
	.summary = "Check every stored byte and the index; exit 5 names the damage",
	.details = "Reads every shard and compares each content with its SHA-256, then checks\n"
		   "that the index agrees with itself. Files that cannot be read are named.\n"
		   "Needs the store's owner, or root.",
	.options = options,
	.program = VT_PROGRAM_STORE,
	.run = run,
};
