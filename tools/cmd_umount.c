/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine umount`: ends a mount, or all mounts of a store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "fs/mount.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/mount_search.h"
#include "tools/options.h"
#include "tools/output.h"

static bool all, lazy;
static const struct vt_option options[] = {
	VT_FLAG('a', "all", &all, "every mount of the store"),
	VT_FLAG('l', "lazy", &lazy, "even while it is in use: it ends with its last user"),
	{0},
};

/* The server notices by itself; who is told that the mount has ended may count on it. */
static void wait_for_server(const char *store, const char *point)
{
	vt_cleanup(vt_client_closep) struct vt_client *client = NULL;
	struct vt_call call = {.op = "umount"};

	if (!store || vt_client_connect(store, false, &client, NULL) < 0)
		return;
	call.args = json_pack("{s:s}", "mountpoint", point);
	(void) vt_client_call(client, &call, NULL, NULL);
}

static int detach(const struct vt_cli *cli, const char *point, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *found = NULL;
	int r;

	(void) vt_mount_search(NULL, point, &found, NULL);
	r = vt_mount_detach(point, lazy, err);
	if (r == -EBUSY && !lazy)
		return vt_fail(err, EBUSY,
			       "'%s' is in use (fuser -vm shows by whom; --lazy ends it anyway)",
			       point);
	if (r < 0)
		return r;
	if (!lazy)
		wait_for_server(vt_json_text(json_array_get(found, 0), "store", NULL), point);
	vt_say(cli, "%s is unmounted", point);
	return 0;
}

/* Newest first: one may lie on another. */
static int detach_all(const struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *found = NULL;
	int r = vt_mount_search(cli->store, NULL, &found, err);

	for (size_t i = json_array_size(found); r == 0 && i-- > 0;)
		r = detach(cli, vt_json_text(json_array_get(found, i), "point", ""), err);
	if (r == 0 && json_array_size(found) == 0)
		vt_say(cli, "%s is mounted nowhere", cli->store);
	return r;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	const char *point = cli->argc > 0 ? cli->argv[0] : getenv("VITRINE_MOUNT");
	char resolved[PATH_MAX];

	if (all && cli->argc > 0)
		return vt_misused(cli, err, "--all and '%s' do not go together", cli->argv[0]);
	if (all)
		return detach_all(cli, err);
	if (!point || !*point)
		return vt_misused(cli, err, "say which mount to end, or --all");
	return detach(cli, realpath(point, resolved) ? resolved : point, err);
}

const struct vt_command vt_cmd_umount = {
	.name = "umount",
	.synopsis = "[MOUNTPOINT]",
	.summary = "End a mount, or all mounts of the store with --all",
	.options = options,
	.max_args = 1,
	.run = run,
};
