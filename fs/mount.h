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
struct vt_pattern;
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
 * Mounts on `mountpoint`, an absolute path as of realpath(3), and returns the /dev/fuse descriptor
 * (O_CLOEXEC). -ELOOP: there is a link in it by now. Each failure says what to do: no /dev/fuse,
 * the point does not exist, is busy, is a dead mount, user_allow_other is not set.
 */
int vt_mount_attach(const char *mountpoint, const struct vt_mount_options *options,
		    struct vt_error *err);
int vt_mount_detach(const char *mountpoint, bool lazy, struct vt_error *err);

/* To whom a mount shows what. Values are kept in the state of sessions. */
enum vt_mount_kind {
	VT_MOUNT_SHARED = 1, /* everybody, all datasets; OPEN and OPENDIR are asked and checked */
	VT_MOUNT_OPEN_ONLY = 2, /* everybody, open datasets; neither is asked */
	VT_MOUNT_PRIVATE = 3,   /* one user, what they may read; neither is asked */
};

struct vt_mount_plan {
	enum vt_mount_kind kind;
	bool lists;    /* shared: boundaries are shown with lists of users (POSIX ACLs) */
	bool any_uid;  /* private: the mount itself is the credential, whoever asks is `user` */
	uint32_t user; /* private: uid */
	/* Any kind: this version alone is shown, to those to whom it would be; 0: all are. */
	uint32_t locked_dataset, locked_version;
};
const char *vt_mount_kind_name(enum vt_mount_kind kind); /* "shared", "open-only", "private" */

/*
 * What must outlive a server: a memfd per mount that the keeper holds too (session_state.h). A
 * command that keeps a copy makes it, with `plan` NULL: the first server to have it decides.
 */
int vt_session_state_new(const struct vt_mount_plan *plan, struct vt_error *err);
/* Notes the plan in a state that has none yet. */
int vt_session_state_decide(int fd, const struct vt_mount_plan *plan, struct vt_error *err);

/* ---- in the server ----------------------------------------------------------------------------
 */

/* Where a mount is, and whose. */
struct vt_mount_site {
	const char *mountpoint;
	const char *source; /* as the mount table has it; may be NULL with no device */
	uint64_t device;    /* makedev(3) of its file system; 0: not known */
	uint32_t uid;       /* who mounted it */
};

struct vt_session_info {
	uint64_t id;
	const char *mountpoint;
	uint32_t uid; /* who mounted it */
	struct vt_mount_plan plan;
	uint64_t started_ns;
	uint64_t requests;
	uint64_t handles;      /* open files, where OPEN is asked */
	bool differs;          /* it began with a program that asked other things of the kernel */
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
 * Access has shrunk: the catalog or the policy says so already, and refuses. On every mount the ids
 * through which a loser could go on reading die, requests under way on them are drained, and the
 * kernel drops what it cached of them. When it returns 0 no process of a loser gets another byte.
 * `pattern`: of what; `retire`: nobody keeps access, or one new holder alone, so that whole
 * versions get new ids. -ETIMEDOUT: a session could not finish; what was taken away stays refused
 * there, and will be tried again by vt_sessions_settle().
 *
 * Call from a thread that answers no FUSE request and holds no lock.
 */
int vt_sessions_narrow(struct vt_sessions *sessions, const struct vt_pattern *pattern, bool retire,
		       struct vt_error *err);
/*
 * Asks the user database again about everybody who has a file open or a private mount, if its
 * answers are old: who loses a group is noticed (vt_people_changes()) also if they open nothing
 * more. May wait for it; call as vt_sessions_narrow().
 */
void vt_sessions_ask_about_readers(struct vt_sessions *sessions);
/* Access has grown, or names have changed: the kernel asks again. Errors are of no consequence. */
void vt_sessions_refresh(struct vt_sessions *sessions, const struct vt_pattern *pattern);
/* What an earlier server or an earlier call left undone. True when all is done. */
bool vt_sessions_settle(struct vt_sessions *sessions);
