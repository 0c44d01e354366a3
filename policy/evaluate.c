/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See evaluate.h. The steps stand in vt_decide()'s order, one function each (policy/model.md, "The
 * decision"). Whatever is not known here, a kind, a scope, a state, is taken for what would deny.
 *
 * Where several rules would do, the answer names one by its id or its end, never by its place, so
 * that the order of rules shows nowhere.
 */
#include "policy/evaluate.h"

#include "policy/match.h"

/* What a question carries through the steps. */
struct question {
	const struct vt_policy *policy;
	const struct vt_asker *who;
	const struct vt_object *object;
	enum vt_right right;
	struct vt_instant now;
	const struct vt_trace *trace;
	uint64_t until_ns; /* the earliest change of what was looked at */
};

#define BIT(right) (1u << (right))

/* The rights that an allow of the index's right brings, whoever it is for. */
static const uint8_t brings[VT_RIGHT_COUNT] = {
	[VT_RIGHT_BROWSE] = BIT(VT_RIGHT_BROWSE),
	[VT_RIGHT_READ] = BIT(VT_RIGHT_READ) | BIT(VT_RIGHT_BROWSE),
	[VT_RIGHT_LEASE] = BIT(VT_RIGHT_LEASE) | BIT(VT_RIGHT_READ) | BIT(VT_RIGHT_BROWSE),
	[VT_RIGHT_CURATE] = BIT(VT_RIGHT_CURATE) | BIT(VT_RIGHT_BROWSE),
	[VT_RIGHT_ADMIN] = BIT(VT_RIGHT_ADMIN),
};

/* The rights that a deny of the index's right takes. */
static const uint8_t takes[VT_RIGHT_COUNT] = {
	[VT_RIGHT_BROWSE] = BIT(VT_RIGHT_BROWSE) | BIT(VT_RIGHT_READ) | BIT(VT_RIGHT_LEASE),
	[VT_RIGHT_READ] = BIT(VT_RIGHT_READ) | BIT(VT_RIGHT_LEASE),
	[VT_RIGHT_LEASE] = BIT(VT_RIGHT_LEASE),
	[VT_RIGHT_CURATE] = BIT(VT_RIGHT_CURATE),
	[VT_RIGHT_ADMIN] = BIT(VT_RIGHT_ADMIN),
};

static bool is_right(enum vt_right right)
{
	return (unsigned) right < VT_RIGHT_COUNT;
}

/* ---- time ------------------------------------------------------------------------------------ */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

static bool is_before(uint64_t instant, uint64_t end)
{
	return end == VT_TIME_NEVER || instant < end;
}

static void note(struct question *q, uint64_t instant)
{
	q->until_ns = earlier(q->until_ns, instant);
}

/* ---- the steps ------------------------------------------------------------------------------- */

static void trace_step(const struct question *q, const char *step, const struct vt_rule *rule,
		       const struct vt_lease *lease, bool matched)
{
	if (q->trace)
		q->trace->step(q->trace->context, step, rule, lease, matched);
}

static bool answer(const struct question *q, enum vt_reason reason, uint64_t rule,
		   struct vt_decision *out)
{
	*out = (struct vt_decision){.allowed = reason < VT_REASON_NO_GRANT,
				    .reason = reason,
				    .rule = rule,
				    .valid_until_ns = q->until_ns};
	return true;
}

/* Of several that would do, the one with the lowest id. */
static void keep_rule(const struct vt_rule **found, const struct vt_rule *rule)
{
	if (!*found || rule->id < (*found)->id)
		*found = rule;
}

static void keep_lease(const struct vt_lease **found, const struct vt_lease *lease)
{
	if (!*found || lease->id < (*found)->id)
		*found = lease;
}

static bool step_stale(struct question *q, struct vt_decision *out)
{
	trace_step(q, "stale", NULL, NULL, q->who->stale);
	return q->who->stale && answer(q, VT_REASON_STALE, 0, out);
}

static bool owns(const struct question *q)
{
	return q->object->dataset && q->object->owner_uid == q->who->uid;
}

