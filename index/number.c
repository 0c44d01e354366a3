/* SPDX-License-Identifier: Apache-2.0 */
/* See number.h. */
#include "index/number.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"

#define EXACT 9007199254740992.0 /* 2^53: every whole number below it is a double of its own */

static size_t digits(const char *text)
{
	return strspn(text, "0123456789");
}

size_t vt_number_length(const char *text)
{
	const char *at = text + (*text == '-');
	size_t count = digits(at);

	if (count == 0 || (*at == '0' && count > 1))
		return 0;
	at += count;
	if (*at == '.') {
		count = digits(at + 1);
		if (count == 0)
			return 0;
		at += 1 + count;
	}
	if (*at == 'e' || *at == 'E') {
		at += at[1] == '-' || at[1] == '+' ? 2 : 1;
		count = digits(at);
		if (count == 0)
			return 0;
		at += count;
	}
	return (size_t) (at - text);
}

static int check_whole(const char *text, size_t len, double number, struct vt_error *err)
{
	char exact[320]; /* of the greatest double: 309 digits and a sign */

	if (fabs(number) < EXACT || strcspn(text, ".eE") < len)
		return 0;
	(void) snprintf(exact, sizeof exact, "%.0f", number);
	if (strlen(exact) == len && memcmp(exact, text, len) == 0)
		return 0;
	return vt_fail(err, EINVAL, "the number %.40s is not kept exactly; make it a text", text);
}

int vt_number_parse(const char *text, size_t len, double *out, struct vt_error *err)
{
	double number = strtod(text, NULL);
	int r;

	if (!isfinite(number))
		return vt_fail(err, EINVAL, "the number %.*s is too great",
			       len < 40 ? (int) len : 40, text);
	r = check_whole(text, len, number, err);
	if (r < 0)
		return r;
	*out = number == 0 ? 0 : number;
	return 0;
}

void vt_number_format(double number, char out[VT_NUMBER_TEXT])
{
	if (fabs(number) < 1e15 && number == trunc(number)) {
		(void) snprintf(out, VT_NUMBER_TEXT, "%.0f", number);
		return;
	}
	/* Up to 15 digits come back from any double but a subnormal, and %g drops the zeros. */
	for (int precision = fabs(number) < DBL_MIN ? 1 : DBL_DIG; precision <= 17; precision++) {
		(void) snprintf(out, VT_NUMBER_TEXT, "%.*g", precision, number);
		if (strtod(out, NULL) == number)
			return;
	}
}
