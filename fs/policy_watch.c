/* SPDX-License-Identifier: Apache-2.0 */
/* See policy_watch.h. */
#include "fs/policy_watch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "fs/mount.h"
#include "fs/narrow.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"
#include "index/outbox.h"
#include "policy/book.h"
#include "policy/instant.h"
#include "policy/people.h"

#define RETRY_NS  1000000000ull  /* between two tries of what a mount could not finish */
#define LATER_NS  50000000ull    /* of a lease that the later reading of the clock must end */
#define PEOPLE_NS 10000000000ull /* between two looks at the user database's answers */

struct vt_policy_watch {
	struct vt_service *service; /* constant, as the descriptors */
	int wake, timer;
	pthread_t thread;
	atomic_bool stopping;
	struct vt_instant seen; /* the thread's, as below: up to here windows have been looked at */
	uint64_t changes;       /* of the user database that have been seen to */
};

/* ---- one look -------------------------------------------------------------------------------- */

/* Did an instant pass, by either reading, since the last look? A little late, never early. */
static bool has_passed(const struct vt_policy_watch *watch, struct vt_instant now, uint64_t at_ns)
{
	return (watch->seen.lo_ns < at_ns && at_ns <= now.lo_ns) ||
	       (watch->seen.hi_ns < at_ns && at_ns <= now.hi_ns);
}

/* An object whose readers may be others now. Failures are logged, and tried again. */
static void narrow(struct vt_policy_watch *watch, const struct vt_pattern *object)
{
	struct vt_error err;

	if (vt_narrow_to_now(watch->service, object, &err) < 0)
		vt_log(VT_LOG_WARNING, "a window passed: %s", err.text);
}

static void look_at_rules(struct vt_policy_watch *watch, const struct vt_policy *policy,
			  struct vt_instant now)
{
	const struct vt_pattern everything = {.scope = VT_SCOPE_ALL};

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *rule = &policy->rules[i];

		if (has_passed(watch, now, rule->from_ns) || has_passed(watch, now, rule->until_ns))
			narrow(watch, &rule->object);
	}
	for (size_t i = 0; i < policy->partner_count; i++)
		if (has_passed(watch, now, policy->partners[i].until_ns))
			narrow(watch, &everything);
}

/* Ends what is over, and finishes what a server that died, or a mount, left half-way. */
static void look_at_leases(struct vt_policy_watch *watch, const struct vt_policy *policy,
			   struct vt_instant now)
{
	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *lease = &policy->leases[i];
		struct vt_lease ended;
		struct vt_error err;
		int r = 0;

		if (lease->state == VT_LEASE_DRAINING ||
		    (lease->state == VT_LEASE_ACTIVE && lease->until_ns <= now.hi_ns)) {
			VT_CRASHPOINT("lease-over");
			r = vt_narrow_lease_end(watch->service, lease->id, VT_LEASE_END_EXPIRED, 0,
						"", &ended, &err);
		}
		if (r < 0 && r != -EAGAIN) /* others wait for the later reading of the clock */
			vt_log(VT_LOG_WARNING, "cannot end a lease yet lease=%llu: %s",
			       (unsigned long long) lease->id, err.text);
	}
}

/* Who left a group, or was removed, keeps nothing open either. */
static void look_at_people(struct vt_policy_watch *watch)
{
	const struct vt_pattern everything = {.scope = VT_SCOPE_ALL};
	uint64_t changes;

	vt_sessions_ask_about_readers(watch->service->sessions);
	changes = vt_people_changes(watch->service->people);
	if (changes != watch->changes)
		narrow(watch, &everything);
	watch->changes = changes;
}

static bool has_draining(const struct vt_policy *policy)
{
	for (size_t i = 0; i < policy->lease_count; i++)
		if (policy->leases[i].state == VT_LEASE_DRAINING)
			return true;
	return false;
}

