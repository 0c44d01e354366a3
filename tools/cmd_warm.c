/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine warm`: a version's files, as they are stored, into memory before they are read: all in
 * the order of the disk, or in the order in which they will be read, ahead of the readers.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/progress.h"
#include "tools/selection.h"
#include "tools/target.h"

#define NAMES_MAX (64u << 10) /* bytes of names in a request, about */

static const char *where, *order, *progress_mode;
static bool nul;
static uint64_t ahead;
static const struct vt_option options[] = {
	VT_TEXT(0, "where", "EXPRESSION", &where, "only the files that it means"),
	VT_TEXT(0, "order", "FILE", &order, "its paths in its order, ahead of readers; '-': stdin"),
	VT_FLAG('0', "null", &nul, "in that FILE a NUL is behind each path, not a newline"),
	VT_SIZE(0, "ahead", "SIZE", &ahead, "at most so much of them before it is read"),
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

/* ---- in the order of the disk ---------------------------------------------------------------- */

static int warm_all(struct vt_cli *cli, const struct vt_target *target, struct state *state,
		    json_t **result, struct vt_error *err)
{
	json_t *args = vt_target_args(target);

	if (where && json_object_set_new(args, "where", json_string(where)) < 0) {
		json_decref(args);
		return vt_misused(cli, err, "an expression is text in UTF-8");
	}
	return vt_cli_call(cli, "warm", args, take_row, state, result, err);
}

/* ---- in the order of readers ----------------------------------------------------------------- */

struct ordering {
	struct vt_cli *cli;
	struct state *state;
	struct vt_target target; /* with the version's own name: a tag may move meanwhile */
	struct vt_buf line;      /* not complete yet */
	struct vt_buf names;     /* for the next request */
	json_t *result;          /* of the last one; or NULL */
};

static int begin_order(struct ordering *ordering, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_target *target = &ordering->target;
	json_t *args = vt_target_args(target);
	int r;

	if (ahead)
		(void) json_object_set_new(args, "most", json_integer((json_int_t) ahead));
	r = vt_cli_call(ordering->cli, "ahead.begin", args, NULL, NULL, &result, err);
	if (r == 0)
		(void) snprintf(target->version, sizeof target->version, "%s",
				vt_json_text(result, "version", ""));
	return r;
}

/* Returns when all were brought: the server waits for the readers. */
static int send_names(struct ordering *ordering, struct vt_error *err)
{
	const struct vt_call call = {.op = "ahead.files",
				     .args = vt_target_args(&ordering->target),
				     .blob = ordering->names.data,
				     .blob_len = ordering->names.len,
				     .row = take_row,
				     .context = ordering->state};
	json_t *result = NULL;
	int r = vt_client_call(ordering->cli->client, &call, &result, err);

	vt_buf_reset(&ordering->names);
	if (r < 0)
		return r;
	json_decref(ordering->result);
	ordering->result = result;
	return take_row(ordering->state, result, NULL, 0);
}

static int take_line(struct ordering *ordering, struct vt_error *err)
{
	struct vt_buf *line = &ordering->line, *names = &ordering->names;
	size_t skip = line->len >= 2 && memcmp(line->data, "./", 2) == 0 ? 2 : 0; /* find's */
	int r = 0;

	if (names->len + line->len + 1 > NAMES_MAX && names->len > 0)
		r = send_names(ordering, err);
	if (r == 0 && line->len > skip) {
		vt_buf_put(names, line->data + skip, line->len - skip);
		vt_buf_put_u8(names, 0);
	}
	vt_buf_reset(line);
	return r;
}

static int take_bytes(struct ordering *ordering, const char *bytes, size_t len,
		      struct vt_error *err)
{
	const char *end = bytes + len;
	int r = 0;

	while (r == 0 && bytes < end) {
		const char *stop = memchr(bytes, nul ? '\0' : '\n', (size_t) (end - bytes));

		vt_buf_put(&ordering->line, bytes, (size_t) ((stop ? stop : end) - bytes));
		if (ordering->line.len > NAMES_MAX)
			return vt_fail(err, EINVAL,
				       "'%s' has a line of more than %u bytes; it is to "
				       "have a path on each line",
				       order, NAMES_MAX);
		if (!stop)
			break;
		r = take_line(ordering, err);
		bytes = stop + 1;
	}
	if (r == 0 && (vt_buf_failed(&ordering->line) || vt_buf_failed(&ordering->names)))
		return vt_fail(err, ENOMEM, "no memory for a list of files");
	return r;
}

/* What has come is sent before more is waited for: whoever writes into a pipe may be waiting. */
static int take_input(struct ordering *ordering, int in, struct vt_error *err)
{
	char bytes[NAMES_MAX];
	ssize_t n;
	int r = 0;

	do {
		n = read(in, bytes, sizeof bytes);
		if (n < 0)
			return vt_fail(err, errno, "cannot read '%s': %m", order);
		r = n > 0 ? take_bytes(ordering, bytes, (size_t) n, err) : take_line(ordering, err);
		if (r == 0 && (ordering->names.len > 0 || !ordering->result))
			r = send_names(ordering, err);
	} while (r == 0 && n > 0);
	return r;
}

static int warm_in_order(struct vt_cli *cli, const struct vt_target *target, struct state *state,
			 json_t **result, struct vt_error *err)
{
	struct ordering ordering = {.cli = cli, .state = state, .target = *target};
	bool is_stdin = strcmp(order, "-") == 0;
	int in = is_stdin ? STDIN_FILENO : open(order, O_RDONLY | O_CLOEXEC);
	int r;

	if (in < 0)
		return vt_fail(err, errno, "cannot open '%s': %m", order);
	r = begin_order(&ordering, err);
	if (r == 0)
		r = take_input(&ordering, in, err);
	if (!is_stdin)
		(void) close(in);
	vt_buf_done(&ordering.line);
	vt_buf_done(&ordering.names);
	if (r < 0) {
		json_decref(ordering.result);
		return r;
	}
	*result = ordering.result;
	(void) json_object_set_new(*result, "version", json_string(ordering.target.version));
	return 0;
}

/* ---- both ------------------------------------------------------------------------------------ */

static int check_options(const struct vt_cli *cli, const struct vt_target *target,
			 struct vt_error *err)
{
	if (order && (where || target->path))
		return vt_misused(cli, err, "--order names the files: neither a PATH nor --where");
	if (!order && (ahead || nul))
		return vt_misused(cli, err, "--ahead and --null are for --order");
	return 0;
}

static int ask(struct vt_cli *cli, const struct vt_target *target, json_t **result,
	       struct vt_error *err)
{
	vt_cleanup(vt_progress_stopp) struct vt_progress *bar = NULL;
	struct vt_error why = {0};
	struct state state = {0};
	int r = vt_progress_start(cli, progress_mode, look, &state, &bar, err);

	if (r < 0)
		return r;
	r = (order ? warm_in_order : warm_all)(cli, target, &state, result, &why);
	vt_progress_stop(vt_steal(&bar));
	if (r == -EINVAL && where)
		vt_selection_explain(where, why.text);
	if (r < 0 && err)
		*err = why;
	return r;
}

/* Names that are of no file are more often a mistake than not; all of them are one. */
static int tell_missing(const struct vt_target *target, const json_t *result, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf first = VT_BUF_INIT, shown = VT_BUF_INIT;
	char missing[32];

	if (vt_json_count(result, "missing") == 0)
		return 0;
	if (vt_json_count(result, "files") == 0)
		return vt_fail(err, ENOENT,
			       "no name in '%s' is of a file of '%s@%s'; paths begin below it",
			       order, target->dataset, vt_json_text(result, "version", ""));
	vt_json_get_bytes(result, "first_missing", &first);
	vt_escape((const char *) first.data, first.len, &shown);
	vt_format_count((uint64_t) vt_json_count(result, "missing"), missing);
	(void) fprintf(stderr,
		       "vitrine: %s of the names in '%s' are of no file of %s@%s, '%.*s' first\n",
		       missing, order, target->dataset, vt_json_text(result, "version", ""),
		       (int) shown.len, (const char *) shown.data);
	return 0;
}

static void print(const struct vt_target *target, const json_t *result, uint64_t took_ns)
{
	char files[32], bytes[16], stored[16];

	vt_format_count((uint64_t) vt_json_count(result, "files"), files);
	vt_format_size((uint64_t) vt_json_count(result, "bytes"), bytes);
	vt_format_size((uint64_t) vt_json_count(result, "stored_bytes"), stored);
	if (order || json_is_true(json_object_get(result, "complete")))
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
		r = check_options(cli, &target, err);
	if (r == 0)
		r = ask(cli, &target, &result, err);
	if (r == 0)
		r = tell_missing(&target, result, err);
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
		   "the memory that is free at most, and nothing keeps it there.\n"
		   "With --order the paths that FILE has on its lines, in that order, and no\n"
		   "further ahead of the readers than --ahead allows (without it half of the free\n"
		   "memory): for an epoch over more than fits into memory. Ends with the list.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
