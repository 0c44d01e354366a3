/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine gc`: frees the space of what no version needs. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"

static bool dry_run, now;
static const struct vt_option options[] = {
	VT_FLAG('n', "dry-run", &dry_run, "say what would be freed, free nothing"),
	VT_FLAG(0, "now", &now, "also what was removed within the last 24 hours"),
	{0},
};

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *report = NULL;
	char shards[32], kept[32], freed[16], kept_bytes[16];
	json_t *args = json_pack("{s:b, s:b}", "dry_run", dry_run, "now", now);
	int r = vt_print_result(cli, "gc", args, &report, err);

	if (r < 0)
		return r;
	vt_format_count((uint64_t) vt_json_count(report, "shards"), shards);
	vt_format_count((uint64_t) vt_json_count(report, "kept_shards"), kept);
	vt_format_size((uint64_t) vt_json_count(report, "shard_bytes"), freed);
	vt_format_size((uint64_t) vt_json_count(report, "kept_bytes"), kept_bytes);
	vt_say(cli, "%s %s in %s shard(s); %s in %s shard(s) stay",
	       dry_run ? "Would free" : "Freed", freed, shards, kept_bytes, kept);
	return 0;
}

const struct vt_command vt_cmd_gc = {
	.name = "gc",
	.synopsis = "",
	.summary = "Free the space of what no version needs",
	.details = "What was removed within the last 24 hours is kept, unless --now.",
	.options = options,
	.run = run,
};
