/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Why an answer is what it is, what would change it, and who else has it: the decision itself,
 * asked with a trace, with changes tried out, and about everybody. Pure.
 *
 * Thread-safe.
 */
#include "policy/evaluate.h"

/* One look of the decision at something, in order. */
struct vt_explain_step {
	const char *step; /* static: stale standing unknown deny lease holder owner allow nothing */
	uint64_t rule, lease; /* ids; 0: the step is about neither */
	bool matched;
};

enum vt_change_kind {
	VT_CHANGE_ACCEPT_NAME, /* the uid's present name is accepted */
	VT_CHANGE_REMOVE_RULE, /* rule `id`, a deny or one of an unknown kind */
	VT_CHANGE_END_LEASE,   /* lease `id` */
	VT_CHANGE_ALLOW,       /* the user is allowed `right` on the object */
};
struct vt_change {
	enum vt_change_kind kind;
	uint64_t id;
	enum vt_right right;
};
#define VT_CHANGES_MAX 3u

struct vt_explanation {
	struct vt_decision decision;
	uint64_t until_ns; /* until then it stays allowed, or refused; VT_TIME_NEVER */
	struct vt_explain_step *steps;
	size_t step_count;
	/* Of a refusal: the smallest set of changes that makes it allowed; none: more than three.
	 */
	struct vt_change changes[VT_CHANGES_MAX];
	size_t change_count;
};

/* -ENOMEM. On success the steps are the caller's, vt_explanation_done(). */
int vt_explain(const struct vt_policy *policy, const struct vt_asker *who, enum vt_right right,
	       const struct vt_object *object, struct vt_instant now, struct vt_explanation *out);
void vt_explanation_done(struct vt_explanation *explanation);

/* Facts about a uid; groups are borrowed until the next call. 0, or -errno to give up. */
struct vt_asker_source {
	int (*asker)(void *context, uint32_t uid, struct vt_asker *out);
	void *context;
};

struct vt_who {
	uint32_t id;                 /* uid or gid */
	struct vt_decision decision; /* an allowed one */
};
/* Everybody who has the right: users by name, groups by what they give by themselves. */
struct vt_who_can {
	struct vt_who *users, *groups; /* in order of ids */
	size_t user_count, group_count;
	struct vt_decision others; /* whoever is named nowhere, in none of those groups */
};

/* Users: those whom rules, leases and partners name, pins, the owners and root. -ENOMEM. */
int vt_who_can(const struct vt_policy *policy, const struct vt_asker_source *source,
	       enum vt_right right, const struct vt_object *object, struct vt_instant now,
	       struct vt_who_can *out);
void vt_who_can_done(struct vt_who_can *who);
