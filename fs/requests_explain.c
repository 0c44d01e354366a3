/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests that explain: why an answer is what it is, who else has a right, who the caller is.
 * About oneself anybody may ask; about others who administers the object.
 */
#include "fs/requests.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/index.h"
#include "policy/named.h"
#include "policy/book.h"
#include "policy/explain.h"
#include "policy/instant.h"
#include "policy/people.h"
#include "policy/reason.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* ---- facts ----------------------------------------------------------------------------------- */

/* Facts about who is asked about, with what they borrow. */
struct asked {
	const struct vt_person *person;
	struct vt_asker asker;
	uint32_t group;
};

static void asked_done(struct asked *asked)
{
	vt_person_unref(asked->person);
}

static int look_at_user(struct vt_service *service, const struct vt_policy *policy, uint32_t uid,
			struct asked *out, struct vt_error *err)
{
	int r = vt_people_get(service->people, uid, false, &out->person);

	if (r < 0)
		return vt_fail(err, -r, "cannot ask about uid %u: %m", (unsigned) uid);
	out->asker = vt_asker_of(policy, out->person);
	return 0;
}

/* A user; or somebody who is in a group, or in nothing at all. */
static int look_at(struct vt_service *service, const struct vt_policy *policy,
		   const struct vt_principal *who, struct asked *out, struct vt_error *err)
{
	switch (who->kind) {
	case VT_PRINCIPAL_USER:
		return look_at_user(service, policy, who->id, out, err);
	case VT_PRINCIPAL_OSGROUP:
		out->group = who->id;
		out->asker = (struct vt_asker){
			.uid = VT_UID_NOBODYS, .groups = &out->group, .group_count = 1};
		return 0;
	case VT_PRINCIPAL_ANYONE:
		out->asker = (struct vt_asker){.uid = VT_UID_NOBODYS};
		return 0;
	case VT_PRINCIPAL_PARTNER:
		break;
	}
	return vt_fail(err, EINVAL, "ask about one of the partner's users");
}

/* The object of the request's pattern, as the decision wants it. */
static struct vt_object object_of(const struct vt_control_request *request,
				  char space[VT_NAME_PART_MAX + 1])
{
	const struct vt_pattern *pattern = &request->pattern;
	struct vt_object object = {
		.dataset = pattern->dataset, .version = pattern->version, .owner_uid = UINT32_MAX};

	if (request->dataset) {
		object.owner_uid = request->dataset->owner_uid;
		object.space = vt_dataset_space(request->dataset->name, space);
	} else if (pattern->space[0]) {
		object.space = pattern->space;
	}
	return object;
}

static int read_right(const struct vt_control_request *request, enum vt_right *out,
		      struct vt_error *err)
{
	const char *text;
	int r = vt_arg_text(request->args, "right", &text, err);

	return r < 0 ? r : vt_right_parse(text, out, err);
}

/* `at`, or now. A time of one's own choosing is exact. */
static int read_instant(const struct vt_control_request *request, struct vt_instant *out,
			struct vt_error *err)
{
	uint64_t at = 0;
	int r = json_object_get(request->args, "at")
			? vt_arg_number(request->args, "at", INT64_MAX, &at, err)
			: 0;

	*out = at ? (struct vt_instant){at, at} : vt_timekeeper_now(request->service->time);
	return r;
}

static void set_until(json_t *row, uint64_t until_ns)
{
	if (until_ns != VT_TIME_NEVER)
		(void) vt_json_set_time(row, "until", until_ns);
}

/* ---- explain --------------------------------------------------------------------------------- */

/* "allow user:ana read birds", "lease of ana on birds" */
static void describe(struct vt_service *service, const struct vt_policy *policy, uint64_t rule_id,
		     uint64_t lease_id, char *out, size_t size)
{
	const struct vt_rule *rule = vt_policy_rule(policy, rule_id);
	const struct vt_lease *lease = vt_policy_lease(policy, lease_id);
	char who[VT_PRINCIPAL_TEXT_MAX], object[VT_PATTERN_TEXT_MAX];

	*out = '\0';
	if (rule) {
		vt_principal_format(&rule->who, who, sizeof who);
		vt_pattern_format(service->index->catalog, &rule->object, object, sizeof object);
		(void) snprintf(out, size, "%s %s %s %s",
				rule->kind == VT_RULE_DENY ? "deny" : "allow", who,
				vt_right_name(rule->right), object);
	} else if (lease) {
		vt_pattern_format(service->index->catalog, &lease->object, object, sizeof object);
		(void) snprintf(out, size, "lease of %s on %s", lease->holder.name, object);
	}
}

static json_t *step_row(struct vt_service *service, const struct vt_policy *policy,
			const struct vt_explain_step *step)
{
	char text[512];
	json_t *row = json_pack("{s:s, s:b}", "step", step->step, "matched", step->matched);

	describe(service, policy, step->rule, step->lease, text, sizeof text);
	if (row && text[0])
		(void) json_object_set_new(row, "about", json_string(text));
	return row;
}

