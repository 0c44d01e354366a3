/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a version changes against its parent: counted, and written down as the body of changes.json,
 * which is stored like any content.
 */
#include "tools/publish/context.h"

struct vt_changes {
	struct vt_digest content; /* zero without a parent */
	uint64_t size;
	uint64_t added, removed, changed; /* files and symlinks */
};

/* The tree's pages have been taken in. */
int vt_changes_store(struct vt_publish_context *context, const struct vt_tree *tree,
		     struct vt_changes *out, struct vt_error *err);
