/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The gate on a catalog with a policy set by hand: what it asks, what it remembers and for how
 * long, what it says to whom it refuses, and what it hides.
 */
#include "policy/gate.h"

#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/unit/catalog_model.h"
#include "tests/unit/policy_facts.h"
#include "tests/unit/suite.h"

enum { ALICE = 1001, BOB = 1002, OWNER = 1000, STORE_OWNER = 500 };
#define START (1700000000ull * VT_NS_PER_SEC)

static struct vt_gate *gate;
static struct vt_rule rules[8];
static struct vt_lease leases[2];
static struct vt_member pins[2];
static struct vt_policy policy;
static struct vt_place birds, v1, v2;

static void gate_set_up(void)
{
	struct vt_gate_parts parts;

	catalog_set_up();
	birds.dataset = v1.dataset = v2.dataset = dataset_new("zoo/birds");
	v1.version = version_new(birds.dataset, NULL);
	v2.version = version_new(birds.dataset, NULL);
	policy = (struct vt_policy){.revision = 1,
				    .store_owner = STORE_OWNER,
				    .rules = rules,
				    .leases = leases,
				    .pins = pins};
	facts_policy = &policy;
	facts_now = (struct vt_instant){START, START};
	(void) facts_person(0, "root");
	(void) facts_person(STORE_OWNER, "keeper");
	(void) facts_person(OWNER, "owner");
	(void) facts_person(ALICE, "alice");
	(void) facts_person(BOB, "bob");
	parts = (struct vt_gate_parts){.catalog = catalog};
	must(vt_gate_new(&parts, &gate, &err) == 0);
}

static void gate_tear_down(void)
{
	vt_gate_free(gate);
	ck_assert_int_eq(facts_references, 0);
	catalog_tear_down();
}

static struct vt_principal user(uint32_t uid, const char *name)
{
	struct vt_principal who = {.kind = VT_PRINCIPAL_USER, .id = uid};

	(void) snprintf(who.name, sizeof who.name, "%s", name);
	return who;
}

static struct vt_pattern pattern_of(struct vt_place place)
{
	return (struct vt_pattern){.scope = place.version   ? VT_SCOPE_VERSION
					    : place.dataset ? VT_SCOPE_DATASET
							    : VT_SCOPE_ALL,
				   .dataset = place.dataset,
				   .version = place.version};
}

static struct vt_rule *rule(enum vt_rule_kind kind, struct vt_principal who, enum vt_right right,
			    struct vt_place place)
{
	struct vt_rule *made = &rules[policy.rule_count++];

	*made = (struct vt_rule){.id = policy.rule_count,
				 .kind = kind,
				 .right = right,
				 .who = who,
				 .object = pattern_of(place),
				 .until_ns = VT_TIME_NEVER};
	policy.revision++;
	return made;
}

static struct vt_lease *lease_to_alice(struct vt_place place)
{
	struct vt_lease *made = &leases[policy.lease_count++];

	*made = (struct vt_lease){.id = 70 + policy.lease_count,
				  .state = VT_LEASE_ACTIVE,
				  .holder = user(ALICE, "alice"),
				  .object = pattern_of(place),
				  .until_ns = START + 3600 * VT_NS_PER_SEC};
	policy.revision++;
	return made;
}

static int check(uint32_t uid, enum vt_right right, struct vt_place place)
{
	struct vt_subject subject = {.uid = uid};

	*err.text = 0;
	return vt_gate_check(gate, &subject, right, place, false, NULL, &err);
}

static int sees(uint32_t uid, struct vt_place place)
{
	struct vt_subject subject = {.uid = uid};

	return vt_gate_sees(gate, &subject, place, false);
}

static const struct vt_principal anyone = {.kind = VT_PRINCIPAL_ANYONE};

START_TEST(a_new_dataset_is_its_owners_and_whose_the_store_is_changes_it)
{
	gate_set_up();
	ck_assert_int_eq(check(OWNER, VT_RIGHT_READ, v1), 0);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_BROWSE, v1), -EACCES);
	ck_assert_int_eq(check(0, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_int_eq(check(0, VT_RIGHT_ADMIN, v1), 0);
	ck_assert_int_eq(check(STORE_OWNER, VT_RIGHT_CURATE, (struct vt_place){0}), 0);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_CURATE, (struct vt_place){0}), -EACCES);
	ck_assert_str_eq(err.text, "uid 1001 (alice) may not curate the store: nothing allows it; "
				   "root or the store's owner can allow it: vitrine grant "
				   "user:alice curate '**'");
	gate_tear_down();
}
END_TEST

