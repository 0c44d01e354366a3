/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: threads that read /dev/fuse (transport.h) and hand requests to ops.c, and their table.
 * How access shrinks on them is session_narrow.c's.
 *
 * Descriptors are not cloned: closing a clone would end the requests read through it.
 *
 * Lock order: the sessions' lock alone.
 */
#include "fs/session.h"

#include <errno.h>
#include <fuse_log.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/kept_requests.h"
#include "fs/mount.h"
#include "fs/mount_trail.h"
#include "fs/node.h"
#include "fs/transport.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/base/processors.h"

/* More than processors: some wait. On many, one reader's requests need them all. */
#define THREADS_LEAST 10u
#define THREADS_MOST  64u

struct vt_sessions {
	struct vt_service *service; /* constant */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct vt_session *first; /* guarded by lock, as all below */
	size_t count;
	uint64_t last_id;
	bool stopping;
	pthread_t reaper;
};

/* ---- start ----------------------------------------------------------------------------------- */

static void free_session(struct vt_session *session)
{
	if (session->fuse)
		fuse_session_destroy(session->fuse); /* closes fuse_fd */
	else if (session->fuse_fd >= 0)
		(void) close(session->fuse_fd);
	vt_kept_requests_close(session->kept);
	vt_handles_close(session->handles);
	vt_views_close(session->views);
	vt_exhibits_close(session->exhibits);
	vt_session_state_close(session->state);
	(void) pthread_mutex_destroy(&session->narrowing);
	(void) pthread_mutex_destroy(&session->access);
	if (session->state_fd >= 0)
		(void) close(session->state_fd);
	free(session->mountpoint);
	free(session->stash);
	free(session);
}

static void remove_session(struct vt_session *session)
{
	struct vt_sessions *sessions = session->sessions;
	struct vt_session **at;

	(void) pthread_mutex_lock(&sessions->lock);
	while (session->pins > 0)
		(void) pthread_cond_wait(&sessions->changed, &sessions->lock);
	for (at = &sessions->first; *at != session; at = &(*at)->next)
		;
	*at = session->next;
	sessions->count--;
	(void) pthread_cond_broadcast(&sessions->changed);
	(void) pthread_mutex_unlock(&sessions->lock);
}

static void *session_thread(void *argument)
{
	struct vt_session *session = argument;
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	uint64_t id = session->id;

	if (config) {
		fuse_loop_cfg_set_max_threads(config,
					      vt_processors_within(THREADS_LEAST, THREADS_MOST));
		fuse_loop_cfg_set_clone_fd(config, 0);
		(void) fuse_session_loop_mt(session->fuse, config);
		fuse_loop_cfg_destroy(config);
	} else {
		(void) fuse_session_loop(session->fuse);
	}
	vt_log(VT_LOG_INFO, "unmounted mount='%s'", session->mountpoint);
	(void) vt_request_answer_late(&session->requests, VT_REQUEST_ANY, UINT64_MAX, EIO);
	while (!vt_request_table_is_empty(&session->requests))
		(void) usleep(1000); /* answered, but their frames are still on the way */
	vt_mount_trail_end(session->service->mount_trail, session->uid, session->mountpoint,
			   session->plan);
	remove_session(session);
	if (session->ended)
		session->ended(session->ended_context, id);
	free_session(session);
	return NULL;
}

static int start_thread(void *(*run)(void *), void *argument, struct vt_error *err)
{
	pthread_attr_t attributes;
	pthread_t thread;
	int r;

	(void) pthread_attr_init(&attributes);
	(void) pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
	r = pthread_create(&thread, &attributes, run, argument);
	(void) pthread_attr_destroy(&attributes);
	return r ? vt_fail(err, r, "cannot start a thread: %m") : 0;
}

