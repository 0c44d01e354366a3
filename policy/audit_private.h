/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What audit.c (the queue and its thread) and audit_fold.c (sums) share. */
#include "policy/audit.h"

struct vt_audit_fold;

/* Sums of accesses and denials; `audit` is where records of them go. */
int vt_audit_fold_new(struct vt_audit *audit, const struct vt_audit_settings *settings,
		      struct vt_audit_fold **out, struct vt_error *err);
void vt_audit_fold_free(struct vt_audit_fold *fold);
/* Records all sums; what has been idle since the last time is forgotten. */
void vt_audit_fold_write(struct vt_audit_fold *fold);

struct vt_audit_fold *vt_audit_get_fold(struct vt_audit *audit);
