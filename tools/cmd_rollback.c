/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine rollback`: makes an older version the latest again. Nothing is removed. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/target.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	struct vt_target target;
	int r;

	r = vt_target_parse(cli->argv[0], &target, err);
	if (r < 0)
		return r;
	if (!target.version[0] || target.path)
		return vt_misused(cli, err, "'%s': say to which version: DATASET@VERSION",
				  cli->argv[0]);
	r = vt_print_result(cli, "rollback", vt_target_args(&target), &version, err);
	if (r < 0)
		return r;
	vt_say(cli, "%s@latest is %s", target.dataset, vt_json_text(version, "version", ""));
	return 0;
}

const struct vt_command vt_cmd_rollback = {
	.name = "rollback",
	.synopsis = "DATASET@VERSION",
	.summary = "Make an older version the latest again",
	.details = "Nothing is removed: the newer versions stay readable by their names.",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
