/* SPDX-License-Identifier: Apache-2.0 */
/* See stripe.h. */
#include "index/base/stripe.h"

_Thread_local unsigned vt_stripe_own;

unsigned vt_stripe_take(void)
{
	static atomic_uint turn;
	unsigned stripe = atomic_fetch_add_explicit(&turn, 1, memory_order_relaxed) % VT_STRIPES;

	vt_stripe_own = stripe + 1;
	return stripe;
}
