/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who has which file open in a session: a table in the session's state, so that a successor knows
 * it too. A handle is a slot and its generation, so that a RELEASE that is sent again after a crash
 * frees nobody else's. An OPEN that is sent again leaves its first slot behind: too many are noted,
 * never too few.
 *
 * Not thread-safe: under the session's access lock (session.h), which is what makes "may open, and
 * is noted" one step.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_error;
struct vt_handles;
struct vt_session_state;

#define VT_HANDLES_PER_UID 65536u

/* No handle of the table: what opens of texts of a moment (status.h) have, by their number. */
#define VT_HANDLE_NO_SLOT UINT32_MAX
static inline uint64_t vt_handle_of_text(uint32_t number)
{
	return (uint64_t) number << 32 | VT_HANDLE_NO_SLOT;
}
static inline bool vt_handle_is_text(uint64_t handle)
{
	return (uint32_t) handle == VT_HANDLE_NO_SLOT;
}
static inline uint32_t vt_handle_text(uint64_t handle)
{
	return (uint32_t) (handle >> 32);
}

int vt_handles_open(struct vt_session_state *state, struct vt_handles **out, struct vt_error *err);
void vt_handles_close(struct vt_handles *handles);

/* -EMFILE: the uid has too many; -ENFILE: the table is full. */
int vt_handles_add(struct vt_handles *handles, uint64_t id, uint32_t uid, uint64_t *handle);
void vt_handles_remove(struct vt_handles *handles, uint64_t handle);
size_t vt_handles_count(const struct vt_handles *handles); /* from any thread */

/* Calls `each` for every open handle. */
void vt_handles_each(struct vt_handles *handles,
		     void (*each)(void *context, uint64_t id, uint32_t uid), void *context);
