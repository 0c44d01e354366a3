/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See narrow.h. Catalog and book commit and flip: from their return on every OPEN, and every look
 * at an id of a version that is gone, is refused. The sessions then drain and invalidate
 * (session_narrow.c). Where one cannot finish, the change stands and the caller hears of it.
 *
 * The service's `ending` is taken before the book's lock and a session's `narrowing`.
 */
#include "fs/narrow.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/mount.h"
#include "fs/policy_watch.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/cleanup.h"
#include "index/base/crashpoint.h"
#include "index/catalog.h"
#include "index/import.h"
#include "policy/book.h"

static const struct vt_pattern everything = {.scope = VT_SCOPE_ALL};

/* `retire`: whole versions, see vt_sessions_narrow(). */
static int apply(struct vt_service *service, const struct vt_pattern *pattern, bool retire,
		 struct vt_error *err)
{
	return service->sessions ? vt_sessions_narrow(service->sessions, pattern, retire, err) : 0;
}

/* The thread that waits for windows must look at the new ones. */
static int changed(struct vt_service *service, const struct vt_pattern *pattern, bool retire,
		   struct vt_error *err)
{
	int r = apply(service, pattern, retire, err);

	if (service->watch)
		vt_policy_watch_poke(service->watch);
	return r;
}

int vt_narrow_to_now(struct vt_service *service, const struct vt_pattern *pattern,
		     struct vt_error *err)
{
	return apply(service, pattern, false, err);
}

void vt_narrow_names_changed(struct vt_service *service, uint32_t dataset)
{
	const struct vt_pattern changed_one = {.scope = VT_SCOPE_DATASET, .dataset = dataset};

	if (service->sessions)
		vt_sessions_refresh(service->sessions, &changed_one);
}

/* ---- versions -------------------------------------------------------------------------------- */

/* Its revisions go with it: the pattern covers them. */
int vt_narrow_withdraw(struct vt_service *service, uint32_t version, const char *reason,
		       uint32_t by_uid, struct vt_error *err)
{
	const struct vt_pattern gone = {.scope = VT_SCOPE_VERSION, .version = version};
	uint32_t exhibit = 0;
	int r = vt_catalog_withdraw(service->index->catalog, version, reason, by_uid, &exhibit,
				    err);

	if (r < 0)
		return r;
	VT_CRASHPOINT("withdraw-committed");
	r = apply(service, &gone, true, err);
	VT_CRASHPOINT("withdraw-narrowed");
	vt_trail_deliver(service);
	return r;
}

/* It is gone, whatever else fails now; rules that could not be dropped are at the next opening. */
static int after_removal(struct vt_service *service, uint32_t dataset, uint32_t version,
			 const struct vt_pattern *gone, struct vt_error *err)
{
	int forgotten, r;

	VT_CRASHPOINT("remove-committed");
	forgotten = vt_book_forget(service->book, dataset, version, err);
	VT_CRASHPOINT("remove-forgotten");
	r = apply(service, gone, version != 0, forgotten < 0 ? NULL : err);
	VT_CRASHPOINT("remove-narrowed");

	vt_trail_deliver(service);
	return forgotten < 0 ? forgotten : r;
}

int vt_narrow_remove(struct vt_service *service, uint32_t version, uint32_t by_uid,
		     struct vt_error *err)
{
	const struct vt_pattern gone = {.scope = VT_SCOPE_VERSION, .version = version};
	vt_cleanup(vt_version_unrefp) const struct vt_version *going = NULL;
	uint32_t exhibit = 0;
	int r = vt_catalog_version(service->index->catalog, version, &going, err);

	if (r == 0)
		r = vt_catalog_remove(service->index->catalog, version, by_uid, &exhibit, err);
	return r < 0 ? r : after_removal(service, going->dataset, version, &gone, err);
}

/* Its versions are nowhere to be found any more, and so are covered by whatever is looked for. */
int vt_narrow_remove_dataset(struct vt_service *service, uint32_t dataset, uint32_t by_uid,
			     struct vt_error *err)
{
	const struct vt_pattern gone = {.scope = VT_SCOPE_DATASET, .dataset = dataset};
	vt_autofree uint32_t *exhibits = NULL;
	size_t count = 0;
	int r = vt_catalog_remove_dataset(service->index->catalog, dataset, by_uid, &exhibits,
					  &count, err);

	return r < 0 ? r : after_removal(service, dataset, 0, &gone, err);
}

/* ---- rules and partners ---------------------------------------------------------------------- */

int vt_narrow_add_rule(struct vt_service *service, const struct vt_rule *rule, uint64_t *id,
		       struct vt_error *err)
{
	int r = rule->kind == VT_RULE_ALLOW ? vt_trail_check(service, err) : 0;

	if (r == 0)
		r = vt_book_add_rule(service->book, rule, id, err);
	if (r < 0)
		return r;
	r = changed(service, &rule->object, false, err);
	VT_CRASHPOINT("rule-narrowed");
	vt_trail_deliver(service);
	return r;
}

int vt_narrow_remove_rule(struct vt_service *service, const struct vt_principal *who,
			  enum vt_right right, const struct vt_pattern *object, uint32_t by_uid,
			  size_t *removed, struct vt_error *err)
{
	int r = vt_book_remove_rule(service->book, who, right, object, by_uid, removed, err);

	if (r < 0)
		return r;
	r = changed(service, object, false, err);
	VT_CRASHPOINT("revoke-narrowed");
	vt_trail_deliver(service);
	return r;
}

