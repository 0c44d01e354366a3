/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See handles.h. Free slots are a stack in memory. A handle's id is stored last, and cleared alone:
 * its generation is the slot's next, taken when it is opened. A server that dies while it removes
 * one would else leave a free slot whose next handle is the very one that a RELEASE comes again
 * for.
 */
#include "fs/handles.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/session_state.h"
#include "index/base/array.h"
#include "index/base/error.h"
#include "index/idmap.h"

struct vt_handles {
	struct vt_session_state *state;
	struct vt_idmap per_uid; /* uid + 1 -> open handles */
	uint32_t *free;          /* slots below the top that are free, as a stack */
	size_t free_count, free_room;
	_Atomic size_t count;
};

/* Makes room for one more free slot, so that closing never fails. */
static int reserve_free(struct vt_handles *handles, size_t slots)
{
	return vt_array_reserve(handles->free, handles->free_room, slots);
}

static uint64_t count_of(const struct vt_handles *handles, uint32_t uid)
{
	uint64_t count = 0;

	(void) vt_idmap_find(&handles->per_uid, (uint64_t) uid + 1, &count);
	return count;
}

static int set_count(struct vt_handles *handles, uint32_t uid, uint64_t count)
{
	return vt_idmap_put(&handles->per_uid, (uint64_t) uid + 1, count);
}

/* What an earlier server left. */
static int take_up(struct vt_handles *handles)
{
	uint32_t top = handles->state->record->handle_top;
	int r = reserve_free(handles, top);

	for (uint32_t slot = 0; slot < top && r == 0; slot++) {
		const struct vt_handle *handle = &handles->state->handles[slot];

		if (handle->id) {
			r = set_count(handles, handle->uid, count_of(handles, handle->uid) + 1);
			handles->count++;
		} else {
			handles->free[handles->free_count++] = slot;
		}
	}
	return r;
}

int vt_handles_open(struct vt_session_state *state, struct vt_handles **out, struct vt_error *err)
{
	struct vt_handles *handles = calloc(1, sizeof *handles);

	if (!handles)
		return vt_fail(err, ENOMEM, "no memory for a session");
	handles->state = state;
	if (take_up(handles) < 0) {
		vt_handles_close(handles);
		return vt_fail(err, ENOMEM, "no memory for a session");
	}
	*out = handles;
	return 0;
}

void vt_handles_close(struct vt_handles *handles)
{
	if (!handles)
		return;
	vt_idmap_done(&handles->per_uid);
	free(handles->free);
	free(handles);
}

static int take_slot(struct vt_handles *handles, uint32_t *out)
{
	struct vt_session_record *record = handles->state->record;

	if (handles->free_count > 0) {
		*out = handles->free[--handles->free_count];
		return 0;
	}
	if (record->handle_top == VT_SESSION_HANDLES)
		return -ENFILE;
	if (reserve_free(handles, (size_t) record->handle_top + 1) < 0)
		return -ENOMEM;
	*out = record->handle_top++;
	return 0;
}

int vt_handles_add(struct vt_handles *handles, uint64_t id, uint32_t uid, uint64_t *handle)
{
	uint64_t own = count_of(handles, uid);
	struct vt_handle *entry;
	uint32_t slot = 0;
	int r;

	if (own >= VT_HANDLES_PER_UID)
		return -EMFILE;
	r = set_count(handles, uid, own + 1);
	if (r == 0)
		r = take_slot(handles, &slot);
	if (r < 0) {
		(void) set_count(handles, uid, own); /* -ENOMEM: it is not there at all */
		return r;
	}
	entry = &handles->state->handles[slot];
	entry->generation++;
	entry->uid = uid;
	entry->id = id;
	handles->count++;
	*handle = (uint64_t) entry->generation << 32 | slot;
	return 0;
}

void vt_handles_remove(struct vt_handles *handles, uint64_t handle)
{
	uint32_t slot = (uint32_t) handle;
	struct vt_handle *entry;

	if (slot >= handles->state->record->handle_top)
		return;
	entry = &handles->state->handles[slot];
	if (!entry->id || entry->generation != (uint32_t) (handle >> 32))
		return;
	entry->id = 0;
	handles->free[handles->free_count++] = slot;
	handles->count--;
	(void) set_count(handles, entry->uid, count_of(handles, entry->uid) - 1);
}

size_t vt_handles_count(const struct vt_handles *handles)
{
	return handles->count;
}

void vt_handles_each(struct vt_handles *handles,
		     void (*each)(void *context, uint64_t id, uint32_t uid), void *context)
{
	uint32_t top = handles->state->record->handle_top;

	for (uint32_t slot = 0; slot < top; slot++) {
		const struct vt_handle *handle = &handles->state->handles[slot];

		if (handle->id)
			each(context, handle->id, handle->uid);
	}
}
