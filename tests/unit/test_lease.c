/* SPDX-License-Identifier: Apache-2.0 */
/* Leases: one holder at a time over the tree, in order, with an end that no clock moves. */
#include "tests/unit/book_model.h"
#include "tests/unit/failing_write.h"
#include "tests/unit/suite.h"

#include "policy/policy_record.h"

static uint32_t birds, bees, plain, v1, v2;

static void set_up(void)
{
	book_set_up();
	birds = dataset_new("lab/birds");
	bees = dataset_new("lab/bees");
	plain = dataset_new("plain");
	v1 = version_new(birds, NULL);
	v2 = version_new(birds, NULL);
}

static int try(const char *holder, const char *object, uint64_t length, bool wait,
	       struct vt_lease *out)
{
	struct vt_lease_wish wish = {
		.holder = who(holder), .object = what(object), .length_ns = length, .wait = wait};

	wish.by_uid = wish.holder.id;
	return vt_book_lease_acquire(book, &wish, out, &err);
}

/* For an hour, at once; gives the id. */
static uint64_t take(const char *holder, const char *object)
{
	struct vt_lease lease;

	must(try(holder, object, HOUR, false, &lease) == 0);
	ck_assert_int_eq(lease.state, VT_LEASE_ACTIVE);
	return lease.id;
}

static uint64_t stand_in_line(const char *holder, const char *object)
{
	struct vt_lease lease;

	must(try(holder, object, HOUR, true, &lease) == 0);
	ck_assert_int_eq(lease.state, VT_LEASE_QUEUED);
	return lease.id;
}

static bool refused(const char *holder, const char *object)
{
	struct vt_lease lease;
	int r = try(holder, object, HOUR, false, &lease);

	must(r == 0 || r == -EBUSY);
	if (r == 0) {
		uint64_t next;

		must(vt_book_lease_drain(book, lease.id, VT_LEASE_END_RELEASED, 0, "", &lease,
					 &err) == 0);
		must(vt_book_lease_finish(book, lease.id, &next, &err) == 0);
	}
	return r == -EBUSY;
}

static struct vt_lease get(uint64_t id)
{
	struct vt_lease lease = {0};

	must(vt_book_lease_get(book, id, &lease, &err) == 0);
	return lease;
}

static int drain(uint64_t id, enum vt_lease_end how)
{
	struct vt_lease lease;

	return vt_book_lease_drain(book, id, how, 0, "because", &lease, &err);
}

static uint64_t finish(uint64_t id)
{
	uint64_t next = 77;

	must(vt_book_lease_finish(book, id, &next, &err) == 0);
	return next;
}

static uint64_t serve(void)
{
	uint64_t next = 77;

	must(vt_book_lease_serve(book, &next, &err) == 0);
	return next;
}

static uint64_t release(uint64_t id)
{
	must(drain(id, VT_LEASE_END_RELEASED) == 0);
	return finish(id);
}

static uint64_t revision(void)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);

	return policy->revision;
}

/* ---- one holder ------------------------------------------------------------------------------ */

START_TEST(a_second_holder_is_refused_and_told_who_and_until_when)
{
	struct vt_lease lease;

	set_up();
	take("user:ada", "lab/birds@v1");
	ck_assert_int_eq(try("user:ben", "lab/birds@v1", HOUR, false, &lease), -EBUSY);
	says("'lab/birds@v1' is leased to ada until 2027-01-15T09:00:00Z");
	ck_assert_uint_eq(revision(), 1);
	book_tear_down();
}
END_TEST

START_TEST(a_lease_keeps_others_off_what_it_is_in_and_what_is_in_it)
{
	static const char *const chain[] = {"**", "lab/**", "lab/birds", "lab/birds@v1"};

	set_up();
	for (size_t i = 0; i < 4; i++) {
		uint64_t id = take("user:ada", chain[i]);

		for (size_t k = 0; k < 4; k++)
			ck_assert_msg(refused("user:ben", chain[k]), "%s beside %s", chain[k],
				      chain[i]);
		ck_assert_uint_eq(release(id), 0);
	}
	book_tear_down();
}
END_TEST

