/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See policy_record.h. What a record may say is one function per kind of thing (`…_is_sound`),
 * asked before writing and after reading.
 */
#include "policy/policy_record.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/record.h"
#include "index/record_private.h"

/* ---- keys ------------------------------------------------------------------------------------ */

static struct vt_policy_key key_begin(const char *prefix)
{
	struct vt_policy_key key = {.len = strlen(prefix)};

	memcpy(key.bytes, prefix, key.len);
	return key;
}

struct vt_policy_key vt_rule_key(uint64_t id)
{
	struct vt_policy_key key = key_begin(VT_POLICY_KEY_RULE);

	vt_key_u64(id, key.bytes + key.len);
	key.len += 8;
	return key;
}

static struct vt_policy_key key_u32(const char *prefix, uint32_t id)
{
	struct vt_policy_key key = key_begin(prefix);

	vt_key_u32(id, key.bytes + key.len);
	key.len += 4;
	return key;
}

struct vt_policy_key vt_partner_key(uint32_t id)
{
	return key_u32(VT_POLICY_KEY_PARTNER, id);
}

struct vt_policy_key vt_pin_key(uint32_t uid)
{
	return key_u32(VT_POLICY_KEY_PIN, uid);
}

enum vt_policy_row vt_policy_key_read(const void *key, size_t len, uint64_t *id)
{
	static const struct {
		const char *prefix;
		size_t id_len;
		enum vt_policy_row row;
	} rows[] = {
		{VT_POLICY_KEY_HEAD, 0, VT_ROW_HEAD}, {VT_POLICY_KEY_CLOCK, 0, VT_ROW_CLOCK},
		{VT_POLICY_KEY_RULE, 8, VT_ROW_RULE}, {VT_POLICY_KEY_PARTNER, 4, VT_ROW_PARTNER},
		{VT_POLICY_KEY_PIN, 4, VT_ROW_PIN},
	};

	*id = 0;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		size_t prefix_len = strlen(rows[i].prefix);
		const uint8_t *rest = (const uint8_t *) key + prefix_len;

		if (len != prefix_len + rows[i].id_len || memcmp(key, rows[i].prefix, prefix_len))
			continue;
		if (rows[i].id_len == 8)
			*id = vt_key_read_u64(rest);
		else if (rows[i].id_len == 4)
			*id = vt_key_read_u32(rest);
		return rows[i].row;
	}
	return VT_ROW_UNKNOWN;
}

/* ---- texts, principals, patterns ------------------------------------------------------------- */

/* Into an array of `size` bytes; false when it is no text or too long. */
static bool get_text(struct vt_reader *r, char *out, size_t size)
{
	const char *text = vt_record_get_text(r, size - 1);

	memset(out, 0, size);
	memcpy(out, text, strlen(text));
	return !r->failed;
}

#define TERMINATED(array) (memchr((array), '\0', sizeof(array)) != NULL)

static bool principal_is_sound(const struct vt_principal *who)
{
	if (!TERMINATED(who->name))
		return false;
	switch (who->kind) {
	case VT_PRINCIPAL_USER:
	case VT_PRINCIPAL_OSGROUP:
		return who->name[0] != '\0';
	case VT_PRINCIPAL_PARTNER:
		return who->name[0] != '\0' && who->id != 0;
	case VT_PRINCIPAL_ANYONE:
		return who->name[0] == '\0' && who->id == 0;
	}
	return false;
}

static bool pattern_is_sound(const struct vt_pattern *object)
{
	if (!TERMINATED(object->space))
		return false;
	switch (object->scope) {
	case VT_SCOPE_ALL:
		return !object->dataset && !object->version && !object->space[0];
	case VT_SCOPE_SPACE:
		return !object->dataset && !object->version && !strchr(object->space, '/') &&
		       vt_dataset_name_check(object->space, NULL) == 0;
	case VT_SCOPE_DATASET:
		return object->dataset && !object->version && !object->space[0];
	case VT_SCOPE_VERSION:
		return object->dataset && object->version && !object->space[0];
	}
	return false;
}

