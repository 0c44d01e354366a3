/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Does the index agree with itself? Every live version's tree is walked with digests recomputed,
 * every content must have a chunk or a recipe in a shard that exists, digests of trees and versions
 * must be what the records say; every row and every table is what was written. The bytes in shards
 * are fs/shard_reader.h's business.
 */
#include "index/import.h"

/* One finding: `what` names the thing, `problem` says what is wrong. Borrowed. */
typedef void vt_verify_each(void *context, const char *what, const char *problem);

/*
 * The number of findings, or an error that kept it from finishing. Versions may come and go
 * meanwhile; gc waits for the end, -EBUSY: or it ran, and took too long.
 */
int vt_verify_index(struct vt_index *index, vt_verify_each *each, void *context,
		    struct vt_error *err);
