/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a change of the book goes into the audit log (audit.md), posted in the change's own batch
 * (index/outbox.h). Objects have their names here, while they have them; who delivers it adds the
 * names of uids, which may take time.
 */
#include <jansson.h>

#include "index/outbox.h"
#include "policy/book_private.h"

static json_t *begin(enum vt_audit_kind kind, uint32_t uid)
{
	return json_pack("{s:s, s:I}", "kind", vt_audit_kind_name(kind), "uid", (json_int_t) uid);
}

/* Takes `fields`. */
static int post(struct vt_book_change *change, json_t *fields, struct vt_error *err)
{
	return vt_outbox_post_record(change->batch, change->book->store, fields, err);
}

static void set_pattern(struct vt_book_change *change, json_t *fields,
			const struct vt_pattern *pattern)
{
	char text[VT_PATTERN_TEXT_MAX];

	vt_pattern_format(change->book->catalog, pattern, text, sizeof text);
	(void) json_object_set_new(fields, "object", json_string(text));
}

int vt_book_record_rule(struct vt_book_change *change, enum vt_audit_kind kind,
			const struct vt_rule *rule, uint32_t by_uid, struct vt_error *err)
{
	char who[VT_PRINCIPAL_TEXT_MAX];
	json_t *fields = begin(kind, by_uid);

	vt_principal_format(&rule->who, who, sizeof who);
	(void) json_object_set_new(fields, "who", json_string(who));
	(void) json_object_set_new(fields, "right", json_string(vt_right_name(rule->right)));
	(void) json_object_set_new(fields, "what",
				   json_string(rule->kind == VT_RULE_DENY ? "deny" : "allow"));
	(void) json_object_set_new(fields, "rule", json_integer((json_int_t) rule->id));
	set_pattern(change, fields, &rule->object);
	vt_audit_set_time(fields, "from", rule->from_ns);
	vt_audit_set_time(fields, "until", rule->until_ns);
	return post(change, fields, err);
}

int vt_book_record_partner(struct vt_book_change *change, enum vt_audit_kind kind, const char *name,
			   uint32_t by_uid, uint64_t until_ns, struct vt_error *err)
{
	json_t *fields = begin(kind, by_uid);

	(void) json_object_set_new(fields, "partner", json_string(name));
	vt_audit_set_time(fields, "until", until_ns);
	return post(change, fields, err);
}

int vt_book_record_repin(struct vt_book_change *change, const struct vt_member *was,
			 const char *name, uint32_t by_uid, struct vt_error *err)
{
	json_t *fields = begin(VT_AUDIT_REPIN, by_uid);

	(void) json_object_set_new(fields, "who", json_string(name));
	(void) json_object_set_new(fields, "who_uid", json_integer((json_int_t) was->uid));
	(void) json_object_set_new(fields, "was", json_string(was->name));
	return post(change, fields, err);
}

int vt_book_record_lease(struct vt_book_change *change, enum vt_audit_kind kind,
			 const struct vt_lease *lease, struct vt_error *err)
{
	json_t *fields = begin(kind, lease->holder.id);

	(void) json_object_set_new(fields, "lease", json_integer((json_int_t) lease->id));
	(void) json_object_set_new(fields, "user", json_string(lease->holder.name));
	(void) json_object_set_new(fields, "fence", json_integer((json_int_t) lease->fence));
	(void) json_object_set_new(fields, "by", json_integer((json_int_t) lease->by_uid));
	(void) json_object_set_new(fields, "how", json_integer((json_int_t) lease->end));
	set_pattern(change, fields, &lease->object);
	vt_audit_set_time(fields, "since", lease->since_ns);
	vt_audit_set_time(fields, "until", lease->until_ns);
	if (lease->reason[0])
		(void) json_object_set_new(fields, "text", json_string(lease->reason));
	return post(change, fields, err);
}
