/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chunker.h. The gear hash shifts left, so that its high bits have seen the most bytes: the
 * masks take those. Up to the average two bits more must be zero than its logarithm says, beyond it
 * two less (normalisation level 2), which draws the lengths towards the average.
 */
#include "tools/publish/chunker.h"

#include <pthread.h>

#define AVERAGE_BITS 16u
#define HIGH_BITS(n) (~0ull << (64u - (n)))
#define MASK_STRICT  HIGH_BITS(AVERAGE_BITS + 2)
#define MASK_LOOSE   HIGH_BITS(AVERAGE_BITS - 2)

_Static_assert(1u << AVERAGE_BITS == VT_CHUNK_AVERAGE, "the masks follow the average");

static uint64_t gear[256];
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* SplitMix64 (Steele, Lea, Flood, OOPSLA 2014) from a fixed seed. */
static void fill_gear(void)
{
	uint64_t state = 0x76697472696e6531; /* "vitrine1" */

	for (size_t i = 0; i < 256; i++) {
		uint64_t z = state += 0x9e3779b97f4a7c15;

		z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
		z = (z ^ z >> 27) * 0x94d049bb133111eb;
		gear[i] = z ^ z >> 31;
	}
}

size_t vt_chunk_cut(const uint8_t *data, size_t len)
{
	size_t end = len < VT_CHUNK_MAX ? len : VT_CHUNK_MAX;
	size_t middle = end < VT_CHUNK_AVERAGE ? end : VT_CHUNK_AVERAGE;
	size_t i = VT_CHUNK_MIN;
	uint64_t hash = 0;

	if (len <= VT_CHUNK_MIN)
		return len;
	(void) pthread_once(&once, fill_gear);
	for (; i < middle; i++) {
		hash = (hash << 1) + gear[data[i]];
		if (!(hash & MASK_STRICT))
			return i + 1;
	}
	for (; i < end; i++) {
		hash = (hash << 1) + gear[data[i]];
		if (!(hash & MASK_LOOSE))
			return i + 1;
	}
	return end;
}
