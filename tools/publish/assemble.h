/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * From the walk and the noted contents to a version's tree: pages, link table, documents' outline,
 * stamps, counts; their rows are taken in by the store.
 */
#include "fs/document.h"
#include "tools/publish/walk.h"

struct vt_assembly {
	struct vt_tree tree; /* .root.xattrs borrowed from the sources */
	struct vt_digest tree_digest;
	struct vt_counts counts; /* but stored_bytes */
	uint64_t document_body[VT_DOCUMENT_COUNT];
	uint64_t outline;
};

/*
 * Fills `out` and writes stamps to the path `stamps`. With `write` false (a dry run) nothing is
 * taken in and no numbers are taken.
 */
int vt_assemble(struct vt_publish_context *context, struct vt_walk *walk, const char *stamps,
		int64_t scan_ns, bool write, struct vt_assembly *out, struct vt_error *err);
