/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Numbers that all threads add to, and that are seldom read. Each processor adds to a stripe of its
 * own, so that none waits for a cache line that another just wrote; who reads takes the sum. Sums
 * are exact: a thread that is moved between the two steps adds to the other's stripe, atomically.
 *
 * Relaxed: the numbers order nothing, and a sum is of no single moment.
 *
 * Thread-safe.
 */
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>

#define VT_STRIPES      16u /* of more processors some share one */
#define VT_STRIPE_APART 64u /* bytes: a cache line */

static inline unsigned vt_stripe(void)
{
	int cpu = sched_getcpu();

	return cpu < 0 ? 0 : (unsigned) cpu % VT_STRIPES;
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
