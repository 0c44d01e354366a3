/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See keeper_link.h. A keeper in reserve knows nothing yet, and ends when its socket is closed.
 */
#include "fs/keeper_link.h"

#include "fs/deadline.h"
#include "fs/holdings.h"
#include "fs/process.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <utlist.h>

struct vt_keeper_link {
	const char *dir; /* constant */
	pthread_mutex_t lock;
	pthread_cond_t released;
	/* guarded by lock */
	struct vt_holdings holdings;
	int socket;   /* the keeper's; -1: none */
	pid_t keeper; /* to be waited for; 0: none, or it is our parent */
	int reserve;  /* the socket of the one that waits; -1: none */
	pid_t reserve_pid;
	bool stopped;
};

int vt_keeper_link_new(const char *dir, struct vt_keeper_link **out, struct vt_error *err)
{
	vt_cleanup(vt_keeper_link_freep) struct vt_keeper_link *link = calloc(1, sizeof *link);
	int r;

	if (!link)
		return vt_fail(err, ENOMEM, "no memory for the keeper");
	link->dir = dir;
	(void) pthread_mutex_init(&link->lock, NULL);
	vt_cond_init(&link->released);
	link->holdings = VT_HOLDINGS_INIT;
	link->socket = link->reserve = -1;
	r = vt_holdings_new_succession(&link->holdings, err);
	if (r < 0)
		return r;
	*out = vt_steal(&link);
	return 0;
}

int vt_keeper_link_listen(struct vt_keeper_link *link, int listener, struct vt_error *err)
{
	link->holdings.listener = fcntl(listener, F_DUPFD_CLOEXEC, 3);
	return link->holdings.listener < 0
		       ? vt_fail(err, errno, "cannot keep the listening socket: %m")
		       : 0;
}

int vt_keeper_link_adopt(const char *dir, int socket, struct vt_keeper_link **out, int *listener,
			 struct vt_error *err)
{
	vt_cleanup(vt_keeper_link_freep) struct vt_keeper_link *link = NULL;
	int r = vt_keeper_link_new(dir, &link, err);

	if (r < 0)
		return r;
	link->socket = socket;
	(void) fcntl(socket, F_SETFD, FD_CLOEXEC);
	do {
		r = vt_holdings_receive(socket, &link->holdings, err);
	} while (r > 0 && r != VT_HOLDING_ALL);
	if (r == 0)
		return vt_fail(err, ESRCH, "the keeper ended before it handed its mounts over");
	if (r < 0)
		return r;
	r = vt_holdings_send_fd(socket, VT_HOLDING_SUCCESSION, link->holdings.succession);
	if (r < 0 && r != -EPIPE) /* a keeper that is dead is seen to be, and another started */
		return vt_fail(err, -r, "cannot share the succession with the keeper: %m");
	r = fcntl(link->holdings.listener, F_DUPFD_CLOEXEC, 3);
	if (r < 0)
		return vt_fail(err, errno, "cannot keep the listening socket: %m");
	*listener = r;
	*out = vt_steal(&link);
	return 0;
}

void vt_keeper_link_free(struct vt_keeper_link *link)
{
	if (!link)
		return;
	vt_cleanup_close(&link->socket);
	vt_cleanup_close(&link->reserve);
	vt_holdings_done(&link->holdings);
	(void) pthread_cond_destroy(&link->released);
	(void) pthread_mutex_destroy(&link->lock);
	free(link);
}

/* ---- starting one, under the lock ------------------------------------------------------------ */

/* Not left alone: two keepers would start two servers. */
static void end_child(pid_t *pid)
{
	if (*pid == 0)
		return;
	(void) kill(*pid, SIGKILL);
	(void) waitpid(*pid, NULL, 0);
	*pid = 0;
}

