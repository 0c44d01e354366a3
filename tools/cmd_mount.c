/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine mount`: makes the mount itself (as root, or through fusermount3) and hands its
 * descriptor to the server, so that the server needs no privilege. With --foreground it then stays
 * until the mount ends, which is what systemd and containers like.
 */
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/daemon.h"
#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/rows.h"
#include "index/base/buf.h"
#include "index/base/error.h"
#include "tools/commands.h"
#include "tools/leftover.h"
#include "tools/lock_file.h"
#include "tools/options.h"
#include "tools/output.h"
#include "tools/standing.h"

/* Measured: with the kernel's 128 sequential reads are half as fast, with 1024 by 5 to 10 %. */
#define READ_AHEAD_KB 2048

static const char *mount_options, *for_user, *acl, *locked;
static bool foreground, open_only, any_uid, sloppy, accept_leftover;
static uint64_t cache;
static const struct vt_option options[] = {
	VT_TEXT('o', "options", "LIST", &mount_options,
		"these, allow_other, acl=HOW, kernel options"),
	VT_FLAG(0, "open-only", &open_only, "open datasets only, for everybody, at full speed"),
	VT_TEXT(0, "for", "USER", &for_user, "a private mount: what USER may read, for USER alone"),
	VT_FLAG(0, "any-uid", &any_uid, "whoever gets there acts as USER (containers)"),
	VT_TEXT(0, "locked", "FILE", &locked, "the version of a lock file alone, or nothing"),
	VT_SIZE(0, "cache", "SIZE", &cache, "memory of the server that is started (256M)"),
	VT_FLAG('f', "foreground", &foreground, "stay until unmounted; unmount on SIGTERM"),
	VT_FLAG(0, "accept-leftover", &accept_leftover,
		"serve again although a mount lost its server"),
	VT_FLAG('s', "sloppy", &sloppy, "pass over what -o has that is not known"),
	{0},
};

/* What -o asked for, sorted by who cares. */
struct wishes {
	bool allow_other;
	struct vt_buf kernel; /* comma separated */
	json_t *lock;         /* NULL: none */
};

static bool is_among(const char *word, const char *const *words, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(words[i]);

		if (words[i][len - 1] == '=' ? strncmp(word, words[i], len) == 0
					     : strcmp(word, words[i]) == 0)
			return true;
	}
	return false;
}

/* Words that fstab and mount(8) use among themselves, or that hold of every mount of ours. */
static bool is_fstab_word(const char *word)
{
	static const char *const words[] = {
		"defaults", "ro",     "rw",      "auto",     "noauto",
		"user",     "user=",  "users",   "nouser",   "owner",
		"group",    "nofail", "_netdev", "nosuid",   "nodev",
		"suid",     "dev",    "exec",    "async",    "atime",
		"diratime", "loud",   "silent",  "comment=", "default_permissions"};

	return is_among(word, words, sizeof words / sizeof *words) || strncmp(word, "x-", 2) == 0 ||
	       strncmp(word, "X-", 2) == 0;
}

/* What is handed to the kernel; of anything else it would only say "Invalid argument". */
static bool is_kernel_word(const char *word)
{
	static const char *const words[] = {
		"noexec",  "noatime",   "nodiratime", "relatime",   "strictatime", "sync",
		"dirsync", "max_read=", "context=",   "fscontext=", "defcontext=", "rootcontext="};

	return is_among(word, words, sizeof words / sizeof *words);
}

static int sort_wishes(struct vt_cli *cli, char *list, struct wishes *out, struct vt_error *err)
{
	char *save = NULL;

	for (char *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save)) {
		if (strcmp(word, "allow_other") == 0)
			out->allow_other = true;
		else if (strncmp(word, "store=", 6) == 0)
			cli->store = word + 6;
		else if (strcmp(word, "open_only") == 0)
			open_only = true;
		else if (strcmp(word, "any_uid") == 0)
			any_uid = true;
		else if (strncmp(word, "for=", 4) == 0)
			for_user = word + 4;
		else if (strncmp(word, "locked=", 7) == 0)
			locked = word + 7;
		else if (strncmp(word, "acl=", 4) == 0)
			acl = word + 4;
		else if (strncmp(word, "cache=", 6) == 0) {
			if (vt_size_parse(word + 6, &cache) < 0)
				return vt_misused(cli, err, "-o %s: that is no size", word);
		} else if (is_kernel_word(word))
			vt_buf_printf(&out->kernel, "%s%s", out->kernel.len ? "," : "", word);
		else if (strcmp(word, "remount") == 0)
			return vt_misused(cli, err, "-o remount: end the mount and mount again");
		else if (!is_fstab_word(word) && !sloppy)
			return vt_misused(cli, err, "-o %s is not known", word);
	}
	vt_buf_put_u8(&out->kernel, '\0');
	return vt_buf_failed(&out->kernel) ? vt_fail(err, ENOMEM, "no memory for the options") : 0;
}

static int raise_read_ahead(void *point, const struct vt_mounted *mounted)
{
	char path[64], device[VT_DEVICE_TEXT];
	FILE *file;

	if (strcmp(mounted->point, point) != 0)
		return 0;
	vt_device_format(mounted->device, device);
	(void) snprintf(path, sizeof path, "/sys/class/bdi/%s/read_ahead_kb", device);
	file = fopen(path, "we");
	if (!file)
		return 0; /* not root: reads are slower, nothing else */
	(void) fprintf(file, "%d\n", READ_AHEAD_KB);
	(void) fclose(file);
	return 0;
}

static void on_signal(int number)
{
}

/*
 * Without SA_RESTART, so that waiting ends. Who stays hears of them only while it waits: one that
 * came between would be forgotten.
 */
static void catch_signals(void)
{
	const struct sigaction action = {.sa_handler = on_signal};
	sigset_t set;

	(void) sigemptyset(&set);
	(void) sigaddset(&set, SIGTERM);
	(void) sigaddset(&set, SIGINT);
	(void) sigaction(SIGTERM, &action, NULL);
	(void) sigaction(SIGINT, &action, NULL);
	if (foreground)
		(void) sigprocmask(SIG_BLOCK, &set, NULL);
}

static int attach(struct vt_cli *cli, struct vt_standing *standing, const struct wishes *wishes,
		  struct vt_error *err)
{
	vt_autofree char *store = realpath(cli->store, NULL);
	const struct vt_mount_options how = {
		.fsname = store ? store : cli->store,
		.allow_other = wishes->allow_other,
		.extra = wishes->kernel.len > 1 ? (const char *) wishes->kernel.data : NULL,
	};
	int r = 0;

	if (foreground)
		r = standing->state_fd = vt_session_state_new(NULL, err);
	if (r >= 0)
		r = standing->fuse_fd = vt_mount_attach(standing->point, &how, err);
	standing->fresh = true;
	return r;
}

/* The pid of the server. */
static int hand_over(struct vt_cli *cli, struct vt_standing *standing, json_t *lock,
		     struct vt_error *err)
{
	const char *kind = for_user ? "private" : open_only ? "open-only" : NULL;
	vt_cleanup(vt_json_freep) json_t *given =
		json_pack("{s:s*, s:s*, s:s*, s:b}", "kind", kind, "user", for_user, "acl", acl,
			  "any_uid", any_uid);
	bool fresh = standing->fresh;
	int server;

	if (lock)
		(void) json_object_set(given, "locked", lock);
	if (cache)
		(void) json_object_set_new(given, "cache", json_integer((json_int_t) cache));
	server = vt_standing_hand_over(cli, standing, given, err);
	if (server < 0) {
		if (fresh) /* nobody would answer on it */
			(void) vt_mount_detach(standing->point, true, NULL);
		return server;
	}
	/* Read-ahead set before the kernel has its first answer would be lowered by that again. */
	(void) vt_mounted_probe(standing->point);
	(void) vt_mounted_list(raise_read_ahead, (void *) (uintptr_t) standing->point, NULL);
	return server;
}

static int mount_on(struct vt_cli *cli, const char *point, const struct wishes *wishes,
		    struct vt_error *err)
{
	vt_cleanup(vt_standing_done) struct vt_standing standing = VT_STANDING_INIT;
	int r = 0, server;

	standing.point = point;
	if (foreground)
		r = vt_standing_restore(&standing, err);
	if (r == 0)
		r = attach(cli, &standing, wishes, err);
	if (r < 0)
		return r;
	server = hand_over(cli, &standing, wishes->lock, err);
	if (server < 0)
		return server;
	vt_say(cli, "%s is on %s", cli->store, point);
	(void) fflush(stdout);
	return foreground ? vt_standing_stay(cli, &standing, server, err) : 0;
}

/* An absolute path. Of a mount without a server only the folder around it can be resolved. */
static const char *absolute(const char *point, char resolved[PATH_MAX])
{
	char around[PATH_MAX], folder[PATH_MAX], name[PATH_MAX];
	const char *base;

	if (realpath(point, resolved))
		return resolved;
	(void) snprintf(around, sizeof around, "%s", point);
	(void) snprintf(name, sizeof name, "%s", point);
	base = basename(name);
	if (!realpath(dirname(around), folder) ||
	    snprintf(resolved, PATH_MAX, "%s/%s", folder, base) >= PATH_MAX)
		return point;
	return resolved;
}

/* ---- mounts that lost their server ----------------------------------------------------------- */

static bool stands_on(const json_t *leftover, const char *point)
{
	vt_cleanup(vt_json_freep) json_t *wanted = json_object();
	const json_t *item;
	size_t i;

	(void) vt_json_set_text(wanted, "point", point, strlen(point));
	json_array_foreach(
		json_object_get(leftover, "mounted"), i,
		item) if (json_equal(item, json_object_get(wanted, "point"))) return true;
	return false;
}

/* One that stands where we are to mount would only be in the way. */
static int clear_point(struct vt_cli *cli, const char *point, const json_t *leftovers,
		       struct vt_error *err)
{
	const json_t *row;
	size_t i;
	int r = 0;

	json_array_foreach(leftovers, i, row)
	{
		if (r < 0 || !stands_on(row, point))
			continue;
		r = vt_mount_detach(point, true, err);
		if (r == 0 && !cli->quiet)
			(void) fprintf(stderr, "the mount on %s that had lost its server is gone\n",
				       point);
	}
	return r;
}

static int accept(struct vt_cli *cli, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *result = NULL;
	int r = vt_cli_call(cli, "leftovers.accept", NULL, NULL, NULL, &result, err);

	if (r >= 0 && vt_json_count(result, "accepted") > 0)
		vt_say(cli, "accepted; everything is served again");
	return r;
}

static void tell(const struct vt_cli *cli, const json_t *leftovers)
{
	const json_t *row;
	size_t i;

	if (!cli->json)
		vt_leftover_print(stderr, leftovers);
	else
		json_array_foreach(leftovers, i, row) vt_print_json(row);
}

/* Clears the way, says what remains, and lets an administrator answer for that. */
static int settle_leftovers(struct vt_cli *cli, const char *point, struct vt_error *err)
{
	vt_cleanup(vt_json_freep) json_t *before = NULL, *left = NULL;
	int r = vt_leftover_rows(cli, &before, err);

	if (r == 0)
		r = clear_point(cli, point, before, err);
	if (r == 0 && accept_leftover)
		r = accept(cli, err);
	if (r >= 0 && json_array_size(before) > 0)
		r = vt_leftover_rows(cli, &left, err);
	if (r >= 0)
		tell(cli, left);
	return r;
}

/* Before anything is mounted: it says which digest differs. The server looks once more. */
static int check_lock(struct vt_cli *cli, json_t **lock, struct vt_error *err)
{
	struct vt_target target;
	int r;

	if (!locked)
		return 0;
	r = vt_lock_read(locked, lock, err);
	if (r == 0)
		r = vt_lock_target(*lock, &target, err);
	return r < 0 ? r : vt_lock_check(cli, *lock, &target, err);
}

static int check_kind(struct vt_cli *cli, struct vt_error *err)
{
	if (for_user && open_only)
		return vt_misused(cli, err, "--for and --open-only: a mount is one or the other");
	if (any_uid && !for_user)
		return vt_misused(cli, err, "--any-uid goes with --for USER");
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	const char *point = cli->argc > 0 ? cli->argv[0] : getenv("VITRINE_MOUNT");
	vt_autofree char *list = strdup(mount_options ? mount_options : "");
	vt_cleanup(vt_buf_done) struct vt_buf kernel = VT_BUF_INIT;
	vt_cleanup(vt_json_freep) json_t *lock = NULL;
	struct wishes wishes = {0};
	char resolved[PATH_MAX], megabytes[32];
	int r;

	if (!point || !*point)
		return vt_misused(cli, err, "say where to mount: a folder, or $VITRINE_MOUNT");
	if (!list)
		return vt_fail(err, ENOMEM, "no memory for the options");
	r = sort_wishes(cli, list, &wishes, err);
	kernel = wishes.kernel;
	if (r == 0)
		r = check_kind(cli, err);
	if (r < 0)
		return r;
	if (cache) {
		(void) snprintf(megabytes, sizeof megabytes, "%llu", (unsigned long long) cache);
		(void) setenv("VITRINE_CACHE", megabytes, 1); /* for a server that we start */
	}
	/* The server first: what it has to say about the store is worth more than a dead mount. */
	r = vt_cli_connect(cli, err);
	if (r == 0)
		r = check_lock(cli, &lock, err);
	if (r < 0)
		return r;
	wishes.lock = lock;
	point = absolute(point, resolved);
	catch_signals();
	r = settle_leftovers(cli, point, err);
	if (r < 0)
		return r;
	return mount_on(cli, point, &wishes, err);
}

const struct vt_command vt_cmd_mount = {
	.name = "mount",
	.synopsis = "[MOUNTPOINT]",
	.summary = "Show the store's datasets as a read-only tree",
	.details = "Returns when the tree is there. Without MOUNTPOINT: $VITRINE_MOUNT.\n"
		   "In /etc/fstab:\n"
		   "  /var/lib/vitrine /data vitrine noauto,user 0 0",
	.options = options,
	.max_args = 1,
	.run = run,
};
