/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The canonical bytes of labels. A *row* is one label; a *block* is rows of one file, one behind
 * the other, strictly ascending in the order of vt_label_compare(). Layout: index/schema.md,
 * "Labels".
 *
 * Reading allocates nothing: what is read borrows from the block.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/label.h"

#define VT_LABEL_BLOCK_MAX (16u << 20) /* bytes of all rows of a file */

/*
 * Appends the rows of a file, sorting `rows`; equal ones once. `*count` becomes how many there are.
 * -EINVAL: a label breaks a rule of label.h, or there is none; -E2BIG: beyond VT_LABEL_BLOCK_MAX.
 */
int vt_label_block_encode(struct vt_label *rows, size_t *count, struct vt_buf *out,
			  struct vt_error *err);

/* NULL, or why these bytes are no block of `count` rows, at least one. */
const char *vt_label_block_problem(const void *block, size_t len, uint32_t count);

/* Reads a block that has no problem, row by row: 1 a label, 0 the end. */
struct vt_label_block_reader {
	struct vt_reader bytes;
	const uint8_t *row; /* canonical bytes of the label read last, without their length */
	size_t row_len;
};
static inline struct vt_label_block_reader vt_label_block_reader_over(const void *block, size_t len)
{
	return (struct vt_label_block_reader){.bytes = vt_reader_over(block, len)};
}
int vt_label_block_next(struct vt_label_block_reader *reader, struct vt_label *out);
