/* SPDX-License-Identifier: Apache-2.0 */
/* The decision: the sentences of policy/model.md, one by one. */
#include "policy/evaluate.h"

#include <stdio.h>
#include <string.h>

#include "tests/unit/suite.h"

enum { ALICE = 1001, BOB = 1002, CAROL = 1003, STORE_OWNER = 500 };
enum { BIRDS = 1, V1 = 11, V2 = 12 };
#define NOW 1000

/* ---- a policy by hand ------------------------------------------------------------------------ */

static struct vt_rule rules[8];
static struct vt_lease leases[4];
static struct vt_partner partners[2];
static struct vt_member members[2], pins[2];
static struct vt_policy policy;

static void set_up(void)
{
	policy = (struct vt_policy){.store_owner = STORE_OWNER,
				    .rules = rules,
				    .leases = leases,
				    .partners = partners,
				    .pins = pins};
}

static struct vt_principal user(uint32_t uid)
{
	return (struct vt_principal){.kind = VT_PRINCIPAL_USER, .id = uid, .name = "name"};
}

static const struct vt_principal anyone = {.kind = VT_PRINCIPAL_ANYONE};
static const struct vt_principal group = {.kind = VT_PRINCIPAL_OSGROUP, .id = 50};
static const struct vt_principal partner = {.kind = VT_PRINCIPAL_PARTNER, .id = 9};
static const struct vt_pattern all = {.scope = VT_SCOPE_ALL};
static const struct vt_pattern birds = {.scope = VT_SCOPE_DATASET, .dataset = BIRDS};
static const struct vt_pattern birds_v1 = {
	.scope = VT_SCOPE_VERSION, .dataset = BIRDS, .version = V1};
static const struct vt_object the_store = {0};
static const struct vt_object the_birds = {.dataset = BIRDS, .space = "zoo", .owner_uid = CAROL};
static const struct vt_object the_v1 = {
	.dataset = BIRDS, .version = V1, .space = "zoo", .owner_uid = CAROL};
static const struct vt_object the_v2 = {
	.dataset = BIRDS, .version = V2, .space = "zoo", .owner_uid = CAROL};

static struct vt_rule *rule(enum vt_rule_kind kind, struct vt_principal who, enum vt_right right,
			    struct vt_pattern object)
{
	struct vt_rule *made = &rules[policy.rule_count++];

	*made = (struct vt_rule){.id = policy.rule_count,
				 .kind = kind,
				 .right = right,
				 .who = who,
				 .object = object,
				 .until_ns = VT_TIME_NEVER};
	return made;
}

static struct vt_rule *allow(struct vt_principal who, enum vt_right right, struct vt_pattern object)
{
	return rule(VT_RULE_ALLOW, who, right, object);
}

static struct vt_rule *deny(struct vt_principal who, enum vt_right right, struct vt_pattern object)
{
	return rule(VT_RULE_DENY, who, right, object);
}

static struct vt_lease *lease(uint32_t holder, struct vt_pattern object, enum vt_lease_state state)
{
	struct vt_lease *made = &leases[policy.lease_count++];

	*made = (struct vt_lease){.id = 100 + policy.lease_count,
				  .state = state,
				  .holder = user(holder),
				  .object = object,
				  .until_ns = NOW + 100};
	return made;
}

static void partner_of(uint32_t uid, uint64_t until_ns)
{
	members[0] = (struct vt_member){.uid = uid, .name = "name"};
	partners[0] = (struct vt_partner){
		.id = partner.id, .until_ns = until_ns, .members = members, .member_count = 1};
	policy.partner_count = 1;
}

static struct vt_decision answer_at(uint32_t uid, enum vt_right right, struct vt_object object,
				    uint64_t lo_ns, uint64_t hi_ns)
{
	struct vt_asker who = {.uid = uid};
	struct vt_decision decision;

	vt_decide(&policy, &who, right, &object, (struct vt_instant){lo_ns, hi_ns}, &decision,
		  NULL);
	return decision;
}

static struct vt_decision answer(uint32_t uid, enum vt_right right, struct vt_object object)
{
	return answer_at(uid, right, object, NOW, NOW);
}

static bool may(uint32_t uid, enum vt_right right, struct vt_object object)
{
	return answer(uid, right, object).allowed;
}

static bool may_at(uint32_t uid, enum vt_right right, uint64_t lo_ns, uint64_t hi_ns)
{
	return answer_at(uid, right, the_v1, lo_ns, hi_ns).allowed;
}

