/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Dying on purpose: VT_CRASHPOINT("name") kills the process, as `kill -9` would, when the
 * environment says VITRINE_TEST_CRASH=name. Tests walk through the points of a protocol with it, so
 * they are compiled in always: what is tested is what is shipped. On paths that sync anyway.
 */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define VT_CRASHPOINT(name)                                                                        \
	do {                                                                                       \
		const char *vt_crash_at_ = getenv("VITRINE_TEST_CRASH");                           \
                                                                                                   \
		if (vt_crash_at_ && strcmp(vt_crash_at_, name) == 0)                               \
			(void) raise(SIGKILL);                                                     \
	} while (0)
