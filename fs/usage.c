/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See usage.h. A hash table without deletion: a place goes from free to a number once, and for
 * good, so that whoever looks for a number passes the same places in the same order, and finds it
 * where another just put it.
 */
#include "fs/usage.h"

#include <stdalign.h>
#include <stddef.h>
#include <sys/mman.h>

#include "index/base/stripe.h"

#define OTHERS VT_USAGE_ROWS

struct row {
	struct {
		alignas(VT_STRIPE_APART) _Atomic uint64_t sums[VT_USAGE_SUMS];
	} stripes[VT_STRIPES];
};

struct vt_usage {
	_Atomic uint64_t numbers[VT_USAGE_ROWS]; /* and 1; 0: free */
	struct row rows[VT_USAGE_ROWS + 1];
};

/* Pages of their own, of which those of rows that nobody uses take no memory. */
struct vt_usage *vt_usage_new(void)
{
	void *pages = mmap(NULL, sizeof(struct vt_usage), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return pages == MAP_FAILED ? NULL : pages;
}

void vt_usage_free(struct vt_usage *usage)
{
	if (usage)
		(void) munmap(usage, sizeof *usage);
}

/* Relaxed: a number says nothing of its row, which is there from the beginning. */
static bool is_place_of(_Atomic uint64_t *place, uint64_t number)
{
	uint64_t there = vt_stripe_read(place);

	if (there == 0 &&
	    atomic_compare_exchange_strong_explicit(place, &there, number, memory_order_relaxed,
						    memory_order_relaxed))
		return true;
	return there == number;
}

static unsigned find(struct vt_usage *usage, uint32_t number)
{
	uint32_t first = number * 2654435761u >> 16; /* Knuth's multiplicative hashing */

	for (uint32_t i = 0; i < VT_USAGE_PLACES; i++) {
		unsigned row = (first + i) % VT_USAGE_ROWS;

		if (is_place_of(&usage->numbers[row], (uint64_t) number + 1))
			return row;
	}
	return OTHERS;
}

void vt_usage_add(struct vt_usage *usage, uint32_t number, enum vt_usage_sum which, uint64_t n)
{
	vt_stripe_add(&usage->rows[find(usage, number)].stripes[vt_stripe()].sums[which], n);
}

static void sum_up(const struct row *row, struct vt_usage_row *out)
{
	for (unsigned i = 0; i < VT_STRIPES; i++)
		for (unsigned which = 0; which < VT_USAGE_SUMS; which++)
			out->sums[which] += vt_stripe_read(&row->stripes[i].sums[which]);
}

void vt_usage_each(const struct vt_usage *usage,
		   void (*each)(void *context, const struct vt_usage_row *row), void *context)
{
	for (unsigned i = 0; i <= OTHERS; i++) {
		uint64_t number = i < OTHERS ? vt_stripe_read(&usage->numbers[i]) : 0;
		struct vt_usage_row row = {.others = i == OTHERS};

		if (number == 0 && i < OTHERS)
			continue;
		row.number = number > 0 ? (uint32_t) (number - 1) : 0;
		sum_up(&usage->rows[i], &row);
		each(context, &row);
	}
}