/* The rights of one uid on one object as bits, browse the lowest, see the highest. */
static unsigned rights_of(uint32_t uid, const uint32_t *groups, size_t count,
			  struct vt_object object)
{
	struct vt_asker who = {.uid = uid, .groups = groups, .group_count = count};
	unsigned bits = 0;

	for (unsigned right = 0; right <= VT_RIGHT_SEE; right++) {
		struct vt_decision decision;

		vt_decide(&policy, &who, (enum vt_right) right, &object,
			  (struct vt_instant){NOW, NOW}, &decision, NULL);
		bits |= (unsigned) decision.allowed << right;
	}
	return bits;
}

enum { B = 1, R = 2, L = 4, C = 8, A = 16, S = 32 };

/* ---- sentences ------------------------------------------------------------------------------- */

START_TEST(nothing_is_allowed_by_default)
{
	ck_assert_uint_eq(rights_of(ALICE, NULL, 0, the_v1), 0);
	ck_assert_int_eq(answer(ALICE, VT_RIGHT_READ, the_v1).reason, VT_REASON_NO_GRANT);
	ck_assert_uint_eq(answer(ALICE, VT_RIGHT_READ, the_v1).valid_until_ns, VT_TIME_NEVER);
}
END_TEST

START_TEST(a_right_brings_the_lesser_ones)
{
	static const unsigned brings[] = {B | S, B | R | L | S, B | R | L | S, B | C | S, A | S};

	for (unsigned right = 0; right < VT_RIGHT_COUNT; right++) {
		set_up();
		(void) allow(user(ALICE), (enum vt_right) right, birds);
		ck_assert_uint_eq(rights_of(ALICE, NULL, 0, the_v1), brings[right]);
	}
}
END_TEST

START_TEST(reading_is_leasing_for_users_and_groups_but_not_for_partners_and_anyone)
{
	static const uint32_t gid = 50;

	partner_of(BOB, VT_TIME_NEVER);
	(void) allow(partner, VT_RIGHT_READ, birds);
	ck_assert_uint_eq(rights_of(BOB, NULL, 0, the_v1), B | R | S);
	(void) allow(anyone, VT_RIGHT_READ, birds);
	ck_assert_uint_eq(rights_of(BOB, NULL, 0, the_v1), B | R | S);
	(void) allow(group, VT_RIGHT_READ, birds);
	ck_assert_uint_eq(rights_of(ALICE, &gid, 1, the_v1), B | R | L | S);
	(void) allow(partner, VT_RIGHT_LEASE, birds);
	ck_assert_uint_eq(rights_of(BOB, NULL, 0, the_v1), B | R | L | S);
}
END_TEST

START_TEST(a_deny_takes_the_greater_rights_too)
{
	static const unsigned takes[] = {B | R | L, R | L, L, C, A};

	for (unsigned right = 0; right < VT_RIGHT_COUNT; right++) {
		unsigned left = (B | R | L | C | A | S) & ~takes[right];

		set_up();
		for (unsigned given = 0; given < VT_RIGHT_COUNT; given++)
			(void) allow(user(ALICE), (enum vt_right) given, birds);
		(void) deny(user(ALICE), (enum vt_right) right, birds);
		ck_assert_uint_eq(rights_of(ALICE, NULL, 0, the_v1), left);
	}
}
END_TEST

START_TEST(an_owner_has_every_right_on_the_dataset_and_its_versions)
{
	ck_assert_uint_eq(rights_of(CAROL, NULL, 0, the_birds), B | R | L | C | A | S);
	ck_assert_uint_eq(rights_of(CAROL, NULL, 0, the_v1), B | R | L | C | A | S);
	ck_assert_uint_eq(rights_of(CAROL, NULL, 0, the_store), 0);
}
END_TEST

START_TEST(a_deny_beats_an_owner_but_for_admin)
{
	for (unsigned right = 0; right < VT_RIGHT_COUNT; right++)
		(void) deny(anyone, (enum vt_right) right, all);
	ck_assert_uint_eq(rights_of(CAROL, NULL, 0, the_v1), A | S);
	ck_assert_uint_eq(rights_of(0, NULL, 0, the_v1), C | A | S);
	ck_assert_uint_eq(rights_of(STORE_OWNER, NULL, 0, the_v1), C | A | S);
}
END_TEST

