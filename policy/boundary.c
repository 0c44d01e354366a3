/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See boundary.h. For every (object, right) that lets somebody in, vt_decide() is asked about
 *
 *     a uid that nobody has, in no group        allowed: everybody is let in
 *     the same in one group, for each named     allowed: the group is let in
 *     each user named, in no group              allowed: let in; denied: shut out, whatever their
 *                                               groups; neither: their groups decide
 *
 * More groups bring a user more denials too, which this does not see: OPEN does. It never errs the
 * other way: who is allowed with all his groups is allowed with none or with one of them. A group
 * is never shut out: the kernel knows a process's groups, not the user's, and they may differ.
 */
#include "policy/boundary.h"

#include <errno.h>
#include <stdlib.h>

#include "policy/named.h"

struct user {
	bool in;   /* by name, somewhere */
	bool open; /* their groups, or what is open to everybody, let them in somewhere */
};

struct audience {
	struct vt_ids users, groups;
	struct user *of_user; /* as in users */
	bool *of_group;       /* as in groups: let in somewhere */
	bool everybody;
	uint64_t valid_until_ns;
};

/* What all of it is asked of: the rules and leases that bear on the objects. */
struct question {
	struct vt_policy policy;
	struct vt_rule *rules;
	struct vt_lease *leases;
	const struct vt_object *objects;
	size_t count;
	struct vt_instant now;
};

/* ---- who is named ---------------------------------------------------------------------------- */

static int add_everyone_named(const struct question *q, struct audience *audience)
{
	int r = q->objects->dataset ? vt_ids_add(&audience->users, q->objects->owner_uid) : 0;

	return r < 0 ? r : vt_policy_named(&q->policy, &audience->users, &audience->groups);
}

static int audience_init(const struct question *q, struct audience *audience)
{
	int r = add_everyone_named(q, audience);

	if (r < 0)
		return r;
	audience->of_user = calloc(audience->users.count + 1, sizeof *audience->of_user);
	audience->of_group = calloc(audience->groups.count + 1, sizeof *audience->of_group);
	audience->valid_until_ns = VT_TIME_NEVER;
	return audience->of_user && audience->of_group ? 0 : -ENOMEM;
}

static void audience_done(struct audience *audience)
{
	vt_ids_done(&audience->users);
	vt_ids_done(&audience->groups);
	free(audience->of_user);
	free(audience->of_group);
}

/* ---- asking ---------------------------------------------------------------------------------- */

static bool bears(const struct question *q, const struct vt_pattern *pattern)
{
	for (size_t i = 0; i < q->count; i++)
		if (vt_pattern_may_cover(pattern, &q->objects[i]))
			return true;
	return false;
}

/* A small policy makes many questions cheap. */
static int question_init(struct question *q, const struct vt_policy *policy)
{
	q->policy = *policy;
	q->rules = calloc(policy->rule_count + 1, sizeof *q->rules);
	q->leases = calloc(policy->lease_count + 1, sizeof *q->leases);
	if (!q->rules || !q->leases)
		return -ENOMEM;
	q->policy.rules = q->rules;
	q->policy.leases = q->leases;
	q->policy.rule_count = q->policy.lease_count = 0;
	for (size_t i = 0; i < policy->rule_count; i++)
		if (bears(q, &policy->rules[i].object))
			q->rules[q->policy.rule_count++] = policy->rules[i];
	for (size_t i = 0; i < policy->lease_count; i++)
		if (bears(q, &policy->leases[i].object))
			q->leases[q->policy.lease_count++] = policy->leases[i];
	return 0;
}

static void question_done(struct question *q)
{
	free(q->rules);
	free(q->leases);
}

static void ask(const struct question *q, const struct vt_object *object, enum vt_right right,
		uint32_t uid, const uint32_t *group, struct audience *audience,
		struct vt_decision *out)
{
	struct vt_asker who = {.uid = uid, .groups = group, .group_count = group ? 1 : 0};

	vt_decide(&q->policy, &who, right, object, q->now, out, NULL);
	if (out->valid_until_ns < audience->valid_until_ns)
		audience->valid_until_ns = out->valid_until_ns;
}

/* Whether a group's grant may still let in whom nothing else does. */
static bool is_left_to_groups(const struct vt_decision *decision)
{
	return decision->reason == VT_REASON_NO_GRANT || decision->reason == VT_REASON_NOT_YET ||
	       decision->reason == VT_REASON_ENDED;
}

/* A lease shuts the groups out, but not its holder's. */
static bool holder_enters(const struct question *q, const struct vt_object *object,
			  enum vt_right right, uint32_t uid, struct audience *audience)
{
	struct vt_decision decision;

	for (size_t g = 0; g < audience->groups.count; g++) {
		ask(q, object, right, uid, &audience->groups.ids[g], audience, &decision);
		if (decision.allowed)
			return true;
	}
	return false;
}

static void ask_user(const struct question *q, const struct vt_object *object, enum vt_right right,
		     size_t u, bool others, bool leased, struct audience *audience)
{
	struct user *user = &audience->of_user[u];
	uint32_t uid = audience->users.ids[u];
	struct vt_decision decision;

	ask(q, object, right, uid, NULL, audience, &decision);
	if (decision.reason == VT_REASON_STORE)
		user->open = true; /* not listed, nor shut out */
	else if (decision.allowed)
		user->in = true;
	else if (is_left_to_groups(&decision) && leased)
		user->in |= holder_enters(q, object, right, uid, audience);
	else if (is_left_to_groups(&decision))
		user->open |= others;
}