static void put_principal(struct vt_buf *out, const struct vt_principal *who)
{
	vt_buf_put_u8(out, (uint8_t) who->kind);
	vt_buf_put_le32(out, who->id);
	vt_record_put_text(out, who->name);
}

static bool get_principal(struct vt_reader *r, struct vt_principal *out)
{
	out->kind = vt_reader_u8(r);
	out->id = vt_reader_le32(r);
	return get_text(r, out->name, sizeof out->name) && principal_is_sound(out);
}

static void put_pattern(struct vt_buf *out, const struct vt_pattern *object)
{
	vt_buf_put_u8(out, (uint8_t) object->scope);
	vt_buf_put_le32(out, object->dataset);
	vt_buf_put_le32(out, object->version);
	vt_record_put_text(out, object->space);
}

static bool get_pattern(struct vt_reader *r, struct vt_pattern *out)
{
	out->scope = vt_reader_u8(r);
	out->dataset = vt_reader_le32(r);
	out->version = vt_reader_le32(r);
	return get_text(r, out->space, sizeof out->space) && pattern_is_sound(out);
}

static int unsound(const char *what, struct vt_error *err)
{
	return vt_fail(err, EINVAL, "such a %s cannot be kept", what);
}

static int written(const struct vt_buf *out, const char *what, struct vt_error *err)
{
	if (vt_buf_failed(out))
		return vt_fail(err, ENOMEM, "no memory for the record of a %s", what);
	return 0;
}

/* ---- head, clock ----------------------------------------------------------------------------- */

int vt_policy_head_encode(const struct vt_policy_head *head, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le64(out, head->revision);
	vt_buf_put_le64(out, head->fence);
	vt_buf_put_le32(out, head->partner);
	return vt_record_written(out);
}

int vt_policy_head_decode(const void *data, size_t len, struct vt_policy_head *out,
			  struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_policy_head head;
	int e = vt_record_begin(&r, "policy's head", err);

	if (e < 0)
		return e;
	head.revision = vt_reader_le64(&r);
	head.fence = vt_reader_le64(&r);
	head.partner = vt_reader_le32(&r);
	e = vt_record_end(&r, head.revision != 0 && head.partner != 0, "policy's head", err);
	if (e == 0)
		*out = head;
	return e;
}

int vt_clock_encode(const struct vt_clock_record *clock, struct vt_buf *out)
{
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le64(out, clock->wall_ns);
	vt_buf_put_le64(out, clock->boottime_ns);
	vt_buf_put(out, clock->boot_id, sizeof clock->boot_id);
	vt_buf_put_le64(out, clock->lo_ns);
	vt_buf_put_le64(out, clock->hi_ns);
	return vt_record_written(out);
}

int vt_clock_decode(const void *data, size_t len, struct vt_clock_record *out, struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_clock_record clock = {0};
	int e = vt_record_begin(&r, "policy's clock", err);

	if (e < 0)
		return e;
	clock.wall_ns = vt_reader_le64(&r);
	clock.boottime_ns = vt_reader_le64(&r);
	vt_record_get_bytes(&r, clock.boot_id, sizeof clock.boot_id);
	clock.lo_ns = vt_reader_le64(&r);
	clock.hi_ns = vt_reader_le64(&r);
	e = vt_record_end(&r, clock.lo_ns <= clock.hi_ns, "policy's clock", err);
	if (e == 0)
		*out = clock;
	return e;
}

/* ---- rules ----------------------------------------------------------------------------------- */

static bool rule_kind_is_known(unsigned kind)
{
	return kind == VT_RULE_ALLOW || kind == VT_RULE_DENY;
}

static bool rule_is_sound(const struct vt_rule *rule)
{
	return rule->id != 0 && rule->kind != 0 && rule->from_ns < rule->until_ns &&
	       principal_is_sound(&rule->who) && pattern_is_sound(&rule->object);
}

