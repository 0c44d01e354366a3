/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine gate`: the quality gates of a dataset. */
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/gate_report.h"
#include "tools/output.h"
#include "tools/target.h"

static int set(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err)
{
	json_t *args = vt_target_args(target);
	int r = vt_gate_read(cli->argv[2], args, err);

	if (r < 0)
		json_decref(args);
	else
		r = vt_cli_call(cli, "gate.set", args, NULL, NULL, NULL, err);
	if (r == 0)
		vt_say(cli, "what is published into %s has to pass this gate", target->dataset);
	return r;
}

static int show(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r = vt_print_result(cli, "gate.show", vt_target_args(target), &result, err);

	if (r == 0 && !cli->json)
		(void) fputs(vt_json_text(result, "gate", ""), stdout);
	return r;
}

static int take_away(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err)
{
	int r = vt_cli_call(cli, "gate.remove", vt_target_args(target), NULL, NULL, NULL, err);

	if (r == 0)
		vt_say(cli, "%s has no gate any more", target->dataset);
	return r;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	const char *action = cli->argv[0];
	struct vt_target target;
	int r = vt_target_parse(cli->argv[1], &target, err);

	if (r == 0 && (target.path || target.version[0]))
		return vt_misused(cli, err, "'%s': a gate is of a whole dataset", cli->argv[1]);
	if (r < 0)
		return r;
	if (strcmp(action, "set") == 0 && cli->argc == 3)
		return set(cli, &target, err);
	if (strcmp(action, "show") == 0 && cli->argc == 2)
		return show(cli, &target, err);
	if (strcmp(action, "rm") == 0 && cli->argc == 2)
		return take_away(cli, &target, err);
	return vt_misused(cli, err,
			  "it is 'gate set DATASET FILE', 'gate show DATASET' or 'gate rm "
			  "DATASET'");
}

const struct vt_command vt_cmd_gate = {
	.name = "gate",
	.synopsis = "set|show|rm DATASET [FILE]",
	.summary = "Set what every version of a dataset must be like to be published",
	.details = "A FILE of rules about files and labels (vitrine-gates(7)); '-' is standard\n"
		   "input. It is asked by publish and curate, not by changes of labels.",
	.min_args = 2,
	.max_args = 3,
	.run = run,
};
