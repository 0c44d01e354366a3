/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Replays the leases of an audit log: at most one holder of an object at any instant, fences that
 * only grow, nobody left out of DRAINING on the way to ENDED.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "policy/audit_record.h"

struct vt_lease_replay_row;
struct vt_lease_replay {
	struct vt_lease_replay_row *rows; /* of those that are not ended */
	size_t count;
	uint64_t fence; /* the highest so far */
};
void vt_lease_replay_done(struct vt_lease_replay *replay);

/* A record may be missing (a gap): what follows for the leases there are now is no fault. */
void vt_lease_replay_gap(struct vt_lease_replay *replay);

/*
 * One lease.* record. 0, or -EBADMSG and a sentence; `*unsure`: a gap may explain it. -ENOMEM.
 * Other kinds are nothing to it.
 */
int vt_lease_replay_take(struct vt_lease_replay *replay, const struct vt_audit_line *line,
			 bool *unsure, struct vt_error *err);
