/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See audit_record.h. The canonical form is what jansson writes with JSON_COMPACT | JSON_SORT_KEYS,
 * floats left out; the reader is our own, takes exactly that form, and allocates nothing, so that a
 * verifier checks the form and finds the members in one pass.
 */
#include "policy/audit_record.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"

#define DEPTH_MAX 4

static const struct {
	const char *name;
	bool sealed;
} kinds[VT_AUDIT_KINDS] = {
	[VT_AUDIT_SEGMENT] = {"segment", true},
	[VT_AUDIT_START] = {"start", true},
	[VT_AUDIT_HEARTBEAT] = {"heartbeat", false},
	[VT_AUDIT_GAP] = {"gap", true},
	[VT_AUDIT_KEY] = {"key", true},
	[VT_AUDIT_ACCESS] = {"access", false},
	[VT_AUDIT_DENY] = {"deny", false},
	[VT_AUDIT_RULE_ADD] = {"rule.add", true},
	[VT_AUDIT_RULE_REMOVE] = {"rule.remove", true},
	[VT_AUDIT_PARTNER_ADD] = {"partner.add", true},
	[VT_AUDIT_PARTNER_REMOVE] = {"partner.remove", true},
	[VT_AUDIT_PARTNER_END] = {"partner.end", true},
	[VT_AUDIT_LEASE_ACQUIRE] = {"lease.acquire", true},
	[VT_AUDIT_LEASE_QUEUE] = {"lease.queue", false},
	[VT_AUDIT_LEASE_RENEW] = {"lease.renew", false},
	[VT_AUDIT_LEASE_DRAIN] = {"lease.drain", true},
	[VT_AUDIT_LEASE_END] = {"lease.end", true},
	[VT_AUDIT_PUBLISH] = {"publish", false},
	[VT_AUDIT_WITHDRAW] = {"withdraw", true},
	[VT_AUDIT_RM] = {"rm", true},
	[VT_AUDIT_GC] = {"gc", false},
	[VT_AUDIT_MOUNT] = {"mount", false},
	[VT_AUDIT_UMOUNT] = {"umount", false},
	[VT_AUDIT_CLOCK] = {"clock", true},
	[VT_AUDIT_REPIN] = {"repin", true},
	[VT_AUDIT_LEFTOVER] = {"leftover", true},
};

const char *vt_audit_kind_name(enum vt_audit_kind kind)
{
	return kinds[kind].name;
}

enum vt_audit_kind vt_audit_kind_find(const char *name)
{
	enum vt_audit_kind kind = 0;

	while (kind < VT_AUDIT_KINDS && strcmp(kinds[kind].name, name) != 0)
		kind++;
	return kind;
}

bool vt_audit_kind_is_sealed(enum vt_audit_kind kind)
{
	return kinds[kind].sealed;
}

void vt_audit_set_time(json_t *fields, const char *key, uint64_t ns)
{
	if (ns <= INT64_MAX)
		(void) json_object_set_new(fields, key, json_integer((json_int_t) ns));
}

/* ---- reading -------------------------------------------------------------------------------- */

struct scan {
	const char *at, *end;
	const char *problem; /* static text; NULL while all is well */
};

static bool refuse(struct scan *s, const char *problem)
{
	if (!s->problem)
		s->problem = problem;
	return false;
}

static bool take(struct scan *s, char c)
{
	if (s->at == s->end || *s->at != c)
		return refuse(s, "another character is expected");
	s->at++;
	return true;
}

/* \" \\ \b \f \n \r \t, and \u00XX in capitals for the other control bytes; nothing else. */
static bool scan_escape(struct scan *s)
{
	static const char hex[] = "0123456789ABCDEF";
	const char *high, *low;
	int value;

	s->at++;
	if (s->at == s->end)
		return refuse(s, "it ends in an escape");
	if (strchr("\"\\bfnrt", *s->at) && *s->at) {
		s->at++;
		return true;
	}
	if (s->end - s->at < 5 || memcmp(s->at, "u00", 3) != 0)
		return refuse(s, "an escape is not the shortest");
	high = memchr(hex, s->at[3], 16);
	low = memchr(hex, s->at[4], 16);
	if (!high || !low)
		return refuse(s, "an escape is not in capitals");
	value = (int) ((high - hex) << 4 | (low - hex));
	if (value >= 0x20 || (value && strchr("\b\f\n\r\t", value)))
		return refuse(s, "an escape is not the shortest");
	s->at += 5;
	return true;
}