/* In reserve. */
static int spawn_keeper(struct vt_keeper_link *link, struct vt_error *err)
{
	char number[16];
	const char *const argv[] = {"vitrine",  "keeper", "--store", link->dir,
				    "--server", number,   NULL};
	vt_autoclose int mine = -1, theirs = -1;
	int ends[2], r;

	(void) snprintf(number, sizeof number, "%d", (int) getpid());
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		return vt_fail(err, errno, "cannot make a socket pair: %m");
	mine = ends[0];
	theirs = ends[1];
	r = vt_spawn_self(argv, theirs, &link->reserve_pid, err);
	VT_CRASHPOINT("keeper-started");
	if (r >= 0)
		link->reserve = vt_steal_fd(&mine);
	return r;
}

static int tell_reserve(struct vt_keeper_link *link, struct vt_error *err)
{
	int r = vt_holdings_send_fd(link->reserve, VT_HOLDING_SUCCESSION,
				    link->holdings.succession);

	if (r >= 0)
		r = vt_holdings_send_all(link->reserve, &link->holdings);
	VT_CRASHPOINT("keeper-told");
	if (r < 0) {
		vt_cleanup_close(&link->reserve);
		link->reserve = -1;
		end_child(&link->reserve_pid);
		return vt_fail(err, -r, "cannot hand the mounts to the keeper: %m");
	}
	link->socket = vt_steal_fd(&link->reserve);
	link->keeper = link->reserve_pid;
	link->reserve_pid = 0;
	return 0;
}

static int start_keeper(struct vt_keeper_link *link, struct vt_error *err)
{
	int r;

	if (link->reserve >= 0 && tell_reserve(link, NULL) == 0)
		return 0;
	r = spawn_keeper(link, err);
	return r < 0 ? r : tell_reserve(link, err);
}

/* One that is not our child ends when it hears us go. */
static void lose_keeper(struct vt_keeper_link *link)
{
	vt_cleanup_close(&link->socket);
	link->socket = -1;
	end_child(&link->keeper);
}

/* Every mount is in `holdings` by now, so that a new keeper is told of all. */
static void ensure_keeper(struct vt_keeper_link *link)
{
	struct vt_error err;

	if (link->socket >= 0 || link->stopped || !link->holdings.list)
		return;
	if (start_keeper(link, &err) < 0)
		vt_log(VT_LOG_WARNING, "mounts will not survive this server: %s", err.text);
	else
		vt_log(VT_LOG_INFO, "keeper started pid=%d", (int) link->keeper);
}

void vt_keeper_link_reserve(struct vt_keeper_link *link)
{
	struct vt_error err;

	if (spawn_keeper(link, &err) < 0)
		vt_log(VT_LOG_WARNING, "there is no keeper yet: %s", err.text);
}

/* ---- mounts ---------------------------------------------------------------------------------- */

int vt_keeper_link_hold(struct vt_keeper_link *link, int fuse_fd, int state_fd,
			const struct vt_mount_site *site, struct vt_hold **out,
			struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&link->lock);
	r = vt_holdings_add(&link->holdings, fuse_fd, state_fd, site, out, err);
	VT_CRASHPOINT("mount-held");
	if (r >= 0 && link->socket >= 0 && vt_holdings_send_mount(link->socket, *out) < 0)
		lose_keeper(link);
	if (r >= 0)
		ensure_keeper(link);
	(void) pthread_mutex_unlock(&link->lock);
	return r;
}

void vt_keeper_link_release(struct vt_keeper_link *link, struct vt_hold *hold)
{
	(void) pthread_mutex_lock(&link->lock);
	if (link->socket >= 0)
		(void) vt_holdings_send(link->socket, VT_HOLDING_GONE, hold->id);
	VT_CRASHPOINT("mount-let-go");
	vt_holdings_remove(&link->holdings, hold);
	(void) pthread_cond_broadcast(&link->released);
	(void) pthread_mutex_unlock(&link->lock);
}

void vt_keeper_link_each(struct vt_keeper_link *link,
			 void (*each)(void *context, struct vt_hold *hold), void *context)
{
	struct vt_hold *hold, *next;

	DL_FOREACH_SAFE(link->holdings.list, hold, next)
	each(context, hold);
}

