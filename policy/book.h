/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The policy book: rules, partners, pins and leases as they are kept in the index (VT_CF_POLICY,
 * VT_CF_LEASE; index/schema.md) and as one immutable snapshot in memory. A change is one synced
 * batch, then the new snapshot; every change raises the revision by one. Changes come one at a
 * time; snapshots are read without waiting. The records for the audit log of who did what
 * (`by_uid`) are posted in the same batch (index/outbox.h); who calls has them delivered
 * (fs/trail.h).
 *
 * Nothing here takes anything away from readers: who calls a change that narrows has to follow it
 * with fs/narrow.h, and does so by calling through there.
 *
 * Thread-safe.
 */
#include "index/base/cleanup.h"
#include "index/store.h"
#include "policy/evaluate.h"

struct vt_error;
struct vt_catalog;
struct vt_timekeeper;
struct vt_book;

/* Rules, leases and pins of datasets and versions that are gone are dropped on opening. */
int vt_book_open(struct vt_store *store, struct vt_catalog *catalog, struct vt_timekeeper *time,
		 uint32_t store_owner, struct vt_book **out, struct vt_error *err);
void vt_book_close(struct vt_book *book);
VT_DEFINE_CLEANUP(struct vt_book, vt_book_close);

const struct vt_policy *vt_book_policy(struct vt_book *book); /* a reference */
void vt_policy_unref(const struct vt_policy *policy);
VT_DEFINE_CLEANUP(const struct vt_policy, vt_policy_unref);
/* The present snapshot's, without touching it: one atomic load, for whoever remembers answers. */
uint64_t vt_book_revision(struct vt_book *book);

/*
 * "user:NAME", "osgroup:NAME", "partner:NAME", "anyone". A user or group must exist now; a user is
 * pinned by the change that names him. -EINVAL, -ENOENT.
 */
int vt_principal_parse(struct vt_book *book, const char *text, struct vt_principal *out,
		       struct vt_error *err);
void vt_principal_format(const struct vt_principal *principal, char *out, size_t size);
#define VT_PRINCIPAL_TEXT_MAX (VT_PRINCIPAL_NAME_MAX + 16)

/* "**", "SPACE/" and "**", "[SPACE/]DATASET", "[SPACE/]DATASET@VERSION" (a tag: as of now). */
int vt_pattern_parse(struct vt_catalog *catalog, const char *text, struct vt_pattern *out,
		     struct vt_error *err);
void vt_pattern_format(struct vt_catalog *catalog, const struct vt_pattern *pattern, char *out,
		       size_t size);
#define VT_PATTERN_TEXT_MAX (VT_DATASET_NAME_MAX + VT_NAME_PART_MAX + 2)

int vt_right_parse(const char *text, enum vt_right *out, struct vt_error *err);
const char *vt_right_name(enum vt_right right);
const char *vt_lease_end_name(enum vt_lease_end end); /* "broken"; NULL: it has not ended */

/*
 * Rules. `rule` has no id yet; one of equal kind, principal, right and object is replaced by it.
 * -EINVAL: an empty or past window, a deny that would cut off its maker's own admin right;
 * -EAGAIN: the clock is suspect and the rule has a window; -ENOENT: its object or partner is none;
 * -ESTALE: the uid is pinned to another name; -EOVERFLOW: too many rules.
 */
int vt_book_add_rule(struct vt_book *book, const struct vt_rule *rule, uint64_t *id,
		     struct vt_error *err);
/*
 * The same in one commit with more: `writer` puts its rows into the batch and writes it, synced.
 * The rule is in force from then on, before vt_store_write() returns to the writer. Other changes
 * of the book wait meanwhile. Errors of the writer, too.
 */
int vt_book_add_rule_with(struct vt_book *book, const struct vt_rule *rule, vt_batch_writer *writer,
			  void *context, uint64_t *id, struct vt_error *err);
/* Removes the rules of either kind that match exactly; -ENOENT names what comes closest. */
int vt_book_remove_rule(struct vt_book *book, const struct vt_principal *who, enum vt_right right,
			const struct vt_pattern *object, uint32_t by_uid, size_t *removed,
			struct vt_error *err);