START_TEST(root_and_the_stores_owner_change_everything_and_read_nothing)
{
	ck_assert_uint_eq(rights_of(0, NULL, 0, the_v1), C | A | S);
	ck_assert_uint_eq(rights_of(STORE_OWNER, NULL, 0, the_store), C | A | S);
	ck_assert_int_eq(answer(0, VT_RIGHT_SEE, the_v1).reason, VT_REASON_STORE);
}
END_TEST

START_TEST(a_pattern_covers_what_is_in_it_and_no_name_that_begins_alike)
{
	struct vt_pattern zoo = {.scope = VT_SCOPE_SPACE, .space = "zoo"};
	struct vt_pattern zo = {.scope = VT_SCOPE_SPACE, .space = "zo"};
	struct vt_object in_none = {.dataset = 2}, to_be_made = {.space = "zoo"};

	ck_assert(vt_pattern_covers(&all, &the_store));
	ck_assert(vt_pattern_covers(&zoo, &the_birds));
	ck_assert(vt_pattern_covers(&zoo, &the_v1));
	ck_assert(vt_pattern_covers(&zoo, &to_be_made));
	ck_assert(!vt_pattern_covers(&zo, &the_birds));
	ck_assert(!vt_pattern_covers(&zoo, &in_none));
	ck_assert(!vt_pattern_covers(&zoo, &the_store));
	ck_assert(vt_pattern_covers(&birds, &the_v1));
	ck_assert(!vt_pattern_covers(&birds, &the_store));
	ck_assert(vt_pattern_covers(&birds_v1, &the_v1));
	ck_assert(!vt_pattern_covers(&birds_v1, &the_v2));
	ck_assert(!vt_pattern_covers(&birds_v1, &the_birds));
}
END_TEST

START_TEST(patterns_meet_when_something_can_be_in_both)
{
	struct vt_pattern zoo = {.scope = VT_SCOPE_SPACE, .space = "zoo"};
	struct vt_pattern zo = {.scope = VT_SCOPE_SPACE, .space = "zo"};
	struct vt_pattern birds_v2 = {.scope = VT_SCOPE_VERSION, .dataset = BIRDS, .version = V2};
	struct vt_pattern other = {.scope = VT_SCOPE_DATASET, .dataset = 2};
	struct vt_pattern strange = {.scope = (enum vt_scope) 9};
	const struct {
		const struct vt_pattern *a, *b;
		const char *a_space, *b_space;
		bool meets;
	} cases[] = {
		{&all, &birds, NULL, NULL, true},        {&zoo, &zoo, NULL, NULL, true},
		{&zoo, &zo, NULL, NULL, false},          {&zoo, &birds, NULL, "zoo", true},
		{&zoo, &birds_v1, NULL, "zoo", true},    {&zoo, &birds, NULL, "zo", false},
		{&zoo, &birds, NULL, NULL, false},       {&birds, &birds_v1, "zoo", "zoo", true},
		{&birds, &birds, NULL, NULL, true},      {&birds_v1, &birds_v1, NULL, NULL, true},
		{&birds_v1, &birds_v2, "z", "z", false}, {&birds, &other, "z", "z", false},
		{&strange, &other, NULL, NULL, true},
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		ck_assert_msg(vt_pattern_meets(cases[i].a, cases[i].a_space, cases[i].b,
					       cases[i].b_space) == cases[i].meets,
			      "case %zu", i);
		ck_assert_msg(vt_pattern_meets(cases[i].b, cases[i].b_space, cases[i].a,
					       cases[i].a_space) == cases[i].meets,
			      "case %zu, turned", i);
	}
}
END_TEST

START_TEST(an_allow_holds_from_the_last_reading_to_reach_it_to_the_first_to_leave_it)
{
	struct vt_rule *given = allow(user(ALICE), VT_RIGHT_READ, birds);

	given->from_ns = 100;
	given->until_ns = 200;
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 99, 99));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 99, 100));
	ck_assert(may_at(ALICE, VT_RIGHT_READ, 100, 100));
	ck_assert(may_at(ALICE, VT_RIGHT_READ, 100, 199));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 199, 200));
	ck_assert_int_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 99, 100).reason,
			 VT_REASON_NOT_YET);
	ck_assert_int_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 199, 200).reason, VT_REASON_ENDED);
}
END_TEST

START_TEST(a_deny_holds_from_the_first_reading_to_reach_it_to_the_last_to_leave_it)
{
	struct vt_rule *taken;

	(void) allow(anyone, VT_RIGHT_READ, birds);
	taken = deny(user(ALICE), VT_RIGHT_READ, birds);
	taken->from_ns = 100;
	taken->until_ns = 200;
	ck_assert(may_at(ALICE, VT_RIGHT_READ, 99, 99));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 99, 100));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 199, 200));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 199, 300));
	ck_assert(may_at(ALICE, VT_RIGHT_READ, 200, 200));
}
END_TEST

