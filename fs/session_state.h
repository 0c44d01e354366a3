/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a session must outlive its server, in a memfd that the keeper holds too: the INIT request
 * and our answer, and for every exhibit one bit per node id that the kernel may hold. Bits are set
 * before a reply tells the kernel of an id and never cleared, so they are a superset whatever is
 * lost.
 *
 * Layout: one struct vt_session_record, then bitmaps, each beginning on a page. The file is sparse:
 * an exhibit costs memory only where its nodes were seen.
 *
 * Thread-safe.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_error;
struct vt_session_state;

#define VT_SESSION_INIT_MAX 512u /* bytes of INIT and of its answer, headers included */

struct vt_session_record {
	uint64_t magic;                  /* "VTSTATE1" */
	atomic_uint init_len, reply_len; /* 0: not seen yet */
	uint8_t init[VT_SESSION_INIT_MAX], reply[VT_SESSION_INIT_MAX];
	atomic_uint retiring; /* an exhibit whose retirement must be finished; 0: none */
	struct {
		_Atomic uint32_t exhibit; /* 0: free; by hash of the number, never removed */
		uint32_t nodes;
		_Atomic uint32_t documents; /* bit per position from VT_POSITION_DOCUMENTS on */
		uint64_t offset;            /* of the bitmap in the file */
	} exhibits[1024];
	_Atomic uint64_t end; /* of the file */
};

/* Maps the memfd (made by vt_session_state_new() of mount.h); borrows the descriptor. */
int vt_session_state_open(int fd, struct vt_session_state **out, struct vt_error *err);
void vt_session_state_close(struct vt_session_state *state);
struct vt_session_record *vt_session_state_record(struct vt_session_state *state);

/*
 * Notes that the kernel may learn of an id. Cheap when it was noted before. When there is no room
 * for another exhibit's bits its ids are not noted, and vt_session_state_each() gives all of them.
 */
void vt_session_state_note(struct vt_session_state *state, uint64_t id, uint32_t nodes);

/* Calls `each` with every id of the exhibit that the kernel may hold; `nodes` as for note. */
void vt_session_state_each(struct vt_session_state *state, uint32_t exhibit, uint32_t nodes,
			   void (*each)(void *context, uint64_t id), void *context);
/* The exhibit is retired and done with: gives its memory back. */
void vt_session_state_forget(struct vt_session_state *state, uint32_t exhibit);
