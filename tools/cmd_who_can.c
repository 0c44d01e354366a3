/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine who-can`: everybody who has a right on something. */
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

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"WHO", "who", VT_COLUMN_TEXT},
		{"BY", "reason", VT_COLUMN_TEXT},
		{"UNTIL", "until", VT_COLUMN_TIME},
		{0},
	};
	vt_cleanup(vt_json_freep) json_t *args =
		json_pack("{s:s, s:s}", "right", cli->argv[0], "object", cli->argv[1]);
	int r = vt_args_time(cli, args, "at", at, err);

	if (r == 0)
		r = vt_print_rows(cli, "who_can", json_incref(args), columns, err);
	return r < 0 ? r : 0;
}

const struct vt_command vt_cmd_who_can = {
	.name = "who-can",
	.synopsis = "RIGHT OBJECT",
	.summary = "List everybody who has a right on something",
	.details = "For those who administer it.",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