START_TEST(a_rule_on_a_space_covers_its_datasets_and_those_to_come)
{
	struct vt_subject subject = {.uid = ALICE};
	struct vt_rule *made;

	gate_set_up();
	made = rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_CURATE, (struct vt_place){0});
	made->object = (struct vt_pattern){.scope = VT_SCOPE_SPACE, .space = "zoo"};
	ck_assert_int_eq(check(ALICE, VT_RIGHT_CURATE, v1), 0);
	ck_assert_int_eq(vt_gate_check_space(gate, &subject, VT_RIGHT_CURATE, "zoo", false, &err),
			 0);
	ck_assert_int_eq(vt_gate_check_space(gate, &subject, VT_RIGHT_CURATE, "zo", false, &err),
			 -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "may not curate zo/**: nothing allows it"));
	ck_assert_int_eq(vt_gate_check_space(gate, &subject, VT_RIGHT_CURATE, NULL, false, &err),
			 -EACCES);
	gate_tear_down();
}
END_TEST

START_TEST(a_remembered_answer_is_not_asked_for_again)
{
	gate_set_up();
	(void) rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_READ, birds);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	facts_asked = 0;
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	ck_assert_uint_eq(facts_asked, 0);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_BROWSE, v1), 0); /* another question */
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v2), 0);
	ck_assert_uint_eq(facts_asked, 2);
	gate_tear_down();
}
END_TEST

START_TEST(an_answer_ends_with_its_policy)
{
	gate_set_up();
	(void) rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_READ, birds);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	(void) rule(VT_RULE_DENY, user(ALICE, "alice"), VT_RIGHT_READ, v1);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v2), 0);
	gate_tear_down();
}
END_TEST

START_TEST(an_answer_ends_with_its_window)
{
	gate_set_up();
	rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_READ, birds)->until_ns = START + 10;
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	facts_now.hi_ns = START + 9;
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	facts_now.hi_ns = START + 10;
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	gate_tear_down();
}
END_TEST

START_TEST(an_answer_ends_when_the_clock_is_set_back)
{
	gate_set_up();
	rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds);
	rule(VT_RULE_DENY, user(ALICE, "alice"), VT_RIGHT_READ, birds)->until_ns = START;
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	facts_now = (struct vt_instant){START - 1, START - 1};
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	gate_tear_down();
}
END_TEST

START_TEST(an_answer_ends_thirty_seconds_after_the_groups_were_asked_for)
{
	static const uint32_t gid = 50;
	struct vt_person *alice;

	gate_set_up();
	alice = &facts_people[3];
	alice->groups = &gid;
	alice->group_count = 1;
	alice->asked_ns -= VT_PERSON_KEPT_NS;
	(void) rule(VT_RULE_ALLOW, (struct vt_principal){.kind = VT_PRINCIPAL_OSGROUP, .id = gid},
		    VT_RIGHT_READ, birds);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	alice->group_count = 0;
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	gate_tear_down();
}
END_TEST

START_TEST(who_must_not_wait_is_told_to_come_again)
{
	struct vt_subject subject = {.uid = OWNER};
	uint64_t until = 0;

	gate_set_up();
	facts_people_unknown = true;
	ck_assert_int_eq(vt_gate_check(gate, &subject, VT_RIGHT_READ, v1, true, &until, NULL),
			 -EAGAIN);
	ck_assert_int_eq(vt_gate_check(gate, &subject, VT_RIGHT_READ, v1, false, &until, NULL), 0);
	ck_assert_uint_eq(until, VT_TIME_NEVER);
	ck_assert_int_eq(vt_gate_check(gate, &subject, VT_RIGHT_READ, v1, true, &until, NULL), 0);
	gate_tear_down();
}
END_TEST

START_TEST(a_uid_that_is_another_user_now_gets_nothing)
{
	gate_set_up();
	pins[policy.pin_count++] = (struct vt_member){.uid = ALICE, .name = "alicia"};
	rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v1), 0);
	gate_tear_down();
}
END_TEST

START_TEST(who_does_not_see_a_thing_hears_nothing_of_it)
{
	char hidden[sizeof err.text];

	gate_set_up();
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	memcpy(hidden, err.text, sizeof hidden);
	ck_assert_ptr_null(strstr(hidden, "birds"));
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, (struct vt_place){99, 990}), -EACCES);
	ck_assert_str_eq(hidden, err.text);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_ADMIN, birds), -EACCES);
	ck_assert_str_eq(hidden, err.text);
	ck_assert_int_eq(sees(ALICE, v1), 0);
	ck_assert_int_eq(sees(ALICE, (struct vt_place){99, 990}), 0);
	ck_assert_int_eq(sees(OWNER, v1), 1);
	gate_tear_down();
}
END_TEST

