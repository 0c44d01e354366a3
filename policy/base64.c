/* SPDX-License-Identifier: Apache-2.0 */
/* See base64.h. */
#include "policy/base64.h"

#include <errno.h>

static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void vt_base64_encode(const void *data, size_t len, char *out)
{
	const uint8_t *in = data;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t word = (uint32_t) in[i] << 16;

		word |= i + 1 < len ? (uint32_t) in[i + 1] << 8 : 0;
		word |= i + 2 < len ? in[i + 2] : 0;
		*out++ = letters[word >> 18];
		*out++ = letters[word >> 12 & 63];
		*out++ = i + 1 < len ? letters[word >> 6 & 63] : '=';
		*out++ = i + 2 < len ? letters[word & 63] : '=';
	}
	*out = '\0';
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

ssize_t vt_base64_decode(const char *text, size_t len, uint8_t *out, size_t size)
{
	size_t pad = 0, done = 0;

	if (len % 4 != 0)
		return -EINVAL;
	for (; pad < 2 && pad < len && text[len - 1 - pad] == '='; pad++)
		continue;
	if (len / 4 * 3 - pad > size)
		return -EINVAL;
	for (size_t i = 0; i < len; i += 4) {
		size_t bytes = i + 4 == len ? 3 - pad : 3;
		uint32_t word = 0;

		for (size_t j = 0; j < 4; j++) {
			int value = j <= bytes ? value_of(text[i + j]) : 0;

			if (value < 0)
				return -EINVAL;
			word = word << 6 | (uint32_t) value;
		}
		if (word & ((1u << (8 * (3 - bytes))) - 1))
			return -EINVAL; /* left-over bits: another text for the same bytes */
		for (size_t j = 0; j < bytes; j++)
			out[done++] = (uint8_t) (word >> (16 - 8 * j));
	}
	return (ssize_t) done;
}
