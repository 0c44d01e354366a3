/* SPDX-License-Identifier: Apache-2.0 */
/* See process.h. /proc/self/exe stays the running program even when its file was replaced. */
#include "fs/process.h"

#include "index/base/cleanup.h"
#include "index/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>

extern char **environ;

/*
 * dup2 onto itself would leave close-on-exec set, so `fd` goes by way of a number above those in
 * use.
 */
static int set_files(posix_spawn_file_actions_t *files, int fd, int stderr_fd)
{
	int code = 0;

	if (stderr_fd >= 0)
		code = posix_spawn_file_actions_adddup2(files, stderr_fd, STDERR_FILENO);
	if (code == 0 && fd >= 0)
		code = posix_spawn_file_actions_adddup2(files, fd, VT_SPAWN_FD);
	if (code == 0)
		code = posix_spawn_file_actions_addclosefrom_np(files, fd >= 0 ? VT_SPAWN_FD + 1
									       : VT_SPAWN_FD);
	return code;
}

static int set_signals(posix_spawnattr_t *attr)
{
	sigset_t all, none;
	int code;

	(void) sigfillset(&all);
	(void) sigemptyset(&none);
	code = posix_spawnattr_setsigdefault(attr, &all);
	if (code == 0)
		code = posix_spawnattr_setsigmask(attr, &none);
	if (code == 0)
		code = posix_spawnattr_setflags(attr,
						POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	return code;
}

int vt_spawn_self(const char *const argv[], int fd, int stderr_fd, pid_t *pid, struct vt_error *err)
{
	vt_autoclose int high = fd >= 0 ? fcntl(fd, F_DUPFD_CLOEXEC, VT_SPAWN_FD + 1) : -1;
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int code;

	if (fd >= 0 && high < 0)
		return vt_fail(err, errno, "cannot hand a descriptor on: %m");
	(void) posix_spawn_file_actions_init(&files);
	(void) posix_spawnattr_init(&attr);
	code = set_files(&files, high, stderr_fd);
	if (code == 0)
		code = set_signals(&attr);
	if (code == 0)
		code = posix_spawn(pid, "/proc/self/exe", &files, &attr,
				   (char *const *) (uintptr_t) argv, environ);
	(void) posix_spawnattr_destroy(&attr);
	(void) posix_spawn_file_actions_destroy(&files);
	return code == 0 ? 0 : vt_fail(err, code, "cannot start 'vitrine %s': %m", argv[1]);
}
