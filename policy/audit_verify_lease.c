/* SPDX-License-Identifier: Apache-2.0 */
/* See audit_verify_lease.h. The states are those of enum vt_lease_state; policy/model.md has them.
 */
#include "policy/audit_verify_lease.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/rule.h"

#define OBJECT_MAX 320u

struct vt_lease_replay_row {
	uint64_t id;
	enum vt_lease_state state;
	bool unsure; /* a gap came after it */
	char object[OBJECT_MAX];
};

void vt_lease_replay_done(struct vt_lease_replay *replay)
{
	free(replay->rows);
	*replay = (struct vt_lease_replay){0};
}

void vt_lease_replay_gap(struct vt_lease_replay *replay)
{
	for (size_t i = 0; i < replay->count; i++)
		replay->rows[i].unsure = true;
}

/* Does `a` cover `b`? As text: all, a whole space, a dataset, a version. */
static bool covers(const char *a, const char *b)
{
	size_t len = strlen(a);

	if (strcmp(a, "**") == 0 || strcmp(a, b) == 0)
		return true;
	if (len > 3 && strcmp(a + len - 3, "/**") == 0)
		return strncmp(a, b, len - 2) == 0;
	return strncmp(a, b, len) == 0 && b[len] == '@';
}

static struct vt_lease_replay_row *find(const struct vt_lease_replay *replay, uint64_t id)
{
	for (size_t i = 0; i < replay->count; i++)
		if (replay->rows[i].id == id)
			return &replay->rows[i];
	return NULL;
}

static int add(struct vt_lease_replay *replay, uint64_t id, enum vt_lease_state state,
	       const char *object, struct vt_error *err)
{
	struct vt_lease_replay_row *rows =
		reallocarray(replay->rows, replay->count + 1, sizeof *rows);

	if (!rows)
		return vt_fail(err, ENOMEM, "no memory to replay the leases");
	replay->rows = rows;
	rows[replay->count] = (struct vt_lease_replay_row){.id = id, .state = state};
	strcpy(rows[replay->count++].object, object);
	return 0;
}

static void drop(struct vt_lease_replay *replay, struct vt_lease_replay_row *row)
{
	*row = replay->rows[--replay->count];
}

/* Whoever holds the object, what it is in, or what is in it. */
static const struct vt_lease_replay_row *conflict(const struct vt_lease_replay *replay, uint64_t id,
						  const char *object)
{
	for (size_t i = 0; i < replay->count; i++) {
		const struct vt_lease_replay_row *row = &replay->rows[i];

		if (row->id != id && row->state != VT_LEASE_QUEUED &&
		    (covers(row->object, object) || covers(object, row->object)))
			return row;
	}
	return NULL;
}

static int acquire(struct vt_lease_replay *replay, uint64_t id, const char *object, uint64_t fence,
		   bool *unsure, struct vt_error *err)
{
	const struct vt_lease_replay_row *other = conflict(replay, id, object);
	struct vt_lease_replay_row *row = find(replay, id);
	int r = 0;

	if (fence <= replay->fence)
		return vt_fail(err, EBADMSG,
			       "lease %" PRIu64 " has fence %" PRIu64 ", %" PRIu64
			       " was given before",
			       id, fence, replay->fence);
	replay->fence = fence;
	if (row && row->state != VT_LEASE_QUEUED) {
		*unsure = row->unsure;
		r = vt_fail(err, EBADMSG, "lease %" PRIu64 " is taken twice", id);
	} else if (other) {
		*unsure = other->unsure;
		r = vt_fail(err, EBADMSG,
			    "lease %" PRIu64 " on '%s' is taken while lease %" PRIu64
			    " on '%s' lasts",
			    id, object, other->id, other->object);
	}
	if (!row)
		return add(replay, id, VT_LEASE_ACTIVE, object, err) < 0 ? -ENOMEM : r;
	row->state = VT_LEASE_ACTIVE;
	row->unsure = false;
	return r;
}

static int step(struct vt_lease_replay *replay, struct vt_lease_replay_row *row,
		enum vt_lease_state from, const char *what, bool *unsure, struct vt_error *err)
{
	if (!row) {
		*unsure = false;
		return vt_fail(err, EBADMSG, "a lease is %s that was never taken", what);
	}
	*unsure = row->unsure;
	return row->state == from ? 0
				  : vt_fail(err, EBADMSG, "lease %" PRIu64 " is %s out of turn",
					    row->id, what);
}

/* One that waited, or whose object was removed, ends from where it is. */
static int end(struct vt_lease_replay *replay, struct vt_lease_replay_row *row, bool removed,
	       bool *unsure, struct vt_error *err)
{
	enum vt_lease_state from = VT_LEASE_DRAINING;
	int r;

	if (row && (removed || row->state == VT_LEASE_QUEUED))
		from = row->state;
	r = step(replay, row, from, "ended", unsure, err);

	if (row)
		drop(replay, row);
	return r;
}

int vt_lease_replay_take(struct vt_lease_replay *replay, const struct vt_audit_line *line,
			 bool *unsure, struct vt_error *err)
{
	int64_t number = vt_audit_line_number(line, "lease", -1);
	uint64_t id = (uint64_t) number;
	char object[OBJECT_MAX], kind[32];
	struct vt_lease_replay_row *row;
	int r = 0;

	vt_audit_line_text(line, "kind", kind, sizeof kind);
	if (strncmp(kind, "lease.", 6) != 0)
		return 0;
	vt_audit_line_text(line, "object", object, sizeof object);
	*unsure = false;
	if (number < 0 || !object[0])
		return vt_fail(err, EBADMSG, "it names no lease, or no object");
	row = find(replay, id);
	if (strcmp(kind, "lease.acquire") == 0) {
		r = acquire(replay, id, object, (uint64_t) vt_audit_line_number(line, "fence", 0),
			    unsure, err);
	} else if (strcmp(kind, "lease.queue") == 0) {
		r = row ? vt_fail(err, EBADMSG, "lease %" PRIu64 " is asked for twice", id)
			: add(replay, id, VT_LEASE_QUEUED, object, err);
	} else if (strcmp(kind, "lease.renew") == 0) {
		r = step(replay, row, VT_LEASE_ACTIVE, "renewed", unsure, err);
	} else if (strcmp(kind, "lease.drain") == 0) {
		r = step(replay, row, VT_LEASE_ACTIVE, "drained", unsure, err);
		if (row)
			row->state = VT_LEASE_DRAINING;
	} else if (strcmp(kind, "lease.end") == 0) {
		bool removed = vt_audit_line_number(line, "how", 0) == VT_LEASE_END_REMOVED;

		r = end(replay, row, removed, unsure, err);
	}
	return r;
}
