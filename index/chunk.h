/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where content lies. A content id (SHA-256 of the bytes) that is one chunk has a row in
 * VT_CF_CHUNK; longer or sparse content has a *recipe*: its extents in order, in segments of
 * VT_RECIPE_SEGMENT, with a head row that says where each segment begins. Both are per domain.
 * Formats: index/schema.md.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"
#include "index/base/lru.h"
#include "index/entry.h"

struct vt_error;
struct vt_store;

#define VT_RECIPE_SEGMENT 512u /* extents in a row */

/* A run of a file's bytes. A hole has at.shard == 0. */
struct vt_extent {
	uint64_t length; /* > 0; not a hole: at most 1 MiB */
	struct vt_location at;
};

/* -ENOENT: no such single-chunk content. */
int vt_chunk_find(struct vt_store *store, uint32_t domain, const struct vt_digest *content,
		  bool nowait, struct vt_location *out, uint32_t *length, struct vt_error *err);

/*
 * The extents that cover byte `offset` of a content with a recipe: the segment that contains it.
 * Cached in `lru`; `*out` has one reference. -ENOENT no recipe, or `offset` is past its end;
 * -EAGAIN, -EBADMSG.
 */
struct vt_recipe_part {
	struct vt_lru_entry lru; /* first */
	struct vt_digest content;
	uint64_t reading; /* private */
	uint64_t start;   /* byte of the content where extents[0] begins */
	uint64_t end;     /* byte after the last extent */
	size_t count;
	struct vt_extent extents[];
};
static inline void vt_recipe_part_unref(struct vt_recipe_part *part)
{
	vt_lru_unref(part ? &part->lru : NULL);
}
VT_DEFINE_CLEANUP(struct vt_recipe_part, vt_recipe_part_unref);
int vt_recipe_find(struct vt_store *store, struct vt_lru *lru, uint32_t domain,
		   const struct vt_digest *content, uint64_t offset, bool nowait,
		   struct vt_recipe_part **out, struct vt_error *err);
/* Nothing that is cached of a recipe is used any more: its rows may have been written anew. */
void vt_recipe_forget(struct vt_lru *lru, uint32_t domain, const struct vt_digest *content);

/* What a row of VT_CF_CHUNK says. -EBADMSG. */
int vt_chunk_decode(const void *data, size_t len, struct vt_location *out, uint32_t *length,
		    struct vt_error *err);

/* Encoders for the rows, used by the import (keys ascending: sort before writing an SST). */
void vt_chunk_key(uint32_t domain, const struct vt_digest *content, uint8_t key[36]);
void vt_chunk_value(const struct vt_location *at, uint32_t length, struct vt_buf *out);
/* segment 0 is the head; segments count from 1 */
void vt_recipe_key(uint32_t domain, const struct vt_digest *content, uint32_t segment,
		   uint8_t key[40]);
void vt_recipe_head_value(const uint64_t *starts, size_t segments, uint64_t size,
			  struct vt_buf *out);
void vt_recipe_segment_value(const struct vt_extent *extents, size_t count, struct vt_buf *out);
