/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where encoded frames go: the open shard, and the next one when it is full.
 *
 * Thread-safe: one lock, held for the writes of one call. Lock order: this, then the backend's.
 */
#include "fs/codec.h"
#include "fs/shard_writer.h"
#include "tools/publish/context.h"

struct vt_shard_output;

struct vt_new_frame {
	const void *data;
	size_t len;
	uint32_t content_size;
	const struct vt_shard_item *items;
	size_t count;
	struct vt_location at; /* filled */
};

int vt_shard_output_new(struct vt_publish_context *context, struct vt_shard_output **out,
			struct vt_error *err);
void vt_shard_output_free(struct vt_shard_output *output); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_shard_output, vt_shard_output_free);

/* Shards begun from now on name this dictionary (borrowed); an open one is sealed. */
int vt_shard_output_set_dictionary(struct vt_shard_output *output,
				   const struct vt_dictionary *dictionary, struct vt_error *err);
/* The frames end up side by side, in order. */
int vt_shard_output_add(struct vt_shard_output *output, struct vt_new_frame *frames, size_t count,
			struct vt_error *err);
/* Seals; what was made, borrowed. */
int vt_shard_output_finish(struct vt_shard_output *output, const struct vt_new_shard **shards,
			   size_t *count, struct vt_error *err);
