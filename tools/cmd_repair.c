/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine repair`: what damaged shards have lost is stored anew out of a copy of the store or the
 * files it was published from, and the damaged shards are given up. Nothing is taken for what it
 * was before its SHA-256 says so, and nothing of the old is dropped before the new is durable.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>
#include <time.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/repair/donor.h"
#include "tools/repair/lost.h"
#include "tools/repair/rewrite.h"
#include "tools/store_owner.h"

#define GC_TRIES    20
#define GC_PAUSE_NS 250000000 /* between them */

static struct vt_option_list folders;
static bool dry_run;
static const char *progress_mode;
static const struct vt_option options[] = {
	VT_LIST(0, "from", "DIR", &folders, "a copy of the store, or the files; several times"),
	VT_FLAG('n', "dry-run", &dry_run, "say what would be restored, change nothing"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

enum phase { READING, ASSESSING, SEARCHING, WRITING };

struct repair {
	struct vt_cli *cli;
	_Atomic enum phase phase;
	uint64_t shards, bytes; /* of the store */
	struct vt_shard_check check;
	struct vt_damage damage;
	struct vt_rewrite rewrite;
	struct vt_donor *donors[VT_OPTION_LIST_MAX];
	size_t stay; /* damaged shards that are still there at the end */
};

static void look(void *context, struct vt_progress_view *out)
{
	static const char *const phases[] = {"reading shards", "finding what is lost",
					     "searching for bytes", "writing"};
	const struct repair *repair = context;
	enum phase phase = repair->phase;

	*out = (struct vt_progress_view){.phase = phases[phase], .bytes = repair->damage.bytes};
	if (phase == READING) {
		out->files = repair->check.shards;
		out->total_files = repair->shards;
		out->bytes = repair->check.bytes;
		out->total_bytes = repair->bytes;
	} else if (phase == WRITING) {
		out->bytes = repair->rewrite.bytes;
		out->total_bytes = repair->rewrite.total;
	}
}

static void ignore_finding(void *context, const char *what, const char *problem)
{
}

static int open_donors(struct repair *repair, struct vt_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < folders.count; i++)
		r = vt_donor_open(folders.items[i], repair->cli->store, repair->check.list,
				  &repair->donors[i], err);
	return r;
}

static int search_donors(struct repair *repair, struct vt_error *err)
{
	int r = 0;

	repair->phase = SEARCHING;
	for (size_t i = 0; r == 0 && i < folders.count; i++)
		r = repair->donors[i]->ops->search(repair->donors[i], &repair->damage, err);
	return r;
}

static int find_damage(struct repair *repair, struct vt_error *err)
{
	int r;

	repair->shards = vt_shard_list_count(repair->check.list);
	repair->bytes = vt_shard_list_bytes(repair->check.list);
	r = vt_shard_check_run(&repair->check, err);
	repair->phase = ASSESSING;
	return r < 0 || repair->check.damaged.count == 0
		       ? r
		       : vt_damage_assess(repair->cli, &repair->check, &repair->damage, err);
}

static int count_remaining(struct repair *repair, struct vt_error *err)
{
	vt_cleanup(vt_shard_list_freep) struct vt_shard_list *list = NULL;
	int r = vt_shard_list_ask(repair->cli, &list, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < vt_shard_list_count(list); i++)
		repair->stay += vt_idmap_find(&repair->check.damaged,
					      vt_shard_list_at(list, i).serial, NULL);
	return 0;
}

/* An import of somebody who was killed ends a moment later; a publish that goes on is not waited
 * for. */
static int collect(struct repair *repair, struct vt_error *err)
{
	const struct timespec pause = {.tv_nsec = GC_PAUSE_NS};
	int r = -EBUSY;

	for (int i = 0; r == -EBUSY && i < GC_TRIES; i++) {
		const struct vt_call call = {
			.op = "gc", .args = json_pack("{s:b, s:b}", "dry_run", 0, "now", 0)};

		if (i > 0)
			(void) nanosleep(&pause, NULL);
		r = vt_cli_call_anew(repair->cli, &call, NULL, err);
	}
	return r;
}

/* Emptied shards go with what else no version needs: gc knows how. */
static int drop_emptied(struct repair *repair, struct vt_error *err)
{
	int r = collect(repair, err);

	if (r < 0)
		return vt_fail_in(err, r,
				  "what was found is restored, but damaged shards stay until "
				  "'vitrine gc'");
	return count_remaining(repair, err);
}

static int write_found(struct repair *repair, struct vt_error *err)
{
	int r;

	repair->rewrite.damage = &repair->damage;
	r = vt_rewrite_plan(&repair->rewrite, err);
	if (r < 0 || dry_run)
		return r;
	repair->phase = WRITING;
	r = vt_rewrite_run(&repair->rewrite, err);
	return r < 0 ? r : drop_emptied(repair, err);
}

static int work(struct repair *repair, struct vt_error *err)
{
	vt_cleanup(vt_progress_stopp) struct vt_progress *bar = NULL;
	int r = vt_progress_start(repair->cli, progress_mode, look, repair, &bar, err);

	if (r == 0)
		r = find_damage(repair, err);
	if (r < 0 || repair->check.damaged.count == 0)
		return r;
	r = search_donors(repair, err);
	return r < 0 ? r : write_found(repair, err);
}

static int finish(struct repair *repair, struct vt_error *err)
{
	const struct vt_cli *cli = repair->cli;
	uint64_t restored =
		vt_print_lost(cli, &repair->damage, false, dry_run ? "found" : "restored");
	uint64_t lost = vt_print_lost(cli, &repair->damage, true, "lost");
	vt_cleanup(vt_json_freep) json_t *line = json_pack(
		"{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:b}}", "summary", "damaged_shards",
		(json_int_t) repair->check.damaged.count, "restored", (json_int_t) restored, "lost",
		(json_int_t) lost, "bytes", (json_int_t) repair->rewrite.total, "stored_bytes",
		(json_int_t) repair->rewrite.stored, "shards_left", (json_int_t) repair->stay,
		"dry_run", dry_run);
	char bytes[16];

	if (cli->json)
		vt_print_json(line);
	vt_format_size(repair->rewrite.total, bytes);
	if (repair->check.damaged.count == 0)
		vt_say(cli, "No shard is damaged; nothing was done.");
	else
		vt_say(cli,
		       "%zu damaged shard(s): %llu file(s) %srestored, %llu lost; %s stored anew",
		       repair->check.damaged.count, (unsigned long long) restored,
		       dry_run ? "can be " : "", (unsigned long long) lost, bytes);
	if (lost)
		return vt_fail(err, EBADMSG,
			       "%llu file(s) are lost still: name another copy or their source "
			       "with --from",
			       (unsigned long long) lost);
	if (repair->stay)
		return vt_fail(err, EBADMSG,
			       "%zu damaged shard(s) stay for what was removed within the last 24 "
			       "hours: 'vitrine gc --now' drops them",
			       repair->stay);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static struct repair repair; /* its list of donors is long */
	vt_cleanup(vt_shard_list_freep) struct vt_shard_list *list = NULL;
	int r = vt_shard_list_ask(cli, &list, err);

	repair = (struct repair){.cli = cli};
	repair.check.cli = cli;
	repair.check.list = list;
	repair.check.report = ignore_finding;
	if (r == 0)
		r = vt_act_as_owner(cli->store, err);
	if (r == 0)
		r = open_donors(&repair, err);
	if (r == 0)
		r = work(&repair, err);
	if (r == 0)
		r = finish(&repair, err);
	for (size_t i = 0; i < folders.count; i++)
		vt_donor_free(repair.donors[i]);
	vt_rewrite_done(&repair.rewrite);
	vt_damage_done(&repair.damage);
	vt_shard_check_done(&repair.check);
	return r;
}

const struct vt_command vt_cmd_repair = {
	.name = "repair",
	.synopsis = "",
	.summary = "Restore what is damaged from a copy of the store, or from the files",
	.details = "Reads every shard as verify does. What is damaged or missing is looked for in\n"
		   "each DIR: a copy of the store, or a folder with files that were published,\n"
		   "whatever their names are now. Each is compared with its SHA-256 and stored\n"
		   "anew. Readers are not disturbed. Needs the store's owner, or root.\n"
		   "For what verify names of the index see vitrine-store(7).",
	.options = options,
	.program = VT_PROGRAM_STORE,
	.run = run,
};
