/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dying on purpose: VT_CRASHPOINT("name") stands before and behind every durable step, and behind
 * what one step of many has done. Only builds for tests have the points (meson setup
 * -Dcrash_points=true); in others the macro is nothing. Tests find their names by looking for the
 * macro in the sources, so that a name stands in one place and is written out there.
 *
 * VITRINE_TEST_CRASH=NAME[:N] has it die at that point, as by `kill -9`, the N-th time, else the
 * first. VITRINE_TEST_CRASH_REACHED=FILE gets a line with the name of each point that is reached;
 * with both, of that point only, and the N-th time is then that of all processes that write there.
 */
#include <stdbool.h>

#ifdef VT_CRASH_POINTS
#define VT_HAS_CRASH_POINTS true

/* Thread-safe. A file that cannot be written ends the process: a test would count too little. */
void vt_crashpoint(const char *name);
#define VT_CRASHPOINT(name) vt_crashpoint(name)
#else
#define VT_HAS_CRASH_POINTS false
#define VT_CRASHPOINT(name) ((void) 0)
#endif
