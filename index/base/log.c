/* SPDX-License-Identifier: Apache-2.0 */
/* See log.h. */
#include "index/base/log.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static atomic_int max_level = VT_LOG_INFO;

void vt_log_set_level(enum vt_log_level level)
{
	max_level = level;
}

static const char *level_name(enum vt_log_level level)
{
	switch (level) {
	case VT_LOG_ERROR:
		return "error";
	case VT_LOG_WARNING:
		return "warning";
	case VT_LOG_INFO:
		return "info";
	case VT_LOG_DEBUG:
		return "debug";
	}
	return "?";
}

/* The journal stamps the time itself; a file or terminal needs it from us. */
static int put_prefix(char *line, size_t size, enum vt_log_level level)
{
	char stamp[32];
	struct tm tm;
	time_t now;

	if (getenv("JOURNAL_STREAM"))
		return snprintf(line, size, "<%d>", (int) level);
	now = time(NULL);
	(void) gmtime_r(&now, &tm);
	(void) strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return snprintf(line, size, "%s %s: ", stamp, level_name(level));
}

void vt_log(enum vt_log_level level, const char *format, ...)
{
	char line[2048];
	size_t used;
	va_list ap;
	int n;

	if ((int) level > max_level)
		return;
	used = (size_t) put_prefix(line, sizeof line, level);
	va_start(ap, format);
	n = vsnprintf(line + used, sizeof line - used - 1, format, ap);
	va_end(ap);
	if (n < 0)
		return;
	used += (size_t) n < sizeof line - used - 1 ? (size_t) n : sizeof line - used - 2;
	line[used++] = '\n';
	(void) !write(STDERR_FILENO, line, used);
}
