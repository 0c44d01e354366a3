/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine rules`: what is granted and denied, as far as the caller administers it or is named. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	static const struct vt_column columns[] = {
		{"RULE", "rule", VT_COLUMN_COUNT},
		{"KIND", "kind", VT_COLUMN_TEXT},
		{"WHO", "who", VT_COLUMN_TEXT},
		{"RIGHT", "right", VT_COLUMN_TEXT},
		{"OBJECT", "object", VT_COLUMN_TEXT},
		{"FROM", "from", VT_COLUMN_TIME},
		{"UNTIL", "until", VT_COLUMN_TIME},
		{"BY", "by", VT_COLUMN_TEXT},
		{0},
	};
	int r = vt_print_rows(cli, "rules", NULL, columns, err);

	return r < 0 ? r : 0;
}

const struct vt_command vt_cmd_rules = {
	.name = "rules",
	.synopsis = "",
	.summary = "List what is granted and denied",
	.details = "Those of what you administer, and those that name you.",
	.run = run,
};
