/* SPDX-License-Identifier: Apache-2.0 */
/* See book.h: the steps of lease.h, each one batch. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "policy/book_private.h"
#include "policy/lease.h"
#include "policy/match.h"
#include "policy/people.h"

static struct vt_claims claims_of(const struct vt_book_change *change)
{
	struct vt_claims claims;

	vt_claims_begin(&claims, change->book->catalog, &change->next->policy);
	claims.hi_ns = change->now.hi_ns;
	return claims;
}

/* Of the present snapshot or the ended ones. */
static int find(struct vt_book *book, uint64_t id, struct vt_lease *out, struct vt_error *err)
{
	const struct vt_lease *lease;

	(void) pthread_mutex_lock(&book->lock);
	lease = vt_snapshot_lease(book->now, id);
	for (size_t i = book->ended_count; !lease && i-- > 0;)
		if (book->ended[i].id == id)
			lease = &book->ended[i];
	if (lease)
		*out = *lease;
	(void) pthread_mutex_unlock(&book->lock);
	return lease ? 0 : vt_fail(err, ENOENT, "there is no lease %llu", (unsigned long long) id);
}

/* ---- acquiring ------------------------------------------------------------------------------- */

static bool may_be_now(const struct vt_rule *rule, struct vt_instant now)
{
	return rule->from_ns <= now.hi_ns && now.lo_ns < rule->until_ns;
}

static bool forbids(const struct vt_rule *rule)
{
	if (rule->kind == VT_RULE_ALLOW)
		return false;
	return rule->kind != VT_RULE_DENY || rule->right == VT_RIGHT_BROWSE ||
	       rule->right == VT_RIGHT_READ || rule->right == VT_RIGHT_LEASE;
}

/* Does the pattern cover all that the other does? */
static bool contains(const struct vt_pattern *outer, const struct vt_pattern *inner,
		     const char *inner_space)
{
	const struct vt_object object = {
		.dataset = inner->dataset, .version = inner->version, .space = inner_space};

	if (outer->scope == VT_SCOPE_ALL)
		return true;
	if (inner->scope == VT_SCOPE_ALL)
		return false;
	if (inner->scope == VT_SCOPE_SPACE)
		return outer->scope == VT_SCOPE_SPACE && strcmp(outer->space, inner->space) == 0;
	if (outer->scope == VT_SCOPE_VERSION && inner->scope == VT_SCOPE_DATASET)
		return false;
	return vt_pattern_may_cover(outer, &object);
}

/* A lease whose holder may read nothing of it would only keep everybody out. */
static int check_denied(const struct vt_book_change *change, const struct vt_lease *lease,
			const struct vt_asker *who, struct vt_error *err)
{
	const struct vt_policy *policy = &change->next->policy;
	char room[VT_NAME_PART_MAX + 1];
	const char *space = vt_pattern_space(change->book->catalog, &lease->object, room);

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *rule = &policy->rules[i];

		if (forbids(rule) && may_be_now(rule, change->now) &&
		    contains(&rule->object, &lease->object, space) &&
		    vt_book_binds(policy, &rule->who, who, change->now))
			return vt_fail(err, EACCES,
				       "rule %llu keeps %s out of it, with a lease too",
				       (unsigned long long) rule->id, lease->holder.name);
	}
	return 0;
}

static int taken(const struct vt_book_change *change, const struct vt_lease *by,
		 struct vt_error *err)
{
	char object[VT_PATTERN_TEXT_MAX], until[VT_TIME_TEXT];

	vt_pattern_format(change->book->catalog, &by->object, object, sizeof object);
	if (by->state == VT_LEASE_QUEUED)
		return vt_fail(err, EBUSY, "%s waits for '%s' already (lease %llu)",
			       by->holder.name, object, (unsigned long long) by->id);
	vt_time_format(by->until_ns, until);
	if (by->state == VT_LEASE_DRAINING || change->now.hi_ns >= by->until_ns)
		return vt_fail(err, EBUSY,
			       "'%s' is still being taken from %s (lease %llu until %s)", object,
			       by->holder.name, (unsigned long long) by->id, until);
	return vt_fail(err, EBUSY, "'%s' is leased to %s until %s (lease %llu)", object,
		       by->holder.name, until, (unsigned long long) by->id);
}

/* The holder's own on exactly that object that is of use, or NULL. */
static struct vt_lease *own(const struct vt_book_change *change, const struct vt_lease_wish *wish)
{
	for (size_t i = 0; i < change->next->policy.lease_count; i++) {
		struct vt_lease *lease = &change->next->leases[i];
		bool of_use =
			lease->state == VT_LEASE_QUEUED ||
			(lease->state == VT_LEASE_ACTIVE && change->now.hi_ns < lease->until_ns);

		if (of_use && lease->holder.id == wish->holder.id &&
		    vt_pattern_equal(&lease->object, &wish->object))
			return lease;
	}
	return NULL;
}

