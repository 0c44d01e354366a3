/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In which order access is taken away: first it is refused, then the mounts are narrowed, and of
 * what these could not do the caller hears. A real store and policy; the mounts are the test's, and
 * look what is so when they are told.
 */
#include "fs/narrow.h"

#include "fs/mount.h"
#include "fs/policy_watch.h"
#include "fs/trail.h"
#include "index/base/clock.h"
#include "index/import.h"
#include "policy/book.h"
#include "policy/gate.h"
#include "tests/unit/service_model.h"
#include "tests/unit/suite.h"

/* Users that every machine has. */
enum { LOSER = 1, WAITER = 2, LAST = 3 };
static const char *const names[] = {NULL, "user:daemon", "user:bin", "user:sys"};

static const struct vt_version *birds;

/* ---- the mounts ------------------------------------------------------------------------------ */

static struct {
	size_t count;
	struct vt_pattern pattern[8];
	bool retire[8];
	bool loser_reads, waiter_reads; /* when the last one began */
} narrowed;
static int narrow_fails;
static void (*meanwhile)(void); /* what another does while the next narrowing is under way */
static bool log_is_closed, forgetting_fails;
static unsigned refreshed, poked;

int __wrap_vt_sessions_narrow(struct vt_sessions *sessions, const struct vt_pattern *pattern,
			      bool retire, struct vt_error *e);
void __wrap_vt_sessions_refresh(struct vt_sessions *sessions, const struct vt_pattern *pattern);
void __wrap_vt_policy_watch_poke(struct vt_policy_watch *watch);
int __wrap_vt_policy_watch_new(struct vt_service *service, struct vt_policy_watch **out,
			       struct vt_error *e);
void __wrap_vt_policy_watch_free(struct vt_policy_watch *watch);
int __wrap_vt_trail_check(struct vt_service *service, struct vt_error *e);
int __real_vt_book_forget(struct vt_book *book, uint32_t dataset, uint32_t version,
			  struct vt_error *e);
int __wrap_vt_book_forget(struct vt_book *book, uint32_t dataset, uint32_t version,
			  struct vt_error *e);

static bool reads(uint32_t uid)
{
	const struct vt_subject subject = {.uid = uid};
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct vt_place place = {birds->dataset, birds->serial};

	if (vt_catalog_version(host.service->index->catalog, birds->serial, &version, NULL) < 0 ||
	    version->state != VT_VERSION_LIVE)
		return false;
	return vt_gate_check(host.service->gate, &subject, VT_RIGHT_READ, place, false, NULL,
			     NULL) == 0;
}

int __wrap_vt_sessions_narrow(struct vt_sessions *sessions, const struct vt_pattern *pattern,
			      bool retire, struct vt_error *e)
{
	ck_assert_ptr_eq(sessions, host.service->sessions);
	ck_assert_uint_lt(narrowed.count, 8);
	narrowed.loser_reads = reads(LOSER);
	narrowed.waiter_reads = reads(WAITER);
	narrowed.pattern[narrowed.count] = *pattern;
	narrowed.retire[narrowed.count++] = retire;
	if (meanwhile) {
		void (*other)(void) = meanwhile;

		meanwhile = NULL;
		other();
	}
	return narrow_fails ? vt_fail(e, narrow_fails, "a test's mount cannot finish") : 0;
}

void __wrap_vt_sessions_refresh(struct vt_sessions *sessions, const struct vt_pattern *pattern)
{
	(void) sessions, (void) pattern;
	refreshed++;
}

/* There is no watch, whose first look could come at any time: only the test changes anything. */
int __wrap_vt_policy_watch_new(struct vt_service *service, struct vt_policy_watch **out,
			       struct vt_error *e)
{
	static char none;

	(void) service, (void) e;
	*out = (struct vt_policy_watch *) (void *) &none;
	return 0;
}

void __wrap_vt_policy_watch_free(struct vt_policy_watch *watch)
{
	(void) watch;
}

void __wrap_vt_policy_watch_poke(struct vt_policy_watch *watch)
{
	(void) watch;
	poked++;
}

