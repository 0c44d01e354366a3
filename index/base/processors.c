/* SPDX-License-Identifier: Apache-2.0 */
/* See processors.h. */
#include "index/base/processors.h"

#include <sched.h>
#include <unistd.h>

unsigned vt_processors(void)
{
	cpu_set_t set; /* of 1,024: where there are more, the call fails */
	long all;

	if (sched_getaffinity(0, sizeof set, &set) == 0)
		return (unsigned) CPU_COUNT(&set);
	all = sysconf(_SC_NPROCESSORS_ONLN);
	return all > 0 ? (unsigned) all : 1;
}

unsigned vt_processors_within(unsigned least, unsigned most)
{
	unsigned count = vt_processors();

	return count < least ? least : count > most ? most : count;
}
