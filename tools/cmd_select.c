/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine select`: the files of a version that an expression means, for people and for pipes. */
#include <stdio.h>

#include "fs/rows.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/selection.h"
#include "tools/target.h"

static bool nul, only_count;
static const struct vt_option options[] = {
	VT_FLAG('0', "null", &nul, "a NUL ends each path, not a newline"),
	VT_FLAG(0, "count", &only_count, "print how many there are"),
	{0},
};

static int print_path(void *context, const char *path, size_t len)
{
	const struct vt_cli *cli = context;

	if (cli->json) {
		vt_cleanup(vt_json_freep) json_t *row = json_object();

		(void) vt_json_set_text(row, "path", path, len);
		vt_print_json(row);
	} else if (nul) {
		(void) fwrite(path, 1, len, stdout);
		(void) putchar('\0');
	} else {
		vt_print_name(stdout, path, len);
		(void) putchar('\n');
	}
	return ferror(stdout) ? -1 : 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_target target;
	int r = vt_target_parse(cli->argv[0], &target, err);

	if (r < 0)
		return r;
	if (target.path)
		return vt_misused(cli, err, "'%s': files are selected in a version, not a path",
				  cli->argv[0]);
	r = vt_selection_ask(cli, &target, cli->argv[1], only_count ? 0 : VT_SELECTION_ALL,
			     print_path, cli, &result, err);
	if (r < 0 || !only_count)
		return r;
	if (cli->json)
		vt_print_json(result);
	else
		(void) printf("%lld\n", (long long) vt_json_count(result, "files"));
	return 0;
}

const struct vt_command vt_cmd_select = {
	.name = "select",
	.synopsis = "DATASET[@VERSION] EXPRESSION",
	.summary = "Print the paths of the files that an expression means",
	.details = "An EXPRESSION is about labels, paths and sizes: 'class=cat and size<1M', see\n"
		   "vitrine-expressions(7). Paths are relative to the version, in its order, one\n"
		   "a line: as 'tar --files-from', 'xargs' and 'label --files-from' take them.",
	.options = options,
	.min_args = 2,
	.max_args = 2,
	.run = run,
};
