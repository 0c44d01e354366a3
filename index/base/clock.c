/* SPDX-License-Identifier: Apache-2.0 */
/* See clock.h. */
#include "index/base/clock.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static _Atomic uint64_t fixed_ns;          /* 0: the system's clock */
static _Atomic uint64_t fixed_boottime_ns; /* 0: the system's clock */
static atomic_bool boot_id_is_fixed;
static uint8_t fixed_boot_id[VT_BOOT_ID_LEN];

static uint64_t read_clock(clockid_t id)
{
	struct timespec t;

	(void) clock_gettime(id, &t);
	return (uint64_t) t.tv_sec * VT_NS_PER_SEC + (uint64_t) t.tv_nsec;
}

uint64_t vt_clock_realtime_ns(void)
{
	uint64_t fixed = fixed_ns;

	return fixed ? fixed : read_clock(CLOCK_REALTIME);
}

uint64_t vt_clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

uint64_t vt_clock_boottime_ns(void)
{
	uint64_t fixed = fixed_boottime_ns;

	return fixed ? fixed : read_clock(CLOCK_BOOTTIME);
}

/* Like "6fd5c8a1-…", hexadecimal digits and dashes. */
static void read_boot_id(uint8_t id[VT_BOOT_ID_LEN])
{
	FILE *file = fopen("/proc/sys/kernel/random/boot_id", "re");
	char text[64] = "";
	size_t len = file ? fread(text, 1, sizeof text - 1, file) : 0, digits = 0;

	memset(id, 0, VT_BOOT_ID_LEN);
	if (file)
		(void) fclose(file);
	for (size_t i = 0; i < len && digits < (size_t) VT_BOOT_ID_LEN * 2; i++) {
		static const char hex[] = "0123456789abcdef";
		const char *digit = text[i] ? strchr(hex, text[i]) : NULL;

		if (!digit)
			continue;
		id[digits / 2] |= (uint8_t) ((digit - hex) << (digits % 2 ? 0 : 4));
		digits++;
	}
}

void vt_clock_boot_id(uint8_t id[VT_BOOT_ID_LEN])
{
	if (boot_id_is_fixed)
		memcpy(id, fixed_boot_id, VT_BOOT_ID_LEN);
	else
		read_boot_id(id);
}

void vt_clock_boot_id_format(char out[VT_BOOT_ID_TEXT])
{
	uint8_t id[VT_BOOT_ID_LEN];

	vt_clock_boot_id(id);
	for (size_t i = 0; i < sizeof id; i++)
		(void) snprintf(out + 2 * i, 3, "%02x", id[i]);
}

void vt_clock_set_realtime_ns(uint64_t ns)
{
	fixed_ns = ns;
}

void vt_clock_set_boottime_ns(uint64_t ns)
{
	fixed_boottime_ns = ns;
}

void vt_clock_set_boot_id(const uint8_t id[VT_BOOT_ID_LEN])
{
	if (id)
		memcpy(fixed_boot_id, id, VT_BOOT_ID_LEN);
	boot_id_is_fixed = id != NULL;
}

void vt_time_format(uint64_t ns, char out[VT_TIME_TEXT])
{
	time_t seconds = (time_t) (ns / VT_NS_PER_SEC);
	struct tm tm;

	if (ns >= UINT64_MAX - 1 || !gmtime_r(&seconds, &tm) ||
	    strftime(out, VT_TIME_TEXT, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		(void) snprintf(out, VT_TIME_TEXT, "the end of time");
}