START_TEST(who_sees_it_hears_why_and_what_to_do)
{
	gate_set_up();
	(void) rule(VT_RULE_ALLOW, user(BOB, "bob"), VT_RIGHT_BROWSE, birds);
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_str_eq(err.text,
			 "uid 1002 (bob) may not read 'zoo/birds@v1': nothing allows it; who "
			 "administers it can allow it: vitrine grant user:bob read zoo/birds@v1");
	rule(VT_RULE_ALLOW, user(BOB, "bob"), VT_RIGHT_READ, birds)->from_ns =
		START + VT_NS_PER_SEC;
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "allowed from 2023-11-14 22:13:21 UTC on"));
	(void) rule(VT_RULE_DENY, user(BOB, "bob"), VT_RIGHT_READ, birds);
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "rule 3 denies it; 'vitrine explain user:bob read "
					       "zoo/birds@v1' says more"));
	gate_tear_down();
}
END_TEST

START_TEST(a_lease_is_named_to_who_would_see_without_it_and_to_nobody_else)
{
	gate_set_up();
	(void) rule(VT_RULE_ALLOW, user(BOB, "bob"), VT_RIGHT_READ, birds);
	(void) lease_to_alice(v1);
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_str_eq(err.text, "uid 1002 (bob) may not read 'zoo/birds@v1': leased to alice "
				   "until 2023-11-14 23:13:20 UTC; 'vitrine lease show "
				   "zoo/birds@v1' says more");
	ck_assert_int_eq(sees(BOB, v1), 0);
	ck_assert_int_eq(check(STORE_OWNER, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "leased to alice"));
	policy.rule_count = 0;
	policy.revision++;
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_ptr_null(strstr(err.text, "alice"));
	gate_tear_down();
}
END_TEST

START_TEST(who_sees_a_version_sees_its_dataset)
{
	struct vt_boundary boundary;

	gate_set_up();
	ck_assert_int_eq(sees(ALICE, birds), 0);
	(void) rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_READ, v2);
	ck_assert_int_eq(sees(ALICE, birds), 1);
	ck_assert_int_eq(sees(BOB, birds), 0);
	must(vt_gate_boundary(gate, birds, &boundary, &err) == 0);
	ck_assert_int_eq(boundary.class, VT_BOUNDARY_LIST);
	ck_assert_uint_eq(boundary.list_count, 1);
	ck_assert_uint_eq(boundary.list[0].id, ALICE);
	vt_boundary_done(&boundary);
	rules[0].object.version = 999; /* of no version */
	policy.revision++;
	ck_assert_int_eq(sees(ALICE, birds), 0);
	gate_tear_down();
}
END_TEST

START_TEST(a_boundary_is_made_once_until_something_changes)
{
	struct vt_boundary boundary;

	gate_set_up();
	rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds)->until_ns = START + 10;
	for (int i = 0; i < 3; i++)
		must(vt_gate_boundary(gate, v1, &boundary, &err) == 0);
	ck_assert_int_eq(boundary.class, VT_BOUNDARY_OPEN);
	ck_assert_uint_eq(boundary.valid_until_ns, START + 10);
	ck_assert_uint_eq(facts_asked, 1);
	facts_now.hi_ns = START + 10;
	must(vt_gate_boundary(gate, v1, &boundary, &err) == 0);
	ck_assert_int_eq(boundary.class, VT_BOUNDARY_USER);
	(void) lease_to_alice(v1);
	must(vt_gate_boundary(gate, v1, &boundary, &err) == 0);
	ck_assert_uint_eq(boundary.uid, ALICE);
	must(vt_gate_boundary(gate, v2, &boundary, &err) == 0);
	ck_assert_uint_eq(boundary.uid, OWNER);
	must(vt_gate_boundary(gate, (struct vt_place){0}, &boundary, &err) == 0);
	ck_assert_int_eq(boundary.class, VT_BOUNDARY_OPEN);
	ck_assert_int_eq(vt_gate_boundary(gate, (struct vt_place){99, 0}, &boundary, &err),
			 -ENOENT);
	gate_tear_down();
}
END_TEST

START_TEST(the_generation_grows_with_policy_catalog_and_time)
{
	uint64_t last, now;

	gate_set_up();
	rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds)->until_ns = START + 10;
	last = vt_gate_generation(gate);
	ck_assert_uint_eq(vt_gate_generation(gate), last);
	facts_now.hi_ns = START + 10;
	ck_assert_uint_gt(now = vt_gate_generation(gate), last);
	last = now;
	facts_now.lo_ns = START + 10;
	ck_assert_uint_gt(now = vt_gate_generation(gate), last);
	last = now;
	ck_assert_uint_eq(vt_gate_generation(gate), last);
	(void) dataset_new("fish");
	ck_assert_uint_gt(now = vt_gate_generation(gate), last);
	last = now;
	(void) lease_to_alice(v1);
	ck_assert_uint_gt(now = vt_gate_generation(gate), last);
	last = now;
	facts_now = (struct vt_instant){START, START};
	ck_assert_uint_gt(vt_gate_generation(gate), last);
	gate_tear_down();
}
END_TEST

