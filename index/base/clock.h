/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Time that tests can set. All of Vitrine asks here, so that nothing has to be slept for in a test.
 * Thread-safe.
 */
#include <stdint.h>

#define VT_NS_PER_SEC 1000000000ull

uint64_t vt_clock_realtime_ns(void);  /* CLOCK_REALTIME, ns since 1970, UTC */
uint64_t vt_clock_monotonic_ns(void); /* CLOCK_MONOTONIC, ns; for durations; never set by tests */
uint64_t vt_clock_boottime_ns(void);  /* CLOCK_BOOTTIME, ns; runs on while the machine sleeps */

#define VT_BOOT_ID_LEN 16
/* A random number of this boot of the machine; zeros where the kernel does not tell. */
void vt_clock_boot_id(uint8_t id[VT_BOOT_ID_LEN]);
/* In hexadecimal digits. */
#define VT_BOOT_ID_TEXT (2 * VT_BOOT_ID_LEN + 1)
void vt_clock_boot_id_format(char out[VT_BOOT_ID_TEXT]);

/* Time for people and JSON, RFC 3339 in UTC: "2026-11-27T00:28:00Z"; "the end of time". */
#define VT_TIME_TEXT 32
void vt_time_format(uint64_t ns, char out[VT_TIME_TEXT]);

/* For tests: from now on the realtime clock stands at `ns`; 0 gives it back to the system. */
void vt_clock_set_realtime_ns(uint64_t ns);
/* The same for the time since the boot; and for which boot it is (NULL gives it back). */
void vt_clock_set_boottime_ns(uint64_t ns);
void vt_clock_set_boot_id(const uint8_t id[VT_BOOT_ID_LEN]);
