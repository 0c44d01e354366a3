/* SPDX-License-Identifier: Apache-2.0 */
/* See json_scan.h; the grammar is RFC 8259's. */
#include "tools/labels/json_scan.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/utf8.h"
#include "index/number.h"

static int refuse(const struct vt_json_scan *scan, struct vt_error *err, const char *what)
{
	return vt_fail(err, EINVAL, "it is no JSON: %s at byte %zu", what,
		       (size_t) (scan->at - scan->start) + 1);
}

char vt_json_peek(struct vt_json_scan *scan)
{
	scan->at += strspn(scan->at, " \t\r\n");
	return *scan->at;
}

bool vt_json_try(struct vt_json_scan *scan, char expected)
{
	if (vt_json_peek(scan) != expected)
		return false;
	scan->at++;
	return true;
}

int vt_json_take(struct vt_json_scan *scan, char expected, struct vt_error *err)
{
	const char what[] = {expected, ' ', 'e', 'x', 'p', 'e', 'c', 't', 'e', 'd', 0};

	return vt_json_try(scan, expected) ? 0 : refuse(scan, err, what);
}

/* ---- strings -------------------------------------------------------------------------------- */

/* Four digits at `at`, or -1. */
static int32_t unit_at(const char *at)
{
	int32_t value = 0;

	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = at[i] ? strchr(digits, at[i]) : NULL;
		int place = digit ? (int) (digit - digits) : -1;

		if (!digit)
			return -1;
		value = value << 4 | (place < 16 ? place : place - 6);
	}
	return value;
}

static char *put_utf8(char *to, uint32_t code)
{
	int more = code < 0x80 ? 0 : code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;
	static const uint8_t first[] = {0, 0xc0, 0xe0, 0xf0};

	*to++ = (char) (first[more] | code >> (6 * more));
	while (more-- > 0)
		*to++ = (char) (0x80 | (code >> (6 * more) & 0x3f));
	return to;
}

/* After "\u". A pair of surrogates is one character. */
static int take_unicode(struct vt_json_scan *scan, char **to, struct vt_error *err)
{
	int32_t code = unit_at(scan->at), low;

	if (code < 0)
		return refuse(scan, err, "four hexadecimal digits expected");
	if (code == 0)
		return refuse(scan, err, "a NUL in a string");
	scan->at += 4;
	if (code >= 0xd800 && code < 0xe000) {
		low = code < 0xdc00 && scan->at[0] == '\\' && scan->at[1] == 'u'
			      ? unit_at(scan->at + 2)
			      : -1;
		if (low < 0xdc00 || low >= 0xe000)
			return refuse(scan, err, "a surrogate alone");
		scan->at += 6;
		code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
	}
	*to = put_utf8(*to, (uint32_t) code);
	return 0;
}

/* At the backslash. */
static int take_escape(struct vt_json_scan *scan, char **to, struct vt_error *err)
{
	static const char letters[] = "\"\\/bfnrt", bytes[] = "\"\\/\b\f\n\r\t";
	const char *letter = scan->at[1] ? strchr(letters, scan->at[1]) : NULL;

	if (scan->at[1] == 'u') {
		scan->at += 2;
		return take_unicode(scan, to, err);
	}
	if (!letter)
		return refuse(scan, err, "no such escape");
	*(*to)++ = bytes[letter - letters];
	scan->at += 2;
	return 0;
}

/* A character beyond ASCII; the terminating NUL stops one that is cut. */
static int take_character(struct vt_json_scan *scan, char **to, struct vt_error *err)
{
	uint32_t code;
	size_t len = vt_utf8_decode(scan->at, strnlen(scan->at, 4), &code);

	if (len == 0)
		return refuse(scan, err, "a byte that is not UTF-8");
	memmove(*to, scan->at, len);
	*to += len;
	scan->at += len;
	return 0;
}

int vt_json_string(struct vt_json_scan *scan, struct vt_label_text *out, struct vt_error *err)
{
	char *from, *to;
	int r = vt_json_take(scan, '"', err);

	from = to = scan->at;
	while (r == 0 && *scan->at != '"') {
		unsigned char c = (unsigned char) *scan->at;

		if (c == '\\')
			r = take_escape(scan, &to, err);
		else if (c >= 0x80)
			r = take_character(scan, &to, err);
		else if (c < 0x20)
			r = refuse(scan, err, c ? "a control character" : "a string without end");
		else
			*to++ = *scan->at++;
	}
	if (r < 0)
		return r;
	scan->at++;
	*out = (struct vt_label_text){from, (size_t) (to - from)};
	return 0;
}

/* ---- the rest ------------------------------------------------------------------------------- */

int vt_json_number(struct vt_json_scan *scan, double *out, struct vt_error *err)
{
	size_t len = vt_json_peek(scan) ? vt_number_length(scan->at) : 0;
	int r = len > 0 ? vt_number_parse(scan->at, len, out, err)
			: refuse(scan, err, "a number expected");

	scan->at += r == 0 ? len : 0;
	return r;
}

int vt_json_boolean(struct vt_json_scan *scan, bool *out, struct vt_error *err)
{
	bool value = vt_json_peek(scan) == 't';
	const char *word = value ? "true" : "false";

	if (strncmp(scan->at, word, strlen(word)) != 0)
		return refuse(scan, err, "true or false expected");
	scan->at += strlen(word);
	*out = value;
	return 0;
}

/* Behind the string that begins here; at the NUL when it has no end. */
static char *behind_string(char *at)
{
	for (at++; *at && *at != '"'; at++)
		if (*at == '\\' && at[1])
			at++;
	return *at ? at + 1 : at;
}

int vt_json_raw(struct vt_json_scan *scan, struct vt_label_text *out, struct vt_error *err)
{
	size_t depth = 0;
	char *at;

	(void) vt_json_peek(scan);
	at = scan->at;
	do {
		if (*at == '"') {
			at = behind_string(at);
		} else if (strchr("[{", *at) && *at) {
			depth++;
			at++;
		} else if (strchr("]}", *at) && *at && depth > 0) {
			depth--;
			at++;
		} else {
			size_t len = strcspn(at, depth ? "\"[]{}" : "\"[]{}, \t\r\n");

			if (len == 0)
				return refuse(scan, err, "a value expected");
			at += len;
		}
	} while (depth > 0);
	*out = (struct vt_label_text){scan->at, (size_t) (at - scan->at)};
	scan->at = at;
	return 0;
}
