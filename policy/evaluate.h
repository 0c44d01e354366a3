/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The pure decision: no I/O, no clock, no allocation, total. The same input gives the same answer,
 * whatever the order of rules. Model and order of steps: policy/model.md.
 *
 * Thread-safe: a policy is immutable.
 */
#include "policy/rule.h"

/* Everything that decides. Immutable and counted once the book has published it (book.h). */
struct vt_policy {
	uint64_t revision;
	uint32_t store_owner; /* uid; he and uid 0 have admin on everything, and curate */
	const struct vt_rule *rules;
	size_t rule_count;
	const struct vt_lease *leases; /* without ended ones */
	size_t lease_count;
	const struct vt_partner *partners; /* in order of ids */
	size_t partner_count;
	const struct vt_member *pins; /* uid -> name at first use, in order of uids */
	size_t pin_count;
};

/* NULL when there is none, or not any more. */
const struct vt_rule *vt_policy_rule(const struct vt_policy *policy, uint64_t id);
const struct vt_lease *vt_policy_lease(const struct vt_policy *policy, uint64_t id);
const struct vt_partner *vt_policy_partner(const struct vt_policy *policy, uint32_t id);
const struct vt_partner *vt_policy_partner_named(const struct vt_policy *policy, const char *name);
/* In an array that is in order of uids: a partner's members, the pins. */
const struct vt_member *vt_member_find(const struct vt_member *members, size_t count, uint32_t uid);

/* Who asks, as facts. */
struct vt_asker {
	uint32_t uid;
	bool stale; /* the uid's name is no longer the pinned one: nothing is theirs but denials */
	const uint32_t *groups; /* gids by the user database, not the process's own */
	size_t group_count;
};

/* Both readings of the clock (instant.h): a right ends at `hi`, others' exclusion at `lo`. */
struct vt_instant {
	uint64_t lo_ns, hi_ns; /* lo <= hi */
};

/* Why. A name and a sentence each, in reason.c; the names stand in audit logs, and so never change.
 */
enum vt_reason {
	VT_REASON_RULE = 1,          /* allowed by `rule` */
	VT_REASON_OWNER = 2,         /* allowed: the dataset's owner */
	VT_REASON_STORE = 3,         /* allowed: root or the store's owner, for admin and curate */
	VT_REASON_HOLDER = 4,        /* allowed by lease `rule` */
	VT_REASON_NO_GRANT = 16,     /* nothing allows it */
	VT_REASON_NOT_YET = 17,      /* rule `rule` would, from a later time on */
	VT_REASON_ENDED = 18,        /* rule or lease `rule` did, until a time that has passed */
	VT_REASON_DENIED = 19,       /* by deny `rule` */
	VT_REASON_LEASED = 20,       /* to another: lease `rule` */
	VT_REASON_DRAINING = 21,     /* lease `rule` is being ended */
	VT_REASON_STALE = 22,        /* the uid belonged to another user when it was named */
	VT_REASON_UNKNOWN_RULE = 23, /* `rule` is of a kind that this program does not know */
	VT_REASON_OTHER_MOUNT = 24,  /* by a mount that is not for them; no decision says so */
	VT_REASON_LEFTOVER = 25 /* not by the policy: the gate is shut (gate.h, vt_gate_shut()) */
};

struct vt_decision {
	bool allowed;
	enum vt_reason reason;
	uint64_t rule; /* id of the rule or lease; 0: none */
	/*
	 * The decision holds while hi_ns is below it (and the policy stays). Not above the present
	 * hi_ns: it holds for this instant only, since lo_ns is still before a change.
	 */
	uint64_t valid_until_ns;
};

/* Each step that was looked at, in order; for explain. `step` is called with static text. */
struct vt_trace {
	void (*step)(void *context, const char *step, const struct vt_rule *rule,
		     const struct vt_lease *lease, bool matched);
	void *context;
};

/* `trace` may be NULL. */
void vt_decide(const struct vt_policy *policy, const struct vt_asker *who, enum vt_right right,
	       const struct vt_object *object, struct vt_instant now, struct vt_decision *out,
	       const struct vt_trace *trace);

bool vt_pattern_covers(const struct vt_pattern *pattern, const struct vt_object *object);
/* The same for what takes away: a scope that is not known may cover anything. */
bool vt_pattern_may_cover(const struct vt_pattern *pattern, const struct vt_object *object);
/* Can the two have an object in common? With the spaces of their datasets; NULL: none. */
bool vt_pattern_meets(const struct vt_pattern *a, const char *a_dataset_space,
		      const struct vt_pattern *b, const char *b_dataset_space);

/* Is the asker (not stale) this principal, at that time? Partners by their members and end. */
bool vt_principal_is(const struct vt_policy *policy, const struct vt_principal *principal,
		     const struct vt_asker *who, struct vt_instant now);

/*
 * The next instant after `now.lo_ns` at which any window of a rule, lease or partner begins or
 * ends; VT_TIME_NEVER. Until then no decision changes by itself.
 */
uint64_t vt_policy_next_change(const struct vt_policy *policy, struct vt_instant now);