START_TEST(what_has_nothing_in_common_is_leased_side_by_side)
{
	set_up();
	take("user:ada", "lab/birds@v1");
	take("user:ben", "lab/birds@v2");
	take("user:cleo", "lab/bees");
	take("user:dan", "plain");
	take("user:eve", "new/**");
	ck_assert(refused("user:finn", "**"));
	ck_assert(refused("user:finn", "lab/**"));
	ck_assert(refused("user:finn", "lab/birds"));
	ck_assert(refused("user:finn", "lab/bees"));
	ck_assert(refused("user:finn", "new/**"));
	book_tear_down();
}
END_TEST

START_TEST(a_holder_may_hold_more_of_the_same)
{
	uint64_t id;

	set_up();
	id = take("user:ada", "lab/birds");
	take("user:ada", "lab/birds@v1");
	take("user:ada", "lab/**");
	must(drain(id, VT_LEASE_END_RELEASED) == 0);
	ck_assert(refused("user:ada", "lab/birds@v2")); /* nobody reads what is draining */
	finish(id);
	take("user:ada", "lab/birds@v2");
	book_tear_down();
}
END_TEST

START_TEST(ones_own_lease_on_the_same_gets_longer)
{
	struct vt_lease lease;
	uint64_t id, fence;

	set_up();
	id = take("user:ada", "lab/birds");
	fence = get(id).fence;
	must(try("user:ada", "lab/birds", 2 * HOUR, false, &lease) == 0);
	ck_assert_uint_eq(lease.id, id);
	ck_assert_uint_eq(lease.fence, fence);
	ck_assert_uint_eq(lease.until_ns, NOON + 2 * HOUR);
	ck_assert_uint_eq(revision(), 2);
	must(try("user:ada", "lab/birds", HOUR, false, &lease) == 0);
	ck_assert_uint_eq(lease.until_ns, NOON + 2 * HOUR);
	ck_assert_uint_eq(revision(), 2);
	stand_in_line("user:ben", "lab/**");
	must(try("user:ada", "lab/birds", HOUR, false, &lease) == 0);
	ck_assert_int_eq(try("user:ada", "lab/birds", 3 * HOUR, false, &lease), -EBUSY);
	says("ben waits");
	ck_assert_uint_eq(get(id).until_ns, NOON + 2 * HOUR);
	book_tear_down();
}
END_TEST

START_TEST(only_a_user_holds_and_only_for_a_time)
{
	struct vt_lease lease;

	set_up();
	ck_assert_int_eq(try("osgroup:lab", "plain", HOUR, false, &lease), -EINVAL);
	ck_assert_int_eq(try("anyone", "plain", HOUR, false, &lease), -EINVAL);
	ck_assert_int_eq(try("user:ada", "plain", 0, false, &lease), -EINVAL);
	ck_assert_int_eq(try("user:ada", "plain", VT_TIME_NEVER, false, &lease), -EINVAL);
	must(try("user:ada", "plain", VT_TIME_NEVER - 1, false, &lease) == 0);
	ck_assert_uint_eq(lease.until_ns, VT_TIME_NEVER - 1);
	book_reopen();
	ck_assert_uint_eq(get(lease.id).until_ns, VT_TIME_NEVER - 1);
	book_tear_down();
}
END_TEST

START_TEST(a_lease_on_what_is_not_there_is_refused)
{
	struct vt_lease_wish wish;
	struct vt_lease lease;

	set_up();
	wish = (struct vt_lease_wish){
		.holder = who("user:ada"),
		.object = {.scope = VT_SCOPE_VERSION, .dataset = bees, .version = v1},
		.length_ns = HOUR};
	ck_assert_int_eq(vt_book_lease_acquire(book, &wish, &lease, &err), -ENOENT);
	wish.object.dataset = 99;
	ck_assert_int_eq(vt_book_lease_acquire(book, &wish, &lease, &err), -ENOENT);
	book_tear_down();
}
END_TEST

