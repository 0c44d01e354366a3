/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * FUSE sessions: a mount that this process serves. The mount itself is made by the command (as
 * root, or through fusermount3) with vt_mount_attach(); its descriptor is handed over with the
 * `mount` request.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_service;
struct vt_sessions;

/* ---- in the command ---------------------------------------------------------------------------
 */

struct vt_mount_options {
	const char *fsname; /* shown in /proc/mounts: the store's path */
	bool allow_other;   /* others than the mounter (root: always on) */
	const char *extra;  /* further kernel options, comma separated, or NULL */
};
/*
 * Mounts on `mountpoint` and returns the /dev/fuse descriptor (O_CLOEXEC). Each failure says what
 * to do: no /dev/fuse, the point does not exist, is busy, is a dead mount, user_allow_other is not
 * set.
 */
int vt_mount_attach(const char *mountpoint, const struct vt_mount_options *options,
		    struct vt_error *err);
int vt_mount_detach(const char *mountpoint, bool lazy, struct vt_error *err);

/*
 * What must outlive a server lies in a memfd per mount that the keeper holds too: the INIT request
 * and our answer, and a bit per node id the kernel may hold. A command that keeps a copy makes it.
 */
int vt_session_state_new(struct vt_error *err); /* a memfd */

/* ---- in the server ----------------------------------------------------------------------------
 */

struct vt_session_info {
	uint64_t id;
	const char *mountpoint;
	uint32_t uid; /* who mounted it */
	uint64_t started_ns;
	uint64_t requests;
	int fuse_fd, state_fd; /* borrowed */
};

int vt_sessions_new(struct vt_service *service, struct vt_sessions **out, struct vt_error *err);
/* Ends every session without unmounting (a successor may go on), joins their threads. */
void vt_sessions_free(struct vt_sessions *sessions);

/*
 * Serves a descriptor from now on; both descriptors are the session's, also when this fails. A
 * state that an earlier server left is taken up where it stopped. `ended` is called (from the
 * session's thread) when the mount is gone.
 */
int vt_sessions_add(struct vt_sessions *sessions, int fuse_fd, int state_fd, const char *mountpoint,
		    uint32_t uid, void (*ended)(void *context, uint64_t id), void *context,
		    uint64_t *id, struct vt_error *err);
size_t vt_sessions_count(struct vt_sessions *sessions);
/* Calls `each` for every session, under the table's lock: no blocking there. */
void vt_sessions_each(struct vt_sessions *sessions,
		      void (*each)(void *context, const struct vt_session_info *info),
		      void *context);
/*
 * After an exhibit was retired in the catalog: refuses and drains older work on it, then has the
 * kernel drop what it cached. When it returns 0 no process gets another byte of it through any
 * session. -ETIMEDOUT: a session could not finish; the exhibit stays refused there, call again.
 */
int vt_sessions_retire(struct vt_sessions *sessions, uint32_t exhibit, struct vt_error *err);
