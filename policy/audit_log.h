/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The audit log's files as their one writer sees them: lines are added, synced, signed, or taken
 * back while they are not synced. What stands where is in policy/audit.md; who decides when is
 * audit.c.
 *
 * One thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "policy/audit_record.h"
#include "policy/merkle.h"

struct vt_audit_log;

struct vt_audit_log_settings {
	const char *dir, *keys; /* STORE/audit, STORE/keys */
	const char *origin;     /* of a log that begins here; one that is there keeps its own */
	uint64_t segment_bytes; /* a new file above it */
	uint64_t key_checkpoints, key_ns; /* a new key after as many checkpoints, or so long */
	uint64_t reserve_bytes;           /* set aside, so that a full disk can still be reported */
};

/* What was found on opening, for the record of it. */
struct vt_audit_recovery {
	bool created;
	uint64_t torn_bytes; /* of an unfinished end, moved to the file `torn` names */
	char torn[48];
	uint64_t torn_note_bytes; /* of an unfinished checkpoint, removed */
};

/*
 * -EBADMSG: the log is not what was signed: it has been changed, and nothing is added to it.
 * -ENOENT: its key is gone.
 */
int vt_audit_log_open(const struct vt_audit_log_settings *settings, struct vt_audit_log **out,
		      struct vt_audit_recovery *found, struct vt_error *err);
void vt_audit_log_close(struct vt_audit_log *log); /* what is not synced is lost */
VT_DEFINE_CLEANUP(struct vt_audit_log, vt_audit_log_close);

uint64_t vt_audit_log_size(const struct vt_audit_log *log);   /* the seq that comes next */
uint64_t vt_audit_log_synced(const struct vt_audit_log *log); /* records that a crash leaves */
uint64_t vt_audit_log_signed(const struct vt_audit_log *log); /* of the last checkpoint */

/* A canonical line whose seq is vt_audit_log_size(). -ENOMEM. */
int vt_audit_log_add(struct vt_audit_log *log, const char *line, size_t len, struct vt_error *err);
/* `fields` (stolen; may be NULL) with kind, seq and the time. */
int vt_audit_log_put(struct vt_audit_log *log, enum vt_audit_kind kind, json_t *fields,
		     struct vt_error *err);

/* Durable. On failure what was not synced is taken back; only rollback() makes the files fit again.
 */
int vt_audit_log_sync(struct vt_audit_log *log, struct vt_error *err);
int vt_audit_log_rollback(struct vt_audit_log *log, struct vt_error *err);

/*
 * Signs what is synced; then, where it is time, a new file or a new key begins. Both add a record
 * of their own.
 */
int vt_audit_log_checkpoint(struct vt_audit_log *log, struct vt_error *err);

/* Gives the reserve to the disk that is full; takes it again. */
void vt_audit_log_release_reserve(struct vt_audit_log *log);
int vt_audit_log_take_reserve(struct vt_audit_log *log, struct vt_error *err);
