/* SPDX-License-Identifier: Apache-2.0 */
/* See trail.h. */
#include "fs/trail.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fs/mount.h"
#include "fs/mount_table.h"
#include "fs/node.h"
#include "fs/rows.h"
#include "fs/service.h"
#include "fs/session.h"
#include "index/base/error.h"
#include "index/base/log.h"
#include "index/import.h"
#include "policy/book.h"
#include "policy/people.h"
#include "policy/reason.h"

#define TEXT_MAX 1024u /* of messages and reasons: a record is a line of 4 KiB */

/* ---- opening --------------------------------------------------------------------------------- */

static void name_object(void *context, uint32_t dataset, uint32_t version,
			char out[VT_AUDIT_NAME_MAX])
{
	struct vt_service *service = context;
	const struct vt_pattern pattern = {
		.scope = version   ? VT_SCOPE_VERSION
			 : dataset ? VT_SCOPE_DATASET
				   : VT_SCOPE_ALL,
		.dataset = dataset,
		.version = version,
	};

	vt_pattern_format(service->index->catalog, &pattern, out, VT_AUDIT_NAME_MAX);
}

static void name_user(void *context, uint32_t uid, char out[VT_AUDIT_NAME_MAX])
{
	(void) context;
	vt_people_name_of(uid, out, VT_AUDIT_NAME_MAX);
}

static const char *name_reason(uint32_t reason)
{
	return vt_reason_words((enum vt_reason) reason)->name;
}

static const char *name_right(uint32_t right)
{
	return vt_right_name((enum vt_right) right);
}

int vt_trail_open(struct vt_service *service, struct vt_error *err)
{
	char dir[PATH_MAX], keys[PATH_MAX], origin[64];
	const struct vt_audit_settings settings = {
		.dir = dir,
		.keys = keys,
		.origin = origin,
		.names = {.object = name_object,
			  .user = name_user,
			  .reason = name_reason,
			  .right = name_right,
			  .context = service},
	};

	(void) snprintf(origin, sizeof origin, "vitrine/%s", service->uuid);
	if (snprintf(dir, sizeof dir, "%s/audit", service->dir) >= (int) sizeof dir ||
	    snprintf(keys, sizeof keys, "%s/keys", service->dir) >= (int) sizeof keys)
		return vt_fail(err, ENAMETOOLONG, "the path of the store is too long");
	return vt_audit_open(&settings, &service->audit, err);
}