/* Writes it, with the change, and records the step. */
static int put_and_commit(struct vt_book_change *change, const struct vt_lease *lease,
			  enum vt_audit_kind kind, struct vt_error *err)
{
	int r = vt_book_record_lease(change, kind, lease, err);

	if (r == 0)
		r = vt_book_change_put_lease(change, lease, err);
	return r < 0 ? r : vt_book_change_commit(change, err);
}

/* What one has already: an active lease gets longer, a waiting one wants more. */
static int extend_own(struct vt_book_change *change, const struct vt_lease_wish *wish,
		      struct vt_lease *lease, struct vt_error *err)
{
	struct vt_claims claims = claims_of(change);
	int r;

	if (lease->state == VT_LEASE_QUEUED) {
		const struct vt_lease *obstacle = vt_lease_obstacle(&claims, lease);

		if (!wish->wait)
			return taken(change, obstacle ? obstacle : lease, err);
		if (wish->length_ns <= lease->until_ns)
			return 0;
		lease->until_ns = wish->length_ns;
		r = vt_book_change_put_lease(change, lease, err); /* no step of its own */
		return r < 0 ? r : vt_book_change_commit(change, err);
	}
	r = vt_lease_extend(lease, vt_lease_waiter(&claims, lease),
			    vt_lease_end_of(change->now.hi_ns, wish->length_ns), false, change->now,
			    err);
	return r <= 0 ? r : put_and_commit(change, lease, VT_AUDIT_LEASE_RENEW, err);
}

static int take(struct vt_book_change *change, const struct vt_lease_wish *wish,
		struct vt_lease *lease, struct vt_error *err)
{
	struct vt_claims claims = claims_of(change);
	const struct vt_lease *obstacle = vt_lease_obstacle(&claims, lease);

	if (change->next->policy.lease_count >= VT_LEASES_MAX)
		return vt_fail(err, EOVERFLOW, "the store has %u leases already", VT_LEASES_MAX);
	if (obstacle && !wish->wait)
		return taken(change, obstacle, err);
	if (obstacle) {
		lease->state = VT_LEASE_QUEUED;
		lease->until_ns = wish->length_ns;
	} else {
		vt_lease_activate(lease, wish->length_ns, ++change->head.fence, change->now);
	}
	return put_and_commit(change, lease,
			      obstacle ? VT_AUDIT_LEASE_QUEUE : VT_AUDIT_LEASE_ACQUIRE, err);
}

static int acquire(struct vt_book_change *change, const struct vt_lease_wish *wish,
		   const struct vt_asker *who, struct vt_lease *out, struct vt_error *err)
{
	struct vt_lease lease = {
		.id = change->head.revision,
		.holder = wish->holder,
		.object = wish->object,
		.asked_ns = change->now.lo_ns,
		.by_uid = wish->by_uid,
	};
	struct vt_lease *mine;
	int r;

	if (change->suspect)
		return vt_fail(err, EAGAIN,
			       "the clock is in doubt: no lease until an "
			       "administrator accepts it ('vitrine clock accept')");
	r = vt_object_exists(change->book->catalog, &wish->object, err);
	if (r == 0)
		r = check_denied(change, &lease, who, err);
	if (r == 0)
		r = vt_book_change_pin(change, wish->holder.id, wish->holder.name, err);
	if (r < 0)
		return r;
	mine = own(change, wish);
	if (mine) {
		lease = *mine;
		r = extend_own(change, wish, &lease, err);
	} else {
		r = take(change, wish, &lease, err);
	}
	if (r == 0)
		*out = lease;
	return r;
}

int vt_book_lease_acquire(struct vt_book *book, const struct vt_lease_wish *wish,
			  struct vt_lease *out, struct vt_error *err)
{
	vt_cleanup(vt_person_unrefp) const struct vt_person *person = NULL;
	struct vt_asker who = {.uid = wish->holder.id};
	struct vt_book_change change;
	int r;

	if (wish->holder.kind != VT_PRINCIPAL_USER || !wish->holder.name[0])
		return vt_fail(err, EINVAL, "only a user can hold a lease");
	if (wish->length_ns == 0 || wish->length_ns == VT_TIME_NEVER)
		return vt_fail(err, EINVAL, "a lease has a length");
	/* Before the lock: the user database may take its time. Without an answer only denials of
	 * the user's groups are not seen here; they keep him out when he reads. */
	if (vt_people_ask(wish->holder.id, &person) == 0) {
		who.groups = person->groups;
		who.group_count = person->group_count;
	}
	r = vt_book_change_begin(book, &change, err);
	if (r == 0)
		r = acquire(&change, wish, &who, out, err);
	vt_book_change_done(&change);
	return r;
}

/* ---- the steps of one ------------------------------------------------------------------------ */

/* Begins a change and gives a copy of the lease. */
static int begin(struct vt_book *book, uint64_t id, struct vt_book_change *change,
		 struct vt_lease *lease, struct vt_error *err)
{
	int r = vt_book_change_begin(book, change, err);

