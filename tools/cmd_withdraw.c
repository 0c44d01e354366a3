/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine withdraw`: nobody may read a version any more; its record and its reason stay. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static const char *reason;
static const struct vt_option options[] = {
	VT_TEXT('r', "reason", "TEXT", &reason, "why, for those who relied on it (required)"),
	{0},
};

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	struct vt_target target;
	json_t *args;
	int r;

	r = vt_target_parse(cli->argv[0], &target, err);
	if (r < 0)
		return r;
	if (!target.version[0] || target.path)
		return vt_misused(cli, err, "'%s': say which version: DATASET@VERSION",
				  cli->argv[0]);
	if (!reason || !*reason)
		return vt_misused(cli, err, "a withdrawal needs a --reason");
	args = vt_target_args(&target);
	(void) json_object_set_new(args, "reason", json_string(reason));
	r = vt_print_result(cli, "withdraw", args, &version, err);
	if (r < 0)
		return r;
	vt_say(cli, "%s@%s is withdrawn: open files and mappings of it fail from now on",
	       target.dataset, vt_json_text(version, "version", target.version));
	return 0;
}

const struct vt_command vt_cmd_withdraw = {
	.name = "withdraw",
	.synopsis = "DATASET@VERSION",
	.summary = "End all reading of a version; its record and the reason stay",
	.details = "When it returns no process gets another byte of the version, not even\n"
		   "through files it holds open. The bytes stay in the store until 'vitrine rm'.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