static int deny(const char *principal, enum vt_right right, const char *object, uint64_t *id)
{
	struct vt_rule made = rule(VT_RULE_DENY, principal, right, object);

	return vt_book_add_rule(book, &made, id, &err);
}

START_TEST(a_lease_on_what_its_holder_may_not_read_is_refused)
{
	static const char *const hers[] = {"user:ada", "osgroup:lab", "partner:acme", "anyone"};
	static const enum vt_right dead[] = {VT_RIGHT_BROWSE, VT_RIGHT_READ, VT_RIGHT_LEASE};
	static const char *const covering[] = {"**", "lab/**", "lab/birds"};
	struct vt_member ada = {1001, "ada"};
	struct vt_principal principal;
	struct vt_pattern object;
	struct vt_lease lease;
	uint64_t id;
	size_t removed;

	set_up();
	must(vt_book_partner_add(book, "acme", &ada, 1, NOON + DAY, 0, 0, &err) == 0);
	for (size_t i = 0; i < 4 * 3 * 3; i++) {
		must(deny(hers[i / 9], dead[i % 3], covering[i / 3 % 3], &id) == 0);
		ck_assert_int_eq(try("user:ada", "lab/birds", HOUR, true, &lease), -EACCES);
		says("keeps ada out");
		principal = who(hers[i / 9]);
		object = what(covering[i / 3 % 3]);
		must(vt_book_remove_rule(book, &principal, dead[i % 3], &object, 0, &removed,
					 &err) == 0);
	}
	/* None of these takes all of it from her. */
	must(deny("user:ben", VT_RIGHT_READ, "**", &id) == 0);
	must(deny("user:ada", VT_RIGHT_READ, "lab/birds@v1", &id) == 0);
	must(deny("user:ada", VT_RIGHT_READ, "lab/bees", &id) == 0);
	must(deny("user:ada", VT_RIGHT_CURATE, "**", &id) == 0);
	allow("user:ada", VT_RIGHT_READ, "lab/birds");
	take("user:ada", "lab/birds");
	ck_assert_int_eq(try("user:ada", "lab/birds@v1", HOUR, false, &lease), -EACCES);
	book_tear_down();
}
END_TEST

START_TEST(a_denial_for_another_time_kills_no_lease)
{
	struct vt_rule made;
	struct vt_lease lease;
	uint64_t id;

	set_up();
	made = rule(VT_RULE_DENY, "user:ada", VT_RIGHT_READ, "**");
	made.from_ns = NOON + HOUR;
	must(vt_book_add_rule(book, &made, &id, &err) == 0);
	take("user:ada", "plain");
	pass(HOUR);
	ck_assert_int_eq(try("user:ada", "lab/birds", HOUR, false, &lease), -EACCES);
	book_tear_down();
}
END_TEST

START_TEST(a_holder_whose_uid_means_another_is_refused)
{
	struct vt_lease lease;
	struct vt_member was;
	uint64_t id;

	set_up();
	id = take("user:ada", "plain");
	release(id);
	user_names[1] = "zoe";
	ck_assert_int_eq(try("user:zoe", "plain", HOUR, false, &lease), -ESTALE);
	must(vt_book_repin(book, 1001, 0, &was, &err) == 0);
	take("user:zoe", "plain");
	user_names[1] = "ada";
	book_tear_down();
}
END_TEST

/* ---- renewal --------------------------------------------------------------------------------- */

START_TEST(a_renewal_moves_the_end_and_never_back)
{
	struct vt_lease lease;
	uint64_t id;

	set_up();
	id = take("user:ada", "plain");
	must(vt_book_lease_renew(book, id, NOON + DAY, false, &lease, &err) == 0);
	ck_assert_uint_eq(lease.until_ns, NOON + DAY);
	must(vt_book_lease_renew(book, id, NOON + HOUR, false, &lease, &err) == 0);
	ck_assert_uint_eq(lease.until_ns, NOON + DAY);
	ck_assert_uint_eq(revision(), 2);
	ck_assert_int_eq(vt_book_lease_renew(book, id, VT_TIME_NEVER, false, &lease, &err),
			 -EINVAL);
	says("has an end");
	ck_assert_int_eq(vt_book_lease_renew(book, 99, NOON + DAY, false, &lease, &err), -ENOENT);
	book_reopen();
	ck_assert_uint_eq(get(id).until_ns, NOON + DAY);
	book_tear_down();
}
END_TEST

