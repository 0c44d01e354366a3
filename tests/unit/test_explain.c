/* SPDX-License-Identifier: Apache-2.0 */
/* Explanations: steps, end, smallest change; who can: as many as the decision allows. */
#include "policy/explain.h"

#include "tests/unit/policy_world.h"
#include "tests/unit/suite.h"

enum { ALICE = 1001, BOB = 1002, CAROL = 1003, STORE_OWNER = 500, NOW = 10 };

static struct vt_rule rules[8];
static struct vt_lease leases[2];
static struct vt_policy policy;
static const struct vt_object the_v1 = {.dataset = 1, .version = 11, .owner_uid = CAROL};
static const struct vt_pattern birds = {.scope = VT_SCOPE_DATASET, .dataset = 1};

static void set_up(void)
{
	policy = (struct vt_policy){.store_owner = STORE_OWNER, .rules = rules, .leases = leases};
}

static struct vt_principal user(uint32_t uid)
{
	return (struct vt_principal){.kind = VT_PRINCIPAL_USER, .id = uid};
}

static struct vt_rule *rule(enum vt_rule_kind kind, struct vt_principal who, enum vt_right right)
{
	struct vt_rule *made = &rules[policy.rule_count++];

	*made = (struct vt_rule){.id = policy.rule_count,
				 .kind = kind,
				 .right = right,
				 .who = who,
				 .object = birds,
				 .until_ns = VT_TIME_NEVER};
	return made;
}

static void lease_to(uint32_t uid)
{
	leases[policy.lease_count++] = (struct vt_lease){.id = 70,
							 .state = VT_LEASE_ACTIVE,
							 .holder = user(uid),
							 .object = birds,
							 .until_ns = 100};
}

static struct vt_explanation explain(uint32_t uid, enum vt_right right, bool stale)
{
	struct vt_asker who = {.uid = uid, .stale = stale};
	struct vt_explanation out;

	ck_assert_int_eq(
		vt_explain(&policy, &who, right, &the_v1, (struct vt_instant){NOW, NOW}, &out), 0);
	return out;
}

START_TEST(a_grant_is_what_lacks_where_nothing_allows)
{
	struct vt_explanation why = explain(BOB, VT_RIGHT_READ, false);

	ck_assert_int_eq(why.decision.reason, VT_REASON_NO_GRANT);
	ck_assert_uint_eq(why.change_count, 1);
	ck_assert_int_eq(why.changes[0].kind, VT_REMEDY_ALLOW);
	ck_assert_int_eq(why.changes[0].right, VT_RIGHT_READ);
	ck_assert_str_eq(why.steps[why.step_count - 1].step, "nothing");
	vt_explanation_done(&why);
	why = explain(BOB, VT_RIGHT_SEE, false);
	ck_assert_int_eq(why.changes[0].right, VT_RIGHT_BROWSE);
	vt_explanation_done(&why);
}
END_TEST

START_TEST(every_deny_that_bears_has_to_go_and_none_else)
{
	struct vt_explanation why;

	(void) rule(VT_RULE_ALLOW, user(BOB), VT_RIGHT_READ);
	(void) rule(VT_RULE_DENY, user(BOB), VT_RIGHT_BROWSE);
	(void) rule(VT_RULE_DENY, user(ALICE), VT_RIGHT_BROWSE);
	(void) rule(VT_RULE_DENY, user(BOB), VT_RIGHT_READ);
	(void) rule(VT_RULE_DENY, user(BOB), VT_RIGHT_CURATE);
	why = explain(BOB, VT_RIGHT_READ, false);
	ck_assert_uint_eq(why.change_count, 2);
	ck_assert_uint_eq(why.changes[0].id, 2);
	ck_assert_uint_eq(why.changes[1].id, 4);
	vt_explanation_done(&why);
}
END_TEST

START_TEST(a_deny_a_lease_and_a_grant_are_three_changes_and_a_fourth_is_too_many)
{
	struct vt_explanation why;

	(void) rule(VT_RULE_DENY, user(BOB), VT_RIGHT_READ);
	lease_to(ALICE);
	why = explain(BOB, VT_RIGHT_READ, false);
	ck_assert_uint_eq(why.change_count, 3);
	ck_assert_int_eq(why.changes[0].kind, VT_REMEDY_REMOVE_RULE);
	ck_assert_int_eq(why.changes[1].kind, VT_REMEDY_END_LEASE);
	ck_assert_int_eq(why.changes[2].kind, VT_REMEDY_ALLOW);
	vt_explanation_done(&why);
	why = explain(BOB, VT_RIGHT_READ, true);
	ck_assert_int_eq(why.decision.reason, VT_REASON_STALE);
	ck_assert_uint_eq(why.change_count, 0);
	vt_explanation_done(&why);
}
END_TEST

START_TEST(an_answer_stays_until_the_last_rule_that_gives_it_ends)
{
	struct vt_explanation why;

	rule(VT_RULE_ALLOW, user(BOB), VT_RIGHT_READ)->until_ns = 20;
	rule(VT_RULE_ALLOW, user(BOB), VT_RIGHT_READ)->until_ns = 30;
	why = explain(BOB, VT_RIGHT_READ, false);
	ck_assert_uint_eq(why.decision.valid_until_ns, 20);
	ck_assert_uint_eq(why.until_ns, 30);
	ck_assert_uint_eq(why.change_count, 0);
	vt_explanation_done(&why);
}
END_TEST