START_TEST(open_is_what_anyone_may_read_without_an_end_a_denial_or_a_lease)
{
	struct vt_rule *given;

	gate_set_up();
	ck_assert(!vt_gate_is_open(gate, v1));
	given = rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, birds);
	ck_assert(vt_gate_is_open(gate, v1));
	given->until_ns = START + 10;
	ck_assert(!vt_gate_is_open(gate, v1));
	given->until_ns = VT_TIME_NEVER;
	rule(VT_RULE_DENY, user(BOB, "bob"), VT_RIGHT_READ, v1)->from_ns = START + 100;
	ck_assert(!vt_gate_is_open(gate, v1));
	ck_assert(vt_gate_is_open(gate, v2));
	lease_to_alice(v2)->state = VT_LEASE_QUEUED;
	ck_assert(!vt_gate_is_open(gate, v2));
	gate_tear_down();
}
END_TEST

/* Remembered before it was shut, remembered while it was: neither counts afterwards. */
START_TEST(a_gate_that_is_shut_lets_nobody_read_but_what_is_open_nor_lease)
{
	const struct vt_subject alice = {.uid = ALICE}, bob = {.uid = BOB};
	uint64_t before;

	gate_set_up();
	(void) rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_READ, v1);
	(void) rule(VT_RULE_ALLOW, anyone, VT_RIGHT_READ, v2);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	before = vt_gate_generation(gate);
	vt_gate_shut(gate, true);
	ck_assert_uint_gt(vt_gate_generation(gate), before);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_ptr_nonnull(strstr(err.text, "lost its server"));
	ck_assert_int_eq(check(OWNER, VT_RIGHT_READ, v1), -EACCES);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_BROWSE, v1), 0);
	ck_assert_int_eq(check(OWNER, VT_RIGHT_ADMIN, v1), 0);
	ck_assert_int_eq(check(BOB, VT_RIGHT_READ, v2), 0);
	ck_assert_int_eq(check(OWNER, VT_RIGHT_LEASE, v2), -EACCES);
	ck_assert_int_eq(vt_gate_check_unleased(gate, &alice, VT_RIGHT_LEASE, v1, NULL, &err),
			 -EACCES);
	ck_assert(vt_gate_keeps(gate, &alice, v1) && !vt_gate_keeps(gate, &bob, v1));
	vt_gate_shut(gate, false);
	ck_assert_int_eq(check(ALICE, VT_RIGHT_READ, v1), 0);
	ck_assert_int_eq(check(OWNER, VT_RIGHT_LEASE, v2), 0);
	gate_tear_down();
}
END_TEST

/* ---- many threads ---------------------------------------------------------------------------- */

enum { THREADS = 10, ROUNDS = 20000 };
static atomic_uint wrong;

static void *ask_often(void *context)
{
	struct vt_subject subject = {.uid = context ? ALICE : BOB};

	for (int i = 0; i < ROUNDS; i++) {
		struct vt_place place = i % 2 ? v1 : v2;
		int r = vt_gate_check(gate, &subject, VT_RIGHT_READ, place, true, NULL, NULL);

		if (r != (context ? 0 : -EACCES))
			atomic_fetch_add(&wrong, 1);
	}
	return NULL;
}

START_TEST(ten_threads_ask_at_once_and_each_gets_its_own_answer)
{
	pthread_t threads[THREADS];

	gate_set_up();
	(void) rule(VT_RULE_ALLOW, user(ALICE, "alice"), VT_RIGHT_READ, birds);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, ask_often, i % 2 ? gate : NULL),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_lt(facts_asked, 1000);
	gate_tear_down();
}
END_TEST

VT_SUITE(gate, a_new_dataset_is_its_owners_and_whose_the_store_is_changes_it,
	 a_rule_on_a_space_covers_its_datasets_and_those_to_come,
	 a_remembered_answer_is_not_asked_for_again, an_answer_ends_with_its_policy,
	 an_answer_ends_with_its_window, an_answer_ends_when_the_clock_is_set_back,
	 an_answer_ends_thirty_seconds_after_the_groups_were_asked_for,
	 who_must_not_wait_is_told_to_come_again, a_uid_that_is_another_user_now_gets_nothing,
	 who_does_not_see_a_thing_hears_nothing_of_it, who_sees_it_hears_why_and_what_to_do,
	 a_lease_is_named_to_who_would_see_without_it_and_to_nobody_else,
	 who_sees_a_version_sees_its_dataset, a_boundary_is_made_once_until_something_changes,
	 the_generation_grows_with_policy_catalog_and_time,
	 open_is_what_anyone_may_read_without_an_end_a_denial_or_a_lease,
	 a_gate_that_is_shut_lets_nobody_read_but_what_is_open_nor_lease,
	 ten_threads_ask_at_once_and_each_gets_its_own_answer)
