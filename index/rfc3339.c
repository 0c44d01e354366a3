/* SPDX-License-Identifier: Apache-2.0 */
/* See rfc3339.h. Days are counted by the civil calendar run backward and forward without end. */
#include "index/rfc3339.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "index/base/error.h"

#define NS_PER_SEC 1000000000ll

struct scan {
	const char *at, *end;
	bool failed;
};

static bool take(struct scan *s, const char *any_of)
{
	if (s->at < s->end && *s->at && strchr(any_of, *s->at)) {
		s->at++;
		return true;
	}
	return false;
}

static void need(struct scan *s, const char *any_of)
{
	if (!take(s, any_of))
		s->failed = true;
}

static int number(struct scan *s, int count, int least, int most)
{
	int value = 0;

	for (; count > 0; count--) {
		if (s->at == s->end || *s->at < '0' || *s->at > '9') {
			s->failed = true;
			return 0;
		}
		value = value * 10 + (*s->at++ - '0');
	}
	if (value < least || value > most)
		s->failed = true;
	return value;
}

static int64_t fraction(struct scan *s)
{
	int64_t ns = 0, unit = NS_PER_SEC / 10;

	if (!take(s, "."))
		return 0;
	ns = unit * number(s, 1, 0, 9);
	while (s->at < s->end && *s->at >= '0' && *s->at <= '9') {
		unit /= 10;
		if (unit == 0)
			s->failed = true;
		ns += unit * (*s->at++ - '0');
	}
	return ns;
}

/* Seconds ahead of UTC. */
static int offset(struct scan *s)
{
	bool behind;
	int seconds;

	if (take(s, "Zz"))
		return 0;
	behind = take(s, "-");
	if (!behind)
		need(s, "+");
	seconds = number(s, 2, 0, 23) * 3600;
	need(s, ":");
	seconds += number(s, 2, 0, 59) * 60;
	return behind ? -seconds : seconds;
}

static struct tm date_and_time(struct scan *s)
{
	struct tm tm = {0};

	tm.tm_year = number(s, 4, 0, 9999) - 1900;
	need(s, "-");
	tm.tm_mon = number(s, 2, 1, 12) - 1;
	need(s, "-");
	tm.tm_mday = number(s, 2, 1, 31);
	need(s, "Tt");
	tm.tm_hour = number(s, 2, 0, 23);
	need(s, ":");
	tm.tm_min = number(s, 2, 0, 59);
	need(s, ":");
	tm.tm_sec = number(s, 2, 0, 59);
	return tm;
}

int vt_rfc3339_parse(struct vt_label_text text, int64_t *ns, struct vt_error *err)
{
	struct scan s = {.at = text.bytes, .end = text.bytes + text.len};
	struct tm given = date_and_time(&s), tm = given;
	int64_t part = fraction(&s), seconds = timegm(&tm) - offset(&s);
	__int128 all = (__int128) seconds * NS_PER_SEC + part;

	if (s.failed || s.at != s.end || tm.tm_mday != given.tm_mday)
		return vt_fail(err, EINVAL, "the time is not like 2026-11-27T00:28:00.5Z");
	if (all != (int64_t) all)
		return vt_fail(err, EINVAL, "the time is before 1678 or after 2261");
	*ns = (int64_t) all;
	return 0;
}

void vt_rfc3339_format(int64_t ns, char out[VT_RFC3339_TEXT])
{
	int64_t part = (ns % NS_PER_SEC + NS_PER_SEC) % NS_PER_SEC;
	time_t seconds = (time_t) (ns / NS_PER_SEC - (ns % NS_PER_SEC < 0));
	struct tm tm;
	size_t len;

	(void) gmtime_r(&seconds, &tm);
	len = strftime(out, VT_RFC3339_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	if (part) {
		len += (size_t) snprintf(out + len, VT_RFC3339_TEXT - len, ".%09d", (int) part);
		while (out[len - 1] == '0')
			len--;
	}
	memcpy(out + len, "Z", 2);
}