int vt_trail_check(struct vt_service *service, struct vt_error *err)
{
	struct vt_error why;

	if (vt_audit_closed_since(service->audit, &why) == 0)
		return 0;
	return vt_fail(err, EIO, "the audit log cannot be written, so nobody is let in: %s",
		       why.text);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void append(struct vt_service *service, enum vt_audit_kind kind, json_t *fields)
{
	bool durable = kind != VT_AUDIT_MOUNT && kind != VT_AUDIT_UMOUNT;
	struct vt_error err;

	if (vt_audit_append(service->audit, kind, fields, durable, &err) < 0)
		vt_log(VT_LOG_ERROR, "not in the audit log kind=%s: %s", vt_audit_kind_name(kind),
		       err.text);
}

static json_t *by(uint32_t uid)
{
	char name[VT_AUDIT_NAME_MAX];

	vt_people_name_of(uid, name, sizeof name);
	return json_pack("{s:I, s:s}", "uid", (json_int_t) uid, "user", name);
}

static void set_pattern(struct vt_service *service, json_t *fields,
			const struct vt_pattern *pattern)
{
	char text[VT_PATTERN_TEXT_MAX];

	vt_pattern_format(service->index->catalog, pattern, text, sizeof text);
	(void) json_object_set_new(fields, "object", json_string(text));
}

/* Ends that are never, and so no number of the log's, are left out. */
static void set_time(json_t *fields, const char *key, uint64_t ns)
{
	if (ns <= INT64_MAX)
		(void) json_object_set_new(fields, key, json_integer((json_int_t) ns));
}

void vt_trail_rule(struct vt_service *service, enum vt_audit_kind kind, const struct vt_rule *rule)
{
	char who[VT_PRINCIPAL_TEXT_MAX];
	json_t *fields = by(rule->by_uid);

	vt_principal_format(&rule->who, who, sizeof who);
	(void) json_object_set_new(fields, "who", json_string(who));
	(void) json_object_set_new(fields, "right", json_string(vt_right_name(rule->right)));
	(void) json_object_set_new(fields, "what",
				   json_string(rule->kind == VT_RULE_DENY ? "deny" : "allow"));
	if (rule->id)
		(void) json_object_set_new(fields, "rule", json_integer((json_int_t) rule->id));
	set_pattern(service, fields, &rule->object);
	set_time(fields, "from", rule->from_ns);
	set_time(fields, "until", rule->until_ns);
	append(service, kind, fields);
}

void vt_trail_partner(struct vt_service *service, enum vt_audit_kind kind, const char *name,
		      uint32_t by_uid, uint64_t until_ns)
{
	json_t *fields = by(by_uid);

	(void) json_object_set_new(fields, "partner", json_string(name));
	set_time(fields, "until", until_ns);
	append(service, kind, fields);
}

void vt_trail_repin(struct vt_service *service, uint32_t by_uid, const struct vt_member *was,
		    const char *name)
{
	json_t *fields = by(by_uid);

	(void) json_object_set_new(fields, "who", json_string(name));
	(void) json_object_set_new(fields, "who_uid", json_integer((json_int_t) was->uid));
	(void) json_object_set_new(fields, "was", json_string(was->name));
	append(service, VT_AUDIT_REPIN, fields);
}

void vt_trail_clock(struct vt_service *service, uint32_t by_uid, struct vt_instant before)
{
	json_t *fields = by(by_uid);

	set_time(fields, "from", before.lo_ns);
	set_time(fields, "until", before.hi_ns);
	append(service, VT_AUDIT_CLOCK, fields);
}

void vt_trail_mount(struct vt_service *service, enum vt_audit_kind kind, uint32_t uid,
		    const char *mountpoint, const struct vt_mount_plan *plan)
{
	char name[VT_AUDIT_NAME_MAX];
	json_t *fields = by(uid);

	(void) vt_json_set_text(fields, "point", mountpoint, strnlen(mountpoint, TEXT_MAX));
	(void) json_object_set_new(fields, "mount", json_string(vt_mount_kind_name(plan->kind)));
	if (plan->kind == VT_MOUNT_PRIVATE) {
		vt_people_name_of(plan->user, name, sizeof name);
		(void) json_object_set_new(fields, "who", json_string(name));
		(void) json_object_set_new(fields, "any_uid", json_integer(plan->any_uid));
	}
	append(service, kind, fields);
}

void vt_trail_lease(struct vt_service *service, enum vt_audit_kind kind,
		    const struct vt_lease *lease)
{
	json_t *fields =
		json_pack("{s:I, s:I, s:s, s:I, s:I, s:I}", "lease", (json_int_t) lease->id, "uid",
			  (json_int_t) lease->holder.id, "user", lease->holder.name, "fence",
			  (json_int_t) lease->fence, "by", (json_int_t) lease->by_uid, "how",
			  (json_int_t) lease->end);

	set_pattern(service, fields, &lease->object);
	set_time(fields, "since", lease->since_ns);
	set_time(fields, "until", lease->until_ns);
	if (lease->reason[0])
		(void) json_object_set_new(fields, "text", json_string(lease->reason));
	append(service, kind, fields);
}

void vt_trail_change(struct vt_service *service, enum vt_audit_kind kind, uint32_t by_uid,
		     const struct vt_dataset *dataset, const struct vt_version *version,
		     const char *text)
{
	char object[VT_AUDIT_NAME_MAX], digest[VT_DIGEST_HEX];
	json_t *fields = by(by_uid);

	name_object(service, dataset ? dataset->id : 0, version ? version->serial : 0, object);
	if (dataset) /* it may be gone from the catalog by now */
		(void) snprintf(object, sizeof object, "%s%s%s", dataset->name, version ? "@" : "",
				version ? version->name : "");
	(void) json_object_set_new(fields, "object", json_string(object));
	if (version) {
		vt_digest_format(&version->digest, digest);
		(void) json_object_set_new(fields, "ver",
					   json_integer((json_int_t) version->serial));
		(void) json_object_set_new(fields, "digest", json_string(digest));
	}
	if (text && *text)
		(void) vt_json_set_text(fields, "text", text, strnlen(text, TEXT_MAX));
	append(service, kind, fields);
}

/* ---- mounts without a server ----------------------------------------------------------------- */

static void set_site(json_t *fields, const char *mountpoint, uint64_t device)
{
	char text[VT_DEVICE_TEXT];

	vt_device_format(device, text);
	(void) json_object_set_new(fields, "device", json_string(text));
	(void) vt_json_set_text(fields, "mount", mountpoint, strnlen(mountpoint, TEXT_MAX));
}

void vt_trail_leftover(struct vt_service *service, const char *mountpoint, const char *kind,
		       uint64_t device)
{
	json_t *fields = json_pack("{s:s, s:s}", "state", "leftover", "shows", kind);

	set_site(fields, mountpoint, device);
	append(service, VT_AUDIT_GAP, fields);
}

void vt_trail_leftover_end(struct vt_service *service, const char *mountpoint, uint64_t device,
			   const char *how, const uint32_t *by_uid)
{
	json_t *fields = by_uid ? by(*by_uid) : json_object();

	(void) json_object_set_new(fields, "how", json_string(how));
	set_site(fields, mountpoint, device);
	append(service, VT_AUDIT_LEFTOVER, fields);
}

/* ---- readers --------------------------------------------------------------------------------- */

int vt_trail_access(const struct vt_request *request, const struct vt_shown *shown,
		    const struct vt_decision *decision)
{
	struct vt_service *service = request->session->service;
	struct vt_place place = vt_shown_place(shown);
	const struct vt_audit_access access = {
		.uid = request->uid,
		.dataset = place.dataset,
		.version = place.version,
		.session = request->session->id,
		.reason = decision->reason,
		.rule = decision->rule,
	};

	if (vt_audit_access(service->audit, &access, vt_node_position(shown->id)) == 0 ||
	    vt_gate_is_open(service->gate, place))
		return 0;
	return -EIO;
}

void vt_trail_denial(const struct vt_request *request, enum vt_right right,
		     const struct vt_shown *shown, const struct vt_decision *decision)
{
	struct vt_place place = vt_shown_place(shown);

	vt_audit_deny(request->session->service->audit,
		      &(struct vt_audit_denial){.uid = request->uid,
						.dataset = place.dataset,
						.version = place.version,
						.right = right,
						.reason = decision->reason,
						.rule = decision->rule});
}