/* What no deny takes: else rights could be given back by nobody. */
static bool step_standing(struct question *q, struct vt_decision *out)
{
	bool admin = q->right == VT_RIGHT_ADMIN, curate = q->right == VT_RIGHT_CURATE;
	bool store =
		(admin || curate) && (q->who->uid == 0 || q->who->uid == q->policy->store_owner);

	trace_step(q, "standing", NULL, NULL, store || (admin && owns(q)));
	if (store)
		return answer(q, VT_REASON_STORE, 0, out);
	return admin && owns(q) && answer(q, VT_REASON_OWNER, 0, out);
}

static bool is_unknown(const struct vt_rule *rule)
{
	if (rule->kind == VT_RULE_ALLOW)
		return false; /* what it does not know it does not give */
	return rule->kind != VT_RULE_DENY || !is_right(rule->right) ||
	       !vt_scope_is_known(rule->object.scope) || !vt_principal_is_known(rule->who.kind);
}

static bool step_unknown(struct question *q, struct vt_decision *out)
{
	const struct vt_rule *found = NULL;

	for (size_t i = 0; i < q->policy->rule_count; i++) {
		const struct vt_rule *rule = &q->policy->rules[i];
		uint64_t end_ns = VT_TIME_NEVER;
		bool matched;

		if (!is_unknown(rule) || !vt_pattern_may_cover(&rule->object, q->object))
			continue;
		matched = !vt_principal_is_known(rule->who.kind) ||
			  vt_principal_names(q->policy, &rule->who, q->who, VT_TO_TAKE, &end_ns);
		trace_step(q, "unknown", rule, NULL, matched);
		if (matched)
			keep_rule(&found, rule);
	}
	return found && answer(q, VT_REASON_UNKNOWN_RULE, found->id, out);
}

/* A deny holds when it may: from the first reading that reaches it to the last that leaves it. */
static bool deny_holds(struct question *q, const struct vt_rule *rule)
{
	uint64_t until_ns = rule->until_ns;

	if (!vt_principal_names(q->policy, &rule->who, q->who, VT_TO_TAKE, &until_ns) ||
	    !is_before(q->now.lo_ns, until_ns))
		return false;
	note(q, q->now.hi_ns < rule->from_ns ? rule->from_ns : until_ns);
	return rule->from_ns <= q->now.hi_ns;
}

static bool step_deny(struct question *q, struct vt_decision *out)
{
	const struct vt_rule *found = NULL;

	for (size_t i = 0; i < q->policy->rule_count; i++) {
		const struct vt_rule *rule = &q->policy->rules[i];
		bool matched;

		if (rule->kind != VT_RULE_DENY || is_unknown(rule) ||
		    !(takes[rule->right] & BIT(q->right)) ||
		    !vt_pattern_covers(&rule->object, q->object))
			continue;
		matched = deny_holds(q, rule);
		trace_step(q, "deny", rule, NULL, matched);
		if (matched)
			keep_rule(&found, rule);
	}
	return found && answer(q, VT_REASON_DENIED, found->id, out);
}

static bool holds_lease(const struct question *q, const struct vt_lease *lease)
{
	uint64_t end_ns = VT_TIME_NEVER;

	return lease->state == VT_LEASE_ACTIVE && lease->holder.kind == VT_PRINCIPAL_USER &&
	       vt_principal_names(q->policy, &lease->holder, q->who, VT_TO_GIVE, &end_ns);
}

/* Whatever the time: a lease masks until the book has ended it. */
static bool lease_bears(const struct question *q, const struct vt_lease *lease)
{
	if (lease->state == VT_LEASE_ENDED || lease->state == VT_LEASE_QUEUED)
		return false;
	return vt_pattern_may_cover(&lease->object, q->object) ||
	       (q->right == VT_RIGHT_LEASE && vt_pattern_may_be_inside(&lease->object, q->object));
}

