/* SPDX-License-Identifier: Apache-2.0 */
/* What builder and readers of postings share: values as bytes, and numbers that are sliced. */
#include "index/posting.h"

#include <endian.h>
#include <math.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/posting_private.h"

/* First byte of a value. */
enum { CHOICE = 1, BOOLEAN, NUMBER, TEXT };

#define SIGN (1ull << 63)

void vt_posting_row_key(uint64_t set, uint32_t term, uint8_t block, uint8_t key[VT_POSTING_KEY_LEN])
{
	uint64_t be_set = htobe64(set);
	uint32_t be_term = htobe32(term);

	memcpy(key, &be_set, sizeof be_set);
	memcpy(key + sizeof be_set, &be_term, sizeof be_term);
	key[VT_POSTING_KEY_LEN - 1] = block;
}

/* Order of doubles that are not NaN as order of integers. */
static uint64_t bits_of(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof bits);
	return bits & SIGN ? ~bits : bits | SIGN;
}

static double number_of(uint64_t bits)
{
	double number;

	bits = bits & SIGN ? bits & ~SIGN : ~bits;
	memcpy(&number, &bits, sizeof number);
	return number;
}

void vt_posting_value_put(struct vt_buf *out, const struct vt_expression_value *value)
{
	switch (value->type) {
	case VT_EXPRESSION_TEXT:
		vt_buf_put_u8(out, TEXT);
		vt_buf_put(out, value->text.bytes, value->text.len);
		break;
	case VT_EXPRESSION_NUMBER:
		vt_buf_put_u8(out, NUMBER);
		vt_buf_put_be64(out, bits_of(value->number));
		break;
	case VT_EXPRESSION_BOOLEAN:
		vt_buf_put_u8(out, BOOLEAN);
		vt_buf_put_u8(out, value->boolean);
		break;
	default:
		vt_buf_put_u8(out, CHOICE);
		vt_buf_put_u8(out, (uint8_t) value->choice);
	}
}

bool vt_posting_value_get(const uint8_t *bytes, size_t len, struct vt_expression_value *out)
{
	struct vt_reader reader = vt_reader_over(bytes, len);
	uint8_t type = vt_reader_u8(&reader);

	*out = (struct vt_expression_value){0};
	switch (type) {
	case CHOICE:
		out->type = VT_EXPRESSION_CHOICE;
		out->choice = vt_reader_u8(&reader);
		break;
	case BOOLEAN:
		out->type = VT_EXPRESSION_BOOLEAN;
		out->boolean = vt_reader_u8(&reader);
		break;
	case NUMBER:
		out->type = VT_EXPRESSION_NUMBER;
		out->number = number_of(vt_reader_be64(&reader));
		if (!isfinite(out->number))
			return false;
		break;
	case TEXT:
		out->type = VT_EXPRESSION_TEXT;
		out->text.len = vt_reader_left(&reader);
		out->text.bytes = vt_reader_get(&reader, out->text.len);
		break;
	default:
		return false;
	}
	return !reader.failed && vt_reader_left(&reader) == 0;
}

/* ---- numbers that are sliced ----------------------------------------------------------------- */

unsigned vt_posting_confidence(const struct vt_label *label)
{
	unsigned k;

	if (!label->has_confidence)
		return 0;
	k = (unsigned) (label->confidence * 100);
	while (k > 0 && label->confidence < k / 100.0)
		k--;
	while (k < 100 && label->confidence >= (k + 1) / 100.0)
		k++;
	return k + 1;
}

/* The largest double below one that is above 0. */
static double below(double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof bits);
	bits--;
	memcpy(&number, &bits, sizeof bits);
	return number;
}

void vt_posting_confidence_range(unsigned number, double *from, double *to)
{
	*from = (number - 1) / 100.0;
	*to = number > 100 ? 1 : below(number / 100.0);
}

unsigned vt_posting_hash(const struct vt_expression_value *value)
{
	uint64_t seed = (uint64_t) value->type, bits;

	switch (value->type) {
	case VT_EXPRESSION_TEXT:
		bits = XXH64(value->text.len ? value->text.bytes : "", value->text.len, seed);
		break;
	case VT_EXPRESSION_NUMBER:
		bits = htole64(bits_of(value->number));
		bits = XXH64(&bits, sizeof bits, seed);
		break;
	default:
		bits = XXH64(&value->boolean, 1, seed);
	}
	return (unsigned) (bits & ((1u << VT_POSTING_HASH_BITS) - 1));
}
