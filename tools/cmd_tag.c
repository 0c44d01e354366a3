/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine tag`: a name for a version. Tags can be moved; versions cannot. */
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
	args = vt_target_args(&target);
	(void) json_object_set_new(args, "tag", json_string(cli->argv[1]));
	r = vt_print_result(cli, "tag", args, &version, err);
	if (r < 0)
		return r;
	vt_say(cli, "%s@%s is %s", target.dataset, cli->argv[1],
	       vt_json_text(version, "version", ""));
	return 0;
}

const struct vt_command vt_cmd_tag = {
	.name = "tag",
	.synopsis = "DATASET[@VERSION] TAG",
	.summary = "Give a version a name, or move the name to it",
	.details = "Without @VERSION: the latest. In a mount the tag is a symbolic link.",
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