START_TEST(an_answer_says_until_when_it_holds)
{
	struct vt_rule *given = allow(user(ALICE), VT_RIGHT_READ, birds);
	struct vt_rule *taken = deny(user(ALICE), VT_RIGHT_READ, birds);

	given->from_ns = 100;
	given->until_ns = 200;
	taken->from_ns = 150;
	taken->until_ns = 160;
	ck_assert_uint_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 99, 99).valid_until_ns, 100);
	ck_assert_uint_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 99, 120).valid_until_ns, 100);
	ck_assert_uint_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 100, 100).valid_until_ns, 150);
	ck_assert_uint_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 150, 155).valid_until_ns, 160);
	ck_assert_uint_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 160, 160).valid_until_ns, 200);
	ck_assert_uint_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, 200, 200).valid_until_ns,
			  VT_TIME_NEVER);
	ck_assert_uint_eq(vt_policy_next_change(&policy, (struct vt_instant){0, 500}), 100);
	ck_assert_uint_eq(vt_policy_next_change(&policy, (struct vt_instant){100, 100}), 150);
	ck_assert_uint_eq(vt_policy_next_change(&policy, (struct vt_instant){200, 200}),
			  VT_TIME_NEVER);
}
END_TEST

START_TEST(the_next_change_is_any_end_of_a_lease_or_partner_too)
{
	partner_of(BOB, NOW + 50);
	(void) lease(BOB, birds, VT_LEASE_ACTIVE);
	ck_assert_uint_eq(vt_policy_next_change(&policy, (struct vt_instant){NOW, NOW}), NOW + 50);
	partners[0].until_ns = VT_TIME_NEVER;
	ck_assert_uint_eq(vt_policy_next_change(&policy, (struct vt_instant){NOW, NOW}), NOW + 100);
	leases[0].state = VT_LEASE_QUEUED; /* its until is a length */
	ck_assert_uint_eq(vt_policy_next_change(&policy, (struct vt_instant){NOW, NOW}),
			  VT_TIME_NEVER);
}
END_TEST

START_TEST(a_partner_ends_for_allows_first_and_for_denies_last)
{
	partner_of(BOB, 200);
	(void) allow(partner, VT_RIGHT_READ, birds);
	ck_assert(may_at(BOB, VT_RIGHT_READ, 100, 199));
	ck_assert(!may_at(BOB, VT_RIGHT_READ, 199, 200));
	(void) allow(user(BOB), VT_RIGHT_READ, birds);
	(void) deny(partner, VT_RIGHT_READ, birds);
	ck_assert(!may_at(BOB, VT_RIGHT_READ, 199, 300));
	ck_assert(may_at(BOB, VT_RIGHT_READ, 200, 300));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, 100, 100));
}
END_TEST

START_TEST(a_lease_is_its_holders_alone)
{
	(void) allow(anyone, VT_RIGHT_READ, birds);
	(void) lease(ALICE, birds_v1, VT_LEASE_ACTIVE);
	ck_assert_uint_eq(rights_of(ALICE, NULL, 0, the_v1), B | R | S);
	ck_assert_uint_eq(rights_of(BOB, NULL, 0, the_v1), 0);
	ck_assert_uint_eq(rights_of(CAROL, NULL, 0, the_v1), C | A | S);
	ck_assert_uint_eq(rights_of(BOB, NULL, 0, the_v2), B | R | S);
	ck_assert_int_eq(answer(BOB, VT_RIGHT_READ, the_v1).reason, VT_REASON_LEASED);
	ck_assert_uint_eq(answer(BOB, VT_RIGHT_READ, the_v1).rule, 101);
	ck_assert_int_eq(answer(ALICE, VT_RIGHT_READ, the_v1).reason, VT_REASON_HOLDER);
}
END_TEST

START_TEST(a_leased_version_keeps_its_dataset_from_being_leased_but_not_from_being_read)
{
	(void) allow(user(BOB), VT_RIGHT_READ, birds);
	(void) lease(ALICE, birds_v1, VT_LEASE_ACTIVE);
	ck_assert_uint_eq(rights_of(BOB, NULL, 0, the_birds), B | R | S);
	ck_assert_int_eq(answer(BOB, VT_RIGHT_LEASE, the_birds).reason, VT_REASON_LEASED);
	ck_assert_int_eq(answer(BOB, VT_RIGHT_LEASE, the_store).reason, VT_REASON_LEASED);
	ck_assert_int_eq(answer(ALICE, VT_RIGHT_LEASE, the_birds).reason, VT_REASON_NO_GRANT);
}
END_TEST

