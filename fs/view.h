/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What view.c and listing.c share; the outside is node.h. */
#include "fs/node.h"

/* Names of the texts below MNT/.vitrine, by VT_CONTROL_STATUS and on. */
extern const char *const vt_control_files[VT_CONTROL_METRICS + 1];

/*
 * Fills in the id of a node in a tree, whose version is set: a hard link has the id of its first
 * position. -EAGAIN.
 */
int vt_view_identify(const struct vt_viewer *viewer, struct vt_shown *shown, bool nowait,
		     struct vt_error *err);
