/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A store on disk as a whole: STORE/vitrine.json (format, uuid), index/, shards/, tmp/, run/ and
 * the parts that work on them, opened together.
 */
#include "index/import.h"

/*
 * Makes a store: `dir` is created or must be empty. The caller owns it: directories 0700, but STORE
 * and run/ 0711. -EEXIST when it holds something.
 */
int vt_index_create(const char *dir, struct vt_error *err);

/*
 * Opens everything, recovers from dead imports. `cache_bytes` is split between RocksDB's block
 * cache and out->lru. -EBUSY another process holds it, -EBADMSG damage, or it lost commits.
 */
int vt_index_open(const char *dir, size_t cache_bytes, struct vt_index **out, struct vt_error *err);
void vt_index_close(struct vt_index *index);
/*
 * Of a store that takes no change (vt_store_stuck()): would it, if it were opened again? An error
 * says why not; nothing was changed.
 */
int vt_index_would_open(const struct vt_index *index, struct vt_error *err);

/*
 * For an index that is refused because it lost its last commits, while nobody has it open: it is
 * taken as it is. Nothing is removed: shard files that it does not know go to STORE/lost/. When
 * nothing is lost, nothing happens.
 */
struct vt_loss {
	uint64_t commits;
	uint64_t shards; /* in STORE/lost/ now */
};
int vt_index_accept_loss(const char *dir, struct vt_loss *out, struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_index, vt_index_close);
