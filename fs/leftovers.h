/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mounts that lost their server while the kernel still has what was read there. A server that dies
 * leaves its mounts to its keeper; when both die, descriptors and mappings go on reading what is
 * cached, and nobody can take it away any more. So each mount that shows more than is open to
 * everybody has a note in STORE/run/mounts, made before it is served and removed when the kernel
 * has forgotten the file system. What a server finds noted there and does not serve itself is a
 * *leftover*: as long as there is one the gate is shut (policy/gate.h), until the kernel has
 * forgotten it too, an administrator accepts it, or the machine is started again.
 *
 * A note's file, named MAJOR:MINOR, is a JSON object: boot (hex), mountpoint, source, kind, uid,
 * since (ns), standing.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_leftovers;
struct vt_mount_plan;
struct vt_mount_site;
struct vt_service;

/* Reads the notes. Nothing counts as left over before the first vt_leftovers_check(). */
int vt_leftovers_open(struct vt_service *service, struct vt_leftovers **out, struct vt_error *err);
void vt_leftovers_free(struct vt_leftovers *leftovers);
VT_DEFINE_CLEANUP(struct vt_leftovers, vt_leftovers_free);

/* Takes a descriptor of fuse_connections.h if it is one and there is none yet; else closes it. */
void vt_leftovers_look_through(struct vt_leftovers *leftovers, int connections);

/*
 * A mount is about to be served; durably noted when it returns, if it shows what is not open to
 * everybody. `standing`: a command keeps its descriptors, and has ten seconds to bring it to the
 * next server. Whatever had the same device before is gone, or is this one. -EINVAL: no device.
 */
int vt_leftovers_serve(struct vt_leftovers *leftovers, const struct vt_mount_site *site,
		       const struct vt_mount_plan *plan, bool standing, struct vt_error *err);
/* The same for one whose note there is: the keeper's. */
void vt_leftovers_resume(struct vt_leftovers *leftovers, uint64_t device);
/* What was served is not any more: unmounted, or cut off from us. */
void vt_leftovers_ended(struct vt_leftovers *leftovers, uint64_t device);

/* Looks what the kernel still has; shuts or opens the gate, and records both. Call it often. */
void vt_leftovers_check(struct vt_leftovers *leftovers);

/* An administrator answers for what is still read there. How many there were. */
size_t vt_leftovers_accept(struct vt_leftovers *leftovers, uint32_t by_uid);

struct vt_leftover {
	uint64_t device, since_ns; /* since: when it was mounted */
	uint32_t uid;              /* who mounted it */
	const char *mountpoint, *kind;
	bool known; /* the kernel says that it is still there; else it cannot be asked */
};
/* Calls `each` for every leftover, under a lock. */
void vt_leftovers_each(struct vt_leftovers *leftovers,
		       void (*each)(void *context, const struct vt_leftover *leftover),
		       void *context);