/* What would allow it, in the words of commands. */
static json_t *change_text(const struct vt_control_request *request, const struct vt_policy *policy,
			   const struct vt_remedy *change, const char *who, const char *object)
{
	char text[640], about[512];

	switch (change->kind) {
	case VT_REMEDY_ACCEPT_NAME:
		(void) snprintf(text, sizeof text, "vitrine repin %s", who + strlen("user:"));
		break;
	case VT_REMEDY_ALLOW:
		(void) snprintf(text, sizeof text, "vitrine grant %s %s %s", who,
				vt_right_name(change->right), object);
		break;
	case VT_REMEDY_END_LEASE:
		describe(request->service, policy, 0, change->id, about, sizeof about);
		(void) snprintf(text, sizeof text, "the end of the %s", about);
		break;
	case VT_REMEDY_REMOVE_RULE:
		describe(request->service, policy, change->id, 0, about, sizeof about);
		(void) snprintf(text, sizeof text, "removing the rule '%s'", about);
		break;
	}
	return json_string(text);
}

static int answer_explained(struct vt_control_request *request, const struct vt_policy *policy,
			    const struct vt_explanation *found, const char *who,
			    struct vt_error *err)
{
	const struct vt_reason_words *words = vt_reason_words(found->decision.reason);
	bool lease = found->decision.reason == VT_REASON_HOLDER ||
		     found->decision.reason == VT_REASON_LEASED ||
		     found->decision.reason == VT_REASON_DRAINING;
	char text[512], object[VT_PATTERN_TEXT_MAX];
	json_t *changes = json_array(), *row;

	vt_pattern_format(request->service->index->catalog, &request->pattern, object,
			  sizeof object);
	for (size_t i = 0; i < found->change_count; i++)
		(void) json_array_append_new(
			changes, change_text(request, policy, &found->changes[i], who, object));
	row = json_pack("{s:b, s:s, s:s, s:s, s:s, s:o}", "allowed", found->decision.allowed, "who",
			who, "object", object, "reason", words->name, "sentence", words->sentence,
			"would_allow", changes);
	if (!row)
		return vt_fail(err, ENOMEM, "no memory for an answer");
	describe(request->service, policy, lease ? 0 : found->decision.rule,
		 lease ? found->decision.rule : 0, text, sizeof text);
	if (text[0])
		(void) json_object_set_new(row, "by", json_string(text));
	set_until(row, found->until_ns);
	request->result = row;
	return 0;
}

/* Steps name other people's rules: they are for who administers the object. */
static int send_steps(struct vt_control_request *request, const struct vt_policy *policy,
		      const struct vt_explanation *found, struct vt_error *err)
{
	int r = 0;

	for (size_t i = 0; i < found->step_count && r >= 0; i++)
		r = vt_control_send(request, step_row(request->service, policy, &found->steps[i]),
				    NULL, 0, err);
	return r;
}

/*
 * Any space may be named; who would see nothing in it but for a lease is answered as if there were
 * none.
 */
static bool may_hear_of_leases(const struct vt_control_request *request)
{
	const struct vt_pattern *object = &request->pattern;

	return object->scope != VT_SCOPE_SPACE ||
	       vt_gate_check_unleased(request->service->gate, &request->connection->subject,
				      VT_RIGHT_SEE, (struct vt_place){0}, object->space, NULL) == 0;
}

static int explain(struct vt_control_request *request, const struct vt_policy *policy,
		   const struct vt_principal *who, bool whole, struct vt_error *err)
{
	struct vt_policy facts = *policy;
	vt_cleanup(vt_explanation_done) struct vt_explanation found = {0};
	vt_cleanup(asked_done) struct asked asked = {0};
	char space[VT_NAME_PART_MAX + 1], text[VT_PRINCIPAL_TEXT_MAX];
	const struct vt_object object = object_of(request, space);
	const struct vt_place place = {object.dataset, object.version};
	struct vt_instant now;
	enum vt_right right;
	int r = read_right(request, &right, err);

	if (r >= 0)
		r = read_instant(request, &now, err);
	if (r >= 0)
		r = look_at(request->service, policy, who, &asked, err);
	if (r < 0)
		return r;
	if (!whole && !may_hear_of_leases(request))
		facts.lease_count = 0;
	if (vt_explain(&facts, &asked.asker, right, &object, now, &found) < 0)
		return vt_fail(err, ENOMEM, "no memory to explain");
	vt_gate_apply_shut(request->service->gate, right, place, &found.decision);
	if (!whole)
		found.change_count = 0;
	vt_principal_format(who, text, sizeof text);
	r = whole ? send_steps(request, policy, &found, err) : 0;
	return r < 0 ? r : answer_explained(request, policy, &found, text, err);
}

