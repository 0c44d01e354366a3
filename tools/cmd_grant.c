/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine grant`: lets somebody do something, from now or for a time. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/rule_request.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	return vt_rule_request(cli, "grant", err);
}

const struct vt_command vt_cmd_grant = {
	.name = "grant",
	.synopsis = "WHO RIGHT OBJECT",
	.summary = "Let somebody browse, read, lease, curate or administer",
	.details = "WHO is user:NAME (or NAME), osgroup:NAME, partner:NAME or anyone. RIGHT is\n"
		   "browse, read, lease, curate or admin. OBJECT is DATASET, DATASET@VERSION,\n"
		   "SPACE/** or **. A time is 2027-12-31, 2027-12-31T18:00Z or +8h.",
	.options = vt_rule_window_options,
	.min_args = 3,
	.max_args = 3,
	.run = run,
};
