/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See explain.h. What takes the right from the asker is found by asking about each deny and each
 * lease alone, with an allow beside it: it is refused where that one takes it. All of those would
 * have to go, so where they are few every set of changes is tried, the small ones first.
 */
#include "policy/explain.h"

#include <errno.h>
#include <stdlib.h>

#include "index/base/array.h"
#include "index/base/cleanup.h"
#include "policy/named.h"

/* ---- steps ----------------------------------------------------------------------------------- */

struct recorder {
	struct vt_explain_step *steps;
	size_t count, cap;
	bool failed;
};

static void record(void *context, const char *step, const struct vt_rule *rule,
		   const struct vt_lease *lease, bool matched)
{
	struct recorder *recorder = context;

	if (vt_array_reserve(recorder->steps, recorder->cap, recorder->count + 1) < 0) {
		recorder->failed = true;
		return;
	}
	recorder->steps[recorder->count++] =
		(struct vt_explain_step){step, rule ? rule->id : 0, lease ? lease->id : 0, matched};
}

/* ---- what is asked, and changes to it -------------------------------------------------------- */

struct question {
	const struct vt_policy *policy;
	const struct vt_asker *who;
	enum vt_right right;
	const struct vt_object *object;
	struct vt_instant now;
};

static struct vt_pattern pattern_of(const struct vt_object *object)
{
	struct vt_pattern pattern = {.scope = VT_SCOPE_ALL};

	if (object->dataset)
		pattern = (struct vt_pattern){.scope = object->version ? VT_SCOPE_VERSION
								       : VT_SCOPE_DATASET,
					      .dataset = object->dataset,
					      .version = object->version};
	else if (object->space)
		pattern.scope = VT_SCOPE_SPACE;
	for (size_t i = 0;
	     pattern.scope == VT_SCOPE_SPACE && object->space[i] && i < VT_NAME_PART_MAX; i++)
		pattern.space[i] = object->space[i];
	return pattern;
}

static enum vt_right to_grant(enum vt_right right)
{
	return right == VT_RIGHT_SEE ? VT_RIGHT_BROWSE : right;
}

/* Anyone: the question is about this asker alone, and it must hold whatever names have changed. */
static struct vt_rule allow_of(const struct question *q)
{
	return (struct vt_rule){.id = UINT64_MAX,
				.kind = VT_RULE_ALLOW,
				.right = to_grant(q->right),
				.who = {.kind = VT_PRINCIPAL_ANYONE},
				.object = pattern_of(q->object),
				.until_ns = VT_TIME_NEVER};
}

static bool is_allowed(const struct question *q, const struct vt_policy *policy, bool stale)
{
	struct vt_asker who = *q->who;
	struct vt_decision decision;

	who.stale = stale;
	vt_decide(policy, &who, q->right, q->object, q->now, &decision, NULL);
	return decision.allowed;
}

static bool rule_takes(const struct question *q, const struct vt_rule *rule)
{
	const struct vt_rule both[] = {*rule, allow_of(q)};
	struct vt_policy policy = *q->policy;

	policy.rules = both;
	policy.rule_count = 2;
	policy.lease_count = 0;
	return rule->kind != VT_RULE_ALLOW && !is_allowed(q, &policy, false);
}

static bool lease_takes(const struct question *q, const struct vt_lease *lease)
{
	const struct vt_rule allow = allow_of(q);
	struct vt_policy policy = *q->policy;

	policy.rules = &allow;
	policy.rule_count = 1;
	policy.leases = lease;
	policy.lease_count = 1;
	return !is_allowed(q, &policy, false);
}

#define CANDIDATES_MAX                                                                             \
	(VT_REMEDIES_MAX + 1) /* what takes, all of which has to go, and an allow                  \
			       */

static void add_candidate(struct vt_remedy *candidates, size_t *count, struct vt_remedy change)
{
	if (*count < CANDIDATES_MAX)
		candidates[*count] = change;
	(*count)++;
}

