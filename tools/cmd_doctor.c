/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `vitrine doctor`: what this machine and this store lack, a line each with the way out. It changes
 * nothing, starts nothing, and never waits for a mount whose server hangs.
 */
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>

#include "fs/mount_table.h"
#include "fs/program.h"
#include "fs/rows.h"
#include "index/base/error.h"
#include "index/store_facts.h"
#include "tools/commands.h"
#include "tools/leftover.h"
#include "tools/output.h"

#define FREE_LOW (1ull << 30) /* bytes; a shard of a publish is up to 256 MiB */

enum verdict { OK, WARN, FAIL };

struct checkup {
	const struct vt_cli *cli;
	char store[4096]; /* resolved, as mounts name it */
	bool failed;
};

static void tell(struct checkup *c, enum verdict verdict, const char *check, const char *format,
		 ...) __attribute__((format(printf, 4, 5)));
static void tell(struct checkup *c, enum verdict verdict, const char *check, const char *format,
		 ...)
{
	static const char *const words[] = {"OK", "WARN", "FAIL"};
	static const enum vt_colour colours[] = {VT_GREEN, VT_YELLOW, VT_RED};
	vt_cleanup(vt_json_freep) json_t *line = NULL;
	char text[1200];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(text, sizeof text, format, ap);
	va_end(ap);
	c->failed |= verdict == FAIL;
	if (c->cli->quiet && verdict == OK)
		return;
	if (c->cli->json) {
		line = json_pack("{s:s, s:s}", "check", check, "verdict", words[verdict]);
		(void) vt_json_set_text(line, "text", text, strlen(text));
		vt_print_json(line);
		return;
	}
	(void) printf("%s%-4s%s  %-10s  ", vt_colour(colours[verdict]), words[verdict],
		      vt_colour(VT_PLAIN), check);
	vt_print_name(stdout, text, strlen(text));
	(void) putchar('\n');
}

static void check_kernel(struct checkup *c)
{
	struct utsname name;
	int major = 0, minor = 0;

	(void) uname(&name);
	(void) sscanf(name.release, "%d.%d", &major, &minor);
	if (major > 6 || (major == 6 && minor >= 9))
		tell(c, OK, "kernel",
		     "%s: reads outlive a crash of the server, sent again by the kernel",
		     name.release);
	else if (major > 5 || (major == 5 && minor >= 4))
		tell(c, OK, "kernel",
		     "%s: reads outlive a crash of the server, kept by Vitrine (which costs them "
		     "little; from 6.9 on the kernel does it)",
		     name.release);
	else
		tell(c, FAIL, "kernel", "%s is too old; 5.4 is the oldest", name.release);
}

static void check_device(struct checkup *c)
{
	vt_autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		tell(c, OK, "/dev/fuse", "can be opened");
	else if (errno == ENOENT)
		tell(c, FAIL, "/dev/fuse",
		     "is missing: run 'modprobe fuse' as root; in a container "
		     "start it with --device /dev/fuse");
	else if (errno == ENODEV || errno == ENXIO)
		tell(c, FAIL, "/dev/fuse", "is there, but the kernel has no FUSE: 'modprobe fuse'");
	else
		tell(c, FAIL, "/dev/fuse",
		     "cannot be opened (%s): 'chmod 0666 /dev/fuse' as root "
		     "lets everyone mount",
		     strerror(errno));
}

static void check_helper(struct checkup *c)
{
	struct stat st;

	if (geteuid() == 0)
		tell(c, OK, "fusermount", "is not needed by root");
	else if (stat("/usr/bin/fusermount3", &st) < 0 && stat("/bin/fusermount3", &st) < 0)
		tell(c, FAIL, "fusermount", "fusermount3 is missing: 'apt-get install fuse3'");
	else if (!(st.st_mode & S_ISUID) || st.st_uid != 0)
		tell(c, FAIL, "fusermount",
		     "fusermount3 is not setuid root: 'apt-get install "
		     "--reinstall fuse3'");
	else
		tell(c, OK, "fusermount", "fusermount3 mounts for you");
}

static bool allows_others(void)
{
	vt_autofclose FILE *file = fopen("/etc/fuse.conf", "re");
	char line[256], word[32];
	bool found = false;

	while (file && !found && fgets(line, sizeof line, file))
		found = sscanf(line, " %31s", word) == 1 && strcmp(word, "user_allow_other") == 0;
	return found;
}

