/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The words of the policy: principals, objects, rights, rules, leases, partners. Plain values; what
 * they mean is policy/model.md, what they decide is evaluate.h, where they are kept is book.h.
 *
 * All times are CLOCK_REALTIME in ns; windows are half open, [from, until); 0 and VT_TIME_NEVER are
 * "since ever" and "for ever".
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/catalog.h"

#define VT_TIME_NEVER UINT64_MAX

/* What is granted or denied. Values are stored: never renumbered. */
enum vt_right {
	VT_RIGHT_BROWSE = 0, /* names, sizes, versions, what the tree looks like */
	VT_RIGHT_READ = 1,   /* bytes; browse with it */
	VT_RIGHT_LEASE = 2,  /* to hold it alone for a time; read with it */
	VT_RIGHT_CURATE = 3, /* publish, tag; browse with it */
	VT_RIGHT_ADMIN = 4,  /* grant, break leases, rollback, withdraw, rm; never bytes */
	VT_RIGHT_COUNT,
	/* Asked, never granted: that the name exists. Whoever has any right sees. */
	VT_RIGHT_SEE = VT_RIGHT_COUNT,
};

enum vt_principal_kind {
	VT_PRINCIPAL_USER = 1,    /* id: uid, pinned to `name` when first used */
	VT_PRINCIPAL_OSGROUP = 2, /* id: gid */
	VT_PRINCIPAL_PARTNER = 3, /* id: of the partner */
	VT_PRINCIPAL_ANYONE = 4,
};
#define VT_PRINCIPAL_NAME_MAX 100u

struct vt_principal {
	enum vt_principal_kind kind;
	uint32_t id; /* 0 for anyone */
	char name[VT_PRINCIPAL_NAME_MAX + 1];
};

/* What a rule or a lease is about. A dataset covers its present and future versions. */
enum vt_scope {
	VT_SCOPE_ALL = 1,   /* the store */
	VT_SCOPE_SPACE = 2, /* SPACE and all in it */
	VT_SCOPE_DATASET = 3,
	VT_SCOPE_VERSION = 4, /* with the revisions of its labels */
};

struct vt_pattern {
	enum vt_scope scope;
	uint32_t dataset, version;        /* id and serial; 0 where the scope has none */
	char space[VT_NAME_PART_MAX + 1]; /* of SCOPE_SPACE, else "" */
};

/* An object that is asked about: {0, 0} the store, {d, 0} a dataset as such, {d, v} a version. */
struct vt_object {
	uint32_t dataset, version;
	const char *space;  /* the dataset's, borrowed; NULL: it is in none */
	uint32_t owner_uid; /* of the dataset; meaningless without one */
};

enum vt_rule_kind {
	VT_RULE_ALLOW = 1,
	VT_RULE_DENY = 2,
	/* Kinds to come (embargo, terms, delegation) get numbers of their own; an unknown one
	   denies. */
};

struct vt_rule {
	uint64_t id; /* the revision that made it; unique */
	enum vt_rule_kind kind;
	enum vt_right right;
	struct vt_principal who;
	struct vt_pattern object;
	uint64_t from_ns, until_ns;
	uint32_t by_uid; /* who made it */
	uint64_t made_ns;
};

enum vt_lease_state {
	VT_LEASE_ACTIVE = 1,   /* its holder alone reads */
	VT_LEASE_DRAINING = 2, /* nobody reads: the holder is being cut off */
	VT_LEASE_ENDED = 3,    /* a record, masks nothing */
	VT_LEASE_QUEUED = 4,   /* waits for those before it */
};

enum vt_lease_end {
	VT_LEASE_END_NONE = 0,
	VT_LEASE_END_RELEASED = 1,
	VT_LEASE_END_EXPIRED = 2,
	VT_LEASE_END_BROKEN = 3,
	VT_LEASE_END_REMOVED = 4, /* its object is gone, or a waiting one was given up */
};

struct vt_lease {
	uint64_t id; /* unique; the order of the waiting line */
	uint64_t
		fence; /* grows with every lease of the store that becomes active; 0 while queued */
	enum vt_lease_state state;
	enum vt_lease_end end;
	struct vt_principal holder; /* a user */
	struct vt_pattern object;
	uint64_t asked_ns, since_ns, until_ns; /* until: of a queued one the length, ns */
	uint64_t ended_ns;
	uint32_t by_uid;  /* who asked for it, or ended it */
	char reason[256]; /* of a break */
};

struct vt_member {
	uint32_t uid;
	char name[VT_PRINCIPAL_NAME_MAX + 1];
};

/* A named set of local users, with somebody on our side who answers for it and an end. */
struct vt_partner {
	uint32_t id;
	char name[VT_PRINCIPAL_NAME_MAX + 1];
	uint32_t owner_uid;
	uint64_t until_ns;
	struct vt_member *members; /* in order of uids */
	size_t member_count;
};
