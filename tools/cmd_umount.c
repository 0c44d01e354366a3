/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine umount`: ends a mount, or all mounts of a store. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/mount_table.h"
#include "tools/options.h"
#include "tools/output.h"

static bool all, lazy;
static const struct vt_option options[] = {
	VT_FLAG('a', "all", &all, "every mount of the store"),
	VT_FLAG('l', "lazy", &lazy, "even while it is in use: it ends with its last user"),
	{0},
};

static int detach(const struct vt_cli *cli, const char *point, struct vt_error *err)
{
	int r = vt_mount_detach(point, lazy, err);

	if (r == -EBUSY && !lazy)
		return vt_fail(err, EBUSY,
			       "'%s' is in use (fuser -vm shows by whom; --lazy ends it anyway)",
			       point);
	if (r == 0)
		vt_say(cli, "%s is unmounted", point);
	return r;
}

struct search {
	const char *store;
	json_t *points;
};

static int collect(void *context, const struct vt_mounted *mounted)
{
	struct search *search = context;

	if (strcmp(mounted->source, search->store) == 0)
		(void) json_array_append_new(search->points, json_string(mounted->point));
	return 0;
}

/* Newest first: one may lie on another. */
static int detach_all(const struct vt_cli *cli, struct vt_error *err)
{
	vt_autofree char *store = realpath(cli->store, NULL);
	vt_cleanup(vt_json_freep) json_t *points = json_array();
	struct search search = {store ? store : cli->store, points};
	int r = vt_mounted_list(collect, &search, err);

	for (size_t i = json_array_size(points); r == 0 && i-- > 0;)
		r = detach(cli, json_string_value(json_array_get(points, i)), err);
	if (r == 0 && json_array_size(points) == 0)
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
