/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keys and records of VT_CF_POLICY and VT_CF_LEASE: index/schema.md, "Policy". The same rules as in
 * index/record.h: a record begins with its format, a newer one is refused with -ENOTSUP, any that
 * does not decode exactly, or says what cannot be, with -EBADMSG. Encoding takes only what decoding
 * would: -EINVAL. An unknown kind of rule is decoded as far as all kinds agree.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/clock.h"
#include "policy/rule.h"

struct vt_error;

#define VT_POLICY_KEY_HEAD    "head"
#define VT_POLICY_KEY_CLOCK   "clock"
#define VT_POLICY_KEY_RULE    "rule."    /* u64 id */
#define VT_POLICY_KEY_PARTNER "partner." /* u32 id */
#define VT_POLICY_KEY_PIN     "pin."     /* u32 uid */

#define VT_PARTNER_MEMBERS_MAX 10000u
#define VT_UNKNOWN_RULE_MAX    65536u /* bytes of a rule that this program does not know */

struct vt_policy_key {
	uint8_t bytes[16];
	size_t len;
};
struct vt_policy_key vt_rule_key(uint64_t id);
struct vt_policy_key vt_partner_key(uint32_t id);
struct vt_policy_key vt_pin_key(uint32_t uid);

/* What a key of VT_CF_POLICY is of. */
enum vt_policy_row {
	VT_ROW_UNKNOWN,
	VT_ROW_HEAD,
	VT_ROW_CLOCK,
	VT_ROW_RULE,
	VT_ROW_PARTNER,
	VT_ROW_PIN,
};
enum vt_policy_row vt_policy_key_read(const void *key, size_t len, uint64_t *id);

struct vt_policy_head {
	uint64_t revision; /* of the last change */
	uint64_t fence;    /* of the lease that became active last */
	uint32_t partner;  /* id that the next partner gets, from 1 */
};
int vt_policy_head_encode(const struct vt_policy_head *head, struct vt_buf *out);
int vt_policy_head_decode(const void *data, size_t len, struct vt_policy_head *out,
			  struct vt_error *err);

/* Of the clock (instant.h). */
struct vt_clock_record {
	uint64_t wall_ns, boottime_ns;   /* the anchor */
	uint8_t boot_id[VT_BOOT_ID_LEN]; /* zeros: the anchor is none */
	uint64_t lo_ns, hi_ns;           /* the last answer; hi: highest ever */
};
int vt_clock_encode(const struct vt_clock_record *clock, struct vt_buf *out);
int vt_clock_decode(const void *data, size_t len, struct vt_clock_record *out,
		    struct vt_error *err);

/* `id` is in the key. */
int vt_rule_encode(const struct vt_rule *rule, struct vt_buf *out, struct vt_error *err);
int vt_rule_decode(uint64_t id, const void *data, size_t len, struct vt_rule *out,
		   struct vt_error *err);

/* Decoding allocates `out->members`, which the caller frees with free(). */
int vt_partner_encode(const struct vt_partner *partner, struct vt_buf *out, struct vt_error *err);
int vt_partner_decode(uint32_t id, const void *data, size_t len, struct vt_partner *out,
		      struct vt_error *err);

int vt_pin_encode(const char *name, struct vt_buf *out, struct vt_error *err);
int vt_pin_decode(uint32_t uid, const void *data, size_t len, struct vt_member *out,
		  struct vt_error *err);

int vt_lease_encode(const struct vt_lease *lease, struct vt_buf *out, struct vt_error *err);
int vt_lease_decode(uint64_t id, const void *data, size_t len, struct vt_lease *out,
		    struct vt_error *err);
