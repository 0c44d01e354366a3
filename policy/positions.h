/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Sets of positions (index/tree.h): which files of a version were opened. In memory pages of bits,
 * made as they are touched; in the log runs, so that a whole walk is a few bytes: numbers as in
 * LEB128 (7 bits a byte, lowest first, the top bit: more follows), in turn how many positions are
 * skipped and how many, less one, are set. Documents of a version are numbered down from the last
 * position there is (fs/node.h), so that what lies between must cost nothing.
 *
 * Not thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"

#define VT_POSITIONS_PAGE 4096u
struct vt_positions_page {
	uint32_t number; /* of the position of bit 0, in pages */
	uint64_t bits[VT_POSITIONS_PAGE / 64];
};
struct vt_positions {
	struct vt_positions_page **pages; /* those with a bit set, by number */
	uint32_t count, room;
};

void vt_positions_done(struct vt_positions *set); /* empty afterwards */

/* -ENOMEM. No allocation where the page is there. */
int vt_positions_add(struct vt_positions *set, uint32_t position);
int vt_positions_add_run(struct vt_positions *set, uint32_t first, uint32_t last);
bool vt_positions_has(const struct vt_positions *set, uint32_t position);
uint64_t vt_positions_count(const struct vt_positions *set);

/*
 * Appends runs from `*from` on while the bytes stay within `max`, and moves `*from` behind the last
 * that was written. False: there was none. Each piece is decoded by itself. `*count`: positions.
 */
bool vt_positions_encode(const struct vt_positions *set, uint64_t *from, size_t max,
			 struct vt_buf *out, uint64_t *count);

/* Calls `run` for each. -EBADMSG: not what encode writes. */
int vt_positions_decode(const void *data, size_t len,
			int (*run)(void *context, uint32_t first, uint32_t last), void *context);