/* More than CANDIDATES_MAX: no set of three will do. */
static size_t find_candidates(const struct question *q, struct vt_remedy *candidates)
{
	size_t count = 0;

	if (q->who->stale)
		add_candidate(candidates, &count,
			      (struct vt_remedy){.kind = VT_REMEDY_ACCEPT_NAME});
	for (size_t i = 0; i < q->policy->rule_count; i++)
		if (rule_takes(q, &q->policy->rules[i]))
			add_candidate(candidates, &count,
				      (struct vt_remedy){.kind = VT_REMEDY_REMOVE_RULE,
							 .id = q->policy->rules[i].id});
	for (size_t i = 0; i < q->policy->lease_count; i++)
		if (lease_takes(q, &q->policy->leases[i]))
			add_candidate(candidates, &count,
				      (struct vt_remedy){.kind = VT_REMEDY_END_LEASE,
							 .id = q->policy->leases[i].id});
	add_candidate(candidates, &count,
		      (struct vt_remedy){.kind = VT_REMEDY_ALLOW, .right = to_grant(q->right)});
	return count;
}

/* The policy with the changes made; its arrays are the trial's. */
struct trial {
	struct vt_policy policy;
	struct vt_rule *rules;
	struct vt_lease *leases;
	bool stale;
};

static int trial_init(const struct question *q, struct trial *trial)
{
	trial->policy = *q->policy;
	trial->rules = calloc(q->policy->rule_count + 1, sizeof *trial->rules);
	trial->leases = calloc(q->policy->lease_count + 1, sizeof *trial->leases);
	trial->policy.rules = trial->rules;
	trial->policy.leases = trial->leases;
	return trial->rules && trial->leases ? 0 : -ENOMEM;
}

static void trial_done(struct trial *trial)
{
	free(trial->rules);
	free(trial->leases);
}

static bool removes(const struct vt_remedy *changes, size_t count, unsigned set,
		    enum vt_remedy_kind kind, uint64_t id)
{
	for (size_t i = 0; i < count; i++)
		if (set & 1u << i && changes[i].kind == kind && changes[i].id == id)
			return true;
	return false;
}

static bool would_allow(const struct question *q, const struct vt_remedy *changes, size_t count,
			unsigned set, struct trial *trial)
{
	struct vt_policy *policy = &trial->policy;

	policy->rule_count = policy->lease_count = 0;
	for (size_t i = 0; i < q->policy->rule_count; i++)
		if (!removes(changes, count, set, VT_REMEDY_REMOVE_RULE, q->policy->rules[i].id))
			trial->rules[policy->rule_count++] = q->policy->rules[i];
	for (size_t i = 0; i < q->policy->lease_count; i++)
		if (!removes(changes, count, set, VT_REMEDY_END_LEASE, q->policy->leases[i].id))
			trial->leases[policy->lease_count++] = q->policy->leases[i];
	if (removes(changes, count, set, VT_REMEDY_ALLOW, 0))
		trial->rules[policy->rule_count++] = allow_of(q);
	trial->stale = q->who->stale && !removes(changes, count, set, VT_REMEDY_ACCEPT_NAME, 0);
	return is_allowed(q, policy, trial->stale);
}

static int find_changes(const struct question *q, struct vt_explanation *out)
{
	vt_cleanup(trial_done) struct trial trial = {0};
	struct vt_remedy candidates[CANDIDATES_MAX];
	size_t count = find_candidates(q, candidates);
	int r = trial_init(q, &trial);

	if (r < 0 || count > CANDIDATES_MAX)
		return r;
	for (int size = 1; size <= (int) VT_REMEDIES_MAX; size++)
		for (unsigned set = 1; set < 1u << count; set++) {
			if (__builtin_popcount(set) != size ||
			    !would_allow(q, candidates, count, set, &trial))
				continue;
			for (size_t i = 0; i < count; i++)
				if (set & 1u << i)
					out->changes[out->change_count++] = candidates[i];
			return 0;
		}
	return 0;
}

/* ---- explaining ------------------------------------------------------------------------------ */

#define ENDS_MAX 1000 /* looked at; a policy with more has the last of them named */

/* An answer may hold longer than the first thing that changes: by another rule, for example. */
static uint64_t stays_until(const struct question *q, const struct vt_decision *first)
{
	uint64_t at = first->valid_until_ns;

	for (int i = 0; i < ENDS_MAX && at != VT_TIME_NEVER; i++) {
		struct vt_decision then;

		at = at < q->now.hi_ns ? q->now.hi_ns : at;
		vt_decide(q->policy, q->who, q->right, q->object, (struct vt_instant){at, at},
			  &then, NULL);
		if (then.allowed != first->allowed)
			return at;
		at = then.valid_until_ns;
	}
	return at;
}