static void check_configuration(struct checkup *c)
{
	if (geteuid() == 0)
		tell(c, OK, "fuse.conf", "is not asked when root mounts");
	else if (allows_others())
		tell(c, OK, "fuse.conf", "user_allow_other is set: others may use your mounts");
	else
		tell(c, WARN, "fuse.conf",
		     "your mounts are for you alone; for '-o allow_other' put "
		     "the line user_allow_other into /etc/fuse.conf");
}

static void check_permissions(struct checkup *c, const struct vt_store_facts *facts)
{
	const struct passwd *owner = getpwuid(facts->owner_uid);
	const char *name = owner ? owner->pw_name : "a uid without a name";
	struct stat st;

	if (stat(c->cli->store, &st) < 0)
		tell(c, FAIL, "owner", "cannot look at the folder: %s", strerror(errno));
	else if (st.st_mode & 022)
		tell(c, FAIL, "owner", "others may write to the folder: 'chmod 0711 %s'",
		     c->cli->store);
	else if (!(st.st_mode & 001) && facts->owner_uid != geteuid())
		tell(c, WARN, "owner", "other users do not reach the server: 'chmod 0711 %s'",
		     c->cli->store);
	else
		tell(c, OK, "owner", "%s (%u); publishing needs that account, or root", name,
		     facts->owner_uid);
}

static void check_space(struct checkup *c)
{
	struct statvfs fs;
	char bytes[16];
	uint64_t free_bytes;

	if (statvfs(c->cli->store, &fs) < 0) {
		tell(c, WARN, "space", "cannot tell: %s", strerror(errno));
		return;
	}
	free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize;
	vt_format_size(free_bytes, bytes);
	if (free_bytes < FREE_LOW)
		tell(c, WARN, "space",
		     "only %s free: 'vitrine gc --dry-run' says what it would free", bytes);
	else
		tell(c, OK, "space", "%s free", bytes);
}

/* The kernel was not told of lists when this was mounted. */
static int check_lists(void *context, const json_t *mount, const void *blob, size_t blob_len)
{
	if (json_is_true(json_object_get(mount, "names_can_be_guessed")))
		tell(context, WARN, "lists",
		     "names and sizes of what is shared with a list can be guessed on %s until it is "
		     "mounted again (acl=auto); contents cannot be read",
		     vt_json_text(mount, "mountpoint", ""));
	return 0;
}

static void check_clock(struct checkup *c, struct vt_client *client)
{
	vt_cleanup(vt_json_freep) json_t *clock = NULL;
	const struct vt_call call = {.op = "clock"};

	if (vt_client_call(client, &call, &clock, NULL) < 0)
		return;
	if (json_is_true(json_object_get(clock, "in_doubt")))
		tell(c, WARN, "clock",
		     "is in doubt, so that no lease is given: 'vitrine clock' says more");
	else
		tell(c, OK, "clock", "is taken for right");
}

static void check_confinement(struct checkup *c, const json_t *status)
{
	const char *holds = vt_json_text(status, "confined", NULL),
		   *lacks = vt_json_text(status, "unconfined", NULL);

	if (lacks)
		tell(c, WARN, "confined", "the server does without %s", lacks);
	else if (holds)
		tell(c, OK, "confined", "%s", holds);
}

static void check_torn(struct checkup *c, const json_t *status)
{
	const json_t *row;
	size_t i;

	json_array_foreach(json_object_get(status, "torn"), i, row) tell(
		c, WARN, "index",
		"had an end that was never answered for, after a crash or an error of the disk, "
		"and is whole without it; what was cut off is '%s', which may be removed",
		vt_json_text(row, "path", "?"));
}

/* Who does not administer the store is not told. */
static void check_status(struct checkup *c, struct vt_client *client)
{
	vt_cleanup(vt_json_freep) json_t *status = NULL;
	const struct vt_call call = {.op = "status"};

	if (vt_client_call(client, &call, &status, NULL) < 0)
		return;
	check_confinement(c, status);
	check_torn(c, status);
}

