/* SPDX-License-Identifier: Apache-2.0 */
/* `vitrine init`: makes an empty store. The one command that needs no server. */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/error.h"
#include "index/index.h"
#include "index/store_facts.h"
#include "tools/commands.h"
#include "tools/options.h"
#include "tools/output.h"

static const char *owner;
static const struct vt_option options[] = {
	VT_TEXT(0, "owner", "USER", &owner, "whose store it is: the account that serves it"),
	{0},
};

/* The folder is given away empty, and filled by its owner: nothing in it is ever root's. */
static int become_owner(const char *dir, struct vt_error *err)
{
	const struct passwd *user = getpwnam(owner);

	if (!user)
		return vt_fail(err, ENOENT, "there is no user '%s'", owner);
	if (geteuid() != 0)
		return user->pw_uid == geteuid()
			       ? 0
			       : vt_fail(err, EPERM, "only root may make a store for '%s'", owner);
	if (mkdir(dir, 0711) < 0 && errno != EEXIST)
		return vt_fail(err, errno, "cannot make '%s': %m", dir);
	if (rmdir(dir) < 0) /* only an empty folder goes: nobody's files are given away */
		return vt_fail(err, errno, "cannot make a store in '%s': %m", dir);
	if (mkdir(dir, 0711) < 0 || chown(dir, user->pw_uid, user->pw_gid) < 0)
		return vt_fail(err, errno, "cannot give '%s' to '%s': %m", dir, owner);
	if (initgroups(owner, user->pw_gid) < 0 || setgid(user->pw_gid) < 0 ||
	    setuid(user->pw_uid) < 0)
		return vt_fail(err, errno, "cannot become '%s': %m", owner);
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	const char *dir = cli->argc > 0 ? cli->argv[0] : cli->store;
	struct vt_store_facts facts;
	vt_cleanup(vt_json_freep) json_t *line = NULL;
	int r;

	if (vt_store_facts_read(dir, &facts, NULL) == 0)
		return vt_fail(err, EEXIST, "'%s' is a store already", dir);
	r = owner ? become_owner(dir, err) : 0;
	if (r == 0)
		r = vt_index_create(dir, err);
	if (r == 0)
		r = vt_store_facts_read(dir, &facts, err);
	if (r < 0)
		return r;
	line = json_pack("{s:s, s:s, s:i}", "store", dir, "uuid", facts.uuid, "format",
			 facts.format);
	if (cli->json)
		vt_print_json(line);
	vt_say(cli, "%s is a store now. Next: vitrine --store %s publish DATASET FOLDER", dir, dir);
	return 0;
}

const struct vt_command vt_cmd_init = {
	.name = "init",
	.synopsis = "[DIR]",
	.summary = "Make an empty store",
	.details = "In DIR, or where --store and $VITRINE_STORE say; the folder must not hold\n"
		   "anything yet. Who runs it owns the store: only the owner and root change it.",
	.options = options,
	.max_args = 1,
	.program = VT_PROGRAM_STORE,
	.run = run,
};
