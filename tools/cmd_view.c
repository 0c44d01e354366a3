/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine view`: where in a mount the files that an expression means are a tree of their own. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/mount_table.h"
#include "fs/rows.h"
#include "fs/view_name.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/mount_search.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/selection.h"
#include "tools/target.h"

static const char *mount_point;
static const struct vt_option options[] = {
	VT_TEXT(0, "mount", "DIR", &mount_point, "in this mount ($VITRINE_MOUNT, else any)"),
	{0},
};

/* "/DATASET/.query/V" */
static int put_folder(const struct vt_target *target, const json_t *selection, struct vt_buf *out,
		      struct vt_error *err)
{
	vt_buf_printf(out, "/%s/.query/%s", target->dataset,
		      vt_json_text(selection, "version", ""));
	vt_buf_put_u8(out, '\0');
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

static int put_name(const json_t *selection, struct vt_buf *out, struct vt_error *err)
{
	const char *text = vt_json_text(selection, "where", "");
	int r = vt_view_name_put_expression(text, strlen(text), out);

	if (r == -ENAMETOOLONG)
		return vt_fail(err, ENAMETOOLONG,
			       "the expression is too long for the name of a folder: 'vitrine "
			       "select' takes it");
	return r < 0 || vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

/* Whose server answers, and which shows us the version. */
static bool is_good(const char *point, const char *folder)
{
	vt_cleanup(vt_buf_done) struct vt_buf path = VT_BUF_INIT;

	vt_buf_printf(&path, "%s%s", point, folder);
	vt_buf_put_u8(&path, '\0');
	return !vt_buf_failed(&path) && vt_mounted_probe(point) == 0 &&
	       access((const char *) path.data, X_OK) == 0;
}

/* The mount, appended to `out`. */
static int find_mount(const struct vt_cli *cli, const char *folder, struct vt_buf *out,
		      struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *mounts = NULL;
	const char *point = mount_point ? mount_point : getenv("VITRINE_MOUNT");
	char resolved[PATH_MAX];
	const json_t *row;
	size_t i;
	int r;

	if (point && *point)
		point = realpath(point, resolved) ? resolved : point;
	else
		point = NULL;
	r = vt_mount_search(cli->store, point, &mounts, err);
	if (r < 0)
		return r;
	json_array_foreach(mounts, i, row)
	{
		vt_buf_reset(out);
		vt_json_get_bytes(row, "point", out);
		vt_buf_put_u8(out, '\0');
		if (vt_buf_failed(out))
			return vt_fail(err, ENOMEM, "no memory for a path");
		if (is_good((const char *) out->data, folder)) {
			out->len--;
			return 0;
		}
	}
	if (i > 0)
		return vt_fail(err, ENOENT, "no mount of %s that you can reach shows '%s'",
			       cli->store, folder + 1);
	return vt_fail(
		err, ENOENT,
		"%s is not mounted%s%s: 'vitrine mount DIR' does that; 'vitrine select' needs "
		"no mount",
		cli->store, point ? " on " : "", point ? point : "");
}

static void print_path(const struct vt_cli *cli, const struct vt_buf *path)
{
	vt_cleanup(vt_json_freep) json_t *row = json_object();

	if (cli->json) {
		(void) vt_json_set_text(row, "path", (const char *) path->data, path->len);
		vt_print_json(row);
		return;
	}
	vt_print_name(stdout, (const char *) path->data, path->len);
	(void) putchar('\n');
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf folder = VT_BUF_INIT, name = VT_BUF_INIT,
					      path = VT_BUF_INIT;
	vt_cleanup(vt_json_freep) json_t *selection = NULL;
	struct vt_target target;
	int r = vt_target_parse(cli->argv[0], &target, err);

	if (r == 0 && target.path)
		return vt_misused(cli, err, "'%s': a view is of a version, not a path",
				  cli->argv[0]);
	if (r == 0)
		r = vt_selection_ask(cli, &target, cli->argv[1], 0, NULL, NULL, &selection, err);
	if (r == 0)
		r = put_name(selection, &name, err);
	if (r == 0)
		r = put_folder(&target, selection, &folder, err);
	if (r == 0)
		r = find_mount(cli, (const char *) folder.data, &path, err);
	if (r < 0)
		return r;
	vt_buf_put(&path, folder.data, folder.len - 1);
	vt_buf_put_u8(&path, '/');
	vt_buf_put(&path, name.data, name.len);
	if (vt_buf_failed(&path))
		return vt_fail(err, ENOMEM, "no memory for a path");
	print_path(cli, &path);
	return 0;
}

const struct vt_command vt_cmd_view = {
	.name = "view",
	.synopsis = "DATASET[@VERSION] EXPRESSION",
	.summary = "Print where a mount shows the files that an expression means",
	.details = "The folder has these files in their own folders, as they are in the version:\n"
		   "the same inodes, contents read once. 'vitrine select' prints their paths.",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