static bool scan_utf8(struct scan *s)
{
	uint32_t code;
	size_t len = vt_utf8_decode(s->at, (size_t) (s->end - s->at), &code);

	if (len == 0)
		return refuse(s, "it is not UTF-8");
	s->at += len;
	return true;
}

static bool scan_text(struct scan *s)
{
	if (!take(s, '"'))
		return false;
	while (s->at < s->end && *s->at != '"') {
		unsigned char c = (unsigned char) *s->at;

		if (c < 0x20)
			return refuse(s, "a control byte is not escaped");
		if (c == '\\' || c >= 0x80) {
			if (!(c == '\\' ? scan_escape(s) : scan_utf8(s)))
				return false;
		} else {
			s->at++;
		}
	}
	return take(s, '"');
}

/* Whole, within 64 bits, no "-0", no zeros in front. */
static bool scan_number(struct scan *s, int64_t *out)
{
	bool negative = *s->at == '-';
	const char *first = s->at += negative;
	uint64_t value = 0;

	for (; s->at < s->end && *s->at >= '0' && *s->at <= '9'; s->at++)
		if (__builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, (uint64_t) (*s->at - '0'), &value))
			return refuse(s, "a number is too big");
	if (s->at == first || (*first == '0' && (s->at - first > 1 || negative)))
		return refuse(s, "a number is not in its shortest form");
	if (value > (uint64_t) INT64_MAX + negative)
		return refuse(s, "a number is too big");
	*out = (int64_t) (negative ? 0 - value : value);
	return true;
}

static bool scan_word(struct scan *s)
{
	static const char *const words[] = {"true", "false", "null"};

	for (size_t i = 0; i < 3; i++) {
		size_t len = strlen(words[i]);

		if ((size_t) (s->end - s->at) >= len && memcmp(s->at, words[i], len) == 0) {
			s->at += len;
			return true;
		}
	}
	return refuse(s, "a value is expected");
}

static bool scan_key(struct scan *s, struct vt_audit_field *field)
{
	if (!take(s, '"'))
		return false;
	field->key = s->at;
	for (; s->at < s->end && *s->at != '"'; s->at++)
		if (!((*s->at >= 'a' && *s->at <= 'z') || (*s->at >= '0' && *s->at <= '9') ||
		      *s->at == '_'))
			return refuse(s, "a key is not of [a-z0-9_]");
	field->key_len = (uint32_t) (s->at - field->key);
	return take(s, '"') && take(s, ':');
}

static bool key_follows(const struct vt_audit_field *before, const struct vt_audit_field *field)
{
	size_t len = before->key_len < field->key_len ? before->key_len : field->key_len;
	int order = memcmp(before->key, field->key, len);

	return order < 0 || (order == 0 && before->key_len < field->key_len);
}

static bool scan_value(struct scan *s, unsigned depth, struct vt_audit_field *field);

static bool scan_array(struct scan *s, unsigned depth)
{
	struct vt_audit_field item;

	s->at++;
	if (s->at < s->end && *s->at == ']')
		return take(s, ']');
	do {
		if (!scan_value(s, depth + 1, &item))
			return false;
	} while (s->at < s->end && *s->at == ',' && s->at++);
	return take(s, ']');
}

/* `line` is NULL inside: only the form counts there. */
static bool scan_object(struct scan *s, unsigned depth, struct vt_audit_line *line)
{
	struct vt_audit_field inner[2], *before = NULL, *field = inner;

	if (!take(s, '{'))
		return false;
	if (s->at < s->end && *s->at == '}')
		return take(s, '}');
	do {
		if (line && line->count == VT_AUDIT_FIELDS_MAX)
			return refuse(s, "it has too many members");
		field = line ? &line->fields[line->count++] : &inner[before == inner];
		if (!scan_key(s, field) || !scan_value(s, depth + 1, field))
			return false;
		if (before && !key_follows(before, field))
			return refuse(s, "the keys are not in order");
		before = field;
	} while (s->at < s->end && *s->at == ',' && s->at++);
	return take(s, '}');
}

