/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows and blocks (label_block.h). What is in a row stands in the order by which rows compare, so
 * that two rows are in order as their keys, annotators and times are, and then as their bytes are.
 */
#include "index/label_block.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/digest.h"
#include "index/entry_codec.h"

enum flag {
	FLAG_CONFIDENCE = 1,
	FLAG_TOOL = 2,
	FLAG_PARENT = 4,
	FLAG_REGION = 8,
	FLAGS_KNOWN = 15,
};

#define FIXED_LEN 14u /* lengths of key and annotator, time, type, source, review, flags */
#define ROW_MAX                                                                                    \
	(FIXED_LEN + VT_LABEL_KEY_MAX + VT_LABEL_NAME_MAX + 2 + VT_LABEL_TEXT_MAX + 8 + 1 +        \
	 VT_LABEL_NAME_MAX + 8 + 4 + VT_LABEL_REGION_MAX)

static unsigned flags_of(const struct vt_label *label)
{
	return (label->has_confidence ? FLAG_CONFIDENCE : 0) | (label->tool.len ? FLAG_TOOL : 0) |
	       (label->parent ? FLAG_PARENT : 0) | (label->region.len ? FLAG_REGION : 0);
}

/* ---- writing ---- */

static uint8_t *put(uint8_t *to, const void *from, size_t len)
{
	if (len > 0)
		memcpy(to, from, len);
	return to + len;
}

static uint8_t *put_number(uint8_t *to, uint64_t number, size_t len)
{
	uint64_t bytes = htole64(number);

	return put(to, &bytes, len);
}

static uint8_t *put_double(uint8_t *to, double number)
{
	uint64_t bits;

	memcpy(&bits, &number, sizeof bits);
	return put_number(to, bits, sizeof bits);
}

static uint8_t *put_text(uint8_t *to, struct vt_label_text text, size_t len_len)
{
	return put(put_number(to, text.len, len_len), text.bytes, text.len);
}

static uint8_t *put_value(uint8_t *to, const struct vt_label *label)
{
	switch (label->type) {
	case VT_LABEL_TEXT:
		return put_text(to, label->value.text, 2);
	case VT_LABEL_NUMBER:
		return put_double(to, label->value.number);
	case VT_LABEL_BOOLEAN:
		break;
	}
	return put_number(to, label->value.boolean, 1);
}

/* What follows key, annotator and time. */
static uint8_t *put_rest(uint8_t *to, const struct vt_label *label)
{
	to = put_number(to, label->type, 1);
	to = put_number(to, label->source, 1);
	to = put_number(to, label->review, 1);
	to = put_number(to, flags_of(label), 1);
	to = put_value(to, label);
	if (label->has_confidence)
		to = put_double(to, label->confidence);
	if (label->tool.len)
		to = put_text(to, label->tool, 1);
	if (label->parent)
		to = put_number(to, label->parent, 8);
	if (label->region.len)
		to = put_text(to, label->region, 4);
	return to;
}

/* The row of a label without a problem; at most ROW_MAX bytes. */
static size_t put_row(uint8_t *row, const struct vt_label *label)
{
	uint8_t *to = put_text(row, label->key, 1);

	to = put_text(to, label->annotator, 1);
	to = put_number(to, (uint64_t) label->time_ns, 8);
	return (size_t) (put_rest(to, label) - row);
}

uint64_t vt_label_id(const struct vt_label *label)
{
	uint8_t row[ROW_MAX];
	struct vt_digest digest;
	uint64_t first;

	vt_digest_of(row, put_row(row, label), &digest);
	memcpy(&first, digest.bytes, sizeof first);
	return le64toh(first);
}

/* Keys, annotators and times alone. */
static int compare_front(const struct vt_label *a, const struct vt_label *b)
{
	int order = vt_name_compare(a->key.bytes, a->key.len, b->key.bytes, b->key.len);

	if (order == 0)
		order = vt_name_compare(a->annotator.bytes, a->annotator.len, b->annotator.bytes,
					b->annotator.len);
	return order ? order : (a->time_ns > b->time_ns) - (a->time_ns < b->time_ns);
}

int vt_label_compare(const struct vt_label *a, const struct vt_label *b)
{
	uint8_t left[ROW_MAX], right[ROW_MAX];
	int order = compare_front(a, b);
	size_t left_len, right_len;

	if (order)
		return order;
	left_len = (size_t) (put_rest(left, a) - left);
	right_len = (size_t) (put_rest(right, b) - right);
	return vt_name_compare((const char *) left, left_len, (const char *) right, right_len);
}

static int by_order(const void *a, const void *b)
{
	return vt_label_compare(a, b);
}

static size_t sort_unique(struct vt_label *rows, size_t count)
{
	size_t kept = 0;

	qsort(rows, count, sizeof *rows, by_order);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || vt_label_compare(&rows[kept - 1], &rows[i]) != 0)
			rows[kept++] = rows[i];
	return kept;
}

