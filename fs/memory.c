/* SPDX-License-Identifier: Apache-2.0 */
/* See memory.h. */
#include "fs/memory.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <string.h>
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

/* Of the line of /proc/meminfo. 0: not known. */
static uint64_t machine_available(void)
{
	vt_autofclose FILE *meminfo = fopen("/proc/meminfo", "re");
	unsigned long long kib;
	char line[128];

	while (meminfo && fgets(line, sizeof line, meminfo))
		if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
			return kib * 1024;
	return 0;
}

/* What the control group of this process may have, of version 2; else UINT64_MAX. */
static uint64_t group_limit(void)
{
	vt_autofclose FILE *self = fopen("/proc/self/cgroup", "re");
	vt_autofclose FILE *max = NULL;
	char line[PATH_MAX], path[PATH_MAX + 64];
	unsigned long long bytes;

	if (!self || !fgets(line, sizeof line, self) || strncmp(line, "0::", 3) != 0)
		return UINT64_MAX;
	line[strcspn(line, "\n")] = '\0';
	(void) snprintf(path, sizeof path, "/sys/fs/cgroup%s/memory.max", line + 3);
	max = fopen(path, "re");
	return max && fscanf(max, "%llu", &bytes) == 1 ? bytes : UINT64_MAX;
}

uint64_t vt_memory_available(void)
{
	uint64_t machine = machine_available(), group = group_limit();

	return machine < group ? machine : group;
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
