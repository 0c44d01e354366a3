/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about leases. Whoever may lease takes one for themselves; who administers the object
 * takes and ends them for others. An acquire that waits keeps its connection's thread; it is given
 * up when the other end goes away.
 */
#include "fs/narrow.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/index.h"
#include "policy/book.h"
#include "policy/instant.h"
#include "policy/lease.h"
#include "policy/people.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#define LENGTH_MAX_NS (366ull * 86400 * 1000000000)
#define WAIT_STEP_MS  100
#define WAITERS_MAX   256u /* in all: each keeps a connection */
#define WAITING_MAX   16u  /* of one uid */

static bool administers(const struct vt_control_request *request, const struct vt_pattern *object)
{
	return vt_control_check_pattern(request, VT_RIGHT_ADMIN, object, NULL) == 0;
}

/* May the caller know who holds it? Who would see its object but for it hears as much on reading.
 */
static bool is_told(const struct vt_control_request *request, const struct vt_lease *lease)
{
	const struct vt_pattern *object = &lease->object;
	struct vt_place place = {object->dataset, object->version};

	return lease->holder.id == vt_control_caller(request) || administers(request, object) ||
	       vt_gate_check_unleased(request->service->gate, &request->connection->subject,
				      VT_RIGHT_SEE, place, object->space[0] ? object->space : NULL,
				      NULL) == 0;
}

/* Can they have something in common? */
static bool concerns(const struct vt_control_request *request, const struct vt_lease *lease,
		     const struct vt_pattern *object)
{
	const struct vt_claims claims = {.catalog = request->service->index->catalog};
	const struct vt_lease about = {.object = *object};

	return vt_claims_meet(&claims, lease, &about);
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const char *state_name(enum vt_lease_state state)
{
	switch (state) {
	case VT_LEASE_ACTIVE:
		return "active";
	case VT_LEASE_DRAINING:
		return "draining";
	case VT_LEASE_ENDED:
		return "ended";
	case VT_LEASE_QUEUED:
		return "queued";
	}
	return "unknown";
}

/* `whole`: also who holds it, and why it ended; others hear that it is leased and until when. */
static json_t *lease_row(struct vt_service *service, const struct vt_lease *lease, bool whole)
{
	char object[VT_PATTERN_TEXT_MAX];
	json_t *row;

	vt_pattern_format(service->index->catalog, &lease->object, object, sizeof object);
	row = json_pack("{s:I, s:s, s:s}", "lease", (json_int_t) lease->id, "object", object,
			"state", state_name(lease->state));
	if (!row)
		return NULL;
	if (lease->state != VT_LEASE_QUEUED) {
		(void) vt_json_set_time(row, "since", lease->since_ns);
		(void) vt_json_set_time(row, "until", lease->until_ns);
	}
	if (!whole)
		return row;
	(void) json_object_set_new(row, "holder", json_string(lease->holder.name));
	(void) json_object_set_new(row, "fence", json_integer((json_int_t) lease->fence));
	(void) vt_json_set_time(row, "asked", lease->asked_ns);
	if (vt_lease_end_name(lease->end))
		(void) json_object_set_new(row, "end", json_string(vt_lease_end_name(lease->end)));
	if (lease->state == VT_LEASE_ENDED)
		(void) vt_json_set_time(row, "ended", lease->ended_ns);
	if (lease->reason[0])
		(void) vt_json_set_text(row, "reason", lease->reason, strlen(lease->reason));
	return row;
}

static int answer(struct vt_control_request *request, const struct vt_lease *lease,
		  struct vt_error *err)
{
	request->result = lease_row(request->service, lease, true);
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}

/* ---- taking one ------------------------------------------------------------------------------ */

/* Who is to hold it, and may the caller ask for that? */
static int read_holder(struct vt_control_request *request, struct vt_principal *out,
		       struct vt_error *err)
{
	const struct vt_pattern *object = &request->pattern;
	struct vt_place place = {object->dataset, object->version};
	char text[VT_PRINCIPAL_TEXT_MAX], name[VT_PRINCIPAL_NAME_MAX + 1];
	const char *user = NULL;
	int r = vt_arg_text_or(request->args, "user", &user, err);

	if (r < 0)
		return r;
	if (object->scope == VT_SCOPE_ALL)
		return vt_fail(err, EINVAL, "a lease is on a space, a dataset or a version");
	if (user)
		r = vt_control_check_pattern(request, VT_RIGHT_ADMIN, object, err);
	else
		r = vt_gate_check_unleased(request->service->gate, &request->connection->subject,
					   VT_RIGHT_LEASE, place,
					   object->space[0] ? object->space : NULL, err);
	if (r < 0)
		return r;
	if (!user)
		vt_people_name_of(vt_control_caller(request), name, sizeof name);
	(void) snprintf(text, sizeof text, "user:%s", user ? user : name);
	return vt_principal_parse(request->service->book, text, out, err);
}

static bool is_gone(const struct vt_control_request *request)
{
	struct pollfd p = {.fd = request->connection->channel.fd, .events = POLLIN | POLLRDHUP};

	/* A client that waits says nothing: whatever comes, it has given up. */
	return poll(&p, 1, WAIT_STEP_MS) != 0;
}

/* What another has, or waits for, of the object. The first that says yes. */
static const struct vt_lease *find_other(const struct vt_control_request *request,
					 const struct vt_policy *policy,
					 bool (*is_it)(const struct vt_control_request *request,
						       const struct vt_lease *lease))
{
	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *lease = &policy->leases[i];

		if (lease->holder.id != vt_control_caller(request) &&
		    concerns(request, lease, &request->pattern) && is_it(request, lease))
			return lease;
	}
	return NULL;
}