int __wrap_vt_trail_check(struct vt_service *service, struct vt_error *e)
{
	(void) service;
	return log_is_closed ? vt_fail(e, EIO, "a test's log is closed") : 0;
}

int __wrap_vt_book_forget(struct vt_book *book, uint32_t dataset, uint32_t version,
			  struct vt_error *e)
{
	return forgetting_fails ? vt_fail(e, EIO, "a test's book cannot be written")
				: __real_vt_book_forget(book, dataset, version, e);
}

static void forget(void)
{
	memset(&narrowed, 0, sizeof narrowed);
	refreshed = poked = 0;
}

/* ---- the world ------------------------------------------------------------------------------- */

static struct vt_pattern of_birds(void)
{
	return (struct vt_pattern){.scope = VT_SCOPE_DATASET, .dataset = birds->dataset};
}

static struct vt_principal user(uint32_t uid)
{
	struct vt_principal who;

	must(vt_principal_parse(host.service->book, names[uid], &who, &err) == 0);
	return who;
}

static int add_rule(enum vt_rule_kind kind, const struct vt_principal *who, enum vt_right right)
{
	const struct vt_rule rule = {.kind = kind,
				     .right = right,
				     .who = *who,
				     .object = of_birds(),
				     .by_uid = host.service->owner_uid,
				     .until_ns = VT_TIME_NEVER};
	uint64_t id;

	return vt_narrow_add_rule(host.service, &rule, &id, &err);
}

static void allow(uint32_t uid, enum vt_right right)
{
	const struct vt_principal who = user(uid);

	must(add_rule(VT_RULE_ALLOW, &who, right) == 0);
}

/* Others, of which nothing was ever given or taken. */
static void new_birds(void)
{
	static unsigned number;
	char name[32];

	vt_version_unref(birds);
	(void) snprintf(name, sizeof name, "zoo/birds%u", number++);
	birds = service_commit(service_dataset(name, 4242), 10);
}

static void set_up(void)
{
	narrow_fails = 0;
	log_is_closed = false;
	service_set_up();
	new_birds();
}

static void tear_down(void)
{
	vt_version_unref(birds);
	birds = NULL;
	service_tear_down();
}

static int lease_of(struct vt_pattern object, uint32_t uid, bool wait, struct vt_lease *out)
{
	const struct vt_lease_wish wish = {.holder = user(uid),
					   .object = object,
					   .length_ns = 3600 * VT_NS_PER_SEC,
					   .wait = wait,
					   .by_uid = uid};

	return vt_narrow_lease_acquire(host.service, &wish, out, &err);
}

static int lease(uint32_t uid, bool wait, struct vt_lease *out)
{
	return lease_of(of_birds(), uid, wait, out);
}

static struct vt_lease held, waiting;

static void loser_holds_it(void)
{
	must(lease(LOSER, false, &held) == 0);
}

static int end(const struct vt_lease *which, struct vt_lease *out)
{
	return vt_narrow_lease_end(host.service, which->id, VT_LEASE_END_BROKEN, 0, "", out, &err);
}

/* ---- what takes away ---------------------------------------------------------------------------
 */

static void loser_reads_it(void)
{
	allow(LOSER, VT_RIGHT_READ);
}

static void loser_is_a_partner(void)
{
	const struct vt_member member = {.uid = LOSER, .name = "daemon"};
	struct vt_principal acme;

	must(vt_narrow_partner_add(host.service, "acme", &member, 1, VT_TIME_NEVER, 0, 0, &err) ==
	     0);
	must(vt_principal_parse(host.service->book, "partner:acme", &acme, &err) == 0);
	must(add_rule(VT_RULE_ALLOW, &acme, VT_RIGHT_READ) == 0);
}

static int withdraw(void)
{
	return vt_narrow_withdraw(host.service, birds->serial, "", 0, &err);
}

static int remove_version(void)
{
	return vt_narrow_remove(host.service, birds->serial, 0, &err);
}

static int remove_dataset(void)
{
	return vt_narrow_remove_dataset(host.service, birds->dataset, 0, &err);
}

