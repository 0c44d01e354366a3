/* SPDX-License-Identifier: Apache-2.0 */
/* See error.h. Long sentences are cut at the end, never in the middle of the buffer. */
#include "index/base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

int vt_fail(struct vt_error *err, int code, const char *format, ...)
{
	if (err) {
		va_list ap;

		va_start(ap, format);
		errno = code; /* for %m */
		(void) vsnprintf(err->text, sizeof err->text, format, ap);
		va_end(ap);
	}
	return -code;
}

int vt_fail_in(struct vt_error *err, int r, const char *format, ...)
{
	if (err) {
		char front[sizeof err->text / 2]; /* a long path leaves room for the reason */
		size_t used, room;
		va_list ap;

		va_start(ap, format);
		errno = -r;
		(void) vsnprintf(front, sizeof front - 2, format, ap); /* ": " follows */
		va_end(ap);

		used = strlen(front);
		memcpy(front + used, ": ", 3);
		used += 2;
		room = sizeof err->text - used;
		if (strnlen(err->text, sizeof err->text) >= room)
			err->text[room - 1] = '\0';
		memmove(err->text + used, err->text, strlen(err->text) + 1);
		memcpy(err->text, front, used);
	}
	return r;
}