static bool is_hidden(const struct vt_control_request *request, const struct vt_lease *lease)
{
	return !is_told(request, lease);
}

static bool is_behind(const struct vt_control_request *request, const struct vt_lease *lease)
{
	return vt_lease_masks(lease) && is_told(request, lease);
}

/* The book's sentence names who is in the way, and what of. */
static int refuse_held(const struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	char object[VT_PATTERN_TEXT_MAX];

	if (!find_other(request, policy, is_hidden))
		return -EBUSY;
	vt_pattern_format(request->service->index->catalog, &request->pattern, object,
			  sizeof object);
	return vt_fail(err, EBUSY, "'%s' is held by another", object);
}

/* One's own lease that waits, and who has it meanwhile. */
static int send_waiting(struct vt_control_request *request, const struct vt_lease *lease,
			struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	const struct vt_lease *before = find_other(request, policy, is_behind);
	json_t *row = lease_row(request->service, lease, true);
	int r;

	if (row && before) {
		(void) json_object_set_new(row, "behind", json_string(before->holder.name));
		(void) vt_json_set_time(row, "behind_until", before->until_ns);
	}
	r = vt_control_send(request, row, NULL, 0, err);
	return r < 0 ? r : vt_channel_flush(&request->connection->channel, err);
}

/*
 * Until its turn has come. A client that goes away gives its place up. The turn may come before
 * everybody else was narrowed, which is waited for here.
 */
static int wait_for_turn(struct vt_control_request *request, struct vt_lease *lease,
			 struct vt_error *err)
{
	int r = send_waiting(request, lease, err);

	while (r >= 0 && lease->state == VT_LEASE_QUEUED) {
		if (is_gone(request))
			r = vt_control_ended(request, err);
		else
			r = vt_book_lease_get(request->service->book, lease->id, lease, err);
	}
	if (r < 0)
		(void) vt_narrow_lease_end(request->service, lease->id, VT_LEASE_END_REMOVED,
					   vt_control_caller(request), "", lease, NULL);
	else if (lease->state == VT_LEASE_ENDED)
		r = vt_fail(err, ENOENT, "what was waited for is gone");
	else
		r = vt_narrow_to_now(request->service, &lease->object, err);
	return r;
}

