/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Removing what no version needs: pages, chunks, recipes, link tables and shards. Marks from every
 * version that is kept (withdrawn ones too; `rm` is what drops a version), sweeps rows before
 * files. Does not start while an import is open, and none begins while it runs.
 *
 * A shard goes when nothing in it is live. Making a new shard of the live half of an old one needs
 * frames, which this folder knows nothing of: that is not done here.
 */
#include "index/import.h"

struct vt_gc_report {
	uint64_t pages, chunks, recipes, shards; /* dropped, or that would be */
	uint64_t shard_bytes;                    /* freed on disk */
	uint64_t kept_shards, kept_bytes;
};

/*
 * `min_age_ns`: what was removed less long ago is kept (24 h by default; 0 with --now). -EBUSY: an
 * import is open, or another gc runs. -EBADMSG: a page of a kept version is damaged; nothing was
 * dropped.
 */
int vt_gc(struct vt_index *index, bool dry_run, uint64_t min_age_ns, struct vt_gc_report *out,
	  struct vt_error *err);