START_TEST(who_waits_keeps_a_lease_from_being_renewed)
{
	struct vt_lease lease;
	uint64_t id;

	set_up();
	id = take("user:ada", "lab/birds");
	stand_in_line("user:ben", "lab/birds@v1");
	ck_assert_int_eq(vt_book_lease_renew(book, id, NOON + DAY, false, &lease, &err), -EBUSY);
	says("ben waits");
	must(vt_book_lease_renew(book, id, NOON + DAY, true, &lease, &err) == 0);
	ck_assert_uint_eq(lease.until_ns, NOON + DAY);
	id = take("user:cleo", "plain");
	must(vt_book_lease_renew(book, id, NOON + DAY, false, &lease, &err) == 0);
	book_tear_down();
}
END_TEST

START_TEST(one_does_not_wait_for_oneself)
{
	struct vt_lease lease;
	uint64_t id;

	set_up();
	id = take("user:ada", "lab/birds");
	take("user:ben", "plain");
	stand_in_line("user:ada", "**");
	must(vt_book_lease_renew(book, id, NOON + DAY, false, &lease, &err) == 0);
	must(try("user:ada", "lab/birds", 2 * DAY, false, &lease) == 0);
	ck_assert_uint_eq(lease.until_ns, NOON + 2 * DAY);
	take("user:ada", "lab/bees");
	book_tear_down();
}
END_TEST

START_TEST(what_is_not_active_is_not_renewed)
{
	struct vt_lease lease;
	uint64_t id, queued;

	set_up();
	id = take("user:ada", "plain");
	queued = stand_in_line("user:ben", "plain");
	ck_assert_int_eq(vt_book_lease_renew(book, queued, NOON + DAY, true, &lease, &err),
			 -ESTALE);
	pass(HOUR - 1);
	must(vt_book_lease_renew(book, id, NOON + HOUR + 1, true, &lease, &err) == 0);
	pass(2);
	ck_assert_int_eq(vt_book_lease_renew(book, id, NOON + DAY, true, &lease, &err), -ESTALE);
	must(drain(id, VT_LEASE_END_EXPIRED) == 0);
	ck_assert_int_eq(vt_book_lease_renew(book, id, NOON + DAY, true, &lease, &err), -ESTALE);
	finish(id);
	ck_assert_int_eq(vt_book_lease_renew(book, id, NOON + DAY, true, &lease, &err), -ESTALE);
	says("over");
	book_tear_down();
}
END_TEST

/* ---- ending ---------------------------------------------------------------------------------- */

START_TEST(a_draining_lease_keeps_everybody_out_until_it_is_finished)
{
	struct vt_lease lease;
	uint64_t id;

	set_up();
	id = take("user:ada", "lab/birds");
	must(vt_book_lease_drain(book, id, VT_LEASE_END_BROKEN, 1000, "audit", &lease, &err) == 0);
	ck_assert_int_eq(lease.state, VT_LEASE_DRAINING);
	ck_assert_int_eq(lease.end, VT_LEASE_END_BROKEN);
	ck_assert_uint_eq(lease.by_uid, 1000);
	ck_assert_str_eq(lease.reason, "audit");
	ck_assert(refused("user:ben", "lab/birds@v1"));
	says("still being taken from ada");
	ck_assert(refused("user:ada", "lab/birds"));
	must(drain(id, VT_LEASE_END_RELEASED) == 0); /* stays what it is */
	ck_assert_int_eq(get(id).end, VT_LEASE_END_BROKEN);
	ck_assert_uint_eq(revision(), 2);
	finish(id);
	ck_assert_int_eq(get(id).state, VT_LEASE_ENDED);
	ck_assert(!refused("user:ben", "lab/birds@v1"));
	book_tear_down();
}
END_TEST

