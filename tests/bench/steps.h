/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * For programs whose steps bench_instructions.sh counts: each is a function of its own, called with
 * numbers from 0 on, and the program prints how often. One thread; everything is in memory.
 */
#include <stdint.h>
#include <stdio.h>

#define STEP __attribute__((noinline)) static void

#define STEP_CALLS 2000u

static inline void steps_run(const char *name, void (*step)(uint32_t i))
{
	for (uint32_t i = 0; i < STEP_CALLS; i++)
		step(i);
	(void) printf("%s\t%u\n", name, STEP_CALLS);
}
#define STEPS_RUN(step) steps_run(#step, step)
