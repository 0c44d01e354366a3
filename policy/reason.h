/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The reasons of decisions in words: one table. */
#include "policy/evaluate.h"

struct vt_reason_words {
	const char *name;     /* for JSON and the audit log */
	const char *sentence; /* for people, without a full stop */
	int code;             /* errno of a refusal; 0: it allows */
	int claim_code;       /* errno where a lease is asked for */
};

/* Never NULL: a number that is none is "unknown". */
const struct vt_reason_words *vt_reason_words(enum vt_reason reason);
