/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Random numbers that follow from `chance_state`: a seed repeats a run. */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/random.h>

/* splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators") */
static uint64_t chance_state;

static inline uint64_t chance(void)
{
	uint64_t z = chance_state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static inline unsigned below(unsigned bound)
{
	return (unsigned) (chance() % bound);
}

static inline bool one_in(unsigned bound)
{
	return below(bound) == 0;
}

/* A seed for a run of its own; VT_SEED repeats one. */
static inline uint64_t chance_seed(void)
{
	const char *given = getenv("VT_SEED");
	uint64_t seed = 0;

	if (given)
		return strtoull(given, NULL, 0);
	if (getrandom(&seed, sizeof seed, 0) != sizeof seed)
		abort();
	return seed;
}