START_TEST(an_ended_lease_gives_nothing_at_once_and_still_masks_until_it_is_ended)
{
	(void) allow(user(BOB), VT_RIGHT_READ, birds);
	(void) lease(ALICE, birds, VT_LEASE_ACTIVE);
	ck_assert(may_at(ALICE, VT_RIGHT_READ, NOW, NOW + 99));
	ck_assert(!may_at(ALICE, VT_RIGHT_READ, NOW, NOW + 100));
	ck_assert_int_eq(answer_at(ALICE, VT_RIGHT_READ, the_v1, NOW, NOW + 100).reason,
			 VT_REASON_ENDED);
	ck_assert(!may_at(BOB, VT_RIGHT_READ, NOW + 100, NOW + 100));
	leases[0].state = VT_LEASE_ENDED;
	ck_assert(may_at(BOB, VT_RIGHT_READ, NOW, NOW));
}
END_TEST

START_TEST(a_lease_that_drains_is_nobodys_and_one_that_waits_masks_nobody)
{
	(void) allow(user(BOB), VT_RIGHT_READ, birds);
	(void) allow(user(ALICE), VT_RIGHT_READ, birds);
	(void) lease(ALICE, birds, VT_LEASE_DRAINING);
	ck_assert_uint_eq(rights_of(ALICE, NULL, 0, the_v1), 0);
	ck_assert_int_eq(answer(BOB, VT_RIGHT_READ, the_v1).reason, VT_REASON_DRAINING);
	leases[0].state = VT_LEASE_QUEUED;
	ck_assert(may(BOB, VT_RIGHT_READ, the_v1));
	leases[0].state = (enum vt_lease_state) 9;
	ck_assert(!may(BOB, VT_RIGHT_READ, the_v1));
}
END_TEST

START_TEST(a_deny_beats_a_lease)
{
	(void) deny(user(ALICE), VT_RIGHT_READ, birds);
	(void) lease(ALICE, birds, VT_LEASE_ACTIVE);
	ck_assert_int_eq(answer(ALICE, VT_RIGHT_READ, the_v1).reason, VT_REASON_DENIED);
	ck_assert(may(ALICE, VT_RIGHT_BROWSE, the_v1));
}
END_TEST

START_TEST(a_stale_asker_gets_nothing)
{
	struct vt_asker who = {.uid = CAROL, .stale = true};
	struct vt_decision decision;

	(void) allow(anyone, VT_RIGHT_READ, all);
	for (unsigned right = 0; right <= VT_RIGHT_SEE; right++) {
		vt_decide(&policy, &who, (enum vt_right) right, &the_v1,
			  (struct vt_instant){NOW, NOW}, &decision, NULL);
		ck_assert_int_eq(decision.reason, VT_REASON_STALE);
		ck_assert(!decision.allowed);
	}
	ck_assert(!vt_principal_is(&policy, &anyone, &who, (struct vt_instant){NOW, NOW}));
}
END_TEST

START_TEST(what_was_given_to_an_earlier_name_of_a_uid_is_not_given_to_the_next)
{
	pins[policy.pin_count++] = (struct vt_member){.uid = BOB, .name = "robert"};
	(void) allow(user(BOB), VT_RIGHT_READ, birds);
	partner_of(BOB, VT_TIME_NEVER);
	(void) allow(partner, VT_RIGHT_READ, birds);
	ck_assert(!may(BOB, VT_RIGHT_READ, the_v1));
	(void) allow(anyone, VT_RIGHT_READ, birds);
	ck_assert(may(BOB, VT_RIGHT_READ, the_v1));
	(void) deny(user(BOB), VT_RIGHT_READ, birds);
	ck_assert(!may(BOB, VT_RIGHT_READ, the_v1));
}
END_TEST

