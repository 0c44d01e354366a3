/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine explain`: why somebody may or may not, until when, and what would change it. */
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/words.h"

static const char *at;
static const struct vt_option options[] = {
	VT_TEXT(0, "at", "TIME", &at, "at another time than now"),
	{0},
};

static int keep_row(void *list, const json_t *row, const void *blob, size_t blob_len)
{
	return json_array_append(list, (json_t *) row) < 0 ? -1 : 0;
}

static void print_steps(const json_t *steps)
{
	const json_t *step;
	size_t i;

	json_array_foreach(steps, i, step)(void)
		printf("  %-9s %-5s %s\n", vt_json_text(step, "step", ""),
		       json_is_true(json_object_get(step, "matched")) ? "yes" : "no",
		       vt_json_text(step, "about", ""));
}

static void print_answer(const json_t *answer, const char *right)
{
	const char *until = vt_json_text(answer, "until", NULL),
		   *by = vt_json_text(answer, "by", "");
	const json_t *changes = json_object_get(answer, "would_allow"), *change;
	char when[32] = "";
	size_t i;

	if (until)
		vt_format_time(until, when);
	(void) printf("%s %s %s %s: %s%s%s%s%s%s\n", vt_json_text(answer, "who", ""),
		      json_is_true(json_object_get(answer, "allowed")) ? "may" : "may not", right,
		      vt_json_text(answer, "object", ""), vt_json_text(answer, "sentence", ""),
		      *by ? " (" : "", by, *by ? ")" : "", until ? ", until " : "", when);
	json_array_foreach(changes, i, change)(void) printf(
		"%s %s\n", i == 0 ? "it would take:" : "          and:", json_string_value(change));
}

/* `explain RIGHT OBJECT` is about the caller. */
static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *steps = json_array(), *answer = NULL, *args = NULL;
	bool other = cli->argc == 3;
	int r;

	args = json_pack("{s:s, s:s}", "right", cli->argv[other], "object", cli->argv[other + 1]);
	if (other)
		(void) json_object_set_new(args, "who", vt_who_json(cli->argv[0]));
	r = vt_args_time(cli, args, "at", at, err);
	if (r == 0)
		r = vt_cli_call(cli, "explain", json_incref(args), keep_row, steps, &answer, err);
	if (r < 0)
		return r;
	if (cli->json) {
		(void) json_object_set(answer, "steps", steps);
		vt_print_json(answer);
		return 0;
	}
	print_answer(answer, cli->argv[other]);
	print_steps(steps);
	return 0;
}

const struct vt_command vt_cmd_explain = {
	.name = "explain",
	.synopsis = "[WHO] RIGHT OBJECT",
	.summary = "Say why somebody may or may not, and what would change it",
	.details = "Without WHO it is about you. About others, and step by step, it tells those\n"
		   "who administer OBJECT.",
	.options = options,
	.min_args = 2,
	.max_args = 3,
	.run = run,
};