	return r < 0 ? r : find(book, id, lease, err);
}

int vt_book_lease_renew(struct vt_book *book, uint64_t id, uint64_t until_ns, bool push,
			struct vt_lease *out, struct vt_error *err)
{
	struct vt_book_change change;
	struct vt_lease lease;
	int r = begin(book, id, &change, &lease, err);

	if (r == 0) {
		struct vt_claims claims = claims_of(&change);

		r = vt_lease_extend(&lease, vt_lease_waiter(&claims, &lease), until_ns, push,
				    change.now, err);
	}
	if (r > 0)
		r = put_and_commit(&change, &lease, VT_AUDIT_LEASE_RENEW, err);
	vt_book_change_done(&change);
	if (r == 0)
		*out = lease;
	return r;
}

int vt_book_lease_drain(struct vt_book *book, uint64_t id, enum vt_lease_end how, uint32_t by_uid,
			const char *reason, struct vt_lease *out, struct vt_error *err)
{
	struct vt_book_change change;
	struct vt_lease lease;
	int r = begin(book, id, &change, &lease, err);

	if (r == 0)
		r = vt_lease_drain(&lease, how, by_uid, reason, change.now, err);
	if (r > 0)
		r = put_and_commit(&change, &lease,
				   lease.state == VT_LEASE_DRAINING ? VT_AUDIT_LEASE_DRAIN
								    : VT_AUDIT_LEASE_END,
				   err);
	vt_book_change_done(&change);
	if (r == 0)
		*out = lease;
	return r;
}

int vt_book_change_serve(struct vt_book_change *change, uint64_t *next, struct vt_error *err)
{
	struct vt_claims claims = claims_of(change);
	const struct vt_lease *first = change->suspect ? NULL : vt_lease_next(&claims);
	struct vt_lease lease;
	int r;

	*next = 0;
	if (!first)
		return 0;
	lease = *first;
	vt_lease_activate(&lease, lease.until_ns, ++change->head.fence, change->now);
	r = vt_book_record_lease(change, VT_AUDIT_LEASE_ACQUIRE, &lease, err);
	if (r == 0)
		r = vt_book_change_put_lease(change, &lease, err);
	if (r == 0)
		*next = lease.id;
	return r;
}

int vt_book_lease_finish(struct vt_book *book, uint64_t id, uint64_t *next, struct vt_error *err)
{
	struct vt_book_change change;
	struct vt_lease lease;
	uint64_t served = 0;
	int r = begin(book, id, &change, &lease, err);

	if (r == 0)
		r = vt_lease_finish(&lease, change.now, err);
	if (r == 0)
		r = vt_book_record_lease(&change, VT_AUDIT_LEASE_END, &lease, err);
	if (r == 0)
		r = vt_book_change_put_lease(&change, &lease, err);
	if (r == 0)
		r = vt_book_change_serve(&change, &served, err);
	if (r == 0)
		r = vt_book_change_commit(&change, err);
	vt_book_change_done(&change);
	if (r == 0)
		*next = served;
	return r;
}

int vt_book_lease_serve(struct vt_book *book, uint64_t *next, struct vt_error *err)
{
	struct vt_book_change change;
	uint64_t served = 0;
	int r = vt_book_change_begin(book, &change, err);

	if (r == 0)
		r = vt_book_change_serve(&change, &served, err);
	if (r == 0 && served)
		r = vt_book_change_commit(&change, err);
	vt_book_change_done(&change);
	if (r == 0)
		*next = served;
	return r;
}

/* ---- looking --------------------------------------------------------------------------------- */

int vt_book_lease_get(struct vt_book *book, uint64_t id, struct vt_lease *out, struct vt_error *err)
{
	return find(book, id, out, err);
}

static int by_id(const void *a, const void *b)
{
	const struct vt_lease *left = a, *right = b;

	return left->id < right->id ? -1 : left->id > right->id;
}

int vt_book_leases(struct vt_book *book, struct vt_lease **out, size_t *count, struct vt_error *err)
{
	uint64_t lo = vt_timekeeper_now(book->time).lo_ns;
	struct vt_lease *list;
	size_t n = 0;

	(void) pthread_mutex_lock(&book->lock);
	list = calloc(book->ended_count + book->now->policy.lease_count + 1, sizeof *list);
	if (list) {
		for (size_t i = 0; i < book->ended_count; i++)
			if (book->ended[i].ended_ns + VT_ENDED_KEPT_NS > lo)
				list[n++] = book->ended[i];
		for (size_t i = 0; i < book->now->policy.lease_count; i++)
			list[n++] = book->now->leases[i];
	}
	(void) pthread_mutex_unlock(&book->lock);
	if (!list)
		return vt_fail(err, ENOMEM, "no memory for a list of leases");
	qsort(list, n, sizeof *list, by_id);
	*out = list;
	*count = n;
	return 0;
}
