/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See csv.h. A record is as many lines as it takes until its quotes are even, and is read in place:
 * a cell without its quotes is shorter.
 */
#include "tools/labels/csv.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/number.h"
#include "tools/labels/reader_private.h"

struct column {
	enum vt_label_member member;
	struct vt_label_text key; /* of a column of values; empty: the record's */
	enum vt_label_type type;
};

struct csv {
	struct vt_label_reader base;
	struct vt_buf record;
	struct column *columns;
	struct vt_label_text *cells;
	size_t count, room; /* columns; room for cells */
};

/* ---- records -------------------------------------------------------------------------------- */

static bool has_open_quote(const struct vt_buf *record, size_t from, bool open)
{
	for (size_t i = from; i < record->len; i++)
		open ^= record->data[i] == '"';
	return open;
}

/*
 * A quote that nothing closes makes text of all that follows: where the next record begins, nobody
 * knows.
 */
static int check_open(int r, struct vt_error *err)
{
	return r == 0 || r == -EINVAL
		       ? vt_fail(err, EBADMSG, "a quote is not closed, to the end or for %u bytes",
				 VT_INPUT_LINE_MAX)
		       : r;
}

/* The next record that is not empty, newline included. */
static int read_lines(struct csv *csv, struct vt_error *err)
{
	struct vt_buf *record = &csv->record;
	bool open = false;
	size_t from;
	int r;

	vt_buf_reset(record);
	do {
		from = record->len;
		r = vt_input_line(&csv->base.input, record, err);
		if (from == 0)
			csv->base.line = csv->base.input.line;
		if (r <= 0)
			return open ? check_open(r, err) : r;
		open = has_open_quote(record, from, open);
		if (!open && vt_label_line_length(record) == 0)
			vt_buf_reset(record);
	} while (open || record->len == 0);
	return 1;
}

/* NUL-terminated and without its newline. */
static int read_record(struct csv *csv, struct vt_error *err)
{
	struct vt_buf *record = &csv->record;
	int r = read_lines(csv, err);

	if (r <= 0)
		return r;
	record->len = vt_label_line_length(record);
	vt_buf_put_u8(record, 0);
	if (vt_buf_failed(record))
		return vt_fail(err, ENOMEM, "no memory for a record");
	if (strlen((char *) record->data) + 1 != record->len)
		return vt_fail(err, EINVAL, "there is a NUL");
	return 1;
}