START_TEST(draining_is_done_again_after_a_restart)
{
	uint64_t id, next;

	set_up();
	id = take("user:ada", "lab/birds");
	ck_assert_int_eq(vt_book_lease_finish(book, id, &next, &err), -ESTALE);
	must(drain(id, VT_LEASE_END_RELEASED) == 0);
	book_reopen();
	ck_assert_int_eq(get(id).state, VT_LEASE_DRAINING);
	ck_assert(refused("user:ben", "lab/birds"));
	finish(id);
	ck_assert_int_eq(vt_book_lease_finish(book, id, &next, &err), -ESTALE);
	ck_assert_int_eq(drain(id, VT_LEASE_END_RELEASED), -ESTALE);
	take("user:ben", "lab/birds");
	book_tear_down();
}
END_TEST

START_TEST(an_expired_lease_is_drained_at_its_end_and_no_earlier)
{
	uint64_t id;

	set_up();
	id = take("user:ada", "plain");
	pass(HOUR - 1);
	ck_assert_int_eq(drain(id, VT_LEASE_END_EXPIRED), -EAGAIN);
	pass(1);
	ck_assert(refused("user:ben", "plain"));
	says("still being taken");
	ck_assert(refused("user:ada", "plain")); /* her own is over: no longer to be had longer */
	must(drain(id, VT_LEASE_END_EXPIRED) == 0);
	finish(id);
	take("user:ben", "plain");
	book_tear_down();
}
END_TEST

START_TEST(a_clock_set_forward_ends_the_right_but_not_the_exclusion)
{
	uint64_t id, next;

	set_up();
	id = take("user:ada", "plain");
	jump(10 * (int64_t) YEAR);
	must(drain(id, VT_LEASE_END_EXPIRED) == 0);
	ck_assert_int_eq(vt_book_lease_finish(book, id, &next, &err), -EAGAIN);
	book_reopen();
	ck_assert_int_eq(vt_book_lease_finish(book, id, &next, &err), -EAGAIN);
	jump(-10 * (int64_t) YEAR);
	pass(HOUR - 1);
	ck_assert_int_eq(vt_book_lease_finish(book, id, &next, &err), -EAGAIN);
	pass(1);
	must(vt_book_lease_finish(book, id, &next, &err) == 0);
	book_tear_down();
}
END_TEST

START_TEST(a_clock_set_back_gives_no_right_back)
{
	struct vt_lease lease;
	uint64_t id, next;

	set_up();
	id = take("user:ada", "plain");
	pass(HOUR);
	jump(-(int64_t) YEAR);
	ck_assert_int_eq(vt_book_lease_renew(book, id, NOON + DAY, true, &lease, &err), -ESTALE);
	must(drain(id, VT_LEASE_END_EXPIRED) == 0);
	ck_assert_int_eq(vt_book_lease_finish(book, id, &next, &err), -EAGAIN); /* who knows? */
	jump((int64_t) YEAR);
	finish(id);
	book_tear_down();
}
END_TEST

START_TEST(a_clock_set_back_takes_back_no_time_that_was_seen)
{
	uint64_t id;

	set_up();
	id = take("user:ada", "plain");
	pass(HOUR);
	must(drain(id, VT_LEASE_END_EXPIRED) == 0);
	jump(-(int64_t) YEAR);
	finish(id);
	book_tear_down();
}
END_TEST

START_TEST(a_released_lease_lets_others_in_before_its_time)
{
	uint64_t id;

	set_up();
	id = take("user:ada", "plain");
	ck_assert_uint_eq(release(id), 0);
	ck_assert_uint_eq(get(id).ended_ns, NOON);
	take("user:ben", "plain");
	book_tear_down();
}
END_TEST

