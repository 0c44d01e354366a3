/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sessions: threads that read /dev/fuse (transport.h) and hand requests to ops.c, their table, and
 * the retirement of an exhibit.
 *
 * Descriptors are not cloned: closing a clone would end the requests read through it.
 *
 * Lock order: the sessions' lock alone. No lock is held while the kernel is notified: it may wait
 * for a page that one of our answers unlocks.
 */
#include "fs/session.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/mount.h"
#include "fs/node.h"
#include "fs/transport.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"

#define THREADS           10u
#define STRAGGLER_NS      300000000ull /* a narrowing waits so long, then it answers itself */
#define RETIRE_TIMEOUT_NS 5000000000ull

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
	vt_session_state_close(session->state);
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

static void *finish_retiring(void *argument);

static void *session_thread(void *argument)
{
	struct vt_session *session = argument;
	struct fuse_loop_config *config = fuse_loop_cfg_create();
	uint64_t id = session->id;

	if (config) {
		fuse_loop_cfg_set_max_threads(config, THREADS);
		fuse_loop_cfg_set_clone_fd(config, 0);
		(void) fuse_session_loop_mt(session->fuse, config);
		fuse_loop_cfg_destroy(config);
	} else {
		(void) fuse_session_loop(session->fuse);
	}
	vt_log(VT_LOG_INFO, "unmounted mount='%s'", session->mountpoint);
	(void) vt_request_answer_late(&session->requests, 0, UINT64_MAX, EIO);
	while (!vt_request_table_is_empty(&session->requests))
		(void) usleep(1000); /* answered, but their frames are still on the way */
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

	if (r < 0)
		return r;
	session->fuse = fuse_session_new(&args, &vt_session_ops, sizeof vt_session_ops, session);
	fuse_opt_free_args(&args);
	if (!session->fuse)
		return vt_fail(err, ENOMEM, "libfuse would not make a session");
	return vt_transport_begin(session, err);
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
	r = session->mountpoint ? prepare(session, err)
				: vt_fail(err, ENOMEM, "no memory for a session");
	if (r < 0) {
		free_session(session);
		return r;
	}

	session->pins = vt_session_state_record(session->state)->init_len != 0; /* taken up */
	(void) pthread_mutex_lock(&sessions->lock);
	session->id = ++sessions->last_id;
	session->next = sessions->first;
	sessions->first = session;
	sessions->count++;
	(void) pthread_mutex_unlock(&sessions->lock);
	*id = session->id;
	vt_log(VT_LOG_INFO, "mounted mount='%s' uid=%u", mountpoint, (unsigned) uid);
	r = start_thread(session_thread, session, err);
	if (r < 0) {
		session->pins = 0;
		remove_session(session);
		free_session(session);
		return r;
	}
	if (session->pins && start_thread(finish_retiring, session, err) < 0)
		(void) finish_retiring(session);
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
			(void) vt_request_answer_late(&s->requests, 0, vt_clock_monotonic_ns(),
						      EIO);
		(void) clock_gettime(CLOCK_MONOTONIC, &until);
		until.tv_sec++;
		(void) pthread_cond_timedwait(&sessions->changed, &sessions->lock, &until);
	}
	(void) pthread_mutex_unlock(&sessions->lock);
	return NULL;
}

int vt_sessions_new(struct vt_service *service, struct vt_sessions **out, struct vt_error *err)
{
	struct vt_sessions *sessions = calloc(1, sizeof *sessions);
	pthread_condattr_t attributes;
	int r;

	if (!sessions)
		return vt_fail(err, ENOMEM, "no memory for sessions");
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
					       .started_ns = s->started_ns,
					       .requests = s->request_count,
					       .fuse_fd = s->fuse_fd,
					       .state_fd = s->state_fd};

		each(context, &info);
	}
	(void) pthread_mutex_unlock(&sessions->lock);
}

/* ---- retirement ------------------------------------------------------------------------------ */

static void invalidate(void *context, uint64_t id)
{
	/* -ENOENT: the kernel does not hold it (any more). */
	(void) fuse_lowlevel_notify_inval_inode(context, id, 0, 0);
}

