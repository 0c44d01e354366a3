/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The book's insides, shared by book.c (changes), book_snapshot.c, book_load.c, book_rule.c,
 * book_partner.c, book_lease.c and book_record.c.
 *
 * A change holds `writer` from its first look to its end, over the synced write, and edits a copy
 * of the present snapshot that nobody else sees (`next`); what it edits it also stages in the
 * batch. vt_book_change_commit() writes and then makes the copy the present one. Lock order:
 * `writer`, `lock`.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "index/store.h"
#include "policy/audit_record.h"
#include "policy/book.h"
#include "policy/instant.h"
#include "policy/policy_record.h"

#define VT_RULES_MAX     20000u
#define VT_PARTNERS_MAX  1000u
#define VT_LEASES_MAX    4096u  /* that have not ended, the waiting line with them */
#define VT_ENDED_MAX     50000u /* ended ones that are kept: the oldest go first */
#define VT_ENDED_KEPT_NS (90ull * 86400 * VT_NS_PER_SEC)
#define VT_KEEP_TIME_NS  (600 * VT_NS_PER_SEC) /* the clock is noted while there are windows */

/* A snapshot. All arrays are its own; the policy's pointers are to them. */
struct vt_snapshot {
	atomic_uint refs;
	struct vt_policy policy;
	struct vt_rule *rules; /* in order of ids, as the other arrays are */
	struct vt_lease *leases;
	struct vt_partner *partners; /* with arrays of members of their own */
	struct vt_member *pins;
	size_t rule_room, lease_room, partner_room, pin_room;
};

struct vt_snapshot *vt_snapshot_new(uint32_t store_owner);
struct vt_snapshot *vt_snapshot_copy(const struct vt_snapshot *from);
void vt_snapshot_unref(struct vt_snapshot *snapshot);
VT_DEFINE_CLEANUP(struct vt_snapshot, vt_snapshot_unref);

/* Putting in order of ids, in place of one with the same. -ENOMEM. Members are copied. */
int vt_snapshot_put_rule(struct vt_snapshot *snapshot, const struct vt_rule *rule);
int vt_snapshot_put_lease(struct vt_snapshot *snapshot, const struct vt_lease *lease);
int vt_snapshot_put_partner(struct vt_snapshot *snapshot, const struct vt_partner *partner);
int vt_snapshot_put_pin(struct vt_snapshot *snapshot, const struct vt_member *pin);
void vt_snapshot_drop_rule(struct vt_snapshot *snapshot, size_t index);
void vt_snapshot_drop_lease(struct vt_snapshot *snapshot, uint64_t id);
void vt_snapshot_drop_pin(struct vt_snapshot *snapshot, size_t index);

/* NULL when there is none. Borrowed until the next change of the snapshot. */
struct vt_lease *vt_snapshot_lease(const struct vt_snapshot *snapshot, uint64_t id);
struct vt_partner *vt_snapshot_partner(const struct vt_snapshot *snapshot, const char *name);
struct vt_member *vt_snapshot_pin(const struct vt_snapshot *snapshot, uint32_t uid);

struct vt_book {
	struct vt_store *store; /* these three are constant */
	struct vt_catalog *catalog;
	struct vt_timekeeper *time;
	pthread_mutex_t writer;
	struct vt_policy_head head;    /* guarded by writer */
	uint64_t noted_ns;             /* CLOCK_BOOTTIME of the last note of the clock; by writer */
	atomic_uint_fast64_t revision; /* of the present snapshot; changed with `lock` */
	pthread_mutex_t lock;          /* guards all below; changed with `writer` held as well */
	struct vt_snapshot *now;
	struct vt_lease *ended; /* in the order in which they ended, as far as that is known */
	size_t ended_count, ended_room;
};

struct vt_book_change {
	struct vt_book *book;
	struct vt_snapshot *next;
	struct vt_policy_head head; /* revision: the one that this change makes */
	struct vt_instant now;
	bool suspect; /* is the clock? */
	struct vt_batch *batch;
	vt_batch_writer *writer; /* of the batch; NULL: vt_store_write() */
	void *writer_context;
	struct vt_lease *ended; /* by this change */
	size_t ended_count, ended_room;
	size_t dropped; /* of the book's ended ones: vt_book_change_commit() */
};

/* Takes `writer`; vt_book_change_done() gives it back, also when beginning failed. */
int vt_book_change_begin(struct vt_book *book, struct vt_book_change *change, struct vt_error *err);
int vt_book_change_commit(struct vt_book_change *change, struct vt_error *err);
void vt_book_change_done(struct vt_book_change *change);

/* Into the copy and the batch. An ended lease leaves the copy for the list of ended ones. */
int vt_book_change_put_rule(struct vt_book_change *change, const struct vt_rule *rule,
			    struct vt_error *err);
void vt_book_change_drop_rule(struct vt_book_change *change, size_t index);
int vt_book_change_put_partner(struct vt_book_change *change, const struct vt_partner *partner,
			       struct vt_error *err);
int vt_book_change_put_lease(struct vt_book_change *change, const struct vt_lease *lease,
			     struct vt_error *err);
int vt_book_change_put_pin(struct vt_book_change *change, const struct vt_member *pin,
			   struct vt_error *err);
void vt_book_change_drop_pin(struct vt_book_change *change, size_t index);

/* Records of what the change does. */
int vt_book_record_rule(struct vt_book_change *change, enum vt_audit_kind kind,
			const struct vt_rule *rule, uint32_t by_uid, struct vt_error *err);
int vt_book_record_partner(struct vt_book_change *change, enum vt_audit_kind kind, const char *name,
			   uint32_t by_uid, uint64_t until_ns, struct vt_error *err);
int vt_book_record_repin(struct vt_book_change *change, const struct vt_member *was,
			 const char *name, uint32_t by_uid, struct vt_error *err);
int vt_book_record_lease(struct vt_book_change *change, enum vt_audit_kind kind,
			 const struct vt_lease *lease, struct vt_error *err);

/* Pins the uid to the name. -ESTALE: it is pinned to another. */
int vt_book_change_pin(struct vt_book_change *change, uint32_t uid, const char *name,
		       struct vt_error *err);
/* Rules of what is gone go, leases on it end. `gone` says what. 1: something did. */
typedef bool vt_gone(const struct vt_book *book, const struct vt_pattern *object,
		     const void *context);
int vt_book_change_forget(struct vt_book_change *change, vt_gone *gone, const void *context,
			  struct vt_error *err);

/* Is there such an object now? -ENOENT. */
int vt_object_exists(struct vt_catalog *catalog, const struct vt_pattern *object,
		     struct vt_error *err);
/* The space of the pattern's dataset, into `space`; NULL when it has none or no dataset. */
const char *vt_pattern_space(struct vt_catalog *catalog, const struct vt_pattern *object,
			     char space[VT_NAME_PART_MAX + 1]);
bool vt_principal_equal(const struct vt_principal *a, const struct vt_principal *b);
bool vt_pattern_equal(const struct vt_pattern *a, const struct vt_pattern *b);
/* May what is taken from the principal be taken from the user, by uid, groups or a partner? */
bool vt_book_binds(const struct vt_policy *policy, const struct vt_principal *principal,
		   const struct vt_asker *who, struct vt_instant now);

/* Reads all rows into a book that has an empty snapshot, then drops what is gone. */
int vt_book_load(struct vt_book *book, struct vt_error *err);
/* What has waited and may go now becomes active, one at a time: its id, or 0. */
int vt_book_change_serve(struct vt_book_change *change, uint64_t *next, struct vt_error *err);
