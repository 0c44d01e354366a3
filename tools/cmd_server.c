/* SPDX-License-Identifier: Apache-2.0 */
/* The two processes of a store (fs/server.h, fs/keeper.h); started by other commands. */
#include "fs/keeper.h"
#include "fs/server.h"
#include "tools/commands.h"

static int server(struct vt_cli *cli, struct vt_error *err)
{
	exit(vt_server_main(cli->argc + 1, cli->argv - 1));
}

const struct vt_command vt_cmd_server = {
	.name = "server",
	.synopsis = "--store=DIR [--foreground]",
	.summary = "Serve a store",
	.max_args = -1,
	.hidden = true,
	.raw = true,
	.program = VT_PROGRAM_STORE,
	.run = server,
};

static int keeper(struct vt_cli *cli, struct vt_error *err)
{
	exit(vt_keeper_main(cli->argc + 1, cli->argv - 1));
}

const struct vt_command vt_cmd_keeper = {
	.name = "keeper",
	.synopsis = "",
	.summary = "Hold the mounts of a store while its server changes",
	.max_args = -1,
	.hidden = true,
	.raw = true,
	.program = VT_PROGRAM_STORE,
	.run = keeper,
};
