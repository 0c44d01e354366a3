/* SPDX-License-Identifier: Apache-2.0 */
/* See lease.h. */
#include "policy/lease.h"

#include <errno.h>
#include <stdio.h>

#include "index/base/error.h"
#include "policy/book_private.h"

void vt_claims_begin(struct vt_claims *claims, struct vt_catalog *catalog,
		     const struct vt_policy *policy)
{
	*claims = (struct vt_claims){
		.catalog = catalog, .leases = policy->leases, .count = policy->lease_count};
}

bool vt_claims_meet(const struct vt_claims *claims, const struct vt_lease *a,
		    const struct vt_lease *b)
{
	char a_room[VT_NAME_PART_MAX + 1], b_room[VT_NAME_PART_MAX + 1];
	const char *a_space = NULL, *b_space = NULL;

	/* Only a space has to be told the space of the other. */
	if (a->object.scope == VT_SCOPE_SPACE || b->object.scope == VT_SCOPE_SPACE) {
		a_space = vt_pattern_space(claims->catalog, &a->object, a_room);
		b_space = vt_pattern_space(claims->catalog, &b->object, b_room);
	}
	return vt_pattern_meets(&a->object, a_space, &b->object, b_space);
}

static bool same_holder(const struct vt_lease *a, const struct vt_lease *b)
{
	return a->holder.id == b->holder.id;
}

static bool is_over(const struct vt_claims *claims, const struct vt_lease *lease)
{
	return lease->state == VT_LEASE_DRAINING || claims->hi_ns >= lease->until_ns;
}

const struct vt_lease *vt_lease_obstacle(const struct vt_claims *claims,
					 const struct vt_lease *claim)
{
	const struct vt_lease *waiting = NULL;

	for (size_t i = 0; i < claims->count; i++) {
		const struct vt_lease *other = &claims->leases[i];

		if (other->id == claim->id)
			continue;
		if (vt_lease_masks(other)) {
			if ((!same_holder(other, claim) || is_over(claims, other)) &&
			    vt_claims_meet(claims, other, claim))
				return other;
		} else if (!waiting && other->id < claim->id && !same_holder(other, claim) &&
			   vt_claims_meet(claims, other, claim)) {
			waiting = other;
		}
	}
	return waiting;
}

const struct vt_lease *vt_lease_waiter(const struct vt_claims *claims, const struct vt_lease *lease)
{
	for (size_t i = 0; i < claims->count; i++) {
		const struct vt_lease *other = &claims->leases[i];

		if (other->state == VT_LEASE_QUEUED && !same_holder(other, lease) &&
		    vt_claims_meet(claims, other, lease))
			return other;
	}
	return NULL;
}

const struct vt_lease *vt_lease_next(const struct vt_claims *claims)
{
	for (size_t i = 0; i < claims->count; i++)
		if (claims->leases[i].state == VT_LEASE_QUEUED &&
		    !vt_lease_obstacle(claims, &claims->leases[i]))
			return &claims->leases[i];
	return NULL;
}

uint64_t vt_lease_end_of(uint64_t from_ns, uint64_t length_ns)
{
	uint64_t until;

	if (__builtin_add_overflow(from_ns, length_ns, &until) || until == VT_TIME_NEVER)
		return VT_TIME_NEVER - 1;
	return until;
}

void vt_lease_activate(struct vt_lease *lease, uint64_t length_ns, uint64_t fence,
		       struct vt_instant now)
{
	lease->state = VT_LEASE_ACTIVE;
	lease->fence = fence;
	lease->since_ns = now.lo_ns;
	lease->until_ns = vt_lease_end_of(now.hi_ns, length_ns);
}

static int is_no_more(const struct vt_lease *lease, struct vt_error *err)
{
	return vt_fail(err, ESTALE, "lease %llu of %s is %s", (unsigned long long) lease->id,
		       lease->holder.name, lease->state == VT_LEASE_ENDED ? "over" : "being ended");
}

int vt_lease_extend(struct vt_lease *lease, const struct vt_lease *waiter, uint64_t until_ns,
		    bool push, struct vt_instant now, struct vt_error *err)
{
	if (lease->state == VT_LEASE_QUEUED)
		return vt_fail(err, ESTALE, "lease %llu of %s still waits for its turn",
			       (unsigned long long) lease->id, lease->holder.name);
	if (lease->state != VT_LEASE_ACTIVE || now.hi_ns >= lease->until_ns)
		return is_no_more(lease, err);
	if (until_ns <= lease->until_ns)
		return 0;
	if (until_ns == VT_TIME_NEVER)
		return vt_fail(err, EINVAL, "a lease has an end");
	if (waiter && !push)
		return vt_fail(err, EBUSY, "%s waits for it (lease %llu)", waiter->holder.name,
			       (unsigned long long) waiter->id);
	lease->until_ns = until_ns;
	return 1;
}

static void sign(struct vt_lease *lease, uint32_t by_uid, const char *reason)
{
	lease->by_uid = by_uid;
	(void) snprintf(lease->reason, sizeof lease->reason, "%s", reason ? reason : "");
}

int vt_lease_drain(struct vt_lease *lease, enum vt_lease_end how, uint32_t by_uid,
		   const char *reason, struct vt_instant now, struct vt_error *err)
{
	if (how < VT_LEASE_END_RELEASED || how > VT_LEASE_END_REMOVED)
		return vt_fail(err, EINVAL, "a lease does not end like that");
	if (lease->state == VT_LEASE_DRAINING)
		return 0;
	if (lease->state == VT_LEASE_ENDED)
		return is_no_more(lease, err);
	if (lease->state == VT_LEASE_QUEUED) {
		sign(lease, by_uid, reason);
		vt_lease_remove(lease, now);
		return 1;
	}
	if (how == VT_LEASE_END_EXPIRED && now.hi_ns < lease->until_ns)
		return vt_fail(err, EAGAIN, "lease %llu of %s is not over yet",
			       (unsigned long long) lease->id, lease->holder.name);
	sign(lease, by_uid, reason);
	lease->state = VT_LEASE_DRAINING;
	lease->end = how;
	return 1;
}

int vt_lease_finish(struct vt_lease *lease, struct vt_instant now, struct vt_error *err)
{
	if (lease->state != VT_LEASE_DRAINING)
		return vt_fail(err, ESTALE, "lease %llu of %s is not being ended",
			       (unsigned long long) lease->id, lease->holder.name);
	if (lease->end == VT_LEASE_END_EXPIRED && now.lo_ns < lease->until_ns)
		return vt_fail(err, EAGAIN,
			       "lease %llu of %s keeps others out until the clock is sure",
			       (unsigned long long) lease->id, lease->holder.name);
	lease->state = VT_LEASE_ENDED;
	lease->ended_ns = now.lo_ns;
	return 0;
}

void vt_lease_remove(struct vt_lease *lease, struct vt_instant now)
{
	lease->state = VT_LEASE_ENDED;
	lease->end = VT_LEASE_END_REMOVED;
	lease->ended_ns = now.lo_ns;
}