static void check_leftovers(struct checkup *c, struct vt_client *client)
{
	struct vt_cli cli = *c->cli;
	vt_cleanup(vt_json_freep) json_t *rows = NULL;
	const json_t *row;
	size_t i;

	cli.client = client;
	(void) vt_leftover_rows(&cli, &rows, NULL);
	json_array_foreach(rows, i, row) tell(
		c, FAIL, "leftover",
		"what was mounted on '%s' lost its server and can still be read, so only what is "
		"open to everybody is served: 'vitrine status' says by whom, and the way out",
		vt_json_text(row, "mountpoint", "?"));
}

static void check_server(struct checkup *c)
{
	vt_cleanup(vt_client_closep) struct vt_client *client = NULL;
	vt_cleanup(vt_json_freep) json_t *hello = NULL;
	const struct vt_call call = {.op = "hello"},
			     mounts = {.op = "mounts", .row = check_lists, .context = c};
	struct vt_error err = {""};
	int r = vt_client_connect(c->cli->store, false, &client, &err);

	if (r == -ECONNREFUSED) {
		tell(c, OK, "server", "none runs; the next command starts one");
		return;
	}
	if (r == 0)
		r = vt_client_call(client, &call, &hello, &err);
	if (r < 0)
		tell(c, FAIL, "server", "%s", err.text);
	else if (strcmp(vt_json_text(hello, "version", ""), VT_VERSION) != 0)
		tell(c, WARN, "server",
		     "pid %lld is of version %s, this program of " VT_VERSION
		     ": 'vitrine upgrade' puts it in its place",
		     (long long) vt_json_count(hello, "pid"), vt_json_text(hello, "version", "?"));
	else
		tell(c, OK, "server", "pid %lld answers", (long long) vt_json_count(hello, "pid"));
	if (r < 0)
		return;
	check_status(c, client);
	check_clock(c, client);
	(void) vt_client_call(client, &mounts, NULL, NULL);
	check_leftovers(c, client);
}

static void check_store(struct checkup *c)
{
	struct vt_store_facts facts;
	struct vt_error err = {""};

	if (vt_store_facts_read(c->cli->store, &facts, &err) < 0) {
		tell(c, FAIL, "store", "%s", err.text);
		return;
	}
	tell(c, OK, "store", "%s, format %d, %s", c->cli->store, facts.format, facts.uuid);
	check_permissions(c, &facts);
	check_space(c);
	check_server(c);
}

/* Without the server's nothing can be served, without the other one nothing published. */
static void check_program(struct checkup *c)
{
	struct vt_error err = {""};
	char path[PATH_MAX];

	if (vt_program_find(VT_PROGRAM_STORE, path, &err) < 0)
		tell(c, FAIL, "program", "%s", err.text);
	else
		tell(c, OK, "program", "'%s' serves", path);
	if (vt_program_find(VT_PROGRAM_PUBLISH, path, &err) < 0)
		tell(c, FAIL, "program", "%s", err.text);
}

static int check_mount(void *context, const struct vt_mounted *mounted)
{
	struct checkup *c = context;
	int code;

	if (strcmp(mounted->source, c->store) != 0)
		return 0;
	code = vt_mounted_probe(mounted->point);
	if (code == 0 || code == EACCES)
		tell(c, OK, "mount", "'%s' answers", mounted->point);
	else if (code == ENOTCONN)
		tell(c, FAIL, "mount", "'%s' is dead: 'vitrine umount --lazy %s', then mount again",
		     mounted->point, mounted->point);
	else if (code == ETIMEDOUT)
		tell(c, FAIL, "mount", "'%s' did not answer within 2 s: look at %s/run/server.log",
		     mounted->point, c->store);
	else
		tell(c, FAIL, "mount", "'%s': %s", mounted->point, strerror(code));
	return 0;
}

static int run(struct vt_cli *cli, struct vt_error *err)
{
	struct checkup c = {.cli = cli};
	vt_autofree char *resolved = realpath(cli->store, NULL);

	(void) snprintf(c.store, sizeof c.store, "%s", resolved ? resolved : cli->store);
	check_kernel(&c);
	check_device(&c);
	check_helper(&c);
	check_configuration(&c);
	check_program(&c);
	check_store(&c);
	(void) vt_mounted_list(check_mount, &c, NULL);
	return c.failed ? vt_fail(err, EIO, "something is missing: see the lines marked FAIL") : 0;
}

const struct vt_command vt_cmd_doctor = {
	.name = "doctor",
	.synopsis = "",
	.summary = "Check this machine and the store; each line says the way out",
	.run = run,
};
