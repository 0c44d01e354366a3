/* SPDX-License-Identifier: Apache-2.0 */
/* See daemon.h. */
#include "fs/daemon.h"

#include "index/base/cleanup.h"
#include "index/base/error.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LOG_MAX (4 << 20)

/* ---- whose ----------------------------------------------------------------------------------- */

static int take_identity(const struct stat *store, struct vt_error *err)
{
	const struct passwd *entry = getpwuid(store->st_uid);
	gid_t gid = entry ? entry->pw_gid : store->st_gid;

	if ((entry ? initgroups(entry->pw_name, gid) : setgroups(0, NULL)) < 0 ||
	    setresgid(gid, gid, gid) < 0 ||
	    setresuid(store->st_uid, store->st_uid, store->st_uid) < 0)
		return vt_fail(err, errno, "cannot become uid %u: %m", (unsigned) store->st_uid);
	return 0; /* leaving uid 0 for all three cleared every capability set */
}

int vt_become_owner(const char *dir, struct vt_error *err)
{
	struct stat store;

	if (stat(dir, &store) < 0)
		return vt_fail(err, errno, "cannot look at store '%s': %m", dir);
	if (store.st_uid == geteuid())
		return 0;
	if (geteuid() != 0)
		return vt_fail(err, EACCES,
			       "store '%s' belongs to uid %u; only they and root may serve it", dir,
			       (unsigned) store.st_uid);
	return take_identity(&store, err);
}

/* ---- background ------------------------------------------------------------------------------ */

/* A daemon that dies without a word gives no status either. */
static _Noreturn void wait_for_daemon(int from)
{
	unsigned char status = EXIT_FAILURE;
	char sentence[1024];
	ssize_t n;

	if (read(from, &status, 1) != 1)
		(void) fputs("vitrine: the server ended before it was ready (see run/server.log)\n",
			     stderr);
	n = read(from, sentence, sizeof sentence);
	if (n > 0)
		(void) fprintf(stderr, "vitrine: %.*s\n", (int) n, sentence);
	(void) fflush(stderr);
	_exit(status);
}

int vt_daemonize(int *ready, struct vt_error *err)
{
	vt_autoclose int null = open("/dev/null", O_RDWR | O_CLOEXEC);
	int ends[2];
	pid_t pid;

	if (null < 0 || pipe2(ends, O_CLOEXEC) < 0)
		return vt_fail(err, errno, "cannot go into the background: %m");
	pid = fork();
	if (pid < 0)
		return vt_fail(err, errno, "cannot go into the background: %m");
	if (pid > 0) {
		(void) close(ends[1]);
		wait_for_daemon(ends[0]);
	}
	(void) close(ends[0]);
	(void) setsid();
	/* What a starter under systemd was told of is not meant for us. */
	(void) unsetenv("JOURNAL_STREAM");
	(void) unsetenv("NOTIFY_SOCKET");
	(void) dup2(null, STDIN_FILENO);
	(void) dup2(null, STDOUT_FILENO);
	(void) dup2(null, STDERR_FILENO); /* until there is a log; the starter's pipe must close */
	*ready = ends[1];
	return 0;
}

void vt_daemon_ready(int ready, int status, const char *sentence)
{
	unsigned char byte = (unsigned char) status;

	if (ready < 0)
		return;
	(void) !write(ready, &byte, 1);
	(void) !write(ready, sentence, strlen(sentence));
	(void) close(ready);
}

/* ---- log ------------------------------------------------------------------------------------- */

int vt_log_to_store(const char *dir, struct vt_error *err)
{
	char path[4096], old[4096];
	vt_autoclose int fd = -1;
	struct stat st;

	if (snprintf(path, sizeof path, "%s/run/server.log", dir) >= (int) sizeof path ||
	    snprintf(old, sizeof old, "%s.1", path) >= (int) sizeof old)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	if (stat(path, &st) == 0 && st.st_size > LOG_MAX)
		(void) rename(path, old);
	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0 || dup2(fd, STDERR_FILENO) < 0)
		return vt_fail(err, errno, "cannot open the log '%s': %m", path);
	return 0;
}

/* ---- surroundings ---------------------------------------------------------------------------- */

void vt_raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void) setrlimit(RLIMIT_NOFILE, &limit);
}

void vt_name_process(void)
{
	(void) prctl(PR_SET_NAME, "vitrine");
}

void vt_forbid_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void) prctl(PR_SET_DUMPABLE, 0);
	(void) setrlimit(RLIMIT_CORE, &none);
}

int vt_size_parse(const char *text, uint64_t *out)
{
	static const char units[] = "KMGT";
	const char *unit;
	uint64_t value;
	char *end;

	if (!isdigit((unsigned char) text[0]))
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno != 0)
		return -EINVAL;
	unit = *end ? strchr(units, toupper((unsigned char) *end)) : NULL;
	if (*end && (!unit || end[1]))
		return -EINVAL;
	if (unit && __builtin_mul_overflow(value, 1ull << 10 * (unit - units + 1), &value))
		return -EINVAL;
	*out = value;
	return 0;
}
