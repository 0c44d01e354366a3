/* SPDX-License-Identifier: Apache-2.0 */
/* See line_sums.h. */
#include "index/line_sums.h"

#include "index/label_line.h"

#define HEX 2u /* digits of a byte */

static uint64_t plus(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t product;

	return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

struct vt_line_prefix vt_line_prefix_within(struct vt_line_prefix around, const char *name,
					    size_t len)
{
	const struct vt_label_text text = {name, len};

	return (struct vt_line_prefix){
		.utf8 = around.utf8 && vt_label_is_utf8(text),
		.bytes = around.bytes + len + 1,
		.escaped = around.escaped + vt_label_line_escaped(text) + 1,
	};
}

struct vt_line_sums vt_line_sums_of_file(const char *name, size_t len, uint64_t labels,
					 uint64_t bytes)
{
	const struct vt_label_text text = {name, len};
	struct vt_line_sums sums = {
		.labels = labels, .hex = labels, .bytes = bytes, .hex_bytes = bytes};

	if (!vt_label_is_utf8(text))
		return sums;
	sums.hex = 0;
	/* In hexadecimal a name is no shorter by more than 4 bytes for each that is escaped. */
	sums.hex_bytes = plus(bytes, times(labels, VT_LABEL_LINE_HEX + HEX * len));
	sums.hex_bytes -= times(labels, vt_label_line_escaped(text));
	return sums;
}

struct vt_line_sums vt_line_sums_behind(struct vt_line_prefix prefix, struct vt_line_sums sums)
{
	struct vt_line_sums out = sums;

	out.hex_bytes = plus(sums.hex_bytes, times(sums.labels, HEX * prefix.bytes));
	if (!prefix.utf8) {
		out.hex = sums.labels;
		out.bytes = out.hex_bytes;
		return out;
	}
	out.bytes = plus(sums.bytes, times(sums.labels - sums.hex, prefix.escaped));
	out.bytes = plus(out.bytes, times(sums.hex, HEX * prefix.bytes));
	return out;
}

void vt_line_sums_add(struct vt_line_sums *sums, const struct vt_line_sums *more)
{
	sums->labels = plus(sums->labels, more->labels);
	sums->hex = plus(sums->hex, more->hex);
	sums->bytes = plus(sums->bytes, more->bytes);
	sums->hex_bytes = plus(sums->hex_bytes, more->hex_bytes);
}

const char *vt_line_sums_problem(const struct vt_line_sums *sums)
{
	if (sums->labels == 0 || sums->hex > sums->labels)
		return "its labels as lines are impossibly many";
	if (sums->bytes < sums->labels || sums->hex_bytes < sums->labels ||
	    (sums->hex == sums->labels && sums->hex_bytes != sums->bytes))
		return "its labels as lines have an impossible length";
	if (sums->bytes > VT_LINE_BYTES_MAX || sums->hex_bytes > VT_LINE_BYTES_MAX)
		return "its labels as lines are too long";
	return NULL;
}
