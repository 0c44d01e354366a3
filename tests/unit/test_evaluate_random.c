/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The decision on random policies: against a second evaluator, and against what must hold of any
 * policy. VT_SEED repeats a run, VT_COMPARISONS makes it longer.
 */
#include "policy/evaluate.h"

#include "tests/unit/naive_policy.h"
#include "tests/unit/policy_world.h"
#include "tests/unit/suite.h"

/* ---- against the second evaluator ------------------------------------------------------------ */

static bool differs(const struct world *world, const struct world_question *q)
{
	struct naive_answer naive =
		naive_decide(&world->policy, &q->who, q->right, &q->object, q->now);
	struct vt_decision decision;

	vt_decide(&world->policy, &q->who, q->right, &q->object, q->now, &decision, NULL);
	return decision.allowed != naive.allowed || decision.reason != naive.reason ||
	       decision.rule != naive.rule;
}

#define QUESTIONS 20

START_TEST(both_evaluators_agree)
{
	world_search(world_comparisons(200000), QUESTIONS, differs, "the evaluators differ");
}
END_TEST

/* ---- what holds of any policy ---------------------------------------------------------------- */

static bool same(const struct vt_decision *a, const struct vt_decision *b)
{
	return a->allowed == b->allowed && a->reason == b->reason && a->rule == b->rule;
}

static struct vt_decision ask_world(const struct world *world, const struct world_question *q)
{
	struct vt_decision decision;

	vt_decide(&world->policy, &q->who, q->right, &q->object, q->now, &decision, NULL);
	return decision;
}

static bool depends_on_order(const struct world *world, const struct world_question *q)
{
	struct vt_decision before = ask_world(world, q), after;
	struct world turned = *world;
	size_t rule_count = world->policy.rule_count, lease_count = world->policy.lease_count;

	turned.policy.rules = turned.rules;
	turned.policy.leases = turned.leases;
	for (size_t i = 0; i < rule_count; i++)
		turned.rules[i] = world->rules[rule_count - 1 - i];
	for (size_t i = 0; i < lease_count; i++)
		turned.leases[i] = world->leases[lease_count - 1 - i];
	after = ask_world(&turned, q);
	return !same(&before, &after) || before.valid_until_ns != after.valid_until_ns;
}

START_TEST(the_order_of_rules_does_not_matter)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, depends_on_order,
		     "the order matters");
}
END_TEST

/* The same clock readings, moved on within the time that the answer says it holds. */
static bool is_late(const struct world *world, const struct world_question *q)
{
	struct vt_decision now = ask_world(world, q);

	for (uint64_t hi = q->now.hi_ns; hi < WORLD_TIMES + 8 && hi < now.valid_until_ns; hi++)
		for (uint64_t lo = q->now.lo_ns; lo <= hi; lo++) {
			struct world_question later = *q;
			struct vt_decision then;

			later.now = (struct vt_instant){lo, hi};
			later.who.groups = later.groups;
			then = ask_world(world, &later);
			if (!same(&now, &then))
				return true;
		}
	return false;
}

START_TEST(no_answer_changes_before_it_says)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, is_late, "an answer is late");
}
END_TEST

/* Nothing begins or ends before the next change. */
static bool is_missed(const struct world *world, const struct world_question *q)
{
	uint64_t next = vt_policy_next_change(&world->policy, q->now);
	struct vt_decision now = ask_world(world, q);
	struct world_question later = *q;
	struct vt_decision then;

	if (next <= q->now.hi_ns || next <= q->now.lo_ns + 1)
		return next <= q->now.lo_ns;
	later.who.groups = later.groups;
	later.now.lo_ns = later.now.hi_ns = (next < 30 ? next : 30) - 1;
	if (later.now.hi_ns < q->now.hi_ns)
		return false;
	then = ask_world(world, &later);
	return !same(&now, &then);
}

START_TEST(nothing_changes_before_the_next_change)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, is_missed, "a change is missed");
}
END_TEST

static bool an_added_rule_is_wrong(const struct world *world, const struct world_question *q,
				   enum vt_rule_kind kind)
{
	struct vt_decision before = ask_world(world, q), after;
	struct vt_rule more[WORLD_RULES + 1];
	struct world with = *world;

	memcpy(more, world->rules, sizeof world->rules);
	chance_state ^= q->now.lo_ns;
	more[with.policy.rule_count] = world_rule(50);
	more[with.policy.rule_count].kind = kind;
	with.policy.rules = more;
	with.policy.rule_count++;
	after = ask_world(&with, q);
	return kind == VT_RULE_ALLOW ? before.allowed && !after.allowed
				     : !before.allowed && after.allowed;
}

static bool an_allow_takes(const struct world *world, const struct world_question *q)
{
	return an_added_rule_is_wrong(world, q, VT_RULE_ALLOW);
}

static bool a_deny_gives(const struct world *world, const struct world_question *q)
{
	return an_added_rule_is_wrong(world, q, VT_RULE_DENY);
}

static bool a_lease_gives(const struct world *world, const struct world_question *q)
{
	struct vt_decision before = ask_world(world, q), after;
	struct vt_lease more[WORLD_LEASES + 1];
	struct world with = *world;

	memcpy(more, world->leases, sizeof world->leases);
	more[with.policy.lease_count] = world_lease(50);
	with.policy.leases = more;
	if (more[with.policy.lease_count++].holder.id == q->who.uid)
		return false;
	after = ask_world(&with, q);
	return !before.allowed && after.allowed;
}

START_TEST(an_allow_more_never_takes)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, an_allow_takes, "an allow takes");
}
END_TEST

START_TEST(a_deny_more_never_gives)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, a_deny_gives, "a deny gives");
}
END_TEST

START_TEST(a_lease_more_never_gives_to_others_than_its_holder)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, a_lease_gives, "a lease gives");
}
END_TEST

static uint64_t shifted(uint64_t ns)
{
	return ns == VT_TIME_NEVER ? ns : ns + 1000;
}

static bool depends_on_the_epoch(const struct world *world, const struct world_question *q)
{
	struct vt_decision before = ask_world(world, q), after;
	struct world_question later = *q;
	struct world moved = *world;

	moved.policy.rules = moved.rules;
	moved.policy.leases = moved.leases;
	moved.policy.partners = moved.partners;
	for (size_t i = 0; i < WORLD_RULES; i++) {
		moved.rules[i].from_ns = shifted(moved.rules[i].from_ns);
		moved.rules[i].until_ns = shifted(moved.rules[i].until_ns);
	}
	for (size_t i = 0; i < WORLD_LEASES; i++)
		moved.leases[i].until_ns = shifted(moved.leases[i].until_ns);
	for (size_t i = 0; i < WORLD_PARTNERS; i++)
		moved.partners[i].until_ns = shifted(moved.partners[i].until_ns);
	later.now = (struct vt_instant){q->now.lo_ns + 1000, q->now.hi_ns + 1000};
	later.who.groups = later.groups;
	after = ask_world(&moved, &later);
	return !same(&before, &after) || shifted(before.valid_until_ns) != after.valid_until_ns;
}

START_TEST(only_the_distance_of_times_matters)
{
	world_search(world_comparisons(200000) / 4, QUESTIONS, depends_on_the_epoch,
		     "the epoch matters");
}
END_TEST

VT_SUITE(evaluate_random, both_evaluators_agree, the_order_of_rules_does_not_matter,
	 no_answer_changes_before_it_says, nothing_changes_before_the_next_change,
	 an_allow_more_never_takes, a_deny_more_never_gives,
	 a_lease_more_never_gives_to_others_than_its_holder, only_the_distance_of_times_matters)
