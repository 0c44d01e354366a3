/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Mounts as the kernel's table has them (fs/mount_table.h). */
#include <jansson.h>

struct vt_error;

/*
 * Those of a store (NULL: of any) on a mount point (NULL: on any), oldest first: an array of
 * {point, store}, the caller's. `store` may be written in any way.
 */
int vt_mount_search(const char *store, const char *point, json_t **out, struct vt_error *err);
