/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What people point at: [SPACE/]DATASET[@VERSION|@TAG][:PATH]. Names cannot hold '@' or ':', so the
 * first of each divides; a path may hold anything.
 */
#include <jansson.h>

#include "index/catalog.h"

struct vt_error;

struct vt_target {
	char dataset[VT_DATASET_NAME_MAX + 1];
	char version[VT_NAME_PART_MAX + 1]; /* "": latest */
	const char *path; /* without slashes at its ends; NULL: none was given. Borrowed from the
			     text */
	size_t path_len;
};

/* -EINVAL. Whether the names are allowed, and exist, is for the store to say. */
int vt_target_parse(const char *text, struct vt_target *out, struct vt_error *err);

/* As arguments of a request (fs/requests.md): a new object, or NULL when memory is short. */
json_t *vt_target_args(const struct vt_target *target);