/* When to look again, in ns from now. */
static uint64_t look(struct vt_policy_watch *watch)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(watch->service->book);
	struct vt_instant now = vt_timekeeper_now(watch->service->time);
	struct vt_error err;
	uint64_t next, wait;

	(void) vt_book_keep_time(watch->service->book, NULL);
	look_at_rules(watch, policy, now);
	look_at_leases(watch, policy, now);
	if (vt_narrow_serve_line(watch->service, &err) < 0)
		vt_log(VT_LOG_WARNING, "cannot give a lease to the next in line yet: %s", err.text);
	watch->seen = now;
	vt_trail_deliver(watch->service);
	look_at_people(watch); /* last: the user database may take its time */
	vt_policy_unref(policy);
	policy = vt_book_policy(watch->service->book);
	if (!vt_sessions_settle(watch->service->sessions) ||
	    vt_outbox_count(watch->service->index->store) > 0)
		return RETRY_NS;
	if (has_draining(policy))
		return LATER_NS;
	next = vt_policy_next_change(policy, now);
	wait = next > now.hi_ns ? next - now.hi_ns : next > now.lo_ns ? next - now.lo_ns : RETRY_NS;
	return wait < PEOPLE_NS ? wait : PEOPLE_NS;
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* By the wall clock, so that setting it wakes us (ECANCELED from the timer's read). */
static void set_timer(const struct vt_policy_watch *watch, uint64_t wait_ns)
{
	uint64_t at = vt_clock_realtime_ns() + wait_ns;
	const struct itimerspec when = {.it_value = {.tv_sec = (time_t) (at / VT_NS_PER_SEC),
						     .tv_nsec = (long) (at % VT_NS_PER_SEC)}};

	(void) timerfd_settime(watch->timer, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when,
			       NULL);
}

static void *run(void *argument)
{
	struct vt_policy_watch *watch = argument;

	while (!watch->stopping) {
		struct pollfd p[] = {{.fd = watch->wake, .events = POLLIN},
				     {.fd = watch->timer, .events = POLLIN}};
		uint64_t count;

		set_timer(watch, look(watch));
		if (poll(p, 2, -1) < 0)
			continue; /* EINTR */
		if (p[0].revents)
			(void) !read(watch->wake, &count, sizeof count);
		if (p[1].revents)
			(void) !read(watch->timer, &count, sizeof count);
	}
	return NULL;
}

/* Connections stand in line; those of an earlier server are gone, with the places they had. */
static void give_up_line(struct vt_service *service)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(service->book);

	for (size_t i = 0; i < policy->lease_count; i++) {
		struct vt_lease ended;
		struct vt_error err;

		if (policy->leases[i].state == VT_LEASE_QUEUED &&
		    vt_narrow_lease_end(service, policy->leases[i].id, VT_LEASE_END_REMOVED, 0, "",
					&ended, &err) < 0)
			vt_log(VT_LOG_WARNING, "cannot end a lease nobody waits for: %s", err.text);
	}
}

int vt_policy_watch_new(struct vt_service *service, struct vt_policy_watch **out,
			struct vt_error *err)
{
	struct vt_policy_watch *watch = calloc(1, sizeof *watch);
	int r;

	if (!watch)
		return vt_fail(err, ENOMEM, "no memory for the policy's clock");
	give_up_line(service);
	watch->service = service;
	watch->seen = vt_timekeeper_now(service->time);
	watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	watch->timer = timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK);
	r = watch->wake < 0 || watch->timer < 0 ? errno
						: pthread_create(&watch->thread, NULL, run, watch);
	if (r) {
		vt_cleanup_close(&watch->wake);
		vt_cleanup_close(&watch->timer);
		free(watch);
		return vt_fail(err, r, "cannot watch the policy's windows: %m");
	}
	*out = watch;
	return 0;
}

void vt_policy_watch_free(struct vt_policy_watch *watch)
{
	if (!watch)
		return;
	watch->stopping = true;
	vt_policy_watch_poke(watch);
	(void) pthread_join(watch->thread, NULL);
	vt_cleanup_close(&watch->wake);
	vt_cleanup_close(&watch->timer);
	free(watch);
}

void vt_policy_watch_poke(struct vt_policy_watch *watch)
{
	uint64_t one = 1;

	(void) !write(watch->wake, &one, sizeof one);
}
