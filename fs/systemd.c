/* SPDX-License-Identifier: Apache-2.0 */
/* See systemd.h. Descriptors come back in any order: they are known by their names. */
#include "fs/systemd.h"

#include "index/base/cleanup.h"

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define LISTEN_FIRST 3 /* SD_LISTEN_FDS_START */

static void send_state(int socket, const struct sockaddr_un *to, socklen_t to_len,
		       const char *state, int fd)
{
	_Alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof fd)] = {0};
	struct cmsghdr *c = (struct cmsghdr *) control;
	struct iovec text = {(void *) (uintptr_t) state, strlen(state)};
	struct msghdr message = {.msg_name = (void *) (uintptr_t) to,
				 .msg_namelen = to_len,
				 .msg_iov = &text,
				 .msg_iovlen = 1};

	if (fd >= 0) {
		message.msg_control = control;
		message.msg_controllen = sizeof control;
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd),
				      .cmsg_level = SOL_SOCKET,
				      .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	(void) sendmsg(socket, &message, MSG_NOSIGNAL);
}

void vt_systemd_notify(const char *state, int fd)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	vt_autoclose int s = -1;
	size_t len = path ? strlen(path) : 0;

	if (len == 0 || len >= sizeof address.sun_path)
		return;
	memcpy(address.sun_path, path, len);
	if (path[0] == '@')
		address.sun_path[0] = '\0'; /* an abstract one */
	s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s >= 0)
		send_state(s, &address, (socklen_t) (offsetof(struct sockaddr_un, sun_path) + len),
			   state, fd);
}

int vt_systemd_take(const char *name)
{
	const char *pid = getenv("LISTEN_PID"), *count = getenv("LISTEN_FDS");
	const char *at = getenv("LISTEN_FDNAMES");
	size_t len = strlen(name);

	if (!pid || !count || !at || atol(pid) != (long) getpid())
		return -1;
	for (int i = 0; i < atoi(count); i++) {
		size_t n = strcspn(at, ":");

		if (n == len && memcmp(at, name, n) == 0) {
			int fd = LISTEN_FIRST + i;

			return fcntl(fd, F_SETFD, FD_CLOEXEC) < 0 ? -1 : fd;
		}
		at += n + (at[n] == ':');
	}
	return -1;
}
