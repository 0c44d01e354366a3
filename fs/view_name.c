/* SPDX-License-Identifier: Apache-2.0 */
/* See view_name.h. */
#include "fs/view_name.h"

#include <errno.h>
#include <string.h>

#include "index/digest.h"
#include "index/entry.h"

#define HASH_DIGITS 16u
#define CUT_TAIL    (2 + HASH_DIGITS) /* "%~" and the digits */

static void put_escaped(struct vt_buf *out, unsigned char byte)
{
	static const char digits[] = "0123456789ABCDEF";

	vt_buf_put_u8(out, '%');
	vt_buf_put_u8(out, (uint8_t) digits[byte >> 4]);
	vt_buf_put_u8(out, (uint8_t) digits[byte & 15]);
}

static void put_all(const char *text, size_t len, struct vt_buf *out)
{
	if (len == 0)
		put_escaped(out, 0);
	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char) text[i];

		if (byte == '%' || byte == '/' || byte < 0x20 || byte == 0x7f ||
		    (byte == '.' && i == 0))
			put_escaped(out, byte);
		else
			vt_buf_put_u8(out, byte);
	}
}

/* A cut goes neither through an escape nor through a character. */
static size_t cut_at(const char *name, size_t max)
{
	size_t at = max;

	for (size_t i = 1; i <= 2 && i <= at; i++)
		if (name[at - i] == '%')
			return at - i;
	while (at > 0 && ((unsigned char) name[at] & 0xc0) == 0x80)
		at--;
	return at;
}

void vt_view_name_put(const char *text, size_t len, struct vt_buf *out)
{
	size_t start = out->len;
	struct vt_digest digest;
	char hex[VT_DIGEST_HEX];

	put_all(text, len, out);
	if (vt_buf_failed(out) || out->len - start <= VT_VIEW_NAME_MAX)
		return;
	out->len = start + cut_at((const char *) out->data + start, VT_VIEW_NAME_MAX - CUT_TAIL);
	vt_digest_of(text, len, &digest);
	vt_digest_format(&digest, hex);
	vt_buf_printf(out, "%%~%.*s", (int) HASH_DIGITS, hex);
}

int vt_view_name_put_expression(const char *text, size_t len, struct vt_buf *out)
{
	size_t start = out->len;

	put_all(text, len, out);
	return out->len - start <= VT_NAME_LEN_MAX ? 0 : -ENAMETOOLONG;
}

bool vt_view_name_is_cut(const char *name, size_t len)
{
	return len >= CUT_TAIL && memcmp(name + len - CUT_TAIL, "%~", 2) == 0;
}

static int digit_of(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
				      : -1;
}

int vt_view_name_read(const char *name, size_t len, struct vt_buf *out)
{
	if (len == 3 && memcmp(name, "%00", 3) == 0)
		return 0;
	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (name[i] != '%') {
			vt_buf_put_u8(out, (uint8_t) name[i]);
			continue;
		}
		high = i + 2 < len ? digit_of(name[i + 1]) : -1;
		low = high >= 0 ? digit_of(name[i + 2]) : -1;
		if (low < 0)
			return -EINVAL;
		vt_buf_put_u8(out, (uint8_t) (high << 4 | low));
		i += 2;
	}
	return 0;
}
