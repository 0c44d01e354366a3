/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine clock`: what time it is taken to be, and that the machine's clock is right again. */
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"

static int show(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"machine", "wall", VT_COLUMN_TIME},
		{"earliest", "earliest", VT_COLUMN_TIME},
		{"latest", "latest", VT_COLUMN_TIME},
		{0},
	};
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r = vt_print_result(cli, "clock", NULL, &result, err);

	if (r < 0 || cli->json)
		return r;
	vt_print_record(result, columns);
	if (json_is_true(json_object_get(result, "in_doubt")))
		vt_say(cli,
		       "In doubt: no lease is given, and no rule with a time is made. If the\n"
		       "machine's clock is right now, an administrator says 'vitrine clock accept'.");
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r;

	if (cli->argc == 0)
		return show(cli, err);
	if (strcmp(cli->argv[0], "accept") != 0)
		return vt_misused(cli, err, "'%s' is not 'accept'", cli->argv[0]);
	r = vt_print_result(cli, "clock.accept", NULL, &result, err);
	if (r == 0)
		vt_say(cli, "The machine's clock is taken for right");
	return r;
}

const struct vt_command vt_cmd_clock = {
	.name = "clock",
	.synopsis = "[accept]",
	.summary = "Show what time it is taken to be, or accept the machine's clock",
	.details = "Rights end by the latest time it may be, and leases free by the earliest, so\n"
		   "that setting the clock opens nothing. After it was set by more than five\n"
		   "seconds it is in doubt until an administrator accepts it.",
	.max_args = 1,
	.run = run,
};
