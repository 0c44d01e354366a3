/* SPDX-License-Identifier: Apache-2.0 */
/* See rule_request.h. */
#include "tools/rule_request.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/output.h"
#include "tools/words.h"

static const char *from, *until;
const struct vt_option vt_rule_window_options[] = {
	VT_TEXT(0, "from", "TIME", &from, "when it begins (now)"),
	VT_TEXT(0, "until", "TIME", &until, "when it ends (never)"),
	{0},
};

static void say_rule(const struct vt_cli *cli, const json_t *rule)
{
	const char *end = vt_json_text(rule, "until", NULL);
	char when[32] = "";

	if (end)
		vt_format_time(end, when);
	vt_say(cli, "%s %s %s %s%s%s", vt_json_text(rule, "who", ""),
	       strcmp(vt_json_text(rule, "kind", ""), "deny") == 0 ? "may not" : "may",
	       vt_json_text(rule, "right", ""), vt_json_text(rule, "object", ""),
	       end ? " until " : "", when);
}

/* The kernel cannot be told of lists later: what is in the files is closed all the same. */
static void warn_of_guesses(const struct vt_cli *cli, const json_t *rule)
{
	const json_t *points = json_object_get(rule, "names_can_be_guessed_on"), *point;
	size_t i;

	json_array_foreach(points, i, point)(void) fprintf(
		stderr,
		"vitrine: names and sizes of %s can be guessed on %s until it is mounted again "
		"(acl=auto); contents cannot be read\n",
		cli->argv[2], json_string_value(point));
}

int vt_rule_request(struct vt_cli *cli, const char *op, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	vt_cleanup(vt_json_freep) json_t *args =
		json_pack("{s:o, s:s, s:s}", "who", vt_who_json(cli->argv[0]), "right",
			  cli->argv[1], "object", cli->argv[2]);
	int r = args ? 0 : vt_fail(err, ENOMEM, "no memory for a request");

	if (r == 0)
		r = vt_args_time(cli, args, "from", from, err);
	if (r == 0)
		r = vt_args_time(cli, args, "until", until, err);
	if (r == 0)
		r = vt_print_result(cli, op, json_incref(args), &result, err);
	if (r < 0)
		return r;
	warn_of_guesses(cli, result);
	if (strcmp(op, "revoke") == 0)
		vt_say(cli, "%s: no rule gives or denies %s %s any more", cli->argv[2],
		       cli->argv[0], cli->argv[1]);
	else
		say_rule(cli, result);
	return 0;
}