int vt_label_block_encode(struct vt_label *rows, size_t *count, struct vt_buf *out,
			  struct vt_error *err)
{
	size_t begin = out->len, kept;
	uint8_t row[ROW_MAX];

	for (size_t i = 0; i < *count; i++) {
		int r = vt_label_check(&rows[i], err);

		if (r < 0)
			return r;
	}
	if (*count == 0)
		return vt_fail(err, EINVAL, "a file without labels has no block");
	kept = sort_unique(rows, *count);
	for (size_t i = 0; i < kept; i++) {
		size_t len = put_row(row, &rows[i]);

		if (out->len - begin + sizeof(uint32_t) + len > VT_LABEL_BLOCK_MAX) {
			out->len = begin;
			return vt_fail(err, E2BIG, "a file's labels take more than %u bytes",
				       VT_LABEL_BLOCK_MAX);
		}
		vt_buf_put_le32(out, (uint32_t) len);
		vt_buf_put(out, row, len);
	}
	if (vt_buf_failed(out))
		return vt_fail(err, ENOMEM, "no memory for labels");
	*count = kept;
	return 0;
}

/* ---- reading ---- */

static struct vt_label_text read_text(struct vt_reader *reader, size_t len)
{
	const char *bytes = vt_reader_get(reader, len);

	return (struct vt_label_text){bytes, bytes ? len : 0};
}

static double read_double(struct vt_reader *reader)
{
	uint64_t bits = vt_reader_le64(reader);
	double number;

	memcpy(&number, &bits, sizeof number);
	return number;
}

static const char *read_value(struct vt_reader *reader, struct vt_label *out)
{
	uint8_t boolean;

	switch (out->type) {
	case VT_LABEL_TEXT:
		out->value.text = read_text(reader, vt_reader_le16(reader));
		return NULL;
	case VT_LABEL_NUMBER:
		out->value.number = read_double(reader);
		return NULL;
	case VT_LABEL_BOOLEAN:
		boolean = vt_reader_u8(reader);
		out->value.boolean = boolean;
		return boolean > 1 ? "a label's boolean is neither 0 nor 1" : NULL;
	}
	return "a label's type is not known";
}

/* Reads what is there; whether the label may be so is vt_label_problem()'s. */
static const char *read_row(struct vt_reader *reader, struct vt_label *out)
{
	struct vt_label label = {.key = read_text(reader, vt_reader_u8(reader))};
	const char *problem;
	unsigned flags;

	label.annotator = read_text(reader, vt_reader_u8(reader));
	label.time_ns = (int64_t) vt_reader_le64(reader);
	label.type = vt_reader_u8(reader);
	label.source = vt_reader_u8(reader);
	label.review = vt_reader_u8(reader);
	flags = vt_reader_u8(reader);
	problem = read_value(reader, &label);
	label.has_confidence = flags & FLAG_CONFIDENCE;
	if (flags & FLAG_CONFIDENCE)
		label.confidence = read_double(reader);
	if (flags & FLAG_TOOL)
		label.tool = read_text(reader, vt_reader_u8(reader));
	if (flags & FLAG_PARENT)
		label.parent = vt_reader_le64(reader);
	if (flags & FLAG_REGION)
		label.region = read_text(reader, vt_reader_le32(reader));
	*out = label;
	if (flags & ~FLAGS_KNOWN)
		return "a label has flags that are not known";
	if (problem)
		return problem;
	if (reader->failed || vt_reader_left(reader))
		return "a label's length is wrong";
	return flags == flags_of(&label) ? NULL : "a label has flags for what is empty";
}

int vt_label_block_next(struct vt_label_block_reader *reader, struct vt_label *out)
{
	struct vt_reader row;

	if (vt_reader_left(&reader->bytes) == 0)
		return 0;
	reader->row_len = vt_reader_le32(&reader->bytes);
	reader->row = vt_reader_get(&reader->bytes, reader->row_len);
	if (!reader->row)
		return 0;
	row = vt_reader_over(reader->row, reader->row_len);
	(void) read_row(&row, out); /* checked by vt_label_block_problem() */
	return 1;
}

/* One row, behind its length. */
static const char *check_row(struct vt_reader *reader, struct vt_label *out)
{
	size_t len = vt_reader_le32(reader);
	const void *bytes = vt_reader_get(reader, len);
	struct vt_reader row;
	const char *problem;

	if (!bytes)
		return "labels go past the end";
	row = vt_reader_over(bytes, len);
	problem = read_row(&row, out);
	return problem ? problem : vt_label_problem(out);
}

const char *vt_label_block_problem(const void *block, size_t len, uint32_t count)
{
	struct vt_reader reader = vt_reader_over(block, len);
	struct vt_label label, last;
	uint32_t seen = 0;

	for (; vt_reader_left(&reader); last = label, seen++) {
		const char *problem = check_row(&reader, &label);

		if (problem)
			return problem;
		if (seen > 0 && vt_label_compare(&last, &label) >= 0)
			return "labels are out of order";
	}
	return seen == 0 || seen != count ? "the number of labels is wrong" : NULL;
}
