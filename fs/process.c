/* SPDX-License-Identifier: Apache-2.0 */
/* See process.h. /proc/self/exe stays the running program even when its file was replaced. */
#include "fs/process.h"

#include "fs/program.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>

extern char **environ;

#define PROGRAM_FD   (VT_SPAWN_FD + 1)
#define PROGRAM_PATH "/proc/self/fd/4"
_Static_assert(PROGRAM_FD == 4, "it is in the path");

struct files {
	int fd, stderr_fd, program; /* -1: none */
};

static int set_files(posix_spawn_file_actions_t *files, const struct files *from)
{
	int code = 0, end = VT_SPAWN_FD;

	if (from->stderr_fd >= 0)
		code = posix_spawn_file_actions_adddup2(files, from->stderr_fd, STDERR_FILENO);
	if (code == 0 && from->fd >= 0) {
		code = posix_spawn_file_actions_adddup2(files, from->fd, VT_SPAWN_FD);
		end = VT_SPAWN_FD + 1;
	}
	if (code == 0 && from->program >= 0) {
		code = posix_spawn_file_actions_adddup2(files, from->program, PROGRAM_FD);
		end = PROGRAM_FD + 1;
	}
	return code == 0 ? posix_spawn_file_actions_addclosefrom_np(files, end) : code;
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

static int spawn(const char *path, const char *const argv[], const struct files *from, pid_t *pid,
		 struct vt_error *err)
{
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int code;

	(void) posix_spawn_file_actions_init(&files);
	(void) posix_spawnattr_init(&attr);
	code = set_files(&files, from);
	if (code == 0)
		code = set_signals(&attr);
	if (code == 0)
		code = posix_spawn(pid, path, &files, &attr, (char *const *) (uintptr_t) argv,
				   environ);
	(void) posix_spawnattr_destroy(&attr);
	(void) posix_spawn_file_actions_destroy(&files);
	return code == 0 ? 0 : vt_fail(err, code, "cannot start 'vitrine %s': %m", argv[1]);
}

/*
 * dup2 onto itself would leave close-on-exec set, so descriptors go by way of numbers above those
 * that they get.
 */
static int lift(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, PROGRAM_FD + 1);
}

int vt_spawn_self(const char *const argv[], int fd, pid_t *pid, struct vt_error *err)
{
	vt_autoclose int high = lift(fd);
	const struct files from = {.fd = high, .stderr_fd = -1, .program = -1};

	if (high < 0)
		return vt_fail(err, errno, "cannot hand a descriptor on: %m");
	return spawn("/proc/self/exe", argv, &from, pid, err);
}

int vt_spawn_program(int program, const char *const argv[], int fd, pid_t *pid,
		     struct vt_error *err)
{
	vt_autoclose int high = lift(fd), file = lift(program);
	const struct files from = {.fd = high, .stderr_fd = -1, .program = file};

	if (high < 0 || file < 0)
		return vt_fail(err, errno, "cannot hand a descriptor on: %m");
	return spawn(PROGRAM_PATH, argv, &from, pid, err);
}

int vt_spawn_server(const char *const argv[], int stderr_fd, pid_t *pid, struct vt_error *err)
{
	const struct files from = {.fd = -1, .stderr_fd = stderr_fd, .program = -1};
	char path[PATH_MAX];
	int r = vt_program_find(VT_PROGRAM_STORE, path, err);

	return r < 0 ? r : spawn(path, argv, &from, pid, err);
}
