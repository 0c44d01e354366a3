/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See control.h. Who is at the other end is what the kernel noted when it connected (SO_PEERCRED).
 * A connection is counted before its thread starts and until its descriptor is closed, so that the
 * bounds hold at every moment and draining can reach it.
 */
#include "fs/control.h"

#include "fs/deadline.h"
#include "fs/requests.h"
#include "index/base/error.h"
#include "index/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <utlist.h>

#define SOCKET_NAME "control.sock"
#define BACKLOG     128
#define NO_ROOM_MS  100 /* pause when descriptors or memory have run out */

struct peer {
	struct vt_connection connection; /* its thread's; `subject` and the descriptor constant */
	struct vt_control *control;
	struct peer *prev, *next; /* guarded by the control's lock */
};

struct vt_control {
	struct vt_host *host;                  /* constant */
	void (*changed)(struct vt_host *host); /* constant */
	pthread_mutex_t lock;
	pthread_cond_t ended;
	struct peer *peers; /* guarded by lock */
	size_t count;       /* guarded by lock */
};

/* ---- the socket's place ---------------------------------------------------------------------- */

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

static int peer_of(int fd, struct vt_subject *out)
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

	if (fstat(folder, &run) < 0 || peer_of(fd, &server) < 0)
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

/* ---- connections ----------------------------------------------------------------------------- */

int vt_control_new(struct vt_host *host, void (*changed)(struct vt_host *host),
		   struct vt_control **out, struct vt_error *err)
{
	struct vt_control *control = calloc(1, sizeof *control);

	if (!control)
		return vt_fail(err, ENOMEM, "no memory for the control socket");
	control->host = host;
	control->changed = changed;
	(void) pthread_mutex_init(&control->lock, NULL);
	vt_cond_init(&control->ended);
	*out = control;
	return 0;
}

void vt_control_free(struct vt_control *control)
{
	if (!control)
		return;
	(void) pthread_cond_destroy(&control->ended);
	(void) pthread_mutex_destroy(&control->lock);
	free(control);
}

size_t vt_control_count(struct vt_control *control)
{
	size_t count;

	(void) pthread_mutex_lock(&control->lock);
	count = control->count;
	(void) pthread_mutex_unlock(&control->lock);
	return count;
}

static int check_room(const struct vt_control *control, uid_t uid, struct vt_error *err)
{
	size_t same = 0;
	struct peer *p;

	DL_FOREACH (control->peers, p)
		same += p->connection.subject.uid == uid;
	if (same >= VT_CONNECTIONS_PER_UID)
		return vt_fail(err, EMFILE, "uid %u already has %u connections to this server",
			       (unsigned) uid, VT_CONNECTIONS_PER_UID);
	if (control->count >= VT_CONNECTIONS_MAX)
		return vt_fail(err, EMFILE, "the server already serves %u connections; try later",
			       VT_CONNECTIONS_MAX);
	return 0;
}

static int enter(struct vt_control *control, struct peer *peer, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&control->lock);
	r = check_room(control, peer->connection.subject.uid, err);
	if (r >= 0) {
		DL_APPEND(control->peers, peer);
		control->count++;
	}
	(void) pthread_mutex_unlock(&control->lock);
	return r;
}

static void leave(struct peer *peer)
{
	struct vt_control *control = peer->control;

	/* Closed under the lock: draining must not shut a descriptor that is another's by now. */
	(void) pthread_mutex_lock(&control->lock);
	DL_DELETE(control->peers, peer);
	vt_channel_done(&peer->connection.channel);
	free(peer);
	if (control->changed)
		control->changed(control->host);
	control->count--;
	(void) pthread_cond_broadcast(&control->ended);
	(void) pthread_mutex_unlock(&control->lock);
}

static void *serve(void *context)
{
	struct peer *peer = context;

	vt_connection_serve(&peer->connection);
	leave(peer);
	return NULL;
}

static int start_thread(struct peer *peer)
{
	pthread_attr_t attr;
	pthread_t thread;
	int code;

	(void) pthread_attr_init(&attr);
	(void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	code = pthread_create(&thread, &attr, serve, peer);
	(void) pthread_attr_destroy(&attr);
	return -code;
}

/* Takes `fd`. */
static void admit(struct vt_control *control, int fd)
{
	struct peer *peer = calloc(1, sizeof *peer);
	struct vt_error err;

	if (!peer || peer_of(fd, &peer->connection.subject) < 0) {
		free(peer);
		(void) close(fd);
		return;
	}
	peer->control = control;
	peer->connection.host = control->host;
	vt_channel_init(&peer->connection.channel, fd);
	if (enter(control, peer, &err) < 0) {
		vt_connection_refuse(&peer->connection, EMFILE, &err);
		vt_channel_done(&peer->connection.channel);
		free(peer);
	} else if (start_thread(peer) < 0) {
		vt_connection_refuse(&peer->connection, EAGAIN, NULL);
		leave(peer);
	}
}

void vt_control_accept(struct vt_control *control, int listener)
{
	for (;;) {
		int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0) {
			admit(control, fd);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
			   errno == ENOBUFS) {
			vt_log(VT_LOG_WARNING, "cannot accept a connection: %s", strerror(errno));
			(void) poll(NULL, 0, NO_ROOM_MS);
			return;
		} else if (errno != EINTR && errno != ECONNABORTED) {
			return; /* EAGAIN: nobody waits any more */
		}
	}
}

/* ---- ending ---------------------------------------------------------------------------------- */

static void shut_all(struct vt_control *control, int how)
{
	struct peer *p;

	DL_FOREACH (control->peers, p)
		(void) shutdown(p->connection.channel.fd, how);
}

void vt_control_drain(struct vt_control *control, unsigned patience_ms)
{
	struct timespec deadline = vt_deadline_in(patience_ms);

	(void) pthread_mutex_lock(&control->lock);
	shut_all(control, SHUT_RD); /* a thread that waits for a request sees the end of them */
	while (control->count > 0 &&
	       pthread_cond_timedwait(&control->ended, &control->lock, &deadline) != ETIMEDOUT)
		;
	shut_all(control, SHUT_RDWR);
	while (control->count > 0)
		(void) pthread_cond_wait(&control->ended, &control->lock);
	(void) pthread_mutex_unlock(&control->lock);
}
