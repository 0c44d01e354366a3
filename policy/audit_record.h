/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One record of the audit log: a line of canonical JSON (policy/audit.md, "A record"), and the
 * kinds there are. Canonical: one object, keys of [a-z0-9_] in strictly growing byte order, no
 * blanks, whole numbers of 64 bits only, the shortest escapes. Two different texts are never the
 * same record.
 *
 * Thread-safe.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"

struct vt_error;

#define VT_AUDIT_LINE_MAX   4096u /* bytes, the newline not counted */
#define VT_AUDIT_FIELDS_MAX 48u

/* What is recorded. The names are stored; the numbers are not. */
enum vt_audit_kind {
	VT_AUDIT_SEGMENT, /* the first line of each file; the log's own, as are the next six */
	VT_AUDIT_START,
	VT_AUDIT_HEARTBEAT,
	VT_AUDIT_GAP,
	VT_AUDIT_KEY,
	VT_AUDIT_ACCESS,
	VT_AUDIT_DENY,
	VT_AUDIT_RULE_ADD,
	VT_AUDIT_RULE_REMOVE,
	VT_AUDIT_PARTNER_ADD,
	VT_AUDIT_PARTNER_REMOVE,
	VT_AUDIT_PARTNER_END,
	VT_AUDIT_LEASE_ACQUIRE,
	VT_AUDIT_LEASE_QUEUE,
	VT_AUDIT_LEASE_RENEW,
	VT_AUDIT_LEASE_DRAIN,
	VT_AUDIT_LEASE_END,
	VT_AUDIT_PUBLISH,
	VT_AUDIT_WITHDRAW,
	VT_AUDIT_RM,
	VT_AUDIT_GC,
	VT_AUDIT_MOUNT,
	VT_AUDIT_UMOUNT,
	VT_AUDIT_CLOCK,
	VT_AUDIT_REPIN,
	VT_AUDIT_LEFTOVER,
	VT_AUDIT_KINDS
};
const char *vt_audit_kind_name(enum vt_audit_kind kind);
enum vt_audit_kind vt_audit_kind_find(const char *name); /* VT_AUDIT_KINDS: there is none */
/* A checkpoint follows at once: what an attacker would most like to undo. */
bool vt_audit_kind_is_sealed(enum vt_audit_kind kind);

/* A time, ns, into a record; one that is never, and so no number of the log's, is left out. */
void vt_audit_set_time(json_t *fields, const char *key, uint64_t ns);

/* `fields`, with kind, seq and t among them, as a line without newline. -EINVAL; -E2BIG: too long.
 */
int vt_audit_line_encode(const json_t *fields, struct vt_buf *out, struct vt_error *err);

enum vt_audit_type {
	VT_AUDIT_TEXT = 1,
	VT_AUDIT_NUMBER,
	VT_AUDIT_WORD, /* true, false, null */
	VT_AUDIT_ARRAY,
	VT_AUDIT_OBJECT,
};
struct vt_audit_field {
	const char *key, *value; /* into the line; a text without its quotes, escapes as they are */
	uint32_t key_len, len;
	enum vt_audit_type type;
	int64_t number;
};
struct vt_audit_line {
	size_t count;
	uint64_t seq, time_ns;
	struct vt_audit_field fields[VT_AUDIT_FIELDS_MAX]; /* of the object itself, in order */
};

/* Borrows from `text`. -EBADMSG says where it is not canonical, or which of kind, seq, t is
 * missing. */
int vt_audit_line_parse(const char *text, size_t len, struct vt_audit_line *out,
			struct vt_error *err);

const struct vt_audit_field *vt_audit_line_find(const struct vt_audit_line *line, const char *key);
/* A member that is a number, else `otherwise`. */
int64_t vt_audit_line_number(const struct vt_audit_line *line, const char *key, int64_t otherwise);
/* Is it the text? And the text into `out`, unescaped, "" when missing, cut when too long. */
bool vt_audit_line_is(const struct vt_audit_line *line, const char *key, const char *text);
void vt_audit_line_text(const struct vt_audit_line *line, const char *key, char *out, size_t size);