static int remove_rule(void)
{
	const struct vt_principal who = user(LOSER);
	const struct vt_pattern object = of_birds();
	size_t removed;

	return vt_narrow_remove_rule(host.service, &who, VT_RIGHT_READ, &object, 0, &removed, &err);
}

static int deny(void)
{
	const struct vt_principal who = user(LOSER);

	return add_rule(VT_RULE_DENY, &who, VT_RIGHT_READ);
}

static int leave_partner(void)
{
	return vt_narrow_partner_remove_user(host.service, "acme", LOSER, 0, &err);
}

static int end_partner(void)
{
	return vt_narrow_partner_end(host.service, "acme", 0, &err);
}

static int move_partners_end(void)
{
	return vt_narrow_partner_add(host.service, "acme", NULL, 0,
				     vt_clock_realtime_ns() + VT_NS_PER_SEC / 20, 0, 0, &err);
}

static int lease_to_another(void)
{
	return lease(WAITER, false, &held);
}

static int break_lease(void)
{
	struct vt_lease out;

	return end(&held, &out);
}

static const struct way {
	const char *name;
	void (*before)(void);
	int (*take_away)(void);
	enum vt_scope scope;
	bool retire, windows; /* windows: the watch must look */
} ways[] = {
	{"withdraw", loser_reads_it, withdraw, VT_SCOPE_VERSION, true, false},
	{"remove", loser_reads_it, remove_version, VT_SCOPE_VERSION, true, false},
	{"remove dataset", loser_reads_it, remove_dataset, VT_SCOPE_DATASET, false, false},
	{"revoke", loser_reads_it, remove_rule, VT_SCOPE_DATASET, false, true},
	{"deny", loser_reads_it, deny, VT_SCOPE_DATASET, false, true},
	{"leave partner", loser_is_a_partner, leave_partner, VT_SCOPE_ALL, false, true},
	{"end partner", loser_is_a_partner, end_partner, VT_SCOPE_ALL, false, true},
	{"lease to another", loser_reads_it, lease_to_another, VT_SCOPE_DATASET, true, true},
	{"break lease", loser_holds_it, break_lease, VT_SCOPE_DATASET, true, false},
};
#define WAYS (sizeof ways / sizeof *ways)

static void begin_way(const struct way *way)
{
	narrow_fails = 0;
	new_birds();
	way->before();
	ck_assert_msg(reads(LOSER), "%s", way->name);
	forget();
}

static void narrows_after_refusing(const struct way *way)
{
	begin_way(way);
	must(way->take_away() == 0);
	ck_assert_msg(narrowed.count == 1, "%s: %zu", way->name, narrowed.count);
	ck_assert_msg(!narrowed.loser_reads, "%s", way->name);
	ck_assert_msg(narrowed.pattern[0].scope == way->scope, "%s", way->name);
	ck_assert_msg(narrowed.retire[0] == way->retire, "%s", way->name);
	if (way->scope == VT_SCOPE_DATASET)
		ck_assert_uint_eq(narrowed.pattern[0].dataset, birds->dataset);
	if (way->scope == VT_SCOPE_VERSION)
		ck_assert_uint_eq(narrowed.pattern[0].version, birds->serial);
	ck_assert_msg((poked > 0) == way->windows, "%s", way->name);
}

START_TEST(it_is_refused_first_and_then_every_mount_is_narrowed)
{
	set_up();
	for (size_t i = 0; i < WAYS; i++)
		narrows_after_refusing(&ways[i]);
	tear_down();
}
END_TEST

START_TEST(what_a_mount_cannot_finish_is_not_called_done_and_stays_refused)
{
	set_up();
	for (size_t i = 0; i < WAYS; i++) {
		begin_way(&ways[i]);
		narrow_fails = ETIMEDOUT;
		ck_assert_msg(ways[i].take_away() == -ETIMEDOUT, "%s", ways[i].name);
		ck_assert_msg(!reads(LOSER), "%s", ways[i].name);
	}
	tear_down();
}
END_TEST