static int check_line(const struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	unsigned waiting = 0;

	for (size_t i = 0; i < policy->lease_count; i++)
		waiting += policy->leases[i].state == VT_LEASE_QUEUED &&
			   policy->leases[i].by_uid == vt_control_caller(request);
	if (waiting >= WAITING_MAX)
		return vt_fail(err, EAGAIN, "you wait for %u leases already", waiting);
	return 0;
}

static int acquire(struct vt_control_request *request, const struct vt_lease_wish *wish,
		   struct vt_error *err)
{
	struct vt_lease lease;
	int r = wish->wait ? check_line(request, err) : 0;

	if (r >= 0)
		r = vt_narrow_lease_acquire(request->service, wish, &lease, err);
	if (r >= 0 && lease.state == VT_LEASE_QUEUED)
		r = wait_for_turn(request, &lease, err);
	if (r == -EBUSY)
		return refuse_held(request, err);
	return r < 0 ? r : answer(request, &lease, err);
}

/* Who waits keeps a connection, of which others want some too. */
static int acquire_or_wait(struct vt_control_request *request, const struct vt_lease_wish *wish,
			   struct vt_error *err)
{
	static atomic_uint waiters;
	int r;

	if (!wish->wait)
		return acquire(request, wish, err);
	if (atomic_fetch_add(&waiters, 1) < WAITERS_MAX)
		r = acquire(request, wish, err);
	else
		r = vt_fail(err, EAGAIN, "too many wait already; try again later");
	(void) atomic_fetch_sub(&waiters, 1);
	return r;
}

int vt_serve_lease_acquire(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_lease_wish wish = {.object = request->pattern,
				     .by_uid = vt_control_caller(request)};
	int r = vt_arg_number(request->args, "length", INT64_MAX, &wish.length_ns, err);

	if (r >= 0 && (wish.length_ns == 0 || wish.length_ns > LENGTH_MAX_NS))
		r = vt_fail(err, EINVAL, "a lease lasts some time, and at most 366 days");
	if (r >= 0)
		r = vt_arg_flag(request->args, "wait", &wish.wait, err);
	if (r >= 0)
		r = read_holder(request, &wish.holder, err);
	return r < 0 ? r : acquire_or_wait(request, &wish, err);
}

/* ---- those there are ------------------------------------------------------------------------- */

static bool same_object(const struct vt_pattern *a, const struct vt_pattern *b)
{
	return a->scope == b->scope && a->dataset == b->dataset && a->version == b->version &&
	       strcmp(a->space, b->space) == 0;
}

/* Whose lease on exactly that object is meant, where there are several. */
enum choice {
	OWN,          /* the caller's */
	OWN_OR_OTHER, /* theirs, or else another's */
	IN_FORCE,     /* whoever has it; or else the first that waits */
};

static unsigned rank(const struct vt_control_request *request, const struct vt_lease *lease,
		     enum choice choice)
{
	bool own = lease->holder.id == vt_control_caller(request);

	if (lease->state == VT_LEASE_ENDED || (choice == OWN && !own))
		return 0;
	return (choice == IN_FORCE ? vt_lease_masks(lease) : own) ? 2 : 1;
}

static int find_lease(const struct vt_control_request *request, enum choice choice,
		      struct vt_lease *out, struct vt_error *err)
{
	vt_autofree struct vt_lease *leases = NULL;
	unsigned best = 0;
	size_t count;
	int r = vt_book_leases(request->service->book, &leases, &count, err);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		unsigned as = same_object(&leases[i].object, &request->pattern)
				      ? rank(request, &leases[i], choice)
				      : 0;

		if (as > best) {
			best = as;
			*out = leases[i];
		}
	}
	if (!best)
		return vt_fail(err, ENOENT, "there is no such lease of %s",
			       choice == OWN ? "yours" : "anybody");
	return 0;
}