static bool scan_value(struct scan *s, unsigned depth, struct vt_audit_field *field)
{
	const char *first = s->at;
	bool ok;

	if (s->at == s->end || depth > DEPTH_MAX)
		return refuse(s, depth > DEPTH_MAX ? "it is nested too deep" : "it is cut");
	if (*s->at == '"') {
		field->type = VT_AUDIT_TEXT;
		ok = scan_text(s);
		field->value = first + 1;
		field->len = (uint32_t) (s->at - first - (ok ? 2 : 0));
		return ok;
	}
	if (*s->at == '{') {
		field->type = VT_AUDIT_OBJECT;
		ok = scan_object(s, depth, NULL);
	} else if (*s->at == '[') {
		field->type = VT_AUDIT_ARRAY;
		ok = scan_array(s, depth);
	} else if (*s->at == '-' || (*s->at >= '0' && *s->at <= '9')) {
		field->type = VT_AUDIT_NUMBER;
		ok = scan_number(s, &field->number);
	} else {
		field->type = VT_AUDIT_WORD;
		ok = scan_word(s);
	}
	field->value = first;
	field->len = (uint32_t) (s->at - first);
	return ok;
}

static int take_common(struct vt_audit_line *line, struct vt_error *err)
{
	int64_t seq = vt_audit_line_number(line, "seq", -1),
		t = vt_audit_line_number(line, "t", -1);
	const struct vt_audit_field *kind = vt_audit_line_find(line, "kind");

	if (!kind || kind->type != VT_AUDIT_TEXT || seq < 0 || t < 0)
		return vt_fail(err, EBADMSG, "it lacks one of kind, seq and t");
	line->seq = (uint64_t) seq;
	line->time_ns = (uint64_t) t;
	return 0;
}

int vt_audit_line_parse(const char *text, size_t len, struct vt_audit_line *out,
			struct vt_error *err)
{
	struct scan s = {text, text + len, NULL};

	out->count = 0;
	if (len > VT_AUDIT_LINE_MAX)
		return vt_fail(err, EBADMSG, "it is longer than %u bytes", VT_AUDIT_LINE_MAX);
	if (scan_object(&s, 0, out) && s.at != s.end)
		(void) refuse(&s, "something follows the object");
	if (s.problem)
		return vt_fail(err, EBADMSG, "it is not canonical JSON: %s, at byte %zu", s.problem,
			       (size_t) (s.at - text));
	return take_common(out, err);
}

const struct vt_audit_field *vt_audit_line_find(const struct vt_audit_line *line, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 0; i < line->count; i++)
		if (line->fields[i].key_len == len && memcmp(line->fields[i].key, key, len) == 0)
			return &line->fields[i];
	return NULL;
}

int64_t vt_audit_line_number(const struct vt_audit_line *line, const char *key, int64_t otherwise)
{
	const struct vt_audit_field *field = vt_audit_line_find(line, key);

	return field && field->type == VT_AUDIT_NUMBER ? field->number : otherwise;
}

bool vt_audit_line_is(const struct vt_audit_line *line, const char *key, const char *text)
{
	const struct vt_audit_field *field = vt_audit_line_find(line, key);

	return field && field->type == VT_AUDIT_TEXT && field->len == strlen(text) &&
	       memcmp(field->value, text, field->len) == 0;
}

static char unescape(const char **at)
{
	static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
	const char *c = *at + 1, *known = strchr(from, *c);
	unsigned value = 0;

	*at += 2;
	if (known)
		return to[known - from];
	if (*c != 'u')
		return *c;
	(void) sscanf(c + 1, "%4x", &value);
	*at += 4;
	return (char) value;
}

void vt_audit_line_text(const struct vt_audit_line *line, const char *key, char *out, size_t size)
{
	const struct vt_audit_field *field = vt_audit_line_find(line, key);
	const char *at, *end;
	size_t len = 0;

	if (field && field->type == VT_AUDIT_TEXT)
		for (at = field->value, end = at + field->len; at < end && len + 1 < size;)
			out[len++] = *at == '\\' ? unescape(&at) : *at++;
	out[len] = '\0';
}

/* ---- writing -------------------------------------------------------------------------------- */

static int put_text(const char *text, size_t len, void *out)
{
	vt_buf_put(out, text, len);
	return vt_buf_failed(out) ? -1 : 0;
}

int vt_audit_line_encode(const json_t *fields, struct vt_buf *out, struct vt_error *err)
{
	struct vt_audit_line line;
	size_t before = out->len;
	int r;

	if (json_dump_callback(fields, put_text, out, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return vt_fail(err, ENOMEM, "no memory for a record of the audit log");
	if (out->len - before > VT_AUDIT_LINE_MAX)
		return vt_fail(err, E2BIG,
			       "a record of the audit log has %zu bytes, %u are allowed",
			       out->len - before, VT_AUDIT_LINE_MAX);
	r = vt_audit_line_parse((const char *) out->data + before, out->len - before, &line, err);
	return r < 0 ? vt_fail(err, EINVAL, "a record cannot be written: see its fields") : 0;
}
