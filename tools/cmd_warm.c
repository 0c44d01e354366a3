/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine warm`: a version's files, as they are stored, into memory before they are read. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/selection.h"
#include "tools/target.h"

static const char *where, *progress_mode;
static const struct vt_option options[] = {
	VT_TEXT(0, "where", "EXPRESSION", &where, "only the files that it means"),
	VT_TEXT(0, "progress", "HOW", &progress_mode, "auto, plain (a line each 10 s) or none"),
	{0},
};

/* As the server told last. */
struct state {
	_Atomic uint64_t files, bytes;
};

static void look(void *context, struct vt_progress_view *out)
{
	const struct state *state = context;

	*out = (struct vt_progress_view){
		.phase = "warming", .files = state->files, .bytes = state->bytes};
}

static int take_row(void *context, const json_t *row, const void *blob, size_t len)
{
	struct state *state = context;

	(void) blob;
	(void) len;
	state->files = (uint64_t) vt_json_count(row, "files");
	state->bytes = (uint64_t) vt_json_count(row, "bytes");
	return 0;
}

static int ask(struct vt_cli *cli, const struct vt_target *target, json_t **result,
	       struct vt_error *err)
{
	vt_cleanup(vt_progress_stopp) struct vt_progress *bar = NULL;
	json_t *args = vt_target_args(target);
	struct vt_error why = {0};
	struct state state = {0};
	int r;

	if (where && json_object_set_new(args, "where", json_string(where)) < 0) {
		json_decref(args);
		return vt_misused(cli, err, "an expression is text in UTF-8");
	}
	r = vt_progress_start(cli, progress_mode, look, &state, &bar, err);
	if (r < 0) {
		json_decref(args);
		return r;
	}
	r = vt_cli_call(cli, "warm", args, take_row, &state, result, &why);
	vt_progress_stop(vt_steal(&bar));
	if (r == -EINVAL && where)
		vt_selection_explain(where, why.text);
	if (r < 0 && err)
		*err = why;
	return r;
}

static void print(const struct vt_target *target, const json_t *result, uint64_t took_ns)
{
	char files[32], bytes[16], stored[16];

	vt_format_count((uint64_t) vt_json_count(result, "files"), files);
	vt_format_size((uint64_t) vt_json_count(result, "bytes"), bytes);
	vt_format_size((uint64_t) vt_json_count(result, "stored_bytes"), stored);
	if (json_is_true(json_object_get(result, "complete")))
		(void) printf("%s@%s: %s files of %s are in memory, in %s, after %.1f s\n",
			      target->dataset, vt_json_text(result, "version", ""), files, bytes,
			      stored, (double) took_ns / VT_NS_PER_SEC);
	else
		(void) printf("%s@%s: there was room for %s of it in half of the free memory; name "
			      "a PATH or --where\n",
			      target->dataset, vt_json_text(result, "version", ""), stored);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	uint64_t begun = vt_clock_monotonic_ns();
	struct vt_target target;
	int r = vt_target_parse(cli->argv[0], &target, err);

	if (r == 0)
		r = ask(cli, &target, &result, err);
	if (r < 0)
		return r;
	if (cli->json)
		vt_print_json(result);
	else if (!cli->quiet)
		print(&target, result, vt_clock_monotonic_ns() - begun);
	return 0;
}

const struct vt_command vt_cmd_warm = {
	.name = "warm",
	.synopsis = "DATASET[@VERSION][:PATH]",
	.summary = "Bring files into memory, as they are stored, before they are read",
	.details = "In the order that they have on the disk, which gives them many times as fast\n"
		   "so as one by one; whoever reads them then waits for no disk. Takes half of\n"
		   "the memory that is free at most, and nothing keeps it there.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