int vt_serve_lease_renew(struct vt_control_request *request, struct vt_error *err)
{
	bool admin = administers(request, &request->pattern), push;
	struct vt_lease lease;
	uint64_t until;
	int r = vt_arg_number(request->args, "until", INT64_MAX, &until, err);

	if (r >= 0)
		r = vt_arg_flag(request->args, "push", &push, err);
	if (r >= 0 && push && !admin)
		r = vt_fail(err, EACCES, "only who administers it may let others wait longer");
	if (r >= 0)
		r = find_lease(request, admin ? OWN_OR_OTHER : OWN, &lease, err);
	if (r >= 0 && until > vt_timekeeper_now(request->service->time).hi_ns + LENGTH_MAX_NS)
		r = vt_fail(err, EINVAL, "a lease lasts at most 366 days from now");
	if (r >= 0)
		r = vt_narrow_lease_renew(request->service, lease.id, until, push, &lease, err);
	return r < 0 ? r : answer(request, &lease, err);
}

bool vt_control_holds(const struct vt_control_request *request)
{
	struct vt_lease lease;

	return find_lease(request, OWN, &lease, NULL) >= 0;
}

static int end_lease(struct vt_control_request *request, enum choice choice, enum vt_lease_end how,
		     const char *reason, struct vt_error *err)
{
	struct vt_lease lease;
	int r = find_lease(request, choice, &lease, err);

	if (r >= 0)
		r = vt_narrow_lease_end(request->service, lease.id, how, vt_control_caller(request),
					reason, &lease, err);
	return r < 0 ? r : answer(request, &lease, err);
}

int vt_serve_lease_release(struct vt_control_request *request, struct vt_error *err)
{
	bool admin = administers(request, &request->pattern);

	return end_lease(request, admin ? OWN_OR_OTHER : OWN, VT_LEASE_END_RELEASED, "", err);
}

int vt_serve_lease_break(struct vt_control_request *request, struct vt_error *err)
{
	const char *reason = "";
	int r = vt_arg_text_or(request->args, "reason", &reason, err);

	return r < 0 ? r : end_lease(request, IN_FORCE, VT_LEASE_END_BROKEN, reason, err);
}

/*
 * Of leases in force also those hear who would see their object but for them, or what they ask
 * about, which is in it.
 */
static bool hears_of(const struct vt_control_request *request, const struct vt_lease *lease,
		     const struct vt_pattern *asked)
{
	return vt_lease_masks(lease) &&
	       (is_told(request, lease) || (asked && lease->object.scope == VT_SCOPE_SPACE));
}

static int send_lease(struct vt_control_request *request, const struct vt_lease *lease,
		      const struct vt_pattern *asked, struct vt_error *err)
{
	bool whole = lease->holder.id == vt_control_caller(request) ||
		     administers(request, &lease->object);

	if (!whole && !hears_of(request, lease, asked))
		return 0;
	return vt_control_send(request, lease_row(request->service, lease, whole), NULL, 0, err);
}

/* 0: there is no such object, or none that the caller may hear of. */
static int read_object(const struct vt_control_request *request, struct vt_pattern *object,
		       const struct vt_pattern **asked, struct vt_error *err)
{
	const char *text = NULL;
	int r = vt_arg_text_or(request->args, "object", &text, err);

	if (r < 0 || !text)
		return r < 0 ? r : 1;
	r = vt_pattern_parse(request->service->index->catalog, text, object, err);
	if (r >= 0)
		r = vt_control_check_pattern(request, VT_RIGHT_SEE, object, NULL);
	if (r == -ENOENT || r == -EACCES)
		return 0;
	if (object->dataset)
		*asked = object;
	return r < 0 ? r : 1;
}

int vt_serve_leases(struct vt_control_request *request, struct vt_error *err)
{
	vt_autofree struct vt_lease *leases = NULL;
	const struct vt_pattern *asked = NULL;
	struct vt_pattern object = {.scope = VT_SCOPE_ALL};
	size_t count = 0;
	bool all;
	int r = vt_arg_flag(request->args, "all", &all, err);

	if (r >= 0)
		r = read_object(request, &object, &asked, err);
	if (r <= 0)
		return r;
	r = vt_book_leases(request->service->book, &leases, &count, err);
	for (size_t i = 0; i < count && r >= 0; i++)
		if ((all || leases[i].state != VT_LEASE_ENDED) &&
		    concerns(request, &leases[i], &object))
			r = send_lease(request, &leases[i], asked, err);
	return r;
}
