/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How much was done for whom: a row of sums for each number (a uid, the id of a dataset) that
 * anything was added for. The table is bounded and rows are never taken back: what finds none goes
 * to one row for all the others.
 *
 * Thread-safe; adding takes no lock (index/base/stripe.h).
 */
#include <stdbool.h>
#include <stdint.h>

struct vt_usage;

#define VT_USAGE_ROWS   256u
#define VT_USAGE_PLACES 32u /* of them, where the row of a number may be */

enum vt_usage_sum { VT_USAGE_REQUESTS, VT_USAGE_OPENS, VT_USAGE_BYTES, VT_USAGE_SUMS };

struct vt_usage *vt_usage_new(void); /* NULL when memory is short */
void vt_usage_free(struct vt_usage *usage);

void vt_usage_add(struct vt_usage *usage, uint32_t number, enum vt_usage_sum which, uint64_t n);

struct vt_usage_row {
	bool others; /* then it has no number; always the last row, and always there */
	uint32_t number;
	uint64_t sums[VT_USAGE_SUMS];
};
/* In no order. */
void vt_usage_each(const struct vt_usage *usage,
		   void (*each)(void *context, const struct vt_usage_row *row), void *context);
