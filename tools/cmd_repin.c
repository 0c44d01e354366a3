/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine repin`: a uid that was another user's when it was first named. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	json_t *args = json_pack("{s:s}", "user", cli->argv[0]);
	int r = args ? vt_print_result(cli, "repin", args, &result, err)
		     : vt_misused(cli, err, "'%s' cannot be a name", cli->argv[0]);

	if (r == 0)
		vt_say(cli, "What uid %lld was given as %s is %s's now",
		       (long long) vt_json_count(result, "uid"), vt_json_text(result, "was", "?"),
		       cli->argv[0]);
	return r;
}

const struct vt_command vt_cmd_repin = {
	.name = "repin",
	.synopsis = "USER",
	.summary = "Give what USER's uid was given under an older name to USER",
	.details = "A uid that another user had when it was first named here gets nothing, until\n"
		   "an administrator says that both are the same, or that USER takes over.",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
