/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The versions before a version, newest first, as its record keeps them: so that a version can tell
 * of them when they are removed. It is made of the parent and of what the parent's record keeps;
 * the parent's digest vouches for every word. Bytes: index/schema.md, "Records".
 *
 * Of the messages nothing is kept: whoever may read a version reads its history, and those may have
 * been written for others.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/digest.h"

struct vt_buf;
struct vt_reader;
struct vt_version;

#define VT_HISTORY_MAX 20u /* versions */

struct vt_history {
	const uint8_t *rows; /* borrowed */
	size_t len;          /* bytes */
	unsigned count;
	bool more; /* there were others before, or there may have been */
};

struct vt_ancestor {
	struct vt_digest digest;
	uint64_t created_ns;       /* CLOCK_REALTIME */
	uint64_t files;            /* how many it had */
	const char *name, *author; /* borrowed from the rows */
};

/* The history of a version that follows `parent` (NULL: none). `rows` owns its bytes. */
struct vt_history vt_history_after(const struct vt_version *parent, struct vt_buf *rows);

/* One row off the reader, which fails where they end, or are damaged. */
bool vt_history_next(struct vt_reader *rows, struct vt_ancestor *out);