START_TEST(a_suspect_clock_makes_no_lease_and_serves_nobody)
{
	struct vt_lease lease;
	uint64_t id, queued;

	set_up();
	id = take("user:ada", "plain");
	queued = stand_in_line("user:ben", "plain");
	jump((int64_t) (6 * SECOND));
	ck_assert_int_eq(try("user:cleo", "lab/birds", HOUR, true, &lease), -EAGAIN);
	says("clock");
	ck_assert_uint_eq(release(id), 0);
	ck_assert_uint_eq(serve(), 0);
	must(vt_timekeeper_accept(keeper, &err) == 0);
	ck_assert_uint_eq(serve(), queued);
	ck_assert_uint_eq(serve(), 0);
	book_tear_down();
}
END_TEST

/* ---- the waiting line ------------------------------------------------------------------------ */

START_TEST(the_line_is_served_in_order_and_time_begins_then)
{
	uint64_t a, b, c;

	set_up();
	a = take("user:ada", "plain");
	b = stand_in_line("user:ben", "plain");
	c = stand_in_line("user:cleo", "plain");
	ck_assert(refused("user:dan", "plain"));
	ck_assert_uint_eq(get(b).until_ns, HOUR);
	ck_assert_uint_eq(get(b).fence, 0);
	pass(10 * SECOND);
	ck_assert_uint_eq(release(a), b);
	ck_assert_int_eq(get(b).state, VT_LEASE_ACTIVE);
	ck_assert_uint_eq(get(b).until_ns, NOON + 10 * SECOND + HOUR);
	ck_assert_uint_eq(get(b).since_ns, NOON + 10 * SECOND);
	ck_assert_uint_eq(get(b).asked_ns, NOON);
	book_reopen();
	ck_assert_uint_eq(release(b), c);
	ck_assert_uint_eq(release(c), 0);
	book_tear_down();
}
END_TEST

START_TEST(nobody_passes_who_waits_for_the_same)
{
	uint64_t a;

	set_up();
	a = take("user:ada", "lab/birds@v1");
	stand_in_line("user:ben", "lab/birds");
	ck_assert(refused("user:cleo", "lab/birds@v2")); /* free, but ben is before him */
	says("ben waits for 'lab/birds' already");
	stand_in_line("user:cleo", "lab/birds@v2");
	ck_assert_uint_eq(serve(), 0);
	take("user:dan", "lab/bees"); /* nothing to do with it */
	(void) a;
	book_tear_down();
}
END_TEST

START_TEST(the_head_stays_when_blocked_and_later_ones_may_go)
{
	uint64_t a, d, b, c;

	set_up();
	a = take("user:ada", "lab/birds");
	d = take("user:dan", "plain");
	b = stand_in_line("user:ben", "**");
	c = stand_in_line("user:cleo", "plain");
	ck_assert_uint_eq(release(d), 0); /* ben wants it all and is before cleo */
	ck_assert_int_eq(drain(b, VT_LEASE_END_RELEASED), 0);
	ck_assert_int_eq(get(b).state, VT_LEASE_ENDED);
	ck_assert_int_eq(get(b).end, VT_LEASE_END_REMOVED);
	ck_assert_uint_eq(serve(), c);
	b = stand_in_line("user:ben", "lab/birds@v1");
	d = stand_in_line("user:dan", "plain");
	ck_assert_uint_eq(release(c), d); /* ben stays first in a line that is not dan's */
	ck_assert_uint_eq(release(a), b);
	book_tear_down();
}
END_TEST

START_TEST(one_end_may_let_several_go_one_after_another)
{
	uint64_t a, b, c;

	set_up();
	a = take("user:ada", "lab/birds");
	b = stand_in_line("user:ben", "lab/birds@v1");
	c = stand_in_line("user:cleo", "lab/birds@v2");
	ck_assert_uint_eq(release(a), b);
	ck_assert_uint_eq(serve(), c);
	ck_assert_uint_eq(serve(), 0);
	book_tear_down();
}
END_TEST