static uint32_t noted_nodes(struct vt_session *session, uint32_t exhibit)
{
	struct vt_session_record *record = vt_session_state_record(session->state);
	size_t slots = sizeof record->exhibits / sizeof *record->exhibits;

	for (size_t i = 0; i < slots; i++)
		if (record->exhibits[i].exhibit == exhibit)
			return record->exhibits[i].nodes;
	return 0;
}

/*
 * The catalog refuses the exhibit already. Drains what was admitted before, answering in the place
 * of those that take too long; then the boundary, then every id. No inval_entry: it would wait for
 * a directory's lock, which a stalled listing can hold for ever.
 */
static int retire_in(struct vt_session *session, uint32_t exhibit)
{
	struct vt_session_record *record = vt_session_state_record(session->state);
	uint64_t begun = vt_clock_monotonic_ns();
	uint32_t nodes = noted_nodes(session, exhibit);

	record->retiring = exhibit;
	while (vt_request_pending(&session->requests, exhibit)) {
		uint64_t waited = vt_clock_monotonic_ns() - begun;

		if (waited > RETIRE_TIMEOUT_NS)
			return -ETIMEDOUT;
		if (waited > STRAGGLER_NS)
			(void) vt_request_answer_late(&session->requests, exhibit, UINT64_MAX,
						      ESTALE);
		(void) usleep(50);
	}
	(void) fuse_lowlevel_notify_inval_inode(session->fuse, vt_node_id(exhibit, 0), -1, 0);
	vt_session_state_each(session->state, exhibit, nodes, invalidate, session->fuse);
	vt_session_state_forget(session->state, exhibit);
	record->retiring = 0;
	return 0;
}

static struct vt_session *pin_next(struct vt_sessions *sessions, struct vt_session *after)
{
	struct vt_session *next;

	(void) pthread_mutex_lock(&sessions->lock);
	next = after ? after->next : sessions->first;
	if (next)
		next->pins++;
	if (after && --after->pins == 0)
		(void) pthread_cond_broadcast(&sessions->changed);
	(void) pthread_mutex_unlock(&sessions->lock);
	return next;
}

/* Retired in the catalog while the kernel may hold ids of it: its server died before it was done.
 */
static bool is_left_over(struct vt_session *session, uint32_t exhibit)
{
	const struct vt_version *version;
	int r;

	if (exhibit == 0)
		return false;
	r = vt_catalog_exhibit(session->service->index->catalog, exhibit, &version, NULL);
	if (r >= 0)
		vt_version_unref(version);
	return r == -ESTALE;
}

/*
 * A session that is taken up, pinned: what became stale is looked for in the catalog, since the
 * server may have died before it told this session, and a withdrawal may have come while nobody
 * served it. Beside the loop, see the lock order.
 */
static void *finish_retiring(void *argument)
{
	struct vt_session *session = argument;
	struct vt_sessions *sessions = session->sessions;
	struct vt_session_record *record = vt_session_state_record(session->state);
	size_t slots = sizeof record->exhibits / sizeof *record->exhibits;

	for (size_t i = 0; i < slots; i++) {
		uint32_t exhibit = record->exhibits[i].exhibit;

		if (is_left_over(session, exhibit))
			(void) retire_in(session, exhibit);
	}
	if (record->retiring) /* one for which there was no room to note it */
		(void) retire_in(session, record->retiring);
	(void) pthread_mutex_lock(&sessions->lock);
	if (--session->pins == 0)
		(void) pthread_cond_broadcast(&sessions->changed);
	(void) pthread_mutex_unlock(&sessions->lock);
	return NULL;
}

int vt_sessions_retire(struct vt_sessions *sessions, uint32_t exhibit, struct vt_error *err)
{
	struct vt_session *session = NULL;
	int r = 0;

	while ((session = pin_next(sessions, session)))
		if (retire_in(session, exhibit) < 0)
			r = vt_fail(
				err, ETIMEDOUT,
				"the mount '%s' still answers older requests; what was taken away "
				"stays refused there, try again",
				session->mountpoint);
	return r;
}