START_TEST(what_is_removed_is_narrowed_even_if_its_rules_stay)
{
	set_up();
	forgetting_fails = true;
	ck_assert_int_eq(vt_narrow_remove(host.service, birds->serial, 0, &err), -EIO);
	ck_assert_uint_eq(narrowed.count, 1);
	ck_assert(narrowed.retire[0]);
	ck_assert_int_eq(vt_narrow_remove_dataset(host.service, birds->dataset, 0, &err), -EIO);
	ck_assert_uint_eq(narrowed.count, 2);
	tear_down();
}
END_TEST

START_TEST(a_partners_end_that_comes_nearer_is_looked_at)
{
	set_up();
	loser_is_a_partner();
	forget();
	must(move_partners_end() == 0);
	ck_assert_uint_eq(narrowed.count, 1);
	ck_assert_uint_eq(poked, 1);
	tear_down();
}
END_TEST

/* ---- leases -----------------------------------------------------------------------------------
 */

static void one_holds_it_and_one_waits(void)
{
	set_up();
	loser_holds_it();
	must(lease(WAITER, true, &waiting) == 0);
	ck_assert_int_eq(waiting.state, VT_LEASE_QUEUED);
	forget();
}

static enum vt_lease_state state_of(const struct vt_lease *which)
{
	struct vt_lease now;

	must(vt_book_lease_get(host.service->book, which->id, &now, &err) == 0);
	return now.state;
}

START_TEST(who_stands_in_line_takes_nothing_away)
{
	set_up();
	loser_holds_it();
	forget();
	must(lease(WAITER, true, &waiting) == 0);
	ck_assert_uint_eq(narrowed.count, 0);
	tear_down();
}
END_TEST

/* The first time for who held it: nobody reads then. The second for all but who holds it now. */
START_TEST(a_lease_is_taken_from_one_before_it_is_the_nexts)
{
	struct vt_lease out;

	one_holds_it_and_one_waits();
	must(end(&held, &out) == 0);
	ck_assert_int_eq(out.state, VT_LEASE_ENDED);
	ck_assert_int_eq(state_of(&waiting), VT_LEASE_ACTIVE);
	ck_assert_uint_eq(narrowed.count, 2);
	ck_assert(narrowed.retire[0] && narrowed.retire[1]);
	ck_assert_uint_eq(narrowed.pattern[1].dataset, birds->dataset);
	ck_assert(narrowed.waiter_reads && !narrowed.loser_reads);
	ck_assert_uint_gt(refreshed, 0);
	tear_down();
}
END_TEST

START_TEST(the_next_waits_until_it_is_taken_from_the_last)
{
	struct vt_lease out;

	one_holds_it_and_one_waits();
	narrow_fails = ETIMEDOUT;
	ck_assert_int_eq(end(&held, &out), -ETIMEDOUT);
	ck_assert_int_eq(state_of(&held), VT_LEASE_DRAINING);
	ck_assert_int_eq(state_of(&waiting), VT_LEASE_QUEUED);
	ck_assert_uint_eq(narrowed.count, 1);
	ck_assert(!narrowed.waiter_reads && !reads(WAITER) && !reads(LOSER));
	narrow_fails = 0;
	must(end(&held, &out) == 0);
	ck_assert_int_eq(state_of(&waiting), VT_LEASE_ACTIVE);
	ck_assert(reads(WAITER));
	tear_down();
}
END_TEST

/* As the watch does with whatever drains. */
static void *end_it_too(void *ended)
{
	struct vt_lease out;

	if (vt_narrow_lease_end(host.service, held.id, VT_LEASE_END_EXPIRED, 0, "", &out, NULL) ==
	    0)
		*(enum vt_lease_state *) ended = out.state;
	return NULL;
}

static pthread_t watch;
static enum vt_lease_state seen_by_watch;

static void begin_to_end_it_too(void)
{
	ck_assert_int_eq(pthread_create(&watch, NULL, end_it_too, &seen_by_watch), 0);
	(void) usleep(50000); /* else it comes later still */
}

