/* SPDX-License-Identifier: Apache-2.0 */
/* See clock.h. */
#include "index/base/clock.h"

#include <stdatomic.h>
#include <time.h>

static _Atomic uint64_t fixed_ns; /* 0: the system's clock */

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	(void) clock_gettime(id, &t);
	return (uint64_t) t.tv_sec * VT_NS_PER_SEC + (uint64_t) t.tv_nsec;
}

uint64_t vt_clock_realtime_ns(void)
{
	uint64_t fixed = fixed_ns;

	return fixed ? fixed : read_clock(CLOCK_REALTIME);
}

uint64_t vt_clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

void vt_clock_set_realtime_ns(uint64_t ns)
{
	fixed_ns = ns;
}