/*
 * The dataset (version 0) or version is gone: its rules go, leases on it end as REMOVED, waiting
 * ones too. fs/narrow.c calls it behind vt_catalog_remove…(); what was cut off is made up for on
 * opening. vt_book_lease_serve() follows it.
 */
int vt_book_forget(struct vt_book *book, uint32_t dataset, uint32_t version, struct vt_error *err);

/* Notes the clock (instant.h) if ten minutes have passed and there are windows. Call it often. */
int vt_book_keep_time(struct vt_book *book, struct vt_error *err);

/* Partners. `users` are uids with names as found in the user database; added ones are pinned. */
int vt_book_partner_add(struct vt_book *book, const char *name, const struct vt_member *users,
			size_t user_count, uint64_t until_ns, uint32_t owner_uid, uint32_t by_uid,
			struct vt_error *err); /* makes it, adds to it, or moves its end */
int vt_book_partner_remove_user(struct vt_book *book, const char *name, uint32_t uid,
				uint32_t by_uid, struct vt_error *err);
/* Now, and nobody is in it any more: who adds to it later revives nobody. */
int vt_book_partner_end(struct vt_book *book, const char *name, uint32_t by_uid,
			struct vt_error *err);

/*
 * The pinned name of a uid that now means another user is given up for the present one, who has
 * from then on what was given to the uid; `*was` is the old one. -ENOENT: it is not pinned, or
 * means nobody now.
 */
int vt_book_repin(struct vt_book *book, uint32_t uid, uint32_t by_uid, struct vt_member *was,
		  struct vt_error *err);

/* ---- leases: the state machine is lease.c's, see policy/model.md --------------------------- */

struct vt_lease_wish {
	struct vt_principal holder; /* a user */
	struct vt_pattern object;
	uint64_t length_ns;
	bool wait; /* stand in line when it is taken */
	uint32_t by_uid;
};
/*
 * Takes it at once against every other claim on the object, what it is in and what is in it: one
 * batch. `*out` is ACTIVE (a fresh fence), or QUEUED with `wait`. The holder's own lease on exactly
 * that object is extended instead. -EBUSY names the holder and until when; -EAGAIN suspect clock.
 */
int vt_book_lease_acquire(struct vt_book *book, const struct vt_lease_wish *wish,
			  struct vt_lease *out, struct vt_error *err);
/* `until_ns` never falls; -EBUSY: somebody waits in line (unless `push`), -ESTALE: not active. */
int vt_book_lease_renew(struct vt_book *book, uint64_t id, uint64_t until_ns, bool push,
			struct vt_lease *out, struct vt_error *err);
/*
 * ACTIVE -> DRAINING (from now on nobody reads), QUEUED -> ENDED; DRAINING stays. The caller then
 * narrows, and calls finish. -ESTALE: over. -EAGAIN: EXPIRED before its end.
 */
int vt_book_lease_drain(struct vt_book *book, uint64_t id, enum vt_lease_end how, uint32_t by_uid,
			const char *reason, struct vt_lease *out, struct vt_error *err);
/*
 * DRAINING -> ENDED, and the head of the line becomes ACTIVE in the same batch (`*next`, its id, or
 * 0). An expired one ends only when lo_ns has reached its end: -EAGAIN before.
 */
int vt_book_lease_finish(struct vt_book *book, uint64_t id, uint64_t *next, struct vt_error *err);

/*
 * The first that waits with nothing in its way becomes ACTIVE (`*next`, its id, or 0); then the
 * caller narrows. To be called until it gives 0 after: opening, a finish, a drain of a waiting one,
 * vt_book_forget() and an accepted clock. While the clock is suspect nobody's turn comes.
 */
int vt_book_lease_serve(struct vt_book *book, uint64_t *next, struct vt_error *err);

int vt_book_lease_get(struct vt_book *book, uint64_t id, struct vt_lease *out,
		      struct vt_error *err);
/* All of them, ended ones of the last 90 days too, oldest first. Freed with free(). */
int vt_book_leases(struct vt_book *book, struct vt_lease **out, size_t *count,
		   struct vt_error *err);
