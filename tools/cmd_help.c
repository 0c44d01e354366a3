/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine help` and `vitrine version`. */
#include <stdio.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"

static int help_one(struct vt_cli *cli, struct vt_error *err)
{
	const struct vt_command *command = vt_command_find(cli->argv[0]);

	if (!command)
		return vt_misused(cli, err, "there is no command '%s'", cli->argv[0]);
	vt_options_help(command, stdout);
	return 0;
}

static int help(struct vt_cli *cli, struct vt_error *err)
{
	if (cli->argc > 0)
		return help_one(cli, err);
	(void) puts("vitrine COMMAND [OPTIONS] [SPACE/]DATASET[@VERSION|@TAG][:PATH]\n\n"
		    "Labeled, versioned datasets, served from compressed shards.\n");
	for (int i = 0; vt_commands[i]; i++)
		if (!vt_commands[i]->hidden)
			(void) printf("  %-15s%s\n", vt_commands[i]->name, vt_commands[i]->summary);
	(void) puts("\nThe store is --store DIR, $VITRINE_STORE, else " VT_STORE_DEFAULT ".\n"
		    "'vitrine COMMAND --help' says more about each.");
	return 0;
}

const struct vt_command vt_cmd_help = {
	.name = "help",
	.synopsis = "[COMMAND]",
	.summary = "List the commands, or explain one",
	.max_args = 1,
	.run = help,
};

static int version(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *facts = json_pack("{s:s}", "version", VT_VERSION);

	if (cli->json)
		vt_print_json(facts);
	else
		(void) puts(VT_HAS_CRASH_POINTS ? "vitrine " VT_VERSION
						  ", with crash points: for tests"
						: "vitrine " VT_VERSION);
	return 0;
}

const struct vt_command vt_cmd_version = {
	.name = "version",
	.synopsis = "",
	.summary = "Print the version of the program",
	.run = version,
};