int vt_rule_encode(const struct vt_rule *rule, struct vt_buf *out, struct vt_error *err)
{
	if (!rule_is_sound(rule) || !rule_kind_is_known(rule->kind) ||
	    (unsigned) rule->right >= VT_RIGHT_COUNT)
		return unsound("rule", err);
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_u8(out, (uint8_t) rule->kind);
	vt_buf_put_u8(out, (uint8_t) rule->right);
	put_principal(out, &rule->who);
	put_pattern(out, &rule->object);
	vt_buf_put_le64(out, rule->from_ns);
	vt_buf_put_le64(out, rule->until_ns);
	vt_buf_put_le32(out, rule->by_uid);
	vt_buf_put_le64(out, rule->made_ns);
	return written(out, "rule", err);
}

int vt_rule_decode(uint64_t id, const void *data, size_t len, struct vt_rule *out,
		   struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_rule rule = {.id = id};
	bool sound;
	int e = vt_record_begin(&r, "rule", err);

	if (e < 0)
		return e;
	rule.kind = vt_reader_u8(&r);
	rule.right = vt_reader_u8(&r);
	sound = get_principal(&r, &rule.who) && get_pattern(&r, &rule.object);
	rule.from_ns = vt_reader_le64(&r);
	rule.until_ns = vt_reader_le64(&r);
	rule.by_uid = vt_reader_le32(&r);
	rule.made_ns = vt_reader_le64(&r);
	if (!rule_kind_is_known(rule.kind) && len <= VT_UNKNOWN_RULE_MAX)
		r.at = r.end; /* what such a kind says beyond is not ours to read */
	e = vt_record_end(&r, sound && rule_is_sound(&rule), "rule", err);
	if (e < 0)
		return e;
	if (rule_kind_is_known(rule.kind) && (unsigned) rule.right >= VT_RIGHT_COUNT)
		return vt_fail(err, ENOTSUP, "a rule is about a right of a newer vitrine (%u)",
			       (unsigned) rule.right);
	*out = rule;
	return 0;
}

/* ---- partners, pins -------------------------------------------------------------------------- */

static bool name_is_sound(const char name[VT_PRINCIPAL_NAME_MAX + 1])
{
	return name[0] && memchr(name, '\0', VT_PRINCIPAL_NAME_MAX + 1);
}

static bool partner_is_sound(const struct vt_partner *partner)
{
	if (!partner->id || !TERMINATED(partner->name) || strchr(partner->name, '/') ||
	    vt_dataset_name_check(partner->name, NULL) < 0 ||
	    partner->member_count > VT_PARTNER_MEMBERS_MAX)
		return false;
	for (size_t i = 0; i < partner->member_count; i++)
		if (!name_is_sound(partner->members[i].name) ||
		    (i && partner->members[i - 1].uid >= partner->members[i].uid))
			return false;
	return true;
}

int vt_partner_encode(const struct vt_partner *partner, struct vt_buf *out, struct vt_error *err)
{
	if (!partner_is_sound(partner))
		return unsound("partner", err);
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_le32(out, partner->owner_uid);
	vt_buf_put_le64(out, partner->until_ns);
	vt_record_put_text(out, partner->name);
	vt_buf_put_le32(out, (uint32_t) partner->member_count);
	for (size_t i = 0; i < partner->member_count; i++) {
		vt_buf_put_le32(out, partner->members[i].uid);
		vt_record_put_text(out, partner->members[i].name);
	}
	return written(out, "partner", err);
}

int vt_partner_decode(uint32_t id, const void *data, size_t len, struct vt_partner *out,
		      struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_partner partner = {.id = id};
	vt_autofree struct vt_member *members = NULL;
	bool sound;
	int e = vt_record_begin(&r, "partner", err);

	if (e < 0)
		return e;
	partner.owner_uid = vt_reader_le32(&r);
	partner.until_ns = vt_reader_le64(&r);
	sound = get_text(&r, partner.name, sizeof partner.name);
	partner.member_count = vt_reader_le32(&r);
	sound = sound && !r.failed && partner.member_count <= VT_PARTNER_MEMBERS_MAX;
	members = calloc(sound && partner.member_count ? partner.member_count : 1, sizeof *members);
	if (!members)
		return vt_fail(err, ENOMEM, "no memory for a partner");
	for (size_t i = 0; sound && i < partner.member_count; i++) {
		members[i].uid = vt_reader_le32(&r);
		sound = get_text(&r, members[i].name, sizeof members[i].name);
	}
	partner.members = members;
	e = vt_record_end(&r, sound && partner_is_sound(&partner), "partner", err);
	if (e < 0)
		return e;
	*out = partner;
	out->members = vt_steal(&members);
	return 0;
}

