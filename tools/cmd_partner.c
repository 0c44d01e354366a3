/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine partner`: named sets of users with somebody who answers for them, and an end. */
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/words.h"

static const char *users, *until, *owner;
static const struct vt_option options[] = {
	VT_TEXT('u', "user", "NAMES", &users, "users to add or remove, separated by commas"),
	VT_TEXT(0, "until", "TIME", &until, "when all of it ends (never)"),
	VT_TEXT(0, "owner", "NAME", &owner, "add: who answers for it (admin; who makes it)"),
	{0},
};

static json_t *split(const char *names)
{
	json_t *list = json_array();

	while (names && *names) {
		size_t len = strcspn(names, ",");

		if (len > 0)
			(void) json_array_append_new(list, json_stringn(names, len));
		names += len + (names[len] == ',');
	}
	return list;
}

static int list(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"PARTNER", "partner", VT_COLUMN_TEXT},
		{"USERS", "users", VT_COLUMN_LIST},
		{"UNTIL", "until", VT_COLUMN_TIME},
		{"OWNER", "owner", VT_COLUMN_TEXT},
		{0},
	};
	int r = vt_print_rows(cli, "partners", NULL, columns, err);

	return r < 0 ? r : 0;
}

static int change(struct vt_cli *cli, const char *op, struct vt_error *err)
{
	vt_cleanup(vt_json_freep)
		json_t *result = NULL,
		       *args = json_pack("{s:s, s:o, s:s*}", "partner", cli->argv[1], "users",
					 split(users), "owner", owner);
	int r = args ? vt_args_time(cli, args, "until", until, err)
		     : vt_misused(cli, err, "'%s' cannot be a name", cli->argv[1]);

	return r < 0 ? r : vt_print_result(cli, op, json_incref(args), &result, err);
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	const char *what = cli->argc > 0 ? cli->argv[0] : "list";
	int r;

	if (strcmp(what, "list") == 0 && cli->argc < 2)
		return list(cli, err);
	if (cli->argc != 2)
		return vt_misused(cli, err, "say which partner");
	if (strcmp(what, "end") == 0) {
		r = change(cli, "partner.end", err);
		if (r == 0)
			vt_say(cli, "%s is no partner any more: nobody in it reads by it",
			       cli->argv[1]);
		return r;
	}
	if (strcmp(what, "remove") == 0 && users) {
		r = change(cli, "partner.remove", err);
		if (r == 0)
			vt_say(cli, "%s is without %s", cli->argv[1], users);
		return r;
	}
	if (strcmp(what, "add") != 0)
		return vt_misused(cli, err, "'%s': there are add, remove --user, end, list", what);
	r = change(cli, "partner.add", err);
	if (r == 0)
		vt_say(cli, "%s is a partner%s%s", cli->argv[1], users ? " with " : "",
		       users ? users : "");
	return r;
}

const struct vt_command vt_cmd_partner = {
	.name = "partner",
	.synopsis = "[add|remove|end|list] [PARTNER]",
	.summary = "Make and end partners: named sets of users",
	.details = "Grant to partner:NAME what all of its users may do. Its end ends it for all\n"
		   "of them, through open files and mappings too.",
	.options = options,
	.max_args = 2,
	.run = run,
};
