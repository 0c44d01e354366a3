/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine deny`: keeps something from somebody, whatever else allows it. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/rule_request.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	return vt_rule_request(cli, "deny", err);
}

const struct vt_command vt_cmd_deny = {
	.name = "deny",
	.synopsis = "WHO RIGHT OBJECT",
	.summary = "Keep a right from somebody, whatever allows it",
	.details = "WHO, RIGHT and OBJECT as for grant. It bites at once: open files and mappings\n"
		   "of those who lose the right fail before it returns.",
	.options = vt_rule_window_options,
	.min_args = 3,
	.max_args = 3,
	.run = run,
};
