/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Stores anew what is proven, in shards of its own, and has the rows of the index name the new
 * places. A shard of which nothing is lost is emptied that way, and gc takes it; of any other only
 * what the shard itself does not have is stored.
 *
 * One thread at a time; `bytes` may be read from any.
 */
#include <stdatomic.h>

#include "tools/repair/damage.h"

struct vt_rewrite {
	struct vt_damage *damage;
	_Atomic uint64_t bytes; /* written so far, before compression */
	uint64_t total;         /* of them; set by plan */
	uint64_t stored;        /* after compression */
	struct vt_idmap kept;   /* serials of shards that something is lost of */
};
void vt_rewrite_done(struct vt_rewrite *rewrite);

/* What is to be written; nothing is yet. */
int vt_rewrite_plan(struct vt_rewrite *rewrite, struct vt_error *err);
/*
 * Durable when it returns. On any error nothing was changed, unless the server ended in the middle
 * of the commit: then some rows may name new places already, and a repair goes on with the others.
 */
int vt_rewrite_run(struct vt_rewrite *rewrite, struct vt_error *err);
