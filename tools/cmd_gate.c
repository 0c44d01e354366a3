/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine gate`: the quality gates of a dataset, its schema among them. */
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/gate_report.h"
#include "tools/output.h"
#include "tools/target.h"
#include "tools/version_text.h"

static int set(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err)
{
	json_t *args = vt_target_args(target);
	int r = vt_gate_read(cli->argv[2], args, err);

	if (r < 0)
		json_decref(args);
	else
		r = vt_cli_call(cli, "gate.set", args, NULL, NULL, NULL, err);
	if (r == 0)
		vt_say(cli,
		       "what is published into %s has to pass this gate, and each label its schema",
		       target->dataset);
	return r;
}

/* FILE, where there is one, is asked beside the dataset's own gate. */
static int check(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_gate_report report = {.cli = cli};
	json_t *args = vt_target_args(target);
	int r = cli->argc == 3 ? vt_gate_read(cli->argv[2], args, err) : 0;

	if (r < 0)
		json_decref(args);
	else
		r = vt_cli_call(cli, "gate.check", args, vt_gate_report_row, &report, &result, err);
	vt_gate_report_end(&report);
	if (r < 0)
		return r;
	if (cli->json) {
		vt_print_json(result);
		return 0;
	}
	vt_version_say(result);
	(void) printf("%s@%s: %s\n", vt_json_text(result, "dataset", ""),
		      vt_json_text(result, "version", ""), vt_json_text(result, "gate", ""));
	return 0;
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

	if (r == 0 && target.path)
		return vt_misused(cli, err, "'%s': a gate is not of a path", cli->argv[1]);
	if (r == 0 && strcmp(action, "check") == 0)
		return check(cli, &target, err);
	if (r == 0 && target.version[0])
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
			  "it is 'gate set DATASET FILE', 'gate show DATASET', 'gate check "
			  "DATASET[@VERSION] [FILE]' or 'gate rm DATASET'");
}

const struct vt_command vt_cmd_gate = {
	.name = "gate",
	.synopsis = "set|show|check|rm DATASET[@VERSION] [FILE]",
	.summary = "Set what versions of a dataset must be like, and its labels' schema",
	.details = "A FILE of rules about files and labels (vitrine-gates(7)); '-' is standard\n"
		   "input. All are asked by publish, curate and check; those about single labels,\n"
		   "the schema, of every label that is given to a file.",
	.min_args = 2,
	.max_args = 3,
	.run = run,
};
