/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of the server's doings goes into the audit log (policy/audit.md), and in which words.
 *
 * Changes are recorded durably before they are reported as done. What widens access is refused
 * while the log cannot be written (vt_trail_check()); what narrows it is done all the same, and
 * recorded when the log can be written again.
 *
 * Thread-safe.
 */
#include <stdint.h>

#include "policy/audit.h"
#include "policy/gate.h"
#include "policy/rule.h"

struct vt_error;
struct vt_request;
struct vt_service;
struct vt_shown;

/* Opens service->audit, and records what an earlier server left. */
int vt_trail_open(struct vt_service *service, struct vt_error *err);

/* -EIO: nothing can be recorded at present, and so nothing more may be let in. */
int vt_trail_check(struct vt_service *service, struct vt_error *err);

/*
 * Records what changes of the catalog and the book have posted with themselves (index/outbox.h):
 * rules, partners, repins, lease steps, publish, withdraw, rm; and mounts (mount_trail.h). What
 * cannot be recorded now stays, also for the next server, and is tried again by whoever calls this
 * next; vt_policy_watch does.
 */
void vt_trail_deliver(struct vt_service *service);

/* An administrator takes the wall clock for right; `before`: what was taken for it until now. */
void vt_trail_clock(struct vt_service *service, uint32_t by_uid, struct vt_instant before);
/* A mount was left over (leftovers.h), and is not any more: `how` "ended", "accepted". */
void vt_trail_leftover(struct vt_service *service, const char *mountpoint, const char *kind,
		       uint64_t device);
void vt_trail_leftover_end(struct vt_service *service, const char *mountpoint, uint64_t device,
			   const char *how, const uint32_t *by_uid);
void vt_trail_gc(struct vt_service *service, uint32_t by_uid);

/*
 * A file of a version is opened (or read, where OPEN is not asked). -EIO: the log is closed, and it
 * is not a version that everybody may read: do not serve.
 */
int vt_trail_access(const struct vt_request *request, const struct vt_shown *shown,
		    const struct vt_decision *decision);
/* The same of the file at `position` of the version; session 0: by a request, outside of mounts. */
int vt_trail_read(struct vt_service *service, const struct vt_audit_access *access,
		  uint32_t position);
/* Somebody was refused, or not shown what he asked for by name. */
void vt_trail_denial(const struct vt_request *request, enum vt_right right, struct vt_place place,
		     const struct vt_decision *decision);
/* The same outside of mounts. */
void vt_trail_refusal(struct vt_service *service, uint32_t uid, enum vt_right right,
		      struct vt_place place, const struct vt_decision *decision);
