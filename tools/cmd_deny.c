/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine deny`: keeps something from somebody, whatever else allows it. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/rule_request.h"

static const char *from, *until;
static const struct vt_option options[] = {
	VT_TEXT(0, "from", "TIME", &from, "when it begins (now)"),
	VT_TEXT(0, "until", "TIME", &until, "when it ends (never)"),
	{0},
};

static int run(struct vt_cli *cli, struct vt_error *err)
{
	return vt_rule_request(cli, "deny", from, until, err);
}

const struct vt_command vt_cmd_deny = {
	.name = "deny",
	.synopsis = "WHO RIGHT OBJECT",
	.summary = "Keep a right from somebody, whatever allows it",
	.details = "WHO, RIGHT and OBJECT as for grant. It bites at once: open files and mappings\n"
		   "of those who lose the right fail before it returns.",
	.options = options,
	.min_args = 3,
	.max_args = 3,
	.run = run,
};