START_TEST(waiting_twice_is_waiting_once)
{
	struct vt_lease lease;
	uint64_t a, b;

	set_up();
	a = take("user:ada", "plain");
	b = stand_in_line("user:ben", "plain");
	ck_assert_uint_eq(stand_in_line("user:ben", "plain"), b);
	must(try("user:ben", "plain", DAY, true, &lease) == 0);
	ck_assert_uint_eq(lease.id, b);
	ck_assert_uint_eq(lease.until_ns, DAY);
	ck_assert_int_eq(try("user:ben", "plain", DAY, false, &lease), -EBUSY);
	says("leased to ada");
	ck_assert_uint_eq(release(a), b);
	ck_assert_uint_eq(get(b).until_ns, NOON + DAY);
	book_tear_down();
}
END_TEST

/* ---- what is kept ---------------------------------------------------------------------------- */

START_TEST(fences_grow_over_restarts_and_ends)
{
	uint64_t fence = 0;

	set_up();
	for (int i = 0; i < 10; i++) {
		uint64_t id = take(i % 2 ? "user:ada" : "user:ben", "plain");

		ck_assert_uint_gt(get(id).fence, fence);
		fence = get(id).fence;
		if (i % 3 == 0)
			book_reopen();
		release(id);
		if (i % 3 == 1)
			book_reopen();
	}
	book_tear_down();
}
END_TEST

START_TEST(ended_leases_are_kept_for_ninety_days)
{
	struct vt_lease *list;
	uint64_t a, b, c;
	size_t count;

	set_up();
	a = take("user:ada", "plain");
	release(a);
	pass(DAY);
	b = take("user:ada", "plain");
	release(b);
	c = take("user:ben", "plain");
	pass(89 * DAY - 1);
	must(vt_book_leases(book, &list, &count, &err) == 0);
	ck_assert_uint_eq(count, 3);
	ck_assert_uint_eq(list[0].id, a);
	ck_assert_uint_eq(list[2].id, c);
	free(list);
	pass(1);
	must(vt_book_leases(book, &list, &count, &err) == 0);
	ck_assert_uint_eq(count, 2);
	free(list);
	allow("anyone", VT_RIGHT_BROWSE, "plain"); /* any change sweeps */
	book_reopen();
	must(vt_book_leases(book, &list, &count, &err) == 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(list[0].id, b);
	free(list);
	{
		struct vt_lease lease;

		ck_assert_int_eq(vt_book_lease_get(book, a, &lease, &err), -ENOENT);
	}
	book_tear_down();
}
END_TEST

START_TEST(leases_on_what_is_gone_end_as_removed)
{
	uint64_t a, b, c;

	set_up();
	a = take("user:ada", "lab/birds@v1");
	b = stand_in_line("user:ben", "lab/birds");
	c = stand_in_line("user:cleo", "lab/**");
	must(vt_book_forget(book, birds, v1, &err) == 0);
	ck_assert_int_eq(get(a).end, VT_LEASE_END_REMOVED);
	ck_assert_int_eq(get(b).state, VT_LEASE_QUEUED);
	ck_assert_uint_eq(serve(), b);
	must(vt_book_forget(book, birds, 0, &err) == 0);
	ck_assert_int_eq(get(b).end, VT_LEASE_END_REMOVED);
	ck_assert_uint_eq(serve(), c);
	book_reopen();
	ck_assert_int_eq(get(a).state, VT_LEASE_ENDED);
	ck_assert_int_eq(get(c).state, VT_LEASE_ACTIVE);
	book_tear_down();
}
END_TEST

START_TEST(a_lease_whose_object_went_without_a_word_is_over_on_opening)
{
	uint32_t retired;
	uint64_t id;

	set_up();
	id = take("user:ada", "lab/birds@v1");
	must(vt_catalog_remove(catalog, v1, 0, &retired, &err) == 0);
	book_reopen();
	ck_assert_int_eq(get(id).state, VT_LEASE_ENDED);
	ck_assert_int_eq(get(id).end, VT_LEASE_END_REMOVED);
	book_tear_down();
}
END_TEST

START_TEST(a_step_that_cannot_be_written_is_none)
{
	struct vt_lease lease;
	uint64_t a, b, next = 5;

	set_up();
	a = take("user:ada", "plain");
	b = stand_in_line("user:ben", "plain");
	write_fails = ENOSPC;
	ck_assert_int_eq(try("user:cleo", "lab/birds", HOUR, false, &lease), -ENOSPC);
	ck_assert_int_eq(vt_book_lease_renew(book, a, NOON + DAY, true, &lease, &err), -ENOSPC);
	ck_assert_int_eq(drain(a, VT_LEASE_END_RELEASED), -ENOSPC);
	ck_assert_int_eq(get(a).state, VT_LEASE_ACTIVE);
	ck_assert_uint_eq(get(a).until_ns, NOON + HOUR);
	write_fails = 0;
	must(drain(a, VT_LEASE_END_RELEASED) == 0);
	write_fails = ENOSPC;
	ck_assert_int_eq(vt_book_lease_finish(book, a, &next, &err), -ENOSPC);
	ck_assert_int_eq(get(a).state, VT_LEASE_DRAINING);
	ck_assert_int_eq(get(b).state, VT_LEASE_QUEUED);
	ck_assert_uint_eq(next, 5);
	write_fails = 0;
	ck_assert_uint_eq(revision(), 3);
	ck_assert_uint_eq(finish(a), b);
	ck_assert_uint_eq(get(b).fence, 2); /* none was used up */
	book_tear_down();
}
END_TEST

START_TEST(two_holders_in_the_index_are_damage)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_lease lease;
	uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 2};

	set_up();
	take("user:ada", "lab/birds");
	take("user:ben", "plain");
	lease = get(2);
	lease.object = what("lab/**");
	must(vt_lease_encode(&lease, &value, &err) == 0);
	vt_batch_put(batch, store, VT_CF_LEASE, key, sizeof key, value.data, value.len);
	must(vt_store_write(store, batch, false, &err) == 0);
	book_close();
	ck_assert_int_eq(book_open_result(), -EBADMSG);
	says("two leases on one object");
	vt_timekeeper_free(keeper);
	catalog_tear_down();
}
END_TEST

