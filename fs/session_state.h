/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a session must outlive its server, in a memfd that the keeper holds too. Five modules
 * keep their part here, each the only one that changes it:
 *
 *     transport       INIT and our answer to it
 *     kept_requests   requests without an answer, where the kernel cannot send them again
 *     exhibits        under which ids the kernel knows each version, and which ids it may hold
 *     handles         who has which file open
 *     views           which views of versions it shows
 *
 * Every part is written so that a process that dies between two stores leaves what its successor
 * can go on from; each module says how. The file is sparse: what is not used costs nothing.
 *
 * Thread-safe as far as this module goes: it only maps.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/mount.h"
#include "fs/views.h"

struct vt_error;

#define VT_SESSION_STATE_FORMAT 6          /* one more with every change of what follows */
#define VT_SESSION_INIT_MAX     512u       /* bytes of INIT and of its answer, headers included */
#define VT_SESSION_VERSIONS     (1u << 16) /* shown in one session at once */
#define VT_SESSION_EXHIBITS     (1u << 24) /* of the session's own numbering */
#define VT_SESSION_BURNS        (1u << 22)
#define VT_SESSION_HANDLES      (1u << 20)
#define VT_SESSION_REQUESTS     (1u << 14)
#define VT_SESSION_VIEWS        (1u << 10)

/*
 * Bytes of a kept request; the longest that old kernels send is a LOOKUP, of 1,024 bytes and
 * headers.
 */
#define VT_SESSION_REQUEST_MAX 2048u

/* Who repeats to the next server what one had read and not answered. */
enum vt_session_repeat {
	VT_REPEAT_UNDECIDED, /* INIT was not seen yet */
	VT_REPEAT_BY_KERNEL, /* FUSE_NOTIFY_RESEND */
	VT_REPEAT_KEPT,      /* kept_requests.h */
};

struct vt_session_record {
	uint64_t magic; /* "VTSTATE6" */
	struct vt_mount_plan plan;
	atomic_uint init_len, reply_len;               /* 0: not seen yet */
	_Alignas(8) uint8_t init[VT_SESSION_INIT_MAX]; /* read through the kernel's structs */
	uint8_t reply[VT_SESSION_INIT_MAX];
	_Atomic uint32_t repeat;      /* an enum vt_session_repeat */
	_Atomic uint32_t request_top; /* slots of kept requests that were ever used */
	_Atomic uint32_t version_count;
	_Atomic uint32_t exhibit_count; /* of the session's own, see exhibits.h */
	_Atomic uint32_t burn_count, burns_done;
	_Atomic uint32_t handle_top; /* slots that were ever used */
	_Atomic uint64_t end;        /* of the file */
};

/* A version as the session shows it. A free one has its bitmaps and nothing else. */
struct vt_shown_slot {
	_Atomic uint32_t serial; /* 0: free */
	_Atomic uint32_t nodes;
	_Atomic uint64_t current;  /* base (exhibit of every position not burned) | turn << 32 */
	_Atomic uint32_t retiring; /* an earlier base whose ids must still be dropped; 0: none */
	_Atomic uint32_t documents[2]; /* a bit per position from VT_POSITION_DOCUMENTS on */
	uint64_t offset[2];            /* of the bitmaps in the file: a bit per position */
	uint64_t room;                 /* bytes of each; both are the slot's for good */
};

/* A position that moved to another exhibit by itself. Valid while `to` is above the base. */
struct vt_burn {
	uint32_t serial, position;
	uint32_t from, to;
};

struct vt_handle {
	_Atomic uint64_t id; /* node id; 0: free */
	uint32_t uid;        /* who opened it */
	_Atomic uint32_t generation;
};

struct vt_kept_request {
	_Alignas(uint64_t) uint8_t message[VT_SESSION_REQUEST_MAX];
};

/* A view (views.h). Nothing but the generation counts while `kind` is 0. */
struct vt_view_slot {
	_Atomic uint32_t kind; /* an enum vt_view_kind; 0: free */
	_Atomic uint32_t generation;
	uint32_t serial, uid;
	uint64_t folder; /* id of the version's folder when it was made: another, and it is dead */
	char text[VT_VIEW_TEXT_MAX + 1];
	uint32_t room;   /* positions that the bitmap has bits for */
	uint64_t offset; /* of the bitmap in the file; 0: none yet */
};

struct vt_session_state {
	int fd;                 /* borrowed */
	pthread_mutex_t growth; /* of the file */
	struct vt_session_record *record;
	struct vt_shown_slot *versions;   /* [VT_SESSION_VERSIONS] */
	_Atomic uint32_t *exhibits;       /* [VT_SESSION_EXHIBITS]: serial of the version */
	struct vt_burn *burns;            /* [VT_SESSION_BURNS], in order of time */
	struct vt_handle *handles;        /* [VT_SESSION_HANDLES] */
	struct vt_kept_request *requests; /* [VT_SESSION_REQUESTS] */
	struct vt_view_slot *views;       /* [VT_SESSION_VIEWS] */
	void *map;
};

/* Maps the memfd (made by vt_session_state_new() of mount.h); borrows the descriptor. */
int vt_session_state_open(int fd, struct vt_session_state **out, struct vt_error *err);
void vt_session_state_close(struct vt_session_state *state);

/* A fresh stretch of the file, zero, beginning on a page; 0 when there is no room. */
uint64_t vt_session_state_extend(struct vt_session_state *state, size_t bytes);
/* Where it is in memory, until the state is closed; NULL: beyond what a file may grow to. */
void *vt_session_state_at(const struct vt_session_state *state, uint64_t offset, size_t bytes);
/* Gives the memory of a stretch back; it reads as zeros. */
void vt_session_state_punch(struct vt_session_state *state, uint64_t offset, size_t bytes);
