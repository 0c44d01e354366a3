/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How many processors this process may run on (sched_getaffinity(2), so that a cpuset or taskset
 * counts), at least 1. Thread-safe.
 */
unsigned vt_processors(void);

/* The same, but at least `least` and at most `most`: how many threads to have. */
unsigned vt_processors_within(unsigned least, unsigned most);