static int prepare(struct vt_session *session, struct vt_error *err)
{
	char *argv[] = {(char *) "vitrine", NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, argv);
	int r = vt_session_state_open(session->state_fd, &session->state, err);

	if (r == 0)
		r = vt_exhibits_open(session->state, &session->exhibits, err);
	if (r == 0)
		r = vt_views_open(session->state, session->exhibits, &session->views, err);
	if (r == 0)
		r = vt_handles_open(session->state, &session->handles, err);
	if (r < 0)
		return r;
	session->plan = &session->state->record->plan;
	session->fuse = fuse_session_new(&args, &vt_session_ops, sizeof vt_session_ops, session);
	fuse_opt_free_args(&args);
	if (!session->fuse)
		return vt_fail(err, ENOMEM, "libfuse would not make a session");
	return vt_transport_begin(session, err);
}

/*
 * What changed while no server lived, or what one that died had begun. Beside the loop: the kernel
 * may wait for a page that one of our answers unlocks.
 */
static void *settle(void *argument)
{
	struct vt_session *session = argument;

	vt_session_settle(session);
	vt_session_unpin(session);
	return NULL;
}

int vt_sessions_add(struct vt_sessions *sessions, int fuse_fd, int state_fd, const char *mountpoint,
		    uint32_t uid, void (*ended)(void *context, uint64_t id), void *context,
		    uint64_t *id, struct vt_error *err)
{
	struct vt_session *session = calloc(1, sizeof *session);
	int r;

	if (!session) {
		(void) close(fuse_fd);
		(void) close(state_fd);
		return vt_fail(err, ENOMEM, "no memory for a session");
	}
	*session = (struct vt_session){.sessions = sessions,
				       .service = sessions->service,
				       .fuse_fd = fuse_fd,
				       .state_fd = state_fd,
				       .mountpoint = strdup(mountpoint),
				       .uid = uid,
				       .started_ns = vt_clock_realtime_ns(),
				       .ended = ended,
				       .ended_context = context};
	vt_request_table_init(&session->requests);
	(void) pthread_mutex_init(&session->access, NULL);
	(void) pthread_mutex_init(&session->narrowing, NULL);
	r = session->mountpoint ? prepare(session, err)
				: vt_fail(err, ENOMEM, "no memory for a session");
	if (r < 0) {
		free_session(session);
		return r;
	}

	session->pins = 1; /* until it is settled */
	(void) pthread_mutex_lock(&sessions->lock);
	session->id = ++sessions->last_id;
	session->next = sessions->first;
	sessions->first = session;
	sessions->count++;
	(void) pthread_mutex_unlock(&sessions->lock);
	*id = session->id;
	vt_log(VT_LOG_INFO, "mounted mount='%s' kind=%s uid=%u", mountpoint,
	       vt_mount_kind_name(session->plan->kind), (unsigned) uid);
	r = start_thread(session_thread, session, err);
	if (r < 0) {
		session->pins = 0;
		remove_session(session);
		free_session(session);
		return r;
	}
	if (start_thread(settle, session, NULL) < 0)
		(void) settle(session);
	return 0;
}

/* ---- the table of sessions ------------------------------------------------------------------- */

/* Answers requests that are past their deadline, once a second. */
static void *reap(void *argument)
{
	struct vt_sessions *sessions = argument;

	(void) pthread_mutex_lock(&sessions->lock);
	while (!sessions->stopping) {
		struct timespec until;

		for (struct vt_session *s = sessions->first; s; s = s->next)
			(void) vt_request_answer_late(&s->requests, VT_REQUEST_ANY,
						      vt_clock_monotonic_ns(), EIO);
		(void) clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		(void) pthread_cond_timedwait(&sessions->changed, &sessions->lock, &until);
	}
	(void) pthread_mutex_unlock(&sessions->lock);
	return NULL;
}

/*
 * libfuse cancels threads at a session's end while they read /dev/fuse, and logs there: one that
 * has the lock of standard error then would keep it, and all who log there would wait for ever.
 */
