/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests about standing permission: rules, partners, pinned names, the clock. A rule is made by
 * whoever administers what it is about; a partner by who administers the store, and changed by who
 * answers for it.
 */
#include "fs/mount.h"
#include "fs/narrow.h"
#include "fs/policy_watch.h"
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/trail.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/index.h"
#include "policy/book.h"
#include "policy/instant.h"
#include "policy/people.h"

#include <errno.h>
#include <string.h>

#define MEMBERS_MAX 10000u /* added by one request */

/* A time in ns, or `otherwise` when there is none. */
static int time_or(const json_t *args, const char *key, uint64_t otherwise, uint64_t *out,
		   struct vt_error *err)
{
	*out = otherwise;
	return json_object_get(args, key) ? vt_arg_number(args, key, INT64_MAX, out, err) : 0;
}

/* Times that are never are left out. */
static void set_time_or_never(json_t *row, const char *key, uint64_t ns)
{
	if (ns != VT_TIME_NEVER && ns != 0)
		(void) vt_json_set_time(row, key, ns);
}

/* ---- rules ----------------------------------------------------------------------------------- */

/* Of users, groups and partners that are gone the rules remain, and can be taken away. */
static int find_gone(struct vt_book *book, const char *text, struct vt_principal *out)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(book);
	char who[VT_PRINCIPAL_TEXT_MAX];

	for (size_t i = 0; i < policy->rule_count; i++) {
		vt_principal_format(&policy->rules[i].who, who, sizeof who);
		if (strcmp(who, text) == 0) {
			*out = policy->rules[i].who;
			return 0;
		}
	}
	return -ENOENT;
}

static int read_who_and_right(struct vt_control_request *request, struct vt_principal *who,
			      enum vt_right *right, struct vt_error *err)
{
	const char *who_text, *right_text;
	int r = vt_arg_text(request->args, "who", &who_text, err);

	if (r >= 0)
		r = vt_arg_text(request->args, "right", &right_text, err);
	if (r >= 0)
		r = vt_right_parse(right_text, right, err);
	if (r >= 0 && *right == VT_RIGHT_SEE)
		r = vt_fail(err, EINVAL, "'see' comes with every other right, and is not granted");
	return r < 0 ? r : vt_principal_parse(request->service->book, who_text, who, err);
}

static json_t *rule_row(struct vt_service *service, const struct vt_rule *rule)
{
	char who[VT_PRINCIPAL_TEXT_MAX], object[VT_PATTERN_TEXT_MAX], by[VT_PRINCIPAL_NAME_MAX + 1];
	json_t *row;

	vt_principal_format(&rule->who, who, sizeof who);
	vt_pattern_format(service->index->catalog, &rule->object, object, sizeof object);
	vt_people_name_of(rule->by_uid, by, sizeof by);
	row = json_pack("{s:I, s:s, s:s, s:s, s:s, s:s}", "rule", (json_int_t) rule->id, "kind",
			rule->kind == VT_RULE_ALLOW  ? "allow"
			: rule->kind == VT_RULE_DENY ? "deny"
						     : "unknown",
			"who", who, "right", vt_right_name(rule->right), "object", object, "by",
			by);
	if (!row)
		return NULL;
	set_time_or_never(row, "from", rule->from_ns);
	set_time_or_never(row, "until", rule->until_ns);
	set_time_or_never(row, "made", rule->made_ns);
	return row;
}

/* A mount without lists cannot keep the others out of the folder; its files are closed all the
 * same. */
static void note_guessable(void *context, const struct vt_session_info *info)
{
	json_t *points = context;

	if (info->plan.kind == VT_MOUNT_SHARED && !info->plan.lists)
		(void) json_array_append_new(points, json_string(info->mountpoint));
}

/* Is what the rule is about shown with a list? */
static bool needs_list(const struct vt_control_request *request)
{
	struct vt_place place = {request->pattern.dataset, request->pattern.version};
	struct vt_gate *gate = request->service->gate;
	struct vt_boundary boundary;
	bool listed;

	if (!place.dataset)
		return vt_gate_needs_lists(gate);
	if (vt_gate_boundary(gate, place, &boundary, NULL) < 0)
		return false;
	listed = boundary.class == VT_BOUNDARY_LIST;
	vt_boundary_done(&boundary);
	return listed;
}

static void add_guessable(struct vt_control_request *request, json_t *row)
{
	json_t *points = json_array();

	if (request->service->sessions && needs_list(request))
		vt_sessions_each(request->service->sessions, note_guessable, points);
	if (json_array_size(points) > 0)
		(void) json_object_set(row, "names_can_be_guessed_on", points);
	json_decref(points);
}

static int add_rule(struct vt_control_request *request, enum vt_rule_kind kind,
		    struct vt_error *err)
{
	struct vt_rule rule = {.kind = kind,
			       .object = request->pattern,
			       .by_uid = vt_control_caller(request),
			       .made_ns = vt_clock_realtime_ns()};
	int r = read_who_and_right(request, &rule.who, &rule.right, err);

