/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Is an audit log what its server wrote? Answered from the log's folder alone: no server, no index,
 * no secret. What is checked, and what can only be seen with an older head, is in policy/audit.md.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/digest.h"
#include "policy/base64.h"
#include "policy/checkpoint.h"

struct vt_error;

struct vt_audit_verify {
	const char *dir;
	/* Earlier checkpoints that somebody noted down: the log has to continue each. May be NULL.
	 */
	const char *const *heads;
	size_t head_count;
	const char
		*key; /* base64 of the log's first public key, known from elsewhere; may be NULL */
	/* A finding, in the order of the log. `seq`: the first record that may be wrong. May be
	 * NULL. */
	void (*finding)(void *context, uint64_t seq, bool warning, const char *text);
	void *context;
};

struct vt_audit_verdict {
	uint64_t records, segments, checkpoints, keys, gaps, lost; /* lost: as gap records state */
	uint64_t signed_records; /* covered by the last checkpoint */
	uint64_t problems, warnings;
	uint64_t first_bad; /* UINT64_MAX: none */
	char origin[VT_ORIGIN_MAX + 1];
	char first_key[VT_BASE64_LEN(VT_AUDIT_PUBLIC) + 1]; /* base64 */
	struct vt_digest root;                              /* of all records */
};

/*
 * 0 when the log could be read, whatever was found (see `problems`), else an error. Reading ends at
 * the first record that breaks the chain: behind it nothing can be told apart.
 */
int vt_audit_verify(const struct vt_audit_verify *ask, struct vt_audit_verdict *out,
		    struct vt_error *err);
