/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The state machine of leases: no I/O, no clock, no memory. What may stand beside what, whose turn
 * it is, and each step on one lease; book_lease.c writes them down. policy/model.md, "Leases".
 *
 *     acquire ──► ACTIVE ──drain──► DRAINING ──finish──► ENDED        drain: released, expired,
 * broken └──────► QUEUED ──serve──► ACTIVE                            finish of an expired one
 * waits └────given up────────────────────► ENDED         until lo has reached its end
 *
 * | state    | masks | fence | until         |
 * | QUEUED   | no    | 0     | its length    |
 * | ACTIVE   | yes   | own   | its end       |
 * | DRAINING | yes   | own   | its end       |
 * | ENDED    | no    | as was| as was        |
 *
 * A lease stands in another's way when their objects can have something in common and either it
 * masks and is another's or is draining, or it waits, is another's and has the lower id.
 */
#include "policy/rule.h"
#include "policy/evaluate.h"

struct vt_error;
struct vt_catalog;

/* All leases that have not ended, in order of ids. Borrowed. */
struct vt_claims {
	struct vt_catalog *catalog; /* which knows the spaces of datasets */
	const struct vt_lease *leases;
	size_t count;
	uint64_t
		hi_ns; /* an active lease that ended by it counts as draining; 0: does not matter */
};
void vt_claims_begin(struct vt_claims *claims, struct vt_catalog *catalog,
		     const struct vt_policy *policy);
bool vt_claims_meet(const struct vt_claims *claims, const struct vt_lease *a,
		    const struct vt_lease *b);

static inline bool vt_lease_masks(const struct vt_lease *lease)
{
	return lease->state == VT_LEASE_ACTIVE || lease->state == VT_LEASE_DRAINING;
}

/* What stands in the way of `claim` (by its id, holder and object); one that masks is named first.
 */
const struct vt_lease *vt_lease_obstacle(const struct vt_claims *claims,
					 const struct vt_lease *claim);
/* Another's that waits for what `lease` has; NULL: nobody. */
const struct vt_lease *vt_lease_waiter(const struct vt_claims *claims,
				       const struct vt_lease *lease);
/* The first that waits and has nothing in its way; NULL. */
const struct vt_lease *vt_lease_next(const struct vt_claims *claims);

/* A lease has an end: the last instant there is, if need be. */
uint64_t vt_lease_end_of(uint64_t from_ns, uint64_t length_ns);
/* QUEUED (or a new one) -> ACTIVE for `length_ns` from now on. */
void vt_lease_activate(struct vt_lease *lease, uint64_t length_ns, uint64_t fence,
		       struct vt_instant now);
/* ACTIVE: its end moves, never back. -ESTALE, -EBUSY. 1: it moved. */
int vt_lease_extend(struct vt_lease *lease, const struct vt_lease *waiter, uint64_t until_ns,
		    bool push, struct vt_instant now, struct vt_error *err);
/* ACTIVE -> DRAINING, QUEUED -> ENDED. 0: DRAINING already. 1: done. -ESTALE, -EAGAIN, -EINVAL. */
int vt_lease_drain(struct vt_lease *lease, enum vt_lease_end how, uint32_t by_uid,
		   const char *reason, struct vt_instant now, struct vt_error *err);
/* DRAINING -> ENDED. -ESTALE: is not draining. -EAGAIN: its time is not over for the others. */
int vt_lease_finish(struct vt_lease *lease, struct vt_instant now, struct vt_error *err);
/* Any -> ENDED: its object is gone. */
void vt_lease_remove(struct vt_lease *lease, struct vt_instant now);