static void ask_all(const struct question *q, const struct vt_object *object, enum vt_right right,
		    struct audience *audience)
{
	struct vt_decision decision;
	bool leased, others;

	ask(q, object, right, VT_UID_NOBODYS, NULL, audience, &decision);
	audience->everybody |= decision.allowed;
	others = decision.allowed;
	leased = decision.reason == VT_REASON_LEASED;
	for (size_t g = 0; g < audience->groups.count; g++) {
		ask(q, object, right, VT_UID_NOBODYS, &audience->groups.ids[g], audience,
		    &decision);
		audience->of_group[g] |= decision.allowed;
		others |= decision.allowed;
	}
	for (size_t u = 0; u < audience->users.count; u++)
		ask_user(q, object, right, u, others, leased, audience);
}

/* ---- showing --------------------------------------------------------------------------------- */

struct shape {
	size_t users, groups, shut_out;
	uint32_t user, group; /* one of them */
	bool owner_enters;
	uint32_t owner;
};

static bool is_shut_out(const struct user *user)
{
	return !user->in && !user->open;
}

static struct shape shape_of(const struct audience *audience, uint32_t owner)
{
	struct shape shape = {.owner = owner};

	for (size_t u = 0; u < audience->users.count; u++) {
		const struct user *user = &audience->of_user[u];

		shape.shut_out += is_shut_out(user);
		if (!user->in)
			continue;
		shape.users++;
		shape.user = audience->users.ids[u];
		shape.owner_enters |= shape.user == owner;
	}
	for (size_t g = 0; g < audience->groups.count; g++)
		if (audience->of_group[g]) {
			shape.groups++;
			shape.group = audience->groups.ids[g];
		}
	return shape;
}

static void add_entry(struct vt_boundary *out, bool group, uint32_t id, uint8_t bits)
{
	out->list[out->list_count++] = (struct vt_list_entry){group, id, bits};
}

/* Whom the list has to name: with everybody let in those who are not, else those who are. */
static void fill_list(const struct audience *audience, bool with_shut_out, struct vt_boundary *out)
{
	for (size_t u = 0; u < audience->users.count; u++) {
		uint32_t uid = audience->users.ids[u];

		if (audience->of_user[u].in && !out->others && uid != out->uid)
			add_entry(out, false, uid, 5);
		else if (is_shut_out(&audience->of_user[u]) && with_shut_out)
			add_entry(out, false, uid, 0);
	}
	for (size_t g = 0; g < audience->groups.count && !out->others; g++)
		if (audience->of_group[g])
			add_entry(out, true, audience->groups.ids[g], 5);
}

static int show_list(const struct audience *audience, const struct shape *shape,
		     struct vt_boundary *out)
{
	bool with_shut_out = audience->everybody || shape->groups;

	out->class = VT_BOUNDARY_LIST;
	out->others = audience->everybody;
	out->uid = shape->owner_enters ? shape->owner : 0;
	out->list = calloc(audience->users.count + audience->groups.count + 1, sizeof *out->list);
	if (!out->list)
		return -ENOMEM;
	fill_list(audience, with_shut_out, out);
	if (out->list_count > VT_BOUNDARY_LIST_MAX) {
		free(out->list);
		out->list = NULL;
		out->list_count = 0;
		out->others = true;
	}
	return 0;
}

static int show(const struct audience *audience, uint32_t owner, struct vt_boundary *out)
{
	struct shape shape = shape_of(audience, owner);

	*out = (struct vt_boundary){.class = VT_BOUNDARY_OPEN,
				    .uid = owner,
				    .gid = VT_NO_GID,
				    .valid_until_ns = audience->valid_until_ns};
	if (audience->everybody && !shape.shut_out)
		return 0;
	if (audience->everybody)
		return show_list(audience, &shape, out);
	if (shape.users + shape.groups == 0) {
		out->class = VT_BOUNDARY_NOBODY;
	} else if (shape.groups == 0 && shape.users == 1) {
		out->class = VT_BOUNDARY_USER;
		out->uid = shape.user;
	} else if (shape.groups == 1 && shape.users <= 1 && !shape.shut_out) {
		out->class = VT_BOUNDARY_GROUP;
		out->uid = shape.users ? shape.user : 0;
		out->gid = shape.group;
	} else {
		return show_list(audience, &shape, out);
	}
	return 0;
}

int vt_boundary_of(const struct vt_policy *policy, const struct vt_object *objects, size_t count,
		   enum vt_boundary_folder folder, struct vt_instant now, struct vt_boundary *out)
{
	static const enum vt_right rights[] = {VT_RIGHT_BROWSE, VT_RIGHT_CURATE, VT_RIGHT_ADMIN};
	vt_cleanup(audience_done) struct audience audience = {0};
	vt_cleanup(question_done) struct question q = {
		.objects = objects, .count = count, .now = now};
	int r = question_init(&q, policy);

	if (r == 0)
		r = audience_init(&q, &audience);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		for (size_t n = 0; n < (folder == VT_FOLDER_DATASET ? 3 : 1); n++)
			ask_all(&q, &objects[i], rights[n], &audience);
	return show(&audience, objects->owner_uid, out);
}

void vt_boundary_done(struct vt_boundary *boundary)
{
	free(boundary->list);
	boundary->list = NULL;
	boundary->list_count = 0;
}