/* ---- random policies ------------------------------------------------------------------------- */

/* The changes made to a copy; `set` says which. */
static bool is_allowed_with(const struct world *world, const struct world_question *q,
			    const struct vt_explanation *why, unsigned set)
{
	struct vt_rule more[WORLD_RULES + 1];
	struct world with = *world;
	struct vt_asker who = q->who;
	struct vt_decision decision;

	with.policy.leases = with.leases;
	memcpy(more, world->rules, sizeof world->rules);
	for (size_t c = 0; c < why->change_count; c++) {
		const struct vt_remedy *change = &why->changes[c];

		if (!(set & 1u << c))
			continue;
		if (change->kind == VT_REMEDY_ACCEPT_NAME)
			who.stale = false;
		for (size_t i = 0; i < with.policy.rule_count; i++)
			if (change->kind == VT_REMEDY_REMOVE_RULE && more[i].id == change->id)
				more[i--] = more[--with.policy.rule_count];
		for (size_t i = 0; i < with.policy.lease_count; i++)
			if (change->kind == VT_REMEDY_END_LEASE && with.leases[i].id == change->id)
				with.leases[i].state = VT_LEASE_ENDED;
		if (change->kind == VT_REMEDY_ALLOW)
			more[with.policy.rule_count++] =
				(struct vt_rule){.id = 60,
						 .kind = VT_RULE_ALLOW,
						 .right = change->right,
						 .who = {.kind = VT_PRINCIPAL_ANYONE},
						 .object = {.scope = VT_SCOPE_ALL},
						 .until_ns = VT_TIME_NEVER};
	}
	with.policy.rules = more;
	vt_decide(&with.policy, &who, q->right, &q->object, q->now, &decision, NULL);
	return decision.allowed;
}

static bool is_explained_wrong(const struct world *world, const struct world_question *q)
{
	struct vt_explanation why;
	bool wrong;

	ck_assert_int_eq(vt_explain(&world->policy, &q->who, q->right, &q->object, q->now, &why),
			 0);
	wrong = why.decision.allowed && why.change_count;
	if (why.change_count) {
		unsigned full = (1u << why.change_count) - 1;

		wrong |= !is_allowed_with(world, q, &why, full);
		for (unsigned set = 0; set < full; set++)
			wrong |= is_allowed_with(world, q, &why, set);
	}
	vt_explanation_done(&why);
	return wrong;
}

static int groups_of(void *context, uint32_t uid, struct vt_asker *out)
{
	const struct world_question *q = context;

	/* Each uid in other groups, made from the question's. */
	out->groups = q->groups + uid % 2;
	out->group_count = q->who.group_count > uid % 2 ? q->who.group_count - uid % 2 : 0;
	out->stale = q->who.stale && uid == 3;
	return 0;
}

static bool is_listed(const struct vt_who_can *who, uint32_t uid)
{
	for (size_t i = 0; i < who->user_count; i++)
		if (who->users[i].id == uid)
			return true;
	return false;
}

static bool is_counted_wrong(const struct world *world, const struct world_question *q)
{
	struct world_question kept = *q;
	const struct vt_asker_source source = {groups_of, &kept};
	struct vt_who_can who;
	bool wrong = false;

	ck_assert_int_eq(vt_who_can(&world->policy, &source, q->right, &q->object, q->now, &who),
			 0);
	for (uint32_t uid = 0; uid < WORLD_UIDS; uid++) {
		struct vt_asker asker = {.uid = uid};
		struct vt_decision decision;
		bool alone;

		(void) groups_of(&kept, uid, &asker);
		vt_decide(&world->policy, &asker, q->right, &q->object, q->now, &decision, NULL);
		/* Who is named nowhere is one of the others, or in a group that is named. */
		alone = decision.reason == VT_REASON_STALE || asker.group_count;
		wrong |= is_listed(&who, uid) && !decision.allowed;
		wrong |= !alone && decision.allowed && !is_listed(&who, uid) && !who.others.allowed;
	}
	vt_who_can_done(&who);
	return wrong;
}

START_TEST(the_changes_do_it_and_none_of_them_can_be_left_out)
{
	world_search(world_comparisons(200000) / 10, 1, is_explained_wrong,
		     "an explanation is wrong");
}
END_TEST

START_TEST(who_can_is_whom_the_decision_allows)
{
	world_search(world_comparisons(200000) / 10, 1, is_counted_wrong, "who can is wrong");
}
END_TEST

VT_SUITE_FRESH(explain, set_up, a_grant_is_what_lacks_where_nothing_allows,
	       every_deny_that_bears_has_to_go_and_none_else,
	       a_deny_a_lease_and_a_grant_are_three_changes_and_a_fourth_is_too_many,
	       an_answer_stays_until_the_last_rule_that_gives_it_ends,
	       the_changes_do_it_and_none_of_them_can_be_left_out,
	       who_can_is_whom_the_decision_allows)
