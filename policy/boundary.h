/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From rules to owner, mode and list of a folder (struct vt_boundary, gate.h). Pure, like the
 * decision, and made by asking it: whom it allows is let in, whom it denies is not, for each user
 * and group that bears on the object. (policy/model.md, "Boundaries")
 *
 * Thread-safe.
 */
#include "policy/gate.h"

enum vt_boundary_folder {
	VT_FOLDER_VERSION, /* one object; who may browse it */
	VT_FOLDER_DATASET, /* the dataset as such and versions of it; who sees any of them */
};

/* `objects` are of one dataset. On success `*out` is the caller's, vt_boundary_done(). -ENOMEM. */
int vt_boundary_of(const struct vt_policy *policy, const struct vt_object *objects, size_t count,
		   enum vt_boundary_folder folder, struct vt_instant now, struct vt_boundary *out);
