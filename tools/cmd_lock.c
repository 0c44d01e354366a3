/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine lock`: pins a version, and says later whether what is there is still that. */
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/lock_file.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/target.h"

static const char *check;
static const struct vt_option options[] = {
	VT_TEXT(0, "check", "FILE", &check, "is the version what this lock file says?"),
	{0},
};

static int run_check(struct vt_cli *cli, struct vt_target *target, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *lock = NULL;
	int r = vt_lock_read(check, &lock, err);

	if (r == 0 && cli->argc == 0)
		r = vt_lock_target(lock, target, err);
	if (r == 0)
		r = vt_lock_check(cli, lock, target, err);
	if (r == 0)
		vt_say(cli, "%s%s%s is what is locked", target->dataset,
		       target->version[0] ? "@" : "", target->version);
	return r;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *version = NULL;
	struct vt_target target = {.path = NULL};
	int r = cli->argc > 0 ? vt_target_parse(cli->argv[0], &target, err) : 0;

	if (r == 0 && target.path)
		return vt_misused(cli, err, "versions are locked whole, without a path");
	if (r == 0 && cli->argc == 0 && !check)
		return vt_misused(cli, err, "say which version, or --check FILE");
	if (r == 0 && check)
		return run_check(cli, &target, err);
	if (r == 0)
		r = vt_cli_call(cli, "show", vt_target_args(&target), NULL, NULL, &version, err);
	return r < 0 ? r : vt_lock_write(version, stdout, err);
}

const struct vt_command vt_cmd_lock = {
	.name = "lock",
	.synopsis = "[DATASET[@VERSION]]",
	.summary = "Pin a version with its labels, by its digests, or check that it is the one",
	.details = "Prints a lock file. 'vitrine mount --locked FILE' shows that version alone,\n"
		   "or nothing. --check without a version is about the one that is named there.",
	.options = options,
	.max_args = 1,
	.run = run,
};
