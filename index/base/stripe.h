/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Numbers that many threads add to, and that are seldom read. Each thread adds to a stripe that few
 * others share, so that it hardly ever waits for a cache line that another just wrote; who reads
 * takes the sum. (By processor there would be fewer collisions, but to ask which one costs more
 * than adding: 15 ns where the kernel has no rseq(2).)
 *
 * Relaxed: the numbers order nothing, and a sum is of no single moment. Sums are exact.
 *
 * Thread-safe.
 */
#include <stdatomic.h>
#include <stdint.h>

#define VT_STRIPES      16u
#define VT_STRIPE_APART 64u /* bytes: a cache line */

extern _Thread_local unsigned vt_stripe_own; /* of this thread, and 1; 0: none yet */
unsigned vt_stripe_take(void);

/* The thread's, the next in turn when it first asks. */
static inline unsigned vt_stripe(void)
{
	return vt_stripe_own ? vt_stripe_own - 1 : vt_stripe_take();
}

static inline void vt_stripe_add(_Atomic uint64_t *number, uint64_t n)
{
	(void) atomic_fetch_add_explicit(number, n, memory_order_relaxed);
}

static inline uint64_t vt_stripe_read(const _Atomic uint64_t *number)
{
	return atomic_load_explicit(number, memory_order_relaxed);
}

/* One such number; all zeros at first. */
struct vt_striped {
	struct {
		_Atomic uint64_t number;
		char apart[VT_STRIPE_APART - sizeof(uint64_t)];
	} stripes[VT_STRIPES];
};

static inline void vt_striped_add(struct vt_striped *striped, uint64_t n)
{
	vt_stripe_add(&striped->stripes[vt_stripe()].number, n);
}

static inline uint64_t vt_striped_sum(const struct vt_striped *striped)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < VT_STRIPES; i++)
		sum += vt_stripe_read(&striped->stripes[i].number);
	return sum;
}