/* ---- its life -------------------------------------------------------------------------------- */

int vt_keeper_link_fd(struct vt_keeper_link *link)
{
	int fd;

	(void) pthread_mutex_lock(&link->lock);
	fd = link->socket;
	(void) pthread_mutex_unlock(&link->lock);
	return fd;
}

void vt_keeper_link_died(struct vt_keeper_link *link)
{
	struct pollfd p;

	(void) pthread_mutex_lock(&link->lock);
	p = (struct pollfd){.fd = link->socket, .events = POLLIN};
	if (link->socket >= 0 && poll(&p, 1, 0) > 0) {
		lose_keeper(link);
		ensure_keeper(link);
	}
	(void) pthread_mutex_unlock(&link->lock);
}

void vt_keeper_link_stop(struct vt_keeper_link *link)
{
	(void) pthread_mutex_lock(&link->lock);
	link->stopped = true;
	if (link->socket >= 0)
		(void) vt_holdings_send(link->socket, VT_HOLDING_STOP, 0);
	vt_cleanup_close(&link->reserve);
	link->reserve = -1;
	vt_cleanup_close(&link->holdings.listener); /* who waits in its backlog is told by that */
	link->holdings.listener = -1;
	(void) pthread_mutex_unlock(&link->lock);
}

void vt_keeper_link_unmount(struct vt_keeper_link *link)
{
	int r = 0;

	(void) pthread_mutex_lock(&link->lock);
	if (link->holdings.list)
		r = link->socket >= 0 ? vt_holdings_send(link->socket, VT_HOLDING_UNMOUNT, 0)
				      : -ENOTCONN;
	(void) pthread_mutex_unlock(&link->lock);
	if (r < 0)
		vt_log(VT_LOG_WARNING, "nobody unmounts: %s", strerror(-r));
}

/* ---- upgrades -------------------------------------------------------------------------------- */

int vt_keeper_link_set_program(struct vt_keeper_link *link, int program, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&link->lock);
	r = link->socket >= 0 ? vt_holdings_send_fd(link->socket, VT_HOLDING_PROGRAM, program)
			      : -ENOTCONN;
	VT_CRASHPOINT("upgrade-program-sent");
	(void) pthread_mutex_unlock(&link->lock);
	return r < 0 ? vt_fail(err, -r, "the keeper of the mounts cannot be reached: %m") : 0;
}

/*
 * The new keeper has everything before the old one is told to let go; should this process die in
 * between, one of the two follows it (vt_holdings_succeed()).
 */
void vt_keeper_link_replace(struct vt_keeper_link *link)
{
	struct vt_error err;
	int old;

	(void) pthread_mutex_lock(&link->lock);
	old = link->socket;
	link->socket = -1;
	if (old >= 0 && start_keeper(link, &err) < 0) {
		vt_log(VT_LOG_WARNING, "the keeper stays the old program: %s", err.text);
		link->socket = vt_steal_fd(&old);
	} else if (old >= 0) {
		VT_CRASHPOINT("upgrade-keeper-told");
		(void) vt_holdings_send(old, VT_HOLDING_STOP, 0);
		VT_CRASHPOINT("upgrade-done");
		vt_log(VT_LOG_INFO, "keeper replaced pid=%d", (int) link->keeper);
	}
	vt_cleanup_close(&old);
	(void) pthread_mutex_unlock(&link->lock);
}

bool vt_keeper_link_drain(struct vt_keeper_link *link, unsigned patience_ms)
{
	struct timespec deadline = vt_deadline_in(patience_ms);
	bool empty;

	(void) pthread_mutex_lock(&link->lock);
	while (link->holdings.list &&
	       pthread_cond_timedwait(&link->released, &link->lock, &deadline) != ETIMEDOUT)
		;
	empty = !link->holdings.list;
	(void) pthread_mutex_unlock(&link->lock);
	return empty;
}
