/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The one question that every door asks: may this subject do that to this object, and until when is
 * the answer good? Everything is open for reading in this format; changing needs the store's owner
 * or root. Later work (policy/model.md) fills the gate without changing its callers.
 *
 * Thread-safe; never blocks, never allocates.
 */
#include <stdint.h>

#include "policy/subject.h"

struct vt_error;
struct vt_gate;

enum vt_right {
	VT_RIGHT_BROWSE, /* names, versions, sizes */
	VT_RIGHT_READ,   /* bytes */
	VT_RIGHT_CURATE, /* publish, tag */
	VT_RIGHT_ADMIN,  /* rollback, withdraw, rm, gc, verify */
};

/* What is asked about. Zero means "all": {0, 0} the store, {d, 0} a dataset with its versions. */
struct vt_object {
	uint32_t dataset; /* id */
	uint32_t version; /* serial */
};

int vt_gate_new(uid_t owner, struct vt_gate **out, struct vt_error *err);
void vt_gate_free(struct vt_gate *gate);

/*
 * 0 and `*valid_until_ns` (CLOCK_REALTIME; UINT64_MAX for ever; may be NULL), or -EACCES with a
 * sentence that says what would allow it.
 */
int vt_gate_check(struct vt_gate *gate, const struct vt_subject *subject, enum vt_right right,
		  struct vt_object object, uint64_t *valid_until_ns, struct vt_error *err);

/* How the boundary directory of an object is shown, so that the kernel enforces it by itself. */
struct vt_boundary {
	uid_t uid;
	gid_t gid;
	mode_t mode; /* permission bits: 0555 open */
};
void vt_gate_boundary(struct vt_gate *gate, struct vt_object object, struct vt_boundary *out);
