/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A session from the inside: what ops.c needs of it. The outside is mount.h.
 */
#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/exhibits.h"
#include "fs/handles.h"
#include "fs/request.h"
#include "fs/service.h"
#include "fs/session_state.h"
#include "fs/views.h"
#include "index/base/stripe.h"

struct vt_session {
	/* constant while the session lives */
	uint64_t id;
	struct vt_sessions *sessions;
	struct vt_service *service;
	int fuse_fd, state_fd;
	char *mountpoint;
	uint32_t uid; /* who mounted it */
	uint64_t started_ns;
	void (*ended)(void *context, uint64_t id);
	void *ended_context;

	struct fuse_session *fuse;
	struct vt_session_state *state;
	const struct vt_mount_plan *plan; /* in the state */
	struct vt_exhibits *exhibits;
	struct vt_views *views;
	struct vt_kept_requests *kept; /* NULL: the kernel repeats them, and did already */
	/*
	 * "The id is live, the caller is entitled, the handle is noted" is one step at OPEN; "the
	 * right is gone, the losers' ids are dead" another. This lock makes them so.
	 */
	pthread_mutex_t access;
	struct vt_handles *handles; /* guarded by access */
	pthread_mutex_t narrowing;  /* held over a whole narrowing: one at a time. Before access */
	atomic_bool unsettled;      /* a narrowing failed half-way */
	atomic_bool differs;        /* the kernel holds to another answer to INIT than ours */
	atomic_bool told_full;      /* of versions, in the log */
	struct vt_request_table requests;
	struct vt_striped request_count;
	struct vt_session *next; /* guarded by the sessions' lock */
	unsigned pins;           /* guarded by the sessions' lock: it may not be freed */

	/* start-up only */
	atomic_bool swallow;      /* the answer being written must not reach the kernel */
	_Atomic size_t stash_len; /* the first message, handed to the loop */
	void *stash;
};

/* Are OPEN and OPENDIR asked and checked on this mount? */
static inline bool vt_session_checks_open(const struct vt_session *session)
{
	return session->plan->kind == VT_MOUNT_SHARED;
}

/* The FUSE table; the session is the userdata. */
extern const struct fuse_lowlevel_ops vt_session_ops;

/*
 * A session that is pinned is not freed. pin_next() unpins `after` (NULL: begin) and pins the one
 * behind it; NULL at the end.
 */
struct vt_session *vt_session_pin_next(struct vt_sessions *sessions, struct vt_session *after);
void vt_session_unpin(struct vt_session *session);

/*
 * Brings a pinned session in line with catalog and policy as they are, whatever was missed: see
 * vt_sessions_narrow() in mount.h.
 */
void vt_session_settle(struct vt_session *session);