	if (r >= 0)
		r = time_or(request->args, "from", 0, &rule.from_ns, err);
	if (r >= 0)
		r = time_or(request->args, "until", VT_TIME_NEVER, &rule.until_ns, err);
	if (r >= 0)
		r = vt_narrow_add_rule(request->service, &rule, &rule.id, err);
	if (r < 0)
		return r;
	request->result = rule_row(request->service, &rule);
	if (!request->result)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	add_guessable(request, request->result);
	return 0;
}

int vt_serve_grant(struct vt_control_request *request, struct vt_error *err)
{
	return add_rule(request, VT_RULE_ALLOW, err);
}

int vt_serve_deny(struct vt_control_request *request, struct vt_error *err)
{
	return add_rule(request, VT_RULE_DENY, err);
}

int vt_serve_revoke(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_principal who;
	enum vt_right right;
	size_t removed = 0;
	int r = read_who_and_right(request, &who, &right, err);

	if (r == -ENOENT)
		r = find_gone(request->service->book,
			      json_string_value(json_object_get(request->args, "who")), &who);
	if (r >= 0)
		r = vt_narrow_remove_rule(request->service, &who, right, &request->pattern,
					  vt_control_caller(request), &removed, err);
	if (r < 0)
		return r;
	request->result = json_pack("{s:I}", "removed", (json_int_t) removed);
	return 0;
}

/* A rule would tell the name of what it is about: of a space only to whom it gives something. */
static bool may_see_object(const struct vt_control_request *request, const struct vt_rule *rule)
{
	if (rule->object.scope == VT_SCOPE_SPACE)
		return vt_gate_check_unleased(request->service->gate, &request->connection->subject,
					      VT_RIGHT_SEE, (struct vt_place){0},
					      rule->object.space, NULL) == 0;
	return vt_control_check_pattern(request, VT_RIGHT_SEE, &rule->object, NULL) == 0;
}

/* Callers see the rules of what they administer, and those that name them. */
static bool may_see_rule(const struct vt_control_request *request, const struct vt_rule *rule)
{
	if (rule->who.kind == VT_PRINCIPAL_USER && rule->who.id == vt_control_caller(request) &&
	    may_see_object(request, rule))
		return true;
	return vt_control_check_pattern(request, VT_RIGHT_ADMIN, &rule->object, NULL) == 0;
}

int vt_serve_rules(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	int r = 0;

	for (size_t i = 0; i < policy->rule_count && r >= 0; i++)
		if (may_see_rule(request, &policy->rules[i]))
			r = vt_control_send(request, rule_row(request->service, &policy->rules[i]),
					    NULL, 0, err);
	return r;
}

/* ---- partners -------------------------------------------------------------------------------- */

/* New ones are made by who administers the store; theirs are changed by who answers for them. */
static int check_partner(struct vt_control_request *request, const char **name,
			 struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	const struct vt_partner *partner;
	int r = vt_arg_text(request->args, "partner", name, err);

	if (r < 0 || vt_control_administers(request))
		return r;
	partner = vt_policy_partner_named(policy, *name);
	if (partner && partner->owner_uid == vt_control_caller(request))
		return 0;
	return vt_fail(
		err, EACCES,
		"there is no partner '%.100s' that you answer for; who administers the store "
		"makes one",
		*name);
}

/* By the name under which they were added, whoever has it now, if anybody. */
static const struct vt_member *find_member(const struct vt_partner *partner, const char *name)
{
	for (size_t i = 0; partner && i < partner->member_count; i++)
		if (strcmp(partner->members[i].name, name) == 0)
			return &partner->members[i];
	return NULL;
}

/* Of `partner`, which may be NULL, also those who are no users any more. */
static int read_members(const struct vt_control_request *request, const struct vt_partner *partner,
			struct vt_member **out, size_t *count, struct vt_error *err)
{
	const json_t *list = json_object_get(request->args, "users");
	struct vt_member *members;
	size_t n = json_array_size(list);
	int r = 0;

	if (list && !json_is_array(list))
		return vt_fail(err, EINVAL, "'users' must be a list of names");
	if (n > MEMBERS_MAX)
		return vt_fail(err, EINVAL, "at most %u users at once", MEMBERS_MAX);
	members = calloc(n + 1, sizeof *members);
	if (!members)
		return vt_fail(err, ENOMEM, "no memory for a partner's users");
	for (size_t i = 0; i < n && r >= 0; i++) {
		const char *name = json_string_value(json_array_get(list, i));
		const struct vt_member *member = name ? find_member(partner, name) : NULL;

		if (member)
			members[i].uid = member->uid;
		else if (!name || strlen(name) > VT_PRINCIPAL_NAME_MAX)
			r = vt_fail(err, EINVAL, "'users' holds what is no user name");
		else
			r = vt_people_uid_of(name, &members[i].uid, err);
		if (r >= 0)
			strcpy(members[i].name, name);
	}
	if (r < 0) {
		free(members);
		return r;
	}
	*out = members;
	*count = n;
	return 0;
}

/* What stays of a partner that is there: its end, and who answers for it. */
static void read_present(struct vt_service *service, const char *name, uint64_t *until_ns,
			 uint32_t *owner_uid)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy = vt_book_policy(service->book);
	const struct vt_partner *partner = vt_policy_partner_named(policy, name);

	if (!partner)
		return;
	*until_ns = partner->until_ns;
	*owner_uid = partner->owner_uid;
}

