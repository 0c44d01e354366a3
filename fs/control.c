/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See control.h. A connection is counted before its thread starts and until its descriptor is
 * closed, so that the bounds hold at every moment and draining can reach it.
 */
#include "fs/control.h"

#include "fs/control_socket.h"
#include "fs/deadline.h"
#include "fs/requests.h"
#include "index/base/error.h"
#include "index/base/log.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <utlist.h>

#define NO_ROOM_MS 100 /* pause when descriptors or memory have run out */

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

	if (!peer || vt_control_peer(fd, &peer->connection.subject) < 0) {
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
