/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The model once more, as sets: whoever asks is a set of names, whatever is asked about lies in a
 * set of patterns, and a rule bears when its name and its pattern are in them. Written from
 * policy/model.md and apart from policy/evaluate.c, of which it uses nothing but the types. Slow.
 */
#include <string.h>

#include "policy/evaluate.h"

struct naive_answer {
	bool allowed;
	enum vt_reason reason;
	uint64_t rule;
};

/* ---- pairs of the model ---------------------------------------------------------------------- */

struct naive_pair {
	enum vt_right rule, asked;
};

static const struct naive_pair naive_allows[] = {
	{VT_RIGHT_BROWSE, VT_RIGHT_BROWSE}, {VT_RIGHT_READ, VT_RIGHT_BROWSE},
	{VT_RIGHT_LEASE, VT_RIGHT_BROWSE},  {VT_RIGHT_CURATE, VT_RIGHT_BROWSE},
	{VT_RIGHT_READ, VT_RIGHT_READ},     {VT_RIGHT_LEASE, VT_RIGHT_READ},
	{VT_RIGHT_LEASE, VT_RIGHT_LEASE},   {VT_RIGHT_CURATE, VT_RIGHT_CURATE},
	{VT_RIGHT_ADMIN, VT_RIGHT_ADMIN},
};

static const struct naive_pair naive_denies[] = {
	{VT_RIGHT_BROWSE, VT_RIGHT_BROWSE}, {VT_RIGHT_BROWSE, VT_RIGHT_READ},
	{VT_RIGHT_BROWSE, VT_RIGHT_LEASE},  {VT_RIGHT_READ, VT_RIGHT_READ},
	{VT_RIGHT_READ, VT_RIGHT_LEASE},    {VT_RIGHT_LEASE, VT_RIGHT_LEASE},
	{VT_RIGHT_CURATE, VT_RIGHT_CURATE}, {VT_RIGHT_ADMIN, VT_RIGHT_ADMIN},
};

static inline bool naive_has_pair(const struct naive_pair *pairs, size_t count, enum vt_right rule,
				  enum vt_right asked)
{
	for (size_t i = 0; i < count; i++)
		if (pairs[i].rule == rule && pairs[i].asked == asked)
			return true;
	return false;
}
#define NAIVE_HAS(pairs, rule, asked)                                                              \
	naive_has_pair(pairs, sizeof(pairs) / sizeof *(pairs), rule, asked)

/* ---- the set of patterns that an object lies in ---------------------------------------------- */

static inline bool naive_in(const struct vt_pattern *p, const struct vt_object *o)
{
	bool all = p->scope == VT_SCOPE_ALL;
	bool space = p->scope == VT_SCOPE_SPACE && o->space && !strcmp(p->space, o->space);
	bool dataset = p->scope == VT_SCOPE_DATASET && o->dataset != 0 && p->dataset == o->dataset;
	bool version = p->scope == VT_SCOPE_VERSION && o->version != 0 &&
		       p->dataset == o->dataset && p->version == o->version;

	return all || space || dataset || version;
}

static inline bool naive_scope_known(const struct vt_pattern *p)
{
	return p->scope == VT_SCOPE_ALL || p->scope == VT_SCOPE_SPACE ||
	       p->scope == VT_SCOPE_DATASET || p->scope == VT_SCOPE_VERSION;
}

static inline bool naive_in_or_unknown(const struct vt_pattern *p, const struct vt_object *o)
{
	return naive_in(p, o) || !naive_scope_known(p);
}

/* A lease on a part keeps the whole from being leased. */
static inline bool naive_part(const struct vt_pattern *p, const struct vt_object *o)
{
	bool store = o->dataset == 0 && !o->space;
	bool space = o->dataset == 0 && o->space;

	if (store)
		return true;
	if (space)
		return p->scope == VT_SCOPE_DATASET || p->scope == VT_SCOPE_VERSION;
	return o->version == 0 && p->scope == VT_SCOPE_VERSION && p->dataset == o->dataset;
}

/* ---- the set of names that an asker has ------------------------------------------------------ */

static inline bool naive_renamed(const struct vt_policy *policy, uint32_t uid, const char *name)
{
	for (size_t i = 0; i < policy->pin_count; i++)
		if (policy->pins[i].uid == uid && strcmp(policy->pins[i].name, name) != 0)
			return true;
	return false;
}

static inline bool naive_principal_known(const struct vt_principal *p)
{
	return p->kind == VT_PRINCIPAL_USER || p->kind == VT_PRINCIPAL_OSGROUP ||
	       p->kind == VT_PRINCIPAL_PARTNER || p->kind == VT_PRINCIPAL_ANYONE;
}

