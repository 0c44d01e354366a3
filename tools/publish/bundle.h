/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files that are stored as one job: many small ones, so that the store is asked and the shard
 * locked once for all of them, or a single large one. What each comes to is noted under its slot
 * (content.h). A bundle of an archive brings the bytes along, a directory's reads them when it
 * runs.
 *
 * Filled by one thread; owned by the crew once submitted.
 */
#include "tools/publish/source.h"

struct vt_bundle;

#define VT_BUNDLE_BYTES (512u << 10)

int vt_bundle_new(struct vt_publish_context *context, struct vt_stream_pool *pool,
		  struct vt_bundle **out, struct vt_error *err);
void vt_bundle_free(struct vt_bundle *bundle); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_bundle, vt_bundle_free);

/*
 * A file of a directory. `content`, if not NULL, is what its stamp promises; it is read only if the
 * store has that no longer.
 */
int vt_bundle_add_file(struct vt_bundle *bundle, const struct vt_item *item, uint64_t slot,
		       const struct vt_digest *content, uint64_t content_size,
		       struct vt_error *err);
/* A small file of an archive; copies the bytes. */
int vt_bundle_add_bytes(struct vt_bundle *bundle, uint64_t slot, const void *data, size_t len,
			struct vt_error *err);
bool vt_bundle_is_full(const struct vt_bundle *bundle);

/* Appends the bytes of its small files and their sizes (size_t each), for a dictionary. */
void vt_bundle_sample(const struct vt_bundle *bundle, struct vt_buf *samples, struct vt_buf *sizes);

/* Hands it to the crew. */
void vt_bundle_submit(struct vt_bundle *bundle);
