/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Leveled lines, one per event: words, then key=value. Foreign strings are quoted by the caller
 * ('%s'). On standard error; under systemd (JOURNAL_STREAM set) with the "<N>" prefix that carries
 * the level into the journal. Thread-safe: one write per line.
 */
enum vt_log_level {
	VT_LOG_ERROR = 3,   /* someone must act; the numbers are syslog's */
	VT_LOG_WARNING = 4, /* we went on without */
	VT_LOG_INFO = 6,    /* mounted, sealed, granted */
	VT_LOG_DEBUG = 7,
};

void vt_log_set_level(enum vt_log_level level); /* default: VT_LOG_INFO */
void vt_log(enum vt_log_level level, const char *format, ...) __attribute__((format(printf, 2, 3)));
