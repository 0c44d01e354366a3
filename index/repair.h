/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * New places for contents whose shards are damaged: which contents have bytes in some shards, which
 * files show them, and the rows of those that were stored anew. What is damaged, and where sound
 * bytes come from, is for the repairer to find (tools/repair.h); nothing here reads a shard.
 *
 * Thread-safe. Contents of VT_DOMAIN_PLAIN only: there are no others.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/import.h"

struct vt_idmap;

/* A content, `single` when it has a row of VT_CF_CHUNK, with all its extents. Borrowed. */
struct vt_placed {
	struct vt_digest content;
	bool single;
	const struct vt_extent *extents;
	size_t count;
};
typedef int vt_placed_each(void *context, const struct vt_placed *placed, struct vt_error *err);

/* All that have a byte in one of the shards (serials), in order of contents, single ones first. */
int vt_repair_contents(struct vt_index *index, const struct vt_idmap *shards, vt_placed_each *each,
		       void *context, struct vt_error *err);

/*
 * Files of versions that are not removed, with one of the contents (which are sorted here). `path`
 * is NULL for the list of changes of the version. A revision shows the files of its base and is
 * passed over; so is what follows a damaged page.
 */
typedef int vt_shown_each(void *context, const struct vt_dataset *dataset,
			  const struct vt_version *version, const char *path, size_t path_len,
			  const struct vt_digest *content, struct vt_error *err);
int vt_repair_names(struct vt_index *index, struct vt_digest *contents, size_t count,
		    vt_shown_each *each, void *context, struct vt_error *err);

/* `length` bytes at `from` are at `to` as well. */
struct vt_move {
	struct vt_location from, to;
	uint32_t length;
};

/*
 * Begins an import of shards alone, of no dataset. Its commit makes the shards part of the store as
 * that of a publish does, and then has every row that names the old place of a move (sorted here)
 * name the new one. Rows change one content at a time, and an old place is as good as before: a
 * crash between leaves the rest for another repair. Nothing is dropped: gc does that.
 */
int vt_repair_begin(struct vt_index *index, struct vt_import **out, struct vt_import_info *info,
		    struct vt_error *err);
int vt_repair_commit(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
		     struct vt_move *moves, size_t move_count, uint64_t *rows,
		     struct vt_error *err);
