/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A checkpoint of the audit log: how long it was, and the root of its tree then, signed. The form
 * is the tlog-checkpoint in a signed note, with Ed25519, of c2sp.org:
 *
 *     ORIGIN
 *     SIZE, decimal
 *     base64 of the root
 *
 *     — ORIGIN base64 of (4 bytes of SHA-256(ORIGIN "\n" 0x01 public key) · signature of all above
 * the empty line)
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/digest.h"
#include "policy/audit_key.h"

#define VT_ORIGIN_MAX       100u
#define VT_CHECKPOINT_MAX   2048u /* bytes of one, witnesses' lines included */
#define VT_CHECKPOINT_SIGNS 8u    /* signature lines: ours, and witnesses' */

struct vt_checkpoint {
	char origin[VT_ORIGIN_MAX + 1];
	uint64_t size;
	struct vt_digest root;
	size_t signed_len; /* bytes of the text that are signed */
	size_t sign_count;
	struct {
		uint8_t key_id[4];
		uint8_t signature[VT_AUDIT_SIGNATURE];
	} signs[VT_CHECKPOINT_SIGNS]; /* those of this origin's name */
};

/* Appends the note to `out`. */
int vt_checkpoint_sign(const char *origin, uint64_t size, const struct vt_digest *root,
		       const struct vt_audit_key *key, struct vt_buf *out, struct vt_error *err);

/*
 * Reads the note that `text` begins with; `*used` bytes are its. -EBADMSG: it is none, in exactly
 * the form above. Lines of other names are skipped (witnesses). -EAGAIN: it is cut.
 */
int vt_checkpoint_parse(const char *text, size_t len, struct vt_checkpoint *out, size_t *used,
			struct vt_error *err);

/* Is one of the signatures this key's? `text` is what was parsed. */
bool vt_checkpoint_verify(const struct vt_checkpoint *checkpoint, const char *text,
			  const uint8_t public[VT_AUDIT_PUBLIC]);

bool vt_origin_is_valid(const char *origin); /* printable, no blanks, no '+' */
