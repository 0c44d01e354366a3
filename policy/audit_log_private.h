/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What audit_log.c (writing) and audit_log_open.c (finding what is there) share. */
#include "policy/audit_key.h"
#include "policy/audit_log.h"
#include "policy/checkpoint.h"

#define VT_AUDIT_EDGE_TEXT (VT_BASE64_LEN(VT_MERKLE_EDGE * VT_DIGEST_LEN) + 1)

struct vt_audit_log {
	struct vt_audit_log_settings
		settings;               /* constant; dir, keys and origin are not kept here */
	char origin[VT_ORIGIN_MAX + 1]; /* constant */
	int dir, keys;
	int lines, notes;              /* the present segment's files */
	uint64_t first;                /* its first seq */
	uint64_t lines_len, notes_len; /* bytes that are synced */
	struct vt_merkle tree, synced;
	uint64_t signed_size;
	struct vt_buf out; /* added, not written */
	struct vt_audit_key *key;
	uint64_t key_checkpoints, key_ns; /* made with it; monotonic, when it began */
	struct vt_audit_key
		*next_key;  /* in the log already, but the old one has not signed that yet */
	uint64_t next_size; /* what it has to sign */
	struct vt_digest next_root;
};

/* Begins the segment of the present size: its files, and its first record, durable. */
int vt_audit_log_begin_segment(struct vt_audit_log *log, struct vt_error *err);
int vt_audit_log_open_files(struct vt_audit_log *log, uint64_t first, bool create, int *lines,
			    int *notes, struct vt_error *err);
/* The old key signs that the next one follows, and is erased. */
int vt_audit_log_finish_roll(struct vt_audit_log *log, struct vt_error *err);
/* What is there; leaves the log ready for adding. */
int vt_audit_log_recover(struct vt_audit_log *log, struct vt_audit_recovery *found,
			 struct vt_error *err);
