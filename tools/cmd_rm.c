/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine rm`: removes a version, or a dataset with all its versions. gc then frees the space. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static bool all, dry_run;
static const struct vt_option options[] = {
	VT_FLAG(0, "all", &all, "the dataset itself, with every version"),
	VT_FLAG('n', "dry-run", &dry_run, "say what would be removed, remove nothing"),
	{0},
};

static int check_target(const struct vt_cli *cli, const struct vt_target *target,
			struct vt_error *err)
{
	const char *text = cli->argv[0];

	if (target->path)
		return vt_misused(cli, err,
				  "'%s': a published version does not change; publish "
				  "another without that file",
				  text);
	if (all && target->version[0])
		return vt_misused(cli, err, "'%s' is one version, and --all means every one", text);
	if (!all && !target->version[0])
		return vt_misused(cli, err,
				  "'%s' is a whole dataset: write %s@VERSION, or add --all", text,
				  target->dataset);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	struct vt_target target;
	char versions[32], bytes[16];
	json_t *args;
	int r;

	r = vt_target_parse(cli->argv[0], &target, err);
	if (r == 0)
		r = check_target(cli, &target, err);
	if (r < 0)
		return r;
	args = vt_target_args(&target);
	(void) json_object_set_new(args, "dry_run", json_boolean(dry_run));
	r = vt_print_result(cli, "remove", args, &result, err);
	if (r < 0)
		return r;
	vt_format_count((uint64_t) vt_json_count(result, "versions"), versions);
	vt_format_size((uint64_t) vt_json_count(result, "bytes"), bytes);
	vt_say(cli, "%s %s version(s) of %s, %s%s", dry_run ? "Would remove" : "Removed", versions,
	       target.dataset, bytes,
	       dry_run ? "" : "; 'vitrine gc' frees what nothing else uses after a day");
	return 0;
}

const struct vt_command vt_cmd_rm = {
	.name = "rm",
	.synopsis = "DATASET[@VERSION]",
	.summary = "Remove a version, or a dataset with --all",
	.details = "A version that a tag names is not removed: take the tag away first.",
	.options = options,
	.min_args = 1,
	.max_args = 1,
	.run = run,
};