int vt_explain(const struct vt_policy *policy, const struct vt_asker *who, enum vt_right right,
	       const struct vt_object *object, struct vt_instant now, struct vt_explanation *out)
{
	const struct question q = {policy, who, right, object, now};
	struct vt_explanation made = {0};
	struct recorder recorder = {0};
	const struct vt_trace trace = {record, &recorder};
	int r = 0;

	vt_decide(policy, who, right, object, now, &made.decision, &trace);
	made.steps = recorder.steps;
	made.step_count = recorder.count;
	made.until_ns = stays_until(&q, &made.decision);
	if (!made.decision.allowed)
		r = find_changes(&q, &made);
	if (r < 0 || recorder.failed) {
		vt_explanation_done(&made);
		return -ENOMEM;
	}
	*out = made;
	return 0;
}

void vt_explanation_done(struct vt_explanation *explanation)
{
	free(explanation->steps);
	explanation->steps = NULL;
	explanation->step_count = 0;
}

/* ---- who can --------------------------------------------------------------------------------- */

static int add_users(const struct question *q, struct vt_ids *users)
{
	int r = vt_ids_add(users, 0);

	if (r == 0)
		r = vt_ids_add(users, q->policy->store_owner);
	if (r == 0 && q->object->dataset)
		r = vt_ids_add(users, q->object->owner_uid);
	for (size_t i = 0; i < q->policy->pin_count && r == 0; i++)
		r = vt_ids_add(users, q->policy->pins[i].uid);
	return r;
}

static void ask(const struct question *q, const struct vt_asker *who, struct vt_decision *out)
{
	vt_decide(q->policy, who, q->right, q->object, q->now, out, NULL);
}

static int ask_users(const struct question *q, const struct vt_asker_source *source,
		     const struct vt_ids *users, struct vt_who_can *out)
{
	for (size_t i = 0; i < users->count; i++) {
		struct vt_who *user = &out->users[out->user_count];
		struct vt_asker who = {.uid = users->ids[i]};
		int r = source->asker(source->context, users->ids[i], &who);

		if (r < 0)
			return r;
		user->id = users->ids[i];
		ask(q, &who, &user->decision);
		out->user_count += user->decision.allowed;
	}
	return 0;
}

static void ask_groups(const struct question *q, const struct vt_ids *groups,
		       struct vt_who_can *out)
{
	for (size_t i = 0; i < groups->count; i++) {
		struct vt_who *group = &out->groups[out->group_count];
		struct vt_asker who = {
			.uid = VT_UID_NOBODYS, .groups = &groups->ids[i], .group_count = 1};

		group->id = groups->ids[i];
		ask(q, &who, &group->decision);
		out->group_count += group->decision.allowed;
	}
}

static int ask_everybody(const struct question *q, const struct vt_asker_source *source,
			 const struct vt_ids *users, const struct vt_ids *groups,
			 struct vt_who_can *out)
{
	const struct vt_asker nobody = {.uid = VT_UID_NOBODYS};

	out->users = calloc(users->count + 1, sizeof *out->users);
	out->groups = calloc(groups->count + 1, sizeof *out->groups);
	if (!out->users || !out->groups)
		return -ENOMEM;
	ask(q, &nobody, &out->others);
	ask_groups(q, groups, out);
	return ask_users(q, source, users, out);
}

int vt_who_can(const struct vt_policy *policy, const struct vt_asker_source *source,
	       enum vt_right right, const struct vt_object *object, struct vt_instant now,
	       struct vt_who_can *out)
{
	const struct question q = {policy, NULL, right, object, now};
	vt_cleanup(vt_ids_done) struct vt_ids users = {0}, groups = {0};
	struct vt_who_can made = {0};
	int r = add_users(&q, &users);

	if (r == 0)
		r = vt_policy_named(policy, &users, &groups);
	if (r == 0)
		r = ask_everybody(&q, source, &users, &groups, &made);
	if (r < 0)
		vt_who_can_done(&made);
	else
		*out = made;
	return r;
}

void vt_who_can_done(struct vt_who_can *who)
{
	free(who->users);
	free(who->groups);
	*who = (struct vt_who_can){0};
}
