/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#include "fs/memory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

#include "index/base/cleanup.h"

#define ABOVE (32ull << 20) /* what else a server needs, and some holes: not worth the trouble */
#define GROWN (16ull << 20)

static bool read_statm(unsigned long long *resident, unsigned long long *shared)
{
	vt_autofclose FILE *statm = fopen("/proc/self/statm", "re");

	return statm && fscanf(statm, "%*u %llu %llu", resident, shared) == 2;
}

uint64_t vt_memory_resident(void)
{
	unsigned long long resident, shared;

	return read_statm(&resident, &shared) ? resident * (uint64_t) sysconf(_SC_PAGESIZE) : 0;
}

uint64_t vt_memory_anonymous(void)
{
	unsigned long long resident, shared;

	if (!read_statm(&resident, &shared) || resident < shared)
		return 0;
	return (resident - shared) * (uint64_t) sysconf(_SC_PAGESIZE);
}

bool vt_memory_trim(uint64_t limit, uint64_t *after)
{
	uint64_t now = vt_memory_anonymous();

	if (now < *after)
		*after = now;
	if (now < limit + ABOVE || now < *after + GROWN)
		return false;
	(void) malloc_trim(0);
	*after = vt_memory_anonymous();
	return true;
}