static bool step_lease(struct question *q, struct vt_decision *out)
{
	const struct vt_lease *found = NULL;

	if (q->right == VT_RIGHT_CURATE || q->right == VT_RIGHT_ADMIN)
		return false;
	for (size_t i = 0; i < q->policy->lease_count; i++) {
		const struct vt_lease *lease = &q->policy->leases[i];
		bool matched;

		if (!lease_bears(q, lease))
			continue;
		matched = !holds_lease(q, lease);
		trace_step(q, "lease", NULL, lease, matched);
		if (matched)
			keep_lease(&found, lease);
	}
	if (!found)
		return false;
	return answer(q, found->state == VT_LEASE_ACTIVE ? VT_REASON_LEASED : VT_REASON_DRAINING,
		      found->id, out);
}

/* What would have allowed, for the sentence that says why nothing does. */
struct nearly {
	uint64_t ended, ended_ns;   /* the last to end */
	uint64_t begins, begins_ns; /* the first to begin */
};

static void nearly_ended(struct nearly *nearly, uint64_t id, uint64_t until_ns)
{
	if (!nearly->ended || until_ns > nearly->ended_ns ||
	    (until_ns == nearly->ended_ns && id < nearly->ended)) {
		nearly->ended = id;
		nearly->ended_ns = until_ns;
	}
}

static void nearly_begins(struct nearly *nearly, uint64_t id, uint64_t from_ns)
{
	if (!nearly->begins || from_ns < nearly->begins_ns ||
	    (from_ns == nearly->begins_ns && id < nearly->begins)) {
		nearly->begins = id;
		nearly->begins_ns = from_ns;
	}
}

static bool step_holder(struct question *q, struct nearly *nearly, struct vt_decision *out)
{
	const struct vt_lease *found = NULL;

	if (q->right != VT_RIGHT_BROWSE && q->right != VT_RIGHT_READ)
		return false;
	for (size_t i = 0; i < q->policy->lease_count; i++) {
		const struct vt_lease *lease = &q->policy->leases[i];
		bool matched;

		if (!vt_pattern_covers(&lease->object, q->object) || !holds_lease(q, lease))
			continue;
		matched = is_before(q->now.hi_ns, lease->until_ns);
		trace_step(q, "holder", NULL, lease, matched);
		if (!matched) {
			nearly_ended(nearly, lease->id, lease->until_ns);
			continue;
		}
		note(q, lease->until_ns);
		keep_lease(&found, lease);
	}
	return found && answer(q, VT_REASON_HOLDER, found->id, out);
}

static bool step_owner(struct question *q, struct vt_decision *out)
{
	trace_step(q, "owner", NULL, NULL, owns(q));
	return owns(q) && answer(q, VT_REASON_OWNER, 0, out);
}

/* To read is enough to take a lease for who is known by name or group here. */
static bool gives(const struct vt_rule *rule, enum vt_right right)
{
	if (rule->kind != VT_RULE_ALLOW || !is_right(rule->right))
		return false;
	if (brings[rule->right] & BIT(right))
		return true;
	return right == VT_RIGHT_LEASE && rule->right == VT_RIGHT_READ &&
	       (rule->who.kind == VT_PRINCIPAL_USER || rule->who.kind == VT_PRINCIPAL_OSGROUP);
}

/* An allow holds when it surely does: from the last reading to reach it to the first to go. */
static bool allow_holds(struct question *q, const struct vt_rule *rule, struct nearly *nearly,
			uint64_t *until_ns)
{
	*until_ns = rule->until_ns;
	if (!vt_principal_names(q->policy, &rule->who, q->who, VT_TO_GIVE, until_ns) ||
	    rule->from_ns >= *until_ns)
		return false;
	if (!is_before(q->now.hi_ns, *until_ns)) {
		nearly_ended(nearly, rule->id, *until_ns);
		return false;
	}
	if (q->now.lo_ns < rule->from_ns) {
		nearly_begins(nearly, rule->id, rule->from_ns);
		note(q, rule->from_ns);
		return false;
	}
	note(q, *until_ns);
	return true;
}

