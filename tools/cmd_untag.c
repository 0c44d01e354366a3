/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine untag`: takes a tag away; the version it named stays. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/output.h"
#include "tools/target.h"

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	struct vt_target target;
	json_t *args;
	int r;

	r = vt_target_parse(cli->argv[0], &target, err);
	if (r < 0)
		return r;
	if (!target.version[0])
		return vt_misused(cli, err, "'%s' names no tag: write DATASET@TAG", cli->argv[0]);
	args = json_pack("{s:s, s:s}", "dataset", target.dataset, "tag", target.version);
	r = vt_print_result(cli, "untag", args, &version, err);
	if (r < 0)
		return r;
	vt_say(cli, "%s is a tag no more; %s stays", cli->argv[0],
	       vt_json_text(version, "version", "its version"));
	return 0;
}

const struct vt_command vt_cmd_untag = {
	.name = "untag",
	.synopsis = "DATASET@TAG",
	.summary = "Take a tag away; the version it named stays",
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
