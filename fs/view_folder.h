/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Names in `.labels/V` and `.query/V` (views.h says what a view is, view_name.h how values and
 * expressions are written as names). Whoever asks must be allowed to read: what a file is labelled
 * with is told by where it is. view.c and listing.c ask here.
 */
#include "fs/node.h"

struct vt_hits;

/* The child `name` of a folder of kind VERSION_LABELS, LABEL_KEY or VERSION_QUERIES. */
int vt_view_folder_lookup(const struct vt_viewer *viewer, const struct vt_shown *parent,
			  const char *name, bool nowait, struct vt_shown *out,
			  struct vt_error *err);

/*
 * The names in a folder of these kinds, in order. Keys with too many values have none to list, and
 * so has .query/V.
 */
typedef int vt_view_folder_each(void *context, const char *name, size_t len);
int vt_view_folder_list(const struct vt_viewer *viewer, const struct vt_shown *folder, bool nowait,
			vt_view_folder_each *each, void *context, struct vt_error *err);

/* The files that a view shows, a reference. -EACCES, -EAGAIN. */
int vt_view_folder_hits(const struct vt_viewer *viewer, const struct vt_shown *folder, bool nowait,
			struct vt_hits **out, struct vt_error *err);