VT_SUITE(lease, a_second_holder_is_refused_and_told_who_and_until_when,
	 a_lease_keeps_others_off_what_it_is_in_and_what_is_in_it,
	 what_has_nothing_in_common_is_leased_side_by_side, a_holder_may_hold_more_of_the_same,
	 ones_own_lease_on_the_same_gets_longer, only_a_user_holds_and_only_for_a_time,
	 a_lease_on_what_is_not_there_is_refused,
	 a_lease_on_what_its_holder_may_not_read_is_refused,
	 a_denial_for_another_time_kills_no_lease, a_holder_whose_uid_means_another_is_refused,
	 a_renewal_moves_the_end_and_never_back, who_waits_keeps_a_lease_from_being_renewed,
	 one_does_not_wait_for_oneself, what_is_not_active_is_not_renewed,
	 a_draining_lease_keeps_everybody_out_until_it_is_finished,
	 draining_is_done_again_after_a_restart,
	 an_expired_lease_is_drained_at_its_end_and_no_earlier,
	 a_clock_set_forward_ends_the_right_but_not_the_exclusion,
	 a_clock_set_back_gives_no_right_back, a_clock_set_back_takes_back_no_time_that_was_seen,
	 a_released_lease_lets_others_in_before_its_time,
	 a_suspect_clock_makes_no_lease_and_serves_nobody,
	 the_line_is_served_in_order_and_time_begins_then, nobody_passes_who_waits_for_the_same,
	 the_head_stays_when_blocked_and_later_ones_may_go,
	 one_end_may_let_several_go_one_after_another, waiting_twice_is_waiting_once,
	 fences_grow_over_restarts_and_ends, ended_leases_are_kept_for_ninety_days,
	 leases_on_what_is_gone_end_as_removed,
	 a_lease_whose_object_went_without_a_word_is_over_on_opening,
	 a_step_that_cannot_be_written_is_none, two_holders_in_the_index_are_damage)