static bool step_allow(struct question *q, struct nearly *nearly, struct vt_decision *out)
{
	const struct vt_rule *found = NULL;
	uint64_t found_until_ns = 0;

	for (size_t i = 0; i < q->policy->rule_count; i++) {
		const struct vt_rule *rule = &q->policy->rules[i];
		uint64_t until_ns;
		bool matched;

		if (!gives(rule, q->right) || !vt_pattern_covers(&rule->object, q->object))
			continue;
		matched = allow_holds(q, rule, nearly, &until_ns);
		trace_step(q, "allow", rule, NULL, matched);
		if (matched && (!found || until_ns > found_until_ns ||
				(until_ns == found_until_ns && rule->id < found->id))) {
			found = rule;
			found_until_ns = until_ns;
		}
	}
	return found && answer(q, VT_REASON_RULE, found->id, out);
}

static void step_nothing(const struct question *q, const struct nearly *nearly,
			 struct vt_decision *out)
{
	trace_step(q, "nothing", NULL, NULL, true);
	if (nearly->begins)
		(void) answer(q, VT_REASON_NOT_YET, nearly->begins, out);
	else if (nearly->ended)
		(void) answer(q, VT_REASON_ENDED, nearly->ended, out);
	else
		(void) answer(q, VT_REASON_NO_GRANT, 0, out);
}

static void decide_one(struct question q, struct vt_decision *out)
{
	struct nearly nearly = {0};

	q.until_ns = VT_TIME_NEVER;
	if (!is_right(q.right)) {
		step_nothing(&q, &nearly, out);
		return;
	}
	if (step_stale(&q, out) || step_standing(&q, out) || step_unknown(&q, out) ||
	    step_deny(&q, out) || step_lease(&q, out) || step_holder(&q, &nearly, out) ||
	    step_owner(&q, out) || step_allow(&q, &nearly, out))
		return;
	step_nothing(&q, &nearly, out);
}

/* To see is to browse, to curate or to administer; who may do none hears why not to browse. */
static void decide_see(struct question q, struct vt_decision *out)
{
	static const enum vt_right or_by[] = {VT_RIGHT_CURATE, VT_RIGHT_ADMIN};

	q.right = VT_RIGHT_BROWSE;
	decide_one(q, out);
	for (size_t i = 0; i < 2 && !out->allowed; i++) {
		struct vt_decision by;
		uint64_t until_ns;

		q.right = or_by[i];
		decide_one(q, &by);
		until_ns = earlier(out->valid_until_ns, by.valid_until_ns);
		if (by.allowed)
			*out = by;
		out->valid_until_ns = until_ns;
	}
}

void vt_decide(const struct vt_policy *policy, const struct vt_asker *who, enum vt_right right,
	       const struct vt_object *object, struct vt_instant now, struct vt_decision *out,
	       const struct vt_trace *trace)
{
	const struct question q = {.policy = policy,
				   .who = who,
				   .object = object,
				   .right = right,
				   .now = now,
				   .trace = trace};

	if (right == VT_RIGHT_SEE)
		decide_see(q, out);
	else
		decide_one(q, out);
}

/* ---- what comes ------------------------------------------------------------------------------ */

static void next_of(uint64_t instant, struct vt_instant now, uint64_t *next)
{
	if (instant > now.lo_ns)
		*next = earlier(*next, instant);
}

uint64_t vt_policy_next_change(const struct vt_policy *policy, struct vt_instant now)
{
	uint64_t next = VT_TIME_NEVER;

	for (size_t i = 0; i < policy->rule_count; i++) {
		next_of(policy->rules[i].from_ns, now, &next);
		next_of(policy->rules[i].until_ns, now, &next);
	}
	for (size_t i = 0; i < policy->lease_count; i++)
		if (policy->leases[i].state == VT_LEASE_ACTIVE)
			next_of(policy->leases[i].until_ns, now, &next);
	for (size_t i = 0; i < policy->partner_count; i++)
		next_of(policy->partners[i].until_ns, now, &next);
	return next;
}
