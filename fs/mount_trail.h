/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mounts in the audit log: each that began, and that it ended, whatever the server dies of. A mount
 * has a row in the index (VT_CF_META; index/schema.md) from its record on until that of its end:
 * either is one commit, the record with the row (index/outbox.h). A row of no mount, found by the
 * next server, is of one that ended while no server looked.
 *
 * Mounts of which the log says the same (by whom, where, of which kind, for whom) are one as good
 * as the other. Thread-safe. What cannot be written is logged: no mount is refused for that.
 */
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_mount_plan;
struct vt_mount_trail;
struct vt_service;

/* Reads the rows. */
int vt_mount_trail_open(struct vt_service *service, struct vt_mount_trail **out,
			struct vt_error *err);
void vt_mount_trail_free(struct vt_mount_trail *trail);
VT_DEFINE_CLEANUP(struct vt_mount_trail, vt_mount_trail_free);

/* `uid` has mounted it, and it is about to be served. Recorded when it returns. */
void vt_mount_trail_begin(struct vt_mount_trail *trail, uint32_t uid, const char *mountpoint,
			  const struct vt_mount_plan *plan);
/* It is not served any more, or was not after all. */
void vt_mount_trail_end(struct vt_mount_trail *trail, uint32_t uid, const char *mountpoint,
			const struct vt_mount_plan *plan);

/* Once a new server serves what it was handed over: what else has a row has ended. */
void vt_mount_trail_settle(struct vt_mount_trail *trail);