/* `give`: for what gives something, a name that the uid had before does not count. */
static inline bool naive_is(const struct vt_policy *policy, const struct vt_principal *p,
			    const struct vt_asker *who, bool give, uint64_t *end)
{
	*end = VT_TIME_NEVER;
	if (p->kind == VT_PRINCIPAL_ANYONE)
		return true;
	if (p->kind == VT_PRINCIPAL_USER)
		return p->id == who->uid && !(give && naive_renamed(policy, p->id, p->name));
	for (size_t g = 0; p->kind == VT_PRINCIPAL_OSGROUP && g < who->group_count; g++)
		if (who->groups[g] == p->id)
			return true;
	for (size_t i = 0; p->kind == VT_PRINCIPAL_PARTNER && i < policy->partner_count; i++)
		for (size_t m = 0; m < policy->partners[i].member_count; m++) {
			const struct vt_member *member = &policy->partners[i].members[m];

			*end = policy->partners[i].until_ns;
			if (policy->partners[i].id == p->id && member->uid == who->uid &&
			    !(give && naive_renamed(policy, member->uid, member->name)))
				return true;
		}
	return false;
}

/* ---- time ------------------------------------------------------------------------------------ */

static inline bool naive_over(uint64_t reading, uint64_t end)
{
	return end != VT_TIME_NEVER && reading >= end;
}

static inline uint64_t naive_least(uint64_t a, uint64_t b)
{
	return a > b ? b : a;
}

/* ---- steps ----------------------------------------------------------------------------------- */

static inline uint64_t naive_unknown(const struct vt_policy *policy, const struct vt_asker *who,
				     const struct vt_object *o)
{
	uint64_t first = 0, end;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *r = &policy->rules[i];
		bool kind = r->kind != VT_RULE_ALLOW && r->kind != VT_RULE_DENY;
		bool deny = r->kind == VT_RULE_DENY &&
			    ((unsigned) r->right >= VT_RIGHT_COUNT ||
			     !naive_principal_known(&r->who) || !naive_scope_known(&r->object));

		if ((kind || deny) && naive_in_or_unknown(&r->object, o) &&
		    (!naive_principal_known(&r->who) ||
		     naive_is(policy, &r->who, who, false, &end)) &&
		    (first == 0 || r->id < first))
			first = r->id;
	}
	return first;
}

static inline uint64_t naive_denied(const struct vt_policy *policy, const struct vt_asker *who,
				    enum vt_right right, const struct vt_object *o,
				    struct vt_instant now)
{
	uint64_t first = 0, end;

	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *r = &policy->rules[i];

		if (r->kind == VT_RULE_DENY && NAIVE_HAS(naive_denies, r->right, right) &&
		    naive_in(&r->object, o) && naive_is(policy, &r->who, who, false, &end) &&
		    r->from_ns <= now.hi_ns && !naive_over(now.lo_ns, r->until_ns) &&
		    !naive_over(now.lo_ns, end) && (first == 0 || r->id < first))
			first = r->id;
	}
	return first;
}

static inline bool naive_holder(const struct vt_policy *policy, const struct vt_lease *l,
				const struct vt_asker *who)
{
	uint64_t end;

	return l->state == VT_LEASE_ACTIVE && l->holder.kind == VT_PRINCIPAL_USER &&
	       naive_is(policy, &l->holder, who, true, &end);
}

static inline const struct vt_lease *naive_masked(const struct vt_policy *policy,
						  const struct vt_asker *who, enum vt_right right,
						  const struct vt_object *o)
{
	const struct vt_lease *first = NULL;

	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *l = &policy->leases[i];
		bool masks = l->state != VT_LEASE_QUEUED && l->state != VT_LEASE_ENDED;
		bool here = naive_in_or_unknown(&l->object, o) ||
			    (right == VT_RIGHT_LEASE && naive_part(&l->object, o));

		if (masks && here && !naive_holder(policy, l, who) && (!first || l->id < first->id))
			first = l;
	}
	return right == VT_RIGHT_BROWSE || right == VT_RIGHT_READ || right == VT_RIGHT_LEASE ? first
											     : NULL;
}

static inline uint64_t naive_held(const struct vt_policy *policy, const struct vt_asker *who,
				  enum vt_right right, const struct vt_object *o,
				  struct vt_instant now)
{
	uint64_t first = 0;

	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *l = &policy->leases[i];

		if (naive_in(&l->object, o) && naive_holder(policy, l, who) &&
		    !naive_over(now.hi_ns, l->until_ns) && (first == 0 || l->id < first))
			first = l->id;
	}
	return right == VT_RIGHT_BROWSE || right == VT_RIGHT_READ ? first : 0;
}

