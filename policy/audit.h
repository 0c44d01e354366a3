/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit log of a store: who changed what, who opened what, who was refused. Append-only, hashed
 * into one tree, signed (policy/audit.md). One thread writes; callers queue, and wait only where
 * they ask for a durable record.
 *
 * When it cannot be written (a full disk, an error, a queue that overflows) it is *closed*: guarded
 * data must not be served then, so whoever serves it asks vt_audit_is_open() first. It opens again
 * by itself, with a gap record that says from when to when, and how many records are missing.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "policy/audit_record.h"

struct vt_error;
struct vt_audit;

#define VT_AUDIT_NAME_MAX 256u

/* Names for records of folded things, asked for outside the hot path, from any thread. */
struct vt_audit_names {
	/* "SPACE/DATASET@VERSION"; version 0: "SPACE/DATASET"; both 0: "**". */
	void (*object)(void *context, uint32_t dataset, uint32_t version,
		       char out[VT_AUDIT_NAME_MAX]);
	void (*user)(void *context, uint32_t uid, char out[VT_AUDIT_NAME_MAX]);
	/* Words for numbers of access and denial; static text. */
	const char *(*reason)(uint32_t reason);
	const char *(*right)(uint32_t right);
	void *context;
};

/* Zero: the default. */
struct vt_audit_settings {
	const char *dir, *keys; /* STORE/audit, STORE/keys */
	const char *origin;     /* one word that names the store, e.g. "vitrine/UUID" */
	struct vt_audit_names names;
	uint64_t segment_bytes;   /* 1 MiB: what opening reads, 30 ms for 4 */
	uint64_t reserve_bytes;   /* 16 MiB */
	uint64_t key_checkpoints; /* 100 */
	uint64_t checkpoint_ns;   /* 10 s */
	uint64_t fold_ns;         /* 60 s: sums of accesses and denials, heartbeats */
	uint64_t retry_ns;        /* 1 s: how often a closed log is tried */
	uint32_t queue_max;       /* 65,536 records */
};

/* Reads the last segment and repairs its torn end. Errors as of vt_audit_log_open(). */
int vt_audit_open(const struct vt_audit_settings *settings, struct vt_audit **out,
		  struct vt_error *err);
/* Writes all that is folded and queued, and signs it. */
void vt_audit_close(struct vt_audit *audit);
VT_DEFINE_CLEANUP(struct vt_audit, vt_audit_close);

bool vt_audit_is_open(const struct vt_audit *audit);
/* Why it is closed, and since when (realtime, ns); 0 when it is open. */
uint64_t vt_audit_closed_since(struct vt_audit *audit, struct vt_error *why);

/*
 * Records something. `fields` is stolen; kind, seq and t are added. With `durable` it is on disk
 * when this returns, else within 200 ms. -EIO: the log is closed (a durable record was not written;
 * another is counted in the gap record). -EINVAL, -E2BIG: audit_record.h.
 */
int vt_audit_append(struct vt_audit *audit, enum vt_audit_kind kind, json_t *fields, bool durable,
		    struct vt_error *err);

/* Waits until all that was appended is on disk and signed; -EIO when the log is closed. */
int vt_audit_settle(struct vt_audit *audit, struct vt_error *err);
/* What the thread does every `fold_ns`: all sums and a heartbeat; settle() waits for it. */
void vt_audit_fold(struct vt_audit *audit);

/* ---- accesses and denials, folded (audit_fold.c) ----------------------------------------------
 */

struct vt_audit_access {
	uint32_t uid, dataset, version; /* version: its serial */
	uint32_t reason;                /* enum vt_reason */
	uint64_t session;               /* a mount's; 0: a request's */
	uint64_t rule;                  /* of the decision; a lease's id with VT_REASON_HOLDER */
};
/*
 * A file was opened. The first of its kind is recorded at once; those that follow, until `fold_ns`
 * later, are one record with the set of positions. -EIO when the log is closed: do not serve. Takes
 * a lookup and a bit: no I/O, no allocation but for the first of 4,096 neighbours.
 */
int vt_audit_access(struct vt_audit *audit, const struct vt_audit_access *access,
		    uint32_t position);
/* Records now what is folded of a session (0: of all), or of a version (0: all): before a lease
 * ends. */
void vt_audit_access_flush(struct vt_audit *audit, uint64_t session, uint32_t version);

struct vt_audit_denial {
	uint32_t uid, dataset, version; /* 0: as such */
	uint32_t right, reason;
	uint64_t rule;
};
/* Something was refused. Ten a minute for a uid and object are recorded each, the others as a sum.
 */
void vt_audit_deny(struct vt_audit *audit, const struct vt_audit_denial *denial);