int vt_pin_encode(const char *name, struct vt_buf *out, struct vt_error *err)
{
	if (!*name || strlen(name) > VT_PRINCIPAL_NAME_MAX)
		return unsound("user name", err);
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_record_put_text(out, name);
	return written(out, "user", err);
}

int vt_pin_decode(uint32_t uid, const void *data, size_t len, struct vt_member *out,
		  struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_member pin = {.uid = uid};
	bool sound;
	int e = vt_record_begin(&r, "user", err);

	if (e < 0)
		return e;
	sound = get_text(&r, pin.name, sizeof pin.name);
	e = vt_record_end(&r, sound && pin.name[0], "user", err);
	if (e == 0)
		*out = pin;
	return e;
}

/* ---- leases ---------------------------------------------------------------------------------- */

static bool lease_is_sound(const struct vt_lease *lease)
{
	bool has_end = lease->end >= VT_LEASE_END_RELEASED && lease->end <= VT_LEASE_END_REMOVED;
	bool held = lease->fence != 0 && lease->since_ns < lease->until_ns;
	bool never_held = lease->fence == 0 && lease->since_ns == 0 && lease->until_ns != 0;

	if (!lease->id || lease->holder.kind != VT_PRINCIPAL_USER ||
	    !principal_is_sound(&lease->holder) || !pattern_is_sound(&lease->object) ||
	    lease->until_ns == VT_TIME_NEVER || !TERMINATED(lease->reason))
		return false;
	switch (lease->state) {
	case VT_LEASE_ACTIVE:
		return held && lease->end == VT_LEASE_END_NONE && !lease->ended_ns;
	case VT_LEASE_DRAINING:
		return held && has_end && !lease->ended_ns;
	case VT_LEASE_ENDED:
		return has_end && (held || (never_held && lease->end == VT_LEASE_END_REMOVED));
	case VT_LEASE_QUEUED:
		return never_held && lease->end == VT_LEASE_END_NONE && !lease->ended_ns;
	}
	return false;
}

int vt_lease_encode(const struct vt_lease *lease, struct vt_buf *out, struct vt_error *err)
{
	if (!lease_is_sound(lease))
		return unsound("lease", err);
	vt_buf_put_u8(out, VT_RECORD_FORMAT);
	vt_buf_put_u8(out, (uint8_t) lease->state);
	vt_buf_put_u8(out, (uint8_t) lease->end);
	vt_buf_put_le64(out, lease->fence);
	put_principal(out, &lease->holder);
	put_pattern(out, &lease->object);
	vt_buf_put_le64(out, lease->asked_ns);
	vt_buf_put_le64(out, lease->since_ns);
	vt_buf_put_le64(out, lease->until_ns);
	vt_buf_put_le64(out, lease->ended_ns);
	vt_buf_put_le32(out, lease->by_uid);
	vt_record_put_text(out, lease->reason);
	return written(out, "lease", err);
}

int vt_lease_decode(uint64_t id, const void *data, size_t len, struct vt_lease *out,
		    struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_lease lease = {.id = id};
	bool sound;
	int e = vt_record_begin(&r, "lease", err);

	if (e < 0)
		return e;
	lease.state = vt_reader_u8(&r);
	lease.end = vt_reader_u8(&r);
	lease.fence = vt_reader_le64(&r);
	sound = get_principal(&r, &lease.holder) && get_pattern(&r, &lease.object);
	lease.asked_ns = vt_reader_le64(&r);
	lease.since_ns = vt_reader_le64(&r);
	lease.until_ns = vt_reader_le64(&r);
	lease.ended_ns = vt_reader_le64(&r);
	lease.by_uid = vt_reader_le32(&r);
	sound = sound && get_text(&r, lease.reason, sizeof lease.reason);
	e = vt_record_end(&r, sound && lease_is_sound(&lease), "lease", err);
	if (e == 0)
		*out = lease;
	return e;
}