static int add_cell(struct csv *csv, size_t index, struct vt_label_text cell, struct vt_error *err)
{
	if (vt_array_reserve(csv->cells, csv->room, index + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for a record");
	csv->cells[index] = cell;
	return 0;
}

/* At the opening quote; `*at` is then behind the closing one, which the count of quotes promises.
 */
static struct vt_label_text unquote(char **at)
{
	char *start = *at + 1, *from = start, *to = start;

	for (; *from && (*from != '"' || from[1] == '"'); *to++ = *from++)
		from += *from == '"';
	*at = from + (*from == '"');
	return (struct vt_label_text){start, (size_t) (to - start)};
}

/* Returns the number of cells. */
static int split(struct csv *csv, struct vt_error *err)
{
	char *at = (char *) csv->record.data;
	size_t count = 0;

	for (;; at++) {
		struct vt_label_text cell;
		int r;

		if (*at == '"') {
			cell = unquote(&at);
		} else {
			cell = (struct vt_label_text){at, strcspn(at, ",\"")};
			at += cell.len;
		}
		if (*at && *at != ',')
			return vt_fail(err, EINVAL,
				       "cell %zu: a quote that is not the whole cell's", count + 1);
		r = add_cell(csv, count++, cell, err);
		if (r < 0)
			return r;
		if (!*at)
			return (int) count;
	}
}

/* ---- the header ----------------------------------------------------------------------------- */

static bool is(struct vt_label_text text, const char *word)
{
	return strlen(word) == text.len && memcmp(word, text.bytes, text.len) == 0;
}

static const struct vt_label_column *mapping_of(const struct vt_label_options *options,
						struct vt_label_text name)
{
	for (size_t i = 0; i < options->column_count; i++)
		if (is(name, options->columns[i].column))
			return &options->columns[i];
	return NULL;
}

static int understand(const struct vt_label_options *options, struct vt_label_text name,
		      struct column *out, struct vt_error *err)
{
	const struct vt_label_column *mapping = mapping_of(options, name);

	if (mapping) {
		*out = (struct column){.member = mapping->member, .type = mapping->type};
		if (mapping->key)
			out->key = (struct vt_label_text){mapping->key, strlen(mapping->key)};
		return 0;
	}
	out->member = vt_label_member_find(name);
	if (out->member == VT_MEMBER_NONE)
		return vt_fail(err, EINVAL,
			       "the column '%.*s' is no member of a label, and not mapped",
			       name.len < 40 ? (int) name.len : 40, name.bytes);
	return 0;
}

static bool is_same(const struct column *a, const struct column *b)
{
	return a->member != VT_MEMBER_NONE && a->member == b->member && a->key.len == b->key.len &&
	       (a->key.len == 0 || memcmp(a->key.bytes, b->key.bytes, a->key.len) == 0);
}

static int check_mappings(const struct csv *csv, struct vt_error *err)
{
	const struct vt_label_options *options = csv->base.options;

	for (size_t i = 0; i < options->column_count; i++) {
		size_t at = 0;

		while (at < csv->count && !is(csv->cells[at], options->columns[i].column))
			at++;
		if (at == csv->count)
			return vt_fail(err, EINVAL, "there is no column '%s'",
				       options->columns[i].column);
	}
	return 0;
}

static int check_columns(const struct csv *csv, struct vt_error *err)
{
	bool has_path = false, has_value = false, has_key = false;

	for (size_t i = 0; i < csv->count; i++) {
		const struct column *column = &csv->columns[i];

		has_path |=
			column->member == VT_MEMBER_PATH || column->member == VT_MEMBER_PATH_HEX;
		has_value |= column->member == VT_MEMBER_VALUE;
		has_key |= column->member == VT_MEMBER_KEY;
		for (size_t j = 0; j < i; j++)
			if (is_same(column, &csv->columns[j]))
				return vt_fail(err, EINVAL, "columns %zu and %zu are the same",
					       j + 1, i + 1);
	}
	for (size_t i = 0; i < csv->count; i++)
		if (csv->columns[i].member == VT_MEMBER_VALUE && !csv->columns[i].key.len &&
		    !has_key)
			return vt_fail(err, EINVAL, "there is no column 'key'");
	if (!has_path || !has_value)
		return vt_fail(err, EINVAL, "there is no column '%s'", has_path ? "value" : "path");
	return check_mappings(csv, err);
}

#define COLUMNS_MAX 4096

static int csv_begin(struct vt_label_reader *reader, struct vt_error *err)
{
	struct csv *csv = (struct csv *) reader;
	int r = read_record(csv, err);

	if (r == 0)
		return vt_fail(err, EINVAL, "there is no header");
	r = r < 0 ? r : split(csv, err);
	if (r < 0)
		return r;
	if (r > COLUMNS_MAX)
		return vt_fail(err, EINVAL, "there are more than %d columns", COLUMNS_MAX);
	csv->count = (size_t) r;
	csv->columns = calloc(csv->count, sizeof *csv->columns);
	if (!csv->columns)
		return vt_fail(err, ENOMEM, "no memory for the header");
	for (size_t i = 0; i < csv->count; i++) {
		r = understand(reader->options, csv->cells[i], &csv->columns[i], err);
		if (r < 0)
			return r;
	}
	return check_columns(csv, err);
}

/* ---- rows ----------------------------------------------------------------------------------- */

static int set_number(struct vt_label_text cell, double *out, const char *what,
		      struct vt_error *err)
{
	if (cell.len == 0 || vt_number_length(cell.bytes) != cell.len)
		return vt_fail(err, EINVAL, "the %s is no number", what);
	return vt_number_parse(cell.bytes, cell.len, out, err);
}

static int set_type(struct vt_label *label, struct vt_label_text cell, struct vt_error *err)
{
	static const char *const words[] = {
		[VT_LABEL_TEXT] = "text",
		[VT_LABEL_NUMBER] = "number",
		[VT_LABEL_BOOLEAN] = "boolean",
	};

	for (unsigned i = VT_LABEL_TEXT; i <= VT_LABEL_BOOLEAN; i++)
		if (is(cell, words[i])) {
			label->type = i;
			return 0;
		}
	return vt_fail(err, EINVAL, "the type is none of text, number, boolean");
}

static int set_value(struct vt_label *label, struct vt_label_text cell, struct vt_error *err)
{
	switch (label->type) {
	case VT_LABEL_NUMBER:
		return set_number(cell, &label->value.number, "value", err);
	case VT_LABEL_BOOLEAN:
		label->value.boolean = is(cell, "true");
		return label->value.boolean || is(cell, "false")
			       ? 0
			       : vt_fail(err, EINVAL, "the value is not true or false");
	default:
		label->type = VT_LABEL_TEXT;
		label->value.text = cell;
		return 0;
	}
}

static int set_member(struct vt_label_row *row, enum vt_label_member member,
		      struct vt_label_text cell, struct vt_error *err)
{
	if (cell.len == 0 || member == VT_MEMBER_NONE || member == VT_MEMBER_VALUE)
		return 0;
	switch (member) {
	case VT_MEMBER_TYPE:
		return set_type(&row->label, cell, err);
	case VT_MEMBER_CONFIDENCE:
		row->label.has_confidence = true;
		return set_number(cell, &row->label.confidence, "confidence", err);
	case VT_MEMBER_REGION:
		row->label.region = cell;
		return 0;
	case VT_MEMBER_PATH:
	case VT_MEMBER_PATH_HEX:
		if (row->path.len)
			return vt_fail(err, EINVAL, "it has both path and path_hex");
		return vt_label_member_set(row, member, cell, err);
	default:
		return vt_label_member_set(row, member, cell, err);
	}
}

/* `common` is all that its record says of each label. */
static int add_value(struct csv *csv, const struct vt_label_row *common,
		     const struct column *column, struct vt_label_text cell, struct vt_error *err)
{
	struct vt_label_row *row;

	if (column->key.len && cell.len == 0)
		return 0;
	row = vt_label_reader_add(&csv->base);
	if (!row)
		return vt_fail(err, ENOMEM, "no memory for a label");
	*row = *common;
	if (column->key.len)
		row->label.key = column->key;
	if (!row->label.type)
		row->label.type = column->type;
	return set_value(&row->label, cell, err);
}

static int csv_fill(struct vt_label_reader *reader, struct vt_error *err)
{
	struct csv *csv = (struct csv *) reader;
	struct vt_label_row common = vt_label_row_default(reader->options);
	int r = read_record(csv, err);

	if (r <= 0)
		return r;
	r = split(csv, err);
	if (r < 0)
		return r;
	if ((size_t) r != csv->count)
		return vt_fail(err, EINVAL, "there are %d cells, the header has %zu", r,
			       csv->count);
	r = 0;
	for (size_t i = 0; r == 0 && i < csv->count; i++)
		r = set_member(&common, csv->columns[i].member, csv->cells[i], err);
	for (size_t i = 0; r == 0 && i < csv->count; i++)
		if (csv->columns[i].member == VT_MEMBER_VALUE)
			r = add_value(csv, &common, &csv->columns[i], csv->cells[i], err);
	return r < 0 ? r : 1;
}

static void csv_done(struct vt_label_reader *reader)
{
	struct csv *csv = (struct csv *) reader;

	vt_buf_done(&csv->record);
	free(csv->columns);
	free(csv->cells);
}

const struct vt_label_format_table vt_label_csv = {
	.size = sizeof(struct csv),
	.begin = csv_begin,
	.done = csv_done,
	.fill = csv_fill,
};