START_TEST(what_is_not_known_denies)
{
	struct vt_rule *strange;

	(void) allow(anyone, VT_RIGHT_READ, all);
	strange = rule((enum vt_rule_kind) 7, user(BOB), VT_RIGHT_READ, birds);
	ck_assert_int_eq(answer(BOB, VT_RIGHT_READ, the_v1).reason, VT_REASON_UNKNOWN_RULE);
	ck_assert_int_eq(answer(BOB, VT_RIGHT_CURATE, the_v1).reason, VT_REASON_UNKNOWN_RULE);
	ck_assert(may(ALICE, VT_RIGHT_READ, the_v1));
	ck_assert(may(BOB, VT_RIGHT_READ, the_store));
	strange->who.kind = (enum vt_principal_kind) 7;
	ck_assert(!may(ALICE, VT_RIGHT_READ, the_v1));
	ck_assert_uint_eq(rights_of(CAROL, NULL, 0, the_v1), A | S);
	strange->kind = VT_RULE_ALLOW;
	ck_assert(may(ALICE, VT_RIGHT_READ, the_v1));
	strange->kind = VT_RULE_DENY;
	ck_assert(!may(ALICE, VT_RIGHT_READ, the_v1));
	*strange = rules[0];
	strange->kind = VT_RULE_DENY;
	strange->object.scope = (enum vt_scope) 7;
	ck_assert(!may(ALICE, VT_RIGHT_READ, the_v1));
	*strange = rules[0];
	strange->kind = VT_RULE_DENY;
	strange->right = (enum vt_right) 7;
	ck_assert(!may(ALICE, VT_RIGHT_BROWSE, the_v1));
}
END_TEST

START_TEST(a_right_that_is_none_is_nobodys)
{
	ck_assert(!may(CAROL, (enum vt_right)(VT_RIGHT_SEE + 1), the_v1));
	ck_assert(!may(0, (enum vt_right) 1000, the_v1));
}
END_TEST

/* ---- the trace ------------------------------------------------------------------------------- */

struct steps {
	char text[512];
};

static void write_step(void *context, const char *step, const struct vt_rule *r,
		       const struct vt_lease *l, bool matched)
{
	struct steps *steps = context;
	size_t used = strlen(steps->text);
	unsigned id = (unsigned) (r ? r->id : l ? l->id : 0);

	(void) snprintf(steps->text + used, sizeof steps->text - used, "%s%s%.0u%s",
			used ? " " : "", step, id, matched ? "!" : "");
}

START_TEST(the_trace_tells_each_step)
{
	struct steps steps = {0};
	const struct vt_trace trace = {write_step, &steps};
	struct vt_asker who = {.uid = BOB};
	struct vt_decision decision;

	(void) allow(user(BOB), VT_RIGHT_READ, birds);
	(void) deny(user(ALICE), VT_RIGHT_READ, birds);
	(void) lease(BOB, birds, VT_LEASE_ACTIVE);
	leases[0].until_ns = NOW;
	vt_decide(&policy, &who, VT_RIGHT_READ, &the_v1, (struct vt_instant){NOW, NOW}, &decision,
		  &trace);
	ck_assert_str_eq(steps.text, "stale standing deny2 lease101 holder101 owner allow1!");
}
END_TEST

VT_SUITE_FRESH(evaluate, set_up, nothing_is_allowed_by_default, a_right_brings_the_lesser_ones,
	       reading_is_leasing_for_users_and_groups_but_not_for_partners_and_anyone,
	       a_deny_takes_the_greater_rights_too,
	       an_owner_has_every_right_on_the_dataset_and_its_versions,
	       a_deny_beats_an_owner_but_for_admin,
	       root_and_the_stores_owner_change_everything_and_read_nothing,
	       a_pattern_covers_what_is_in_it_and_no_name_that_begins_alike,
	       patterns_meet_when_something_can_be_in_both,
	       an_allow_holds_from_the_last_reading_to_reach_it_to_the_first_to_leave_it,
	       a_deny_holds_from_the_first_reading_to_reach_it_to_the_last_to_leave_it,
	       an_answer_says_until_when_it_holds,
	       the_next_change_is_any_end_of_a_lease_or_partner_too,
	       a_partner_ends_for_allows_first_and_for_denies_last, a_lease_is_its_holders_alone,
	       a_leased_version_keeps_its_dataset_from_being_leased_but_not_from_being_read,
	       an_ended_lease_gives_nothing_at_once_and_still_masks_until_it_is_ended,
	       a_lease_that_drains_is_nobodys_and_one_that_waits_masks_nobody, a_deny_beats_a_lease,
	       a_stale_asker_gets_nothing,
	       what_was_given_to_an_earlier_name_of_a_uid_is_not_given_to_the_next,
	       what_is_not_known_denies, a_right_that_is_none_is_nobodys, the_trace_tells_each_step)
