/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which sets of postings the store has: a row in VT_CF_META for each, "postings." + u32 dataset +
 * u64 set (big-endian), whose value is the serial of the version it was made for (u32). A set is
 * whole when its row is there. They are derived: any may be dropped, and is made again.
 *
 * Thread-safe; sets of one dataset are made by one thread at a time.
 */
#include "index/import.h"
#include "index/posting.h"

struct vt_cancel;

#define VT_POSTING_SETS_KEPT 4u /* of a dataset: the newest */

struct vt_posting_set {
	uint64_t id;
	uint32_t serial; /* of the version it was made for */
};

/* The newest first; at most VT_POSTING_SETS_KEPT. The number, or an error. */
int vt_posting_sets_list(struct vt_store *store, uint32_t dataset,
			 struct vt_posting_set out[VT_POSTING_SETS_KEPT], struct vt_error *err);

/* Makes a set for a version, and drops what is older than the newest ones. -ECANCELED. */
int vt_posting_sets_make(struct vt_index *index, const struct vt_version *version,
			 const struct vt_cancel *cancel, uint64_t *set, struct vt_error *err);

/*
 * 1: it is there; 0: it is not; or an error. A set that is there after it was read was whole while
 * it was read: its name goes before its rows.
 */
int vt_posting_sets_has(struct vt_store *store, uint32_t dataset, uint64_t set,
			struct vt_error *err);
int vt_posting_sets_drop(struct vt_store *store, uint32_t dataset, uint64_t set,
			 struct vt_error *err);

/*
 * For gc: drops sets of datasets that are no more, and rows without a set. While a set is made such
 * rows stay: they may be its own.
 */
int vt_posting_sets_sweep(struct vt_index *index, struct vt_error *err);
