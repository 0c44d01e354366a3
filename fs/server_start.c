/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Starting a server from a command. `vitrine server` ends when its daemon listens, or with a
 * sentence on standard error: waiting for it is all there is to do.
 */
#include "fs/server.h"

#include "fs/process.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

/* What the exit status of a command means; the server keeps to it. */
static int code_of(int status)
{
	static const int codes[] = {[3] = EACCES, [4] = ENOENT, [5] = EBADMSG, [6] = EBUSY};
	int exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

	if (exit_code < 0 || exit_code >= (int) (sizeof codes / sizeof *codes))
		return EIO;
	return codes[exit_code] ? codes[exit_code] : EIO;
}

static int find_owner(const char *dir, uid_t *owner, struct vt_error *err)
{
	char path[4096];
	struct stat st;

	if (snprintf(path, sizeof path, "%s/vitrine.json", dir) >= (int) sizeof path)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	if (stat(dir, &st) < 0 || access(path, F_OK) < 0)
		return errno == ENOENT || errno == ENOTDIR
			       ? vt_fail(err, ENOENT,
					 "there is no store in '%s' (see 'vitrine init')", dir)
			       : vt_fail(err, errno, "cannot look at store '%s': %m", dir);
	*owner = st.st_uid;
	return 0;
}

static int refuse_stranger(const char *dir, uid_t owner, struct vt_error *err)
{
	const struct passwd *entry = getpwuid(owner);

	return vt_fail(err, EACCES,
		       "no server runs for store '%s', and only its owner %s (uid %u) or root may "
		       "start one: 'vitrine server --store %s'",
		       dir, entry ? entry->pw_name : "without a name", (unsigned) owner, dir);
}

/* What the server said before it gave up, without the prefix for people. */
static void read_sentence(int fd, char *out, size_t size)
{
	static const char prefix[] = "vitrine: ";
	size_t used = 0;
	ssize_t n;

	while (used < size - 1) {
		n = read(fd, out + used, size - 1 - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		used += (size_t) n;
	}
	out[used] = '\0';
	out[strcspn(out, "\n")] = '\0';
	if (strncmp(out, prefix, sizeof prefix - 1) == 0)
		memmove(out, out + sizeof prefix - 1, strlen(out + sizeof prefix - 1) + 1);
}

static int wait_until_ready(pid_t pid, int said, struct vt_error *err)
{
	char sentence[sizeof err->text];
	int status = 0;

	read_sentence(said, sentence, sizeof sentence);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return vt_fail(err, errno, "cannot wait for the server: %m");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return vt_fail(err, code_of(status), "the server did not start: %s",
		       sentence[0] ? sentence : "it ended without a word (see run/server.log)");
}

int vt_server_start(const char *dir, bool may, struct vt_error *err)
{
	const char *const argv[] = {"vitrine", "server", "--store", dir, NULL};
	vt_autoclose int said = -1, says = -1;
	int ends[2], r;
	uid_t owner;
	pid_t pid;

	r = find_owner(dir, &owner, err);
	if (r < 0)
		return r;
	if (!may)
		return vt_fail(err, ECONNREFUSED, "no server runs for store '%s'", dir);
	if (geteuid() != 0 && geteuid() != owner)
		return refuse_stranger(dir, owner, err);
	if (pipe2(ends, O_CLOEXEC) < 0)
		return vt_fail(err, errno, "cannot make a pipe: %m");
	said = ends[0];
	says = ends[1];
	r = vt_spawn_server(argv, says, &pid, err);
	if (r < 0)
		return r;
	vt_cleanup_close(&says);
	says = -1;
	return wait_until_ready(pid, said, err);
}