int vt_narrow_partner_add(struct vt_service *service, const char *name,
			  const struct vt_member *users, size_t user_count, uint64_t until_ns,
			  uint32_t owner_uid, uint32_t by_uid, struct vt_error *err)
{
	int r = vt_trail_check(service, err);

	if (r == 0)
		r = vt_book_partner_add(service->book, name, users, user_count, until_ns, owner_uid,
					by_uid, err);
	if (r < 0)
		return r;
	r = changed(service, &everything, false, err);
	vt_trail_deliver(service);
	return r;
}

int vt_narrow_partner_remove_user(struct vt_service *service, const char *name, uint32_t uid,
				  uint32_t by_uid, struct vt_error *err)
{
	int r = vt_book_partner_remove_user(service->book, name, uid, by_uid, err);

	if (r < 0)
		return r;
	r = changed(service, &everything, false, err);
	vt_trail_deliver(service);
	return r;
}

int vt_narrow_partner_end(struct vt_service *service, const char *name, uint32_t by_uid,
			  struct vt_error *err)
{
	int r = vt_book_partner_end(service->book, name, by_uid, err);

	if (r < 0)
		return r;
	r = changed(service, &everything, false, err);
	vt_trail_deliver(service);
	return r;
}

/* ---- leases ---------------------------------------------------------------------------------- */

int vt_narrow_lease_acquire(struct vt_service *service, const struct vt_lease_wish *wish,
			    struct vt_lease *out, struct vt_error *err)
{
	int r = vt_trail_check(service, err);

	if (r == 0)
		r = vt_book_lease_acquire(service->book, wish, out, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("lease-acquired");
	vt_trail_deliver(service);
	VT_CRASHPOINT("lease-acquire-told");
	return out->state == VT_LEASE_ACTIVE ? changed(service, &out->object, true, err) : 0;
}

int vt_narrow_lease_renew(struct vt_service *service, uint64_t id, uint64_t until_ns, bool push,
			  struct vt_lease *out, struct vt_error *err)
{
	int r = vt_trail_check(service, err);

	if (r == 0)
		r = vt_book_lease_renew(service->book, id, until_ns, push, out, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("lease-renewed");
	vt_trail_deliver(service);
	vt_policy_watch_poke(service->watch);
	return 0;
}

/* A lease that became active by itself: its holder's turn came. */
static int take_turn(struct vt_service *service, uint64_t id, struct vt_error *err)
{
	struct vt_lease lease;
	int r = vt_book_lease_get(service->book, id, &lease, err);

	if (r < 0)
		return r;
	VT_CRASHPOINT("lease-turn-came");
	vt_trail_deliver(service);
	r = apply(service, &lease.object, true, err);
	VT_CRASHPOINT("lease-turn-taken");
	return r;
}

int vt_narrow_serve_line(struct vt_service *service, struct vt_error *err)
{
	uint64_t next;
	int r;

	do {
		r = vt_book_lease_serve(service->book, &next, err);
		if (r == 0 && next)
			r = take_turn(service, next, err);
	} while (r == 0 && next);
	return r;
}

/* The next in line holds it from the end of the last one on, in one commit. */
static int hand_over(struct vt_service *service, uint64_t id, struct vt_lease *ended,
		     struct vt_error *err)
{
	uint64_t next = 0;
	int r = vt_book_lease_finish(service->book, id, &next, err);

	if (r == 0)
		r = vt_book_lease_get(service->book, id, ended, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("lease-finished");
	vt_trail_deliver(service);
	if (next)
		r = take_turn(service, next, err);
	return r < 0 ? r : vt_narrow_serve_line(service, err);
}

static int end_lease(struct vt_service *service, uint64_t id, enum vt_lease_end how,
		     uint32_t by_uid, const char *reason, struct vt_lease *out,
		     struct vt_error *err)
{
	struct vt_lease before;
	int r = vt_book_lease_get(service->book, id, &before, err);

	if (r == 0)
		r = vt_book_lease_drain(service->book, id, how, by_uid, reason, out, err);
	if (r == -ESTALE) /* another was first, and took everything away before it was over */
		return vt_book_lease_get(service->book, id, out, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("lease-drained");
	vt_trail_deliver(service);
	if (out->state != VT_LEASE_DRAINING) /* it only waited */
		return vt_narrow_serve_line(service, err);
	vt_audit_access_flush(service->audit, 0, 0); /* revisions are versions too */
	r = apply(service, &out->object, true, err);
	VT_CRASHPOINT("lease-emptied");
	if (r == 0)
		r = hand_over(service, id, out, err);
	VT_CRASHPOINT("lease-handed-over");
	vt_sessions_refresh(service->sessions, &before.object);
	return r;
}

/*
 * One at a time: of two that end the same lease, a caller and the watch, the second would take away
 * what others have opened since the first was done.
 */
int vt_narrow_lease_end(struct vt_service *service, uint64_t id, enum vt_lease_end how,
			uint32_t by_uid, const char *reason, struct vt_lease *out,
			struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&service->ending);
	r = end_lease(service, id, how, by_uid, reason, out, err);
	(void) pthread_mutex_unlock(&service->ending);
	return r;
}