START_TEST(what_another_has_ended_meanwhile_is_ended)
{
	struct vt_lease out;

	one_holds_it_and_one_waits();
	meanwhile = begin_to_end_it_too;
	must(end(&held, &out) == 0);
	(void) pthread_join(watch, NULL);
	ck_assert_int_eq(seen_by_watch, VT_LEASE_ENDED);
	ck_assert_int_eq(out.state, VT_LEASE_ENDED);
	ck_assert_int_eq(out.end, VT_LEASE_END_BROKEN);
	ck_assert_int_eq(state_of(&waiting), VT_LEASE_ACTIVE);
	ck_assert_uint_eq(narrowed.count, 2); /* once from the one, once for the next */
	forget();
	must(end(&held, &out) == 0); /* that it is over already is no failure */
	ck_assert_int_eq(out.state, VT_LEASE_ENDED);
	ck_assert_uint_eq(narrowed.count, 0);
	tear_down();
}
END_TEST

/* One holds a dataset, another waits for its space, a third behind them for another dataset. */
START_TEST(who_gives_a_place_up_lets_those_behind_move_on)
{
	const struct vt_pattern zoo = {.scope = VT_SCOPE_SPACE, .space = "zoo"};
	struct vt_pattern fish = {.scope = VT_SCOPE_DATASET};
	struct vt_lease behind, out;

	set_up();
	fish.dataset = service_dataset("zoo/fish", 4242);
	loser_holds_it();
	must(lease_of(zoo, WAITER, true, &waiting) == 0);
	must(lease_of(fish, LAST, true, &behind) == 0);
	ck_assert_int_eq(behind.state, VT_LEASE_QUEUED);
	forget();
	must(end(&waiting, &out) == 0);
	ck_assert_int_eq(out.state, VT_LEASE_ENDED);
	ck_assert_int_eq(state_of(&held), VT_LEASE_ACTIVE);
	ck_assert_int_eq(state_of(&behind), VT_LEASE_ACTIVE);
	ck_assert_uint_eq(narrowed.count, 1);
	ck_assert(narrowed.retire[0]);
	ck_assert_uint_eq(narrowed.pattern[0].dataset, fish.dataset);
	tear_down();
}
END_TEST

START_TEST(a_longer_lease_is_looked_at_by_the_watch)
{
	struct vt_lease out;

	set_up();
	loser_holds_it();
	forget();
	must(vt_narrow_lease_renew(host.service, held.id, held.until_ns + 1, false, &out, &err) ==
	     0);
	ck_assert_uint_eq(poked, 1);
	ck_assert_uint_eq(narrowed.count, 0);
	tear_down();
}
END_TEST

/* ---- the log ----------------------------------------------------------------------------------
 */

START_TEST(what_lets_somebody_in_is_refused_while_nothing_can_be_recorded)
{
	const struct vt_principal who = {.kind = VT_PRINCIPAL_ANYONE};
	struct vt_lease out;

	set_up();
	loser_holds_it();
	log_is_closed = true;
	ck_assert_int_eq(add_rule(VT_RULE_ALLOW, &who, VT_RIGHT_READ), -EIO);
	ck_assert_int_eq(lease(WAITER, true, &out), -EIO);
	ck_assert_int_eq(
		vt_narrow_lease_renew(host.service, held.id, held.until_ns + 1, false, &out, &err),
		-EIO);
	ck_assert_int_eq(
		vt_narrow_partner_add(host.service, "acme", NULL, 0, VT_TIME_NEVER, 0, 0, &err),
		-EIO);
	ck_assert(!reads(WAITER));
	must(break_lease() == 0);
	must(deny() == 0);
	tear_down();
}
END_TEST

VT_SUITE(narrow, it_is_refused_first_and_then_every_mount_is_narrowed,
	 what_a_mount_cannot_finish_is_not_called_done_and_stays_refused,
	 what_is_removed_is_narrowed_even_if_its_rules_stay,
	 a_partners_end_that_comes_nearer_is_looked_at, who_stands_in_line_takes_nothing_away,
	 a_lease_is_taken_from_one_before_it_is_the_nexts,
	 the_next_waits_until_it_is_taken_from_the_last, what_another_has_ended_meanwhile_is_ended,
	 who_gives_a_place_up_lets_those_behind_move_on, a_longer_lease_is_looked_at_by_the_watch,
	 what_lets_somebody_in_is_refused_while_nothing_can_be_recorded)
