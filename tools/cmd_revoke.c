/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine revoke`: takes a rule away, and what it gave with it. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/rule_request.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	return vt_rule_request(cli, "revoke", err);
}

const struct vt_command vt_cmd_revoke = {
	.name = "revoke",
	.synopsis = "WHO RIGHT OBJECT",
	.summary = "Take a grant or a denial away again",
	.details = "As it was given: 'vitrine rules' lists them. It bites at once: open files\n"
		   "and mappings of those who lose the right fail before it returns.",
	.min_args = 3,
	.max_args = 3,
	.run = run,
};