/* Does the rule give the asker this right on the object, at some time? `*end`: until when. */
static inline bool naive_gives(const struct vt_policy *policy, const struct vt_rule *r,
			       const struct vt_asker *who, enum vt_right right,
			       const struct vt_object *o, uint64_t *end)
{
	bool by_pair = NAIVE_HAS(naive_allows, r->right, right);
	bool by_name = r->right == VT_RIGHT_READ && right == VT_RIGHT_LEASE &&
		       (r->who.kind == VT_PRINCIPAL_USER || r->who.kind == VT_PRINCIPAL_OSGROUP);

	if (r->kind != VT_RULE_ALLOW || !(by_pair || by_name) || !naive_in(&r->object, o) ||
	    !naive_is(policy, &r->who, who, true, end))
		return false;
	*end = naive_least(*end, r->until_ns);
	return r->from_ns < *end;
}

static inline struct naive_answer naive_allowed(const struct vt_policy *policy,
						const struct vt_asker *who, enum vt_right right,
						const struct vt_object *o, struct vt_instant now)
{
	struct naive_answer yes = {true, VT_REASON_RULE, 0}, soon = {false, VT_REASON_NOT_YET, 0};
	struct naive_answer past = {false, VT_REASON_ENDED, 0},
			    none = {false, VT_REASON_NO_GRANT, 0};
	uint64_t yes_end = 0, soon_from = VT_TIME_NEVER, past_end = 0, end;

	for (size_t i = 0; i < policy->lease_count; i++) {
		const struct vt_lease *l = &policy->leases[i];

		if ((right == VT_RIGHT_BROWSE || right == VT_RIGHT_READ) &&
		    naive_in(&l->object, o) && naive_holder(policy, l, who) &&
		    naive_over(now.hi_ns, l->until_ns) &&
		    (!past.rule || l->until_ns > past_end ||
		     (l->until_ns == past_end && l->id < past.rule))) {
			past.rule = l->id;
			past_end = l->until_ns;
		}
	}
	for (size_t i = 0; i < policy->rule_count; i++) {
		const struct vt_rule *r = &policy->rules[i];

		if (!naive_gives(policy, r, who, right, o, &end))
			continue;
		if (naive_over(now.hi_ns, end)) {
			if (!past.rule || end > past_end ||
			    (end == past_end && r->id < past.rule)) {
				past.rule = r->id;
				past_end = end;
			}
		} else if (r->from_ns > now.lo_ns) {
			if (!soon.rule || r->from_ns < soon_from ||
			    (r->from_ns == soon_from && r->id < soon.rule)) {
				soon.rule = r->id;
				soon_from = r->from_ns;
			}
		} else if (!yes.rule || end > yes_end || (end == yes_end && r->id < yes.rule)) {
			yes.rule = r->id;
			yes_end = end;
		}
	}
	return yes.rule ? yes : soon.rule ? soon : past.rule ? past : none;
}

static inline struct naive_answer naive_decide(const struct vt_policy *policy,
					       const struct vt_asker *who, enum vt_right right,
					       const struct vt_object *o, struct vt_instant now)
{
	bool mine = o->dataset != 0 && o->owner_uid == who->uid;
	bool house = who->uid == 0 || who->uid == policy->store_owner;
	const struct vt_lease *mask;
	uint64_t id;

	if (right == VT_RIGHT_SEE) {
		struct naive_answer b = naive_decide(policy, who, VT_RIGHT_BROWSE, o, now);
		struct naive_answer c = naive_decide(policy, who, VT_RIGHT_CURATE, o, now);
		struct naive_answer a = naive_decide(policy, who, VT_RIGHT_ADMIN, o, now);

		return b.allowed ? b : c.allowed ? c : a.allowed ? a : b;
	}
	if (who->stale)
		return (struct naive_answer){false, VT_REASON_STALE, 0};
	if (house && (right == VT_RIGHT_CURATE || right == VT_RIGHT_ADMIN))
		return (struct naive_answer){true, VT_REASON_STORE, 0};
	if (mine && right == VT_RIGHT_ADMIN)
		return (struct naive_answer){true, VT_REASON_OWNER, 0};
	if ((id = naive_unknown(policy, who, o)) != 0)
		return (struct naive_answer){false, VT_REASON_UNKNOWN_RULE, id};
	if ((id = naive_denied(policy, who, right, o, now)) != 0)
		return (struct naive_answer){false, VT_REASON_DENIED, id};
	if ((mask = naive_masked(policy, who, right, o)) != NULL)
		return (struct naive_answer){false,
					     mask->state == VT_LEASE_ACTIVE ? VT_REASON_LEASED
									    : VT_REASON_DRAINING,
					     mask->id};
	if ((id = naive_held(policy, who, right, o, now)) != 0)
		return (struct naive_answer){true, VT_REASON_HOLDER, id};
	if (mine)
		return (struct naive_answer){true, VT_REASON_OWNER, 0};
	return naive_allowed(policy, who, right, o, now);
}
