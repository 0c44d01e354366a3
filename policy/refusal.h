/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A refusal in words: the thing, why, and the way out. To who may not see the thing, nothing of it:
 * the sentence is then the same whatever it is, there or not.
 */
#include "policy/gate.h"

struct vt_person;

struct vt_refusal {
	const struct vt_policy *policy;
	const struct vt_person *person;
	enum vt_right right;
	struct vt_place place;
	const char *name; /* of the object, for people; NULL: it is not shown to them */
	const struct vt_decision *decision;
};

/* -EACCES. */
int vt_refuse(const struct vt_refusal *refusal, struct vt_error *err);

/* "2026-11-27 14:05:00 UTC" */
void vt_instant_text(uint64_t ns, char *out, size_t size);
#define VT_INSTANT_TEXT_MAX 32