static void log_of_fuse(enum fuse_log_level level, const char *format, va_list arguments)
{
	char line[256];
	int state;

	(void) pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	(void) vsnprintf(line, sizeof line, format, arguments);
	line[strcspn(line, "\n")] = '\0';
	vt_log(level <= FUSE_LOG_ERR ? VT_LOG_WARNING : VT_LOG_DEBUG, "%s", line);
	(void) pthread_setcancelstate(state, NULL);
}

int vt_sessions_new(struct vt_service *service, struct vt_sessions **out, struct vt_error *err)
{
	struct vt_sessions *sessions = calloc(1, sizeof *sessions);
	pthread_condattr_t attributes;
	int r;

	if (!sessions)
		return vt_fail(err, ENOMEM, "no memory for sessions");
	fuse_set_log_func(log_of_fuse);
	sessions->service = service;
	(void) pthread_mutex_init(&sessions->lock, NULL);
	(void) pthread_condattr_init(&attributes);
	(void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&sessions->changed, &attributes);
	(void) pthread_condattr_destroy(&attributes);
	r = pthread_create(&sessions->reaper, NULL, reap, sessions);
	if (r) {
		free(sessions);
		return vt_fail(err, r, "cannot start a thread: %m");
	}
	*out = sessions;
	return 0;
}

void vt_sessions_free(struct vt_sessions *sessions)
{
	size_t left;

	if (!sessions)
		return;
	(void) pthread_mutex_lock(&sessions->lock);
	sessions->stopping = true;
	(void) pthread_cond_broadcast(&sessions->changed);
	left = sessions->count;
	(void) pthread_mutex_unlock(&sessions->lock);
	(void) pthread_join(sessions->reaper, NULL);
	if (left > 0)
		return; /* their threads wait in read() until the process ends; nothing to join */
	(void) pthread_cond_destroy(&sessions->changed);
	(void) pthread_mutex_destroy(&sessions->lock);
	free(sessions);
}

size_t vt_sessions_count(struct vt_sessions *sessions)
{
	size_t count;

	(void) pthread_mutex_lock(&sessions->lock);
	count = sessions->count;
	(void) pthread_mutex_unlock(&sessions->lock);
	return count;
}

void vt_sessions_each(struct vt_sessions *sessions,
		      void (*each)(void *context, const struct vt_session_info *info),
		      void *context)
{
	(void) pthread_mutex_lock(&sessions->lock);
	for (struct vt_session *s = sessions->first; s; s = s->next) {
		struct vt_session_info info = {.id = s->id,
					       .mountpoint = s->mountpoint,
					       .uid = s->uid,
					       .plan = *s->plan,
					       .started_ns = s->started_ns,
					       .requests = vt_striped_sum(&s->request_count),
					       .handles = vt_handles_count(s->handles),
					       .fuse_fd = s->fuse_fd,
					       .state_fd = s->state_fd,
					       .differs = s->differs};

		each(context, &info);
	}
	(void) pthread_mutex_unlock(&sessions->lock);
}

/* ---- pinning --------------------------------------------------------------------------------- */

static void unpin(struct vt_session *session)
{
	if (--session->pins == 0)
		(void) pthread_cond_broadcast(&session->sessions->changed);
}

struct vt_session *vt_session_pin_next(struct vt_sessions *sessions, struct vt_session *after)
{
	struct vt_session *next;

	(void) pthread_mutex_lock(&sessions->lock);
	next = after ? after->next : sessions->first;
	if (next)
		next->pins++;
	if (after)
		unpin(after);
	(void) pthread_mutex_unlock(&sessions->lock);
	return next;
}

void vt_session_unpin(struct vt_session *session)
{
	struct vt_sessions *sessions = session->sessions;

	(void) pthread_mutex_lock(&sessions->lock);
	unpin(session);
	(void) pthread_mutex_unlock(&sessions->lock);
}
