/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See control_socket.h. Who is at the other end is what the kernel noted when it connected
 * (SO_PEERCRED).
 */
#include "fs/control_socket.h"

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "policy/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define SOCKET_NAME "control.sock"
#define BACKLOG     128

/* Through the folder's descriptor, so that the store's path may be longer than sun_path. */
static void address_of(int folder, const char *name, struct sockaddr_un *out)
{
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	(void) snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", folder, name);
}

static int open_run(const char *dir, int *fd, struct vt_error *err)
{
	char path[4096];

	if (snprintf(path, sizeof path, "%s/run", dir) >= (int) sizeof path)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	*fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *fd < 0 ? vt_fail(err, errno, "cannot open '%s': %m", path) : 0;
}

static int listen_at(int folder, const char *name, int *out, struct vt_error *err)
{
	vt_autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_un address;

	if (fd < 0)
		return vt_fail(err, errno, "cannot make a socket: %m");
	address_of(folder, name, &address);
	(void) unlinkat(folder, name, 0);
	/* Connecting needs write permission; what a peer may do is the gate's business. */
	if (bind(fd, (struct sockaddr *) &address, sizeof address) < 0 ||
	    fchmodat(folder, name, 0666, 0) < 0 || listen(fd, BACKLOG) < 0)
		return vt_fail(err, errno, "cannot listen on the control socket: %m");
	*out = vt_steal_fd(&fd);
	return 0;
}

int vt_control_listen(const char *dir, int *fd, struct vt_error *err)
{
	vt_autoclose int folder = -1, listener = -1;
	int r = open_run(dir, &folder, err);

	if (r >= 0)
		r = listen_at(folder, "." SOCKET_NAME, &listener, err);
	if (r < 0)
		return vt_fail_in(err, r, "store '%s'", dir);
	if (renameat(folder, "." SOCKET_NAME, folder, SOCKET_NAME) < 0)
		return vt_fail(err, errno, "store '%s': cannot name the control socket: %m", dir);
	*fd = vt_steal_fd(&listener);
	return 0;
}

void vt_control_unlink(const char *dir)
{
	vt_autoclose int folder = -1;

	if (open_run(dir, &folder, NULL) >= 0)
		(void) unlinkat(folder, SOCKET_NAME, 0);
}

int vt_control_peer(int fd, struct vt_subject *out)
{
	struct ucred cred;
	socklen_t len = sizeof cred;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) < 0)
		return -errno;
	*out = (struct vt_subject){.uid = cred.uid, .gid = cred.gid, .pid = cred.pid};
	return 0;
}

/* Whoever else could make a socket there would be told all, and given mounts. */
static int check_server(int folder, int fd, const char *dir, struct vt_error *err)
{
	struct vt_subject server = {.uid = UINT32_MAX}; /* nobody */
	struct stat run;

	if (fstat(folder, &run) < 0 || vt_control_peer(fd, &server) < 0)
		return vt_fail(err, errno, "store '%s': cannot tell who serves it: %m", dir);
	if (server.uid == run.st_uid || server.uid == 0)
		return 0;
	return vt_fail(err, EACCES, "store '%s' is served by uid %u, and belongs to uid %u", dir,
		       (unsigned) server.uid, (unsigned) run.st_uid);
}

int vt_control_dial(const char *dir, int *fd, struct vt_error *err)
{
	vt_autoclose int folder = -1, s = -1;
	struct sockaddr_un address;
	int r = open_run(dir, &folder, err);

	if (r < 0)
		return r;
	s = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return vt_fail(err, errno, "cannot make a socket: %m");
	address_of(folder, SOCKET_NAME, &address);
	if (connect(s, (struct sockaddr *) &address, sizeof address) < 0)
		return vt_fail(err, errno, "cannot reach the server of store '%s': %m", dir);
	r = check_server(folder, s, dir, err);
	if (r < 0)
		return r;
	*fd = vt_steal_fd(&s);
	return 0;
}
