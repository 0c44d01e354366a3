/* SPDX-License-Identifier: Apache-2.0 */
/* See words.h. */
#include "tools/words.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "tools/cli.h"

int vt_length_parse(const struct vt_cli *cli, const char *text, uint64_t *out, struct vt_error *err)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
	char *end;
	uint64_t count;

	errno = 0;
	count = isdigit((unsigned char) *text) ? strtoull(text, &end, 10) : 0;
	for (size_t i = 0; count > 0 && errno == 0 && i < sizeof units / sizeof *units; i++)
		if (end[0] == units[i].letter && !end[1] &&
		    !__builtin_mul_overflow(count, units[i].seconds * VT_NS_PER_SEC, out))
			return 0;
	return vt_misused(cli, err, "'%s' is no length; try 90s, 30m, 8h, 7d", text);
}

static int from_now(const struct vt_cli *cli, const char *length, uint64_t *out,
		    struct vt_error *err)
{
	uint64_t ns;
	int r = vt_length_parse(cli, length, &ns, err);

	if (r < 0)
		return r;
	*out = vt_clock_realtime_ns() + ns;
	return 0;
}

/* "", "Z" or "+02:00": how far ahead of UTC, in seconds. False: none of these. */
static bool zone_parse(const char *text, bool *is_local, long *ahead)
{
	const char *digits = text + 1;

	*is_local = !*text;
	*ahead = 0;
	if (*is_local || strcmp(text, "Z") == 0)
		return true;
	if ((*text != '+' && *text != '-') || strlen(text) != strlen("+02:00") ||
	    strspn(digits, "0123456789") != 2 || digits[2] != ':' ||
	    strspn(digits + 3, "0123456789") != 2 || atoi(digits) > 23 || atoi(digits + 3) > 59)
		return false;
	*ahead = (atoi(digits) * 60l + atoi(digits + 3)) * 60;
	if (*text == '-')
		*ahead = -*ahead;
	return true;
}

/* False for days that no calendar has: both would count on into the next month. */
static bool count_seconds(const struct tm *given, bool is_local, long ahead, time_t *out)
{
	struct tm tm = *given;

	*out = (is_local ? mktime(&tm) : timegm(&tm)) - ahead;
	return tm.tm_mday == given->tm_mday && tm.tm_mon == given->tm_mon && *out > 0;
}

int vt_time_parse(const struct vt_cli *cli, const char *text, uint64_t *out, struct vt_error *err)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	if (*text == '+')
		return from_now(cli, text + 1, out, err);
	for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
		struct tm tm = {.tm_isdst = -1};
		const char *zone = strptime(text, forms[i], &tm);
		bool is_local;
		time_t seconds;
		long ahead;

		if (!zone || !zone_parse(zone, &is_local, &ahead))
			continue;
		if (!count_seconds(&tm, is_local, ahead, &seconds))
			break;
		*out = (uint64_t) seconds * VT_NS_PER_SEC;
		return 0;
	}
	return vt_misused(cli, err, "'%s' is no time; try 2027-12-31, 2027-12-31T18:00Z, +8h",
			  text);
}

int vt_args_time(const struct vt_cli *cli, json_t *args, const char *key, const char *text,
		 struct vt_error *err)
{
	uint64_t ns;
	int r = text ? vt_time_parse(cli, text, &ns, err) : 0;

	if (r == 0 && text)
		(void) json_object_set_new(args, key, json_integer((json_int_t) ns));
	return r;
}

json_t *vt_who_json(const char *text)
{
	if (strchr(text, ':') || strcmp(text, "anyone") == 0)
		return json_string(text);
	return json_sprintf("user:%s", text);
}