/* `owner`: only who administers the store says who answers for a partner. */
static int read_owner(struct vt_control_request *request, uint32_t *uid, struct vt_error *err)
{
	const char *name = NULL;
	int r = vt_arg_text_or(request->args, "owner", &name, err);

	if (r < 0 || !name)
		return r;
	r = vt_gate_check(request->service->gate, &request->connection->subject, VT_RIGHT_ADMIN,
			  (struct vt_place){0}, false, NULL, err);
	return r < 0 ? r : vt_people_uid_of(name, uid, err);
}

int vt_serve_partner_add(struct vt_control_request *request, struct vt_error *err)
{
	vt_autofree struct vt_member *members = NULL;
	uint32_t owner = vt_control_caller(request);
	uint64_t until = VT_TIME_NEVER;
	const char *name;
	size_t count = 0;
	int r = check_partner(request, &name, err);

	if (r < 0)
		return r;
	read_present(request->service, name, &until, &owner);
	r = time_or(request->args, "until", until, &until, err);
	if (r >= 0)
		r = read_owner(request, &owner, err);
	if (r >= 0)
		r = read_members(request, NULL, &members, &count, err);
	return r < 0 ? r
		     : vt_narrow_partner_add(request->service, name, members, count, until, owner,
					     vt_control_caller(request), err);
}

int vt_serve_partner_remove(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	vt_autofree struct vt_member *members = NULL;
	const char *name;
	size_t count = 0;
	int r = check_partner(request, &name, err);

	if (r >= 0)
		r = read_members(request, vt_policy_partner_named(policy, name), &members, &count,
				 err);
	for (size_t i = 0; i < count && r >= 0; i++)
		r = vt_narrow_partner_remove_user(request->service, name, members[i].uid,
						  vt_control_caller(request), err);
	return r;
}

int vt_serve_partner_end(struct vt_control_request *request, struct vt_error *err)
{
	const char *name;
	int r = check_partner(request, &name, err);

	return r < 0 ? r
		     : vt_narrow_partner_end(request->service, name, vt_control_caller(request),
					     err);
}

static json_t *partner_row(const struct vt_partner *partner)
{
	char owner[VT_PRINCIPAL_NAME_MAX + 1];
	json_t *users = json_array(), *row;

	for (size_t i = 0; i < partner->member_count; i++)
		(void) json_array_append_new(users, json_string(partner->members[i].name));
	vt_people_name_of(partner->owner_uid, owner, sizeof owner);
	row = json_pack("{s:s, s:s, s:o}", "partner", partner->name, "owner", owner, "users",
			users);
	if (row)
		set_time_or_never(row, "until", partner->until_ns);
	return row;
}

/* Partners know nothing of each other. */
int vt_serve_partners(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	bool all = vt_control_administers(request);
	int r = 0;

	for (size_t i = 0; i < policy->partner_count && r >= 0; i++)
		if (all || policy->partners[i].owner_uid == vt_control_caller(request))
			r = vt_control_send(request, partner_row(&policy->partners[i]), NULL, 0,
					    err);
	return r;
}

/* ---- names and time -------------------------------------------------------------------------- */

int vt_serve_repin(struct vt_control_request *request, struct vt_error *err)
{
	const struct vt_pattern everything = {.scope = VT_SCOPE_ALL};
	struct vt_service *service = request->service;
	struct vt_member was;
	const char *user;
	uint32_t uid;
	int r = vt_arg_text(request->args, "user", &user, err);

	if (r >= 0)
		r = vt_people_uid_of(user, &uid, err);
	if (r >= 0)
		r = vt_trail_check(service, err);
	if (r >= 0)
		r = vt_book_repin(service->book, uid, vt_control_caller(request), &was, err);
	if (r < 0)
		return r;
	vt_trail_deliver(service);
	request->result = json_pack("{s:I, s:s, s:s}", "uid", (json_int_t) uid, "name", user, "was",
				    was.name);
	return vt_narrow_to_now(service, &everything, err);
}

int vt_serve_clock(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_timekeeper *time = request->service->time;
	struct vt_instant now = vt_timekeeper_now(time);

	(void) err;
	request->result = json_pack("{s:b}", "in_doubt", vt_timekeeper_is_suspect(time));
	(void) vt_json_set_time(request->result, "wall", vt_clock_realtime_ns());
	(void) vt_json_set_time(request->result, "earliest", now.lo_ns);
	(void) vt_json_set_time(request->result, "latest", now.hi_ns);
	return 0;
}

/* May let windows open again: recorded first, or not done. */
int vt_serve_clock_accept(struct vt_control_request *request, struct vt_error *err)
{
	struct vt_service *service = request->service;
	int r = vt_trail_check(service, err);

	if (r < 0)
		return r;
	vt_trail_clock(service, vt_control_caller(request), vt_timekeeper_now(service->time));
	r = vt_timekeeper_accept(service->time, err);
	vt_policy_watch_poke(service->watch);
	return r;
}
