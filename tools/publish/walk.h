/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The items of all sources as one tree, in walk order: every name once, every parent present and
 * first, positions counted, hard links resolved. May be read several times; the first time finds
 * names that come twice and links that lead nowhere.
 *
 * One thread at a time.
 */
#include "tools/publish/context.h"

struct vt_walk;

struct vt_walk_node {
	struct vt_item
		item; /* borrowed until the next call; .kept: entries follow that are not given */
	uint32_t position;
	uint32_t depth;   /* names in its path */
	uint64_t slot;    /* file: where its content is noted */
	uint32_t primary; /* hard link: the first position of its file; else 0 */
	uint32_t links;   /* hard link: names of its file */
};

struct vt_walk_totals {
	uint64_t nodes;
	/* of directories: what a dictionary would be made of; and what needs none */
	uint64_t small_files, small_bytes, large_files;
};

/* Sorts context->found. -EINVAL with both sources in words. */
int vt_walk_new(struct vt_publish_context *context, struct vt_walk **out, struct vt_error *err);
void vt_walk_free(struct vt_walk *walk); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_walk, vt_walk_free);
const struct vt_walk_totals *vt_walk_totals(const struct vt_walk *walk);

int vt_walk_rewind(struct vt_walk *walk, struct vt_error *err);
/* 1 a node, 0 the end, or an error. */
int vt_walk_next(struct vt_walk *walk, struct vt_walk_node *out, struct vt_error *err);