int vt_serve_explain(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	uint32_t caller = vt_control_caller(request);
	bool admin =
		vt_control_check_pattern(request, VT_RIGHT_ADMIN, &request->pattern, NULL) == 0;
	struct vt_principal who = {.kind = VT_PRINCIPAL_USER, .id = caller};
	const char *text = NULL;
	int r = vt_arg_text_or(request->args, "who", &text, err);

	if (r >= 0 && text)
		r = vt_principal_parse(request->service->book, text, &who, err);
	if (r < 0 && admin)
		return r;
	if (!text)
		vt_people_name_of(caller, who.name, sizeof who.name);
	/* Whether there is such a partner is not for everybody to know either. */
	if (r < 0 || (!admin && (who.kind != VT_PRINCIPAL_USER || who.id != caller)))
		return vt_control_check_pattern(request, VT_RIGHT_ADMIN, &request->pattern, err);
	return explain(request, policy, &who, admin, err);
}

/* ---- who can --------------------------------------------------------------------------------- */

/* People are kept until the next one is asked for. */
struct source {
	struct vt_service *service;
	const struct vt_policy *policy;
	struct asked asked;
};

static int ask(void *context, uint32_t uid, struct vt_asker *out)
{
	struct source *source = context;
	int r;

	asked_done(&source->asked);
	source->asked = (struct asked){0};
	r = look_at_user(source->service, source->policy, uid, &source->asked, NULL);
	*out = source->asked.asker;
	return r;
}

static int send_who(struct vt_control_request *request, const char *kind, const char *name,
		    const struct vt_decision *decision, struct vt_error *err)
{
	json_t *row = json_pack("{s:s+, s:s}", "who", kind, name, "reason",
				vt_reason_words(decision->reason)->name);

	if (row)
		set_until(row, decision->valid_until_ns);
	return vt_control_send(request, row, NULL, 0, err);
}

/* Groups are asked about because a rule names them. */
static void group_name(const struct vt_policy *policy, uint32_t gid, char *out, size_t size)
{
	(void) snprintf(out, size, "gid %u", (unsigned) gid);
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].who.kind == VT_PRINCIPAL_OSGROUP &&
		    policy->rules[i].who.id == gid)
			(void) snprintf(out, size, "%s", policy->rules[i].who.name);
}

static int send_all(struct vt_control_request *request, const struct vt_policy *policy,
		    const struct vt_who_can *found, struct vt_error *err)
{
	char name[VT_PRINCIPAL_NAME_MAX + 1];
	int r = 0;

	for (size_t i = 0; i < found->user_count && r >= 0; i++) {
		vt_people_name_of(found->users[i].id, name, sizeof name);
		r = send_who(request, "user:", name, &found->users[i].decision, err);
	}
	for (size_t i = 0; i < found->group_count && r >= 0; i++) {
		group_name(policy, found->groups[i].id, name, sizeof name);
		r = send_who(request, "osgroup:", name, &found->groups[i].decision, err);
	}
	if (r >= 0 && found->others.allowed)
		r = send_who(request, "anyone", "", &found->others, err);
	return r;
}

int vt_serve_who_can(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	struct source people = {.service = request->service, .policy = policy};
	const struct vt_asker_source source = {.asker = ask, .context = &people};
	vt_cleanup(vt_who_can_done) struct vt_who_can found = {0};
	char space[VT_NAME_PART_MAX + 1];
	const struct vt_object object = object_of(request, space);
	struct vt_instant now;
	enum vt_right right;
	int r = read_right(request, &right, err);

	if (r >= 0)
		r = read_instant(request, &now, err);
	if (r < 0)
		return r;
	r = vt_who_can(policy, &source, right, &object, now, &found);
	asked_done(&people.asked);
	if (r < 0)
		return vt_fail(err, -r, "cannot list who can: %m");
	return send_all(request, policy, &found, err);
}

/* ---- whoami ---------------------------------------------------------------------------------- */

static json_t *partners_of(const struct vt_policy *policy, uint32_t uid, struct vt_instant now)
{
	json_t *list = json_array();

	for (size_t i = 0; i < policy->partner_count; i++) {
		const struct vt_partner *partner = &policy->partners[i];

		if (now.hi_ns < partner->until_ns &&
		    vt_member_find(partner->members, partner->member_count, uid))
			(void) json_array_append_new(list, json_string(partner->name));
	}
	return list;
}

int vt_serve_whoami(struct vt_control_request *request, struct vt_error *err)
{
	vt_cleanup(vt_policy_unrefp) const struct vt_policy *policy =
		vt_book_policy(request->service->book);
	uint32_t uid = vt_control_caller(request);
	vt_cleanup(asked_done) struct asked asked = {0};
	int r = look_at_user(request->service, policy, uid, &asked, err);

	if (r < 0)
		return r;
	request->result = json_pack(
		"{s:I, s:s, s:b, s:b, s:o}", "uid", (json_int_t) uid, "name", asked.person->name,
		"stale", asked.asker.stale, "administers_store", vt_control_administers(request),
		"partners", partners_of(policy, uid, vt_timekeeper_now(request->service->time)));
	return request->result ? 0 : vt_fail(err, ENOMEM, "no memory for an answer");
}
