/* SPDX-License-Identifier: Apache-2.0 */
/* See reader.h. */
#include "tools/labels/reader_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/base/utf8.h"
#include "tools/labels/guess.h"
#include "tools/labels/path.h"

static const struct vt_label_format_table *const formats[] = {
	[VT_LABELS_JSONL] = &vt_label_jsonl,
	[VT_LABELS_CSV] = &vt_label_csv,
	[VT_LABELS_COCO] = &vt_label_coco,
	[VT_LABELS_LABEL_STUDIO] = &vt_label_label_studio,
};

/* Sentences quote what was read: no byte of it moves a terminal's cursor. */
static void make_printable(struct vt_error *err)
{
	size_t len = err ? strlen(err->text) : 0;

	for (size_t i = 0, step; i < len; i += step) {
		uint32_t code = 0;

		step = vt_utf8_decode(err->text + i, len - i, &code);
		if (step == 0 || code < 0x20 || (code >= 0x7f && code < 0xa0)) {
			step = step ? step : 1;
			memset(err->text + i, '?', step);
		}
	}
}

static int say_where(const struct vt_label_reader *reader, int r, struct vt_error *err)
{
	if (reader->list)
		(void) vt_fail_in(err, r, "%s[%" PRIu64 "]", reader->list, reader->index);
	(void) vt_fail_in(err, r, "%s:%" PRIu64, reader->name, reader->line);
	make_printable(err);
	return r;
}

static int guess(const char *name, struct vt_input *input, enum vt_label_format *format,
		 struct vt_error *err)
{
	const char *head;
	size_t len;
	int r = vt_input_head(input, &head, &len, err);

	return r < 0 ? vt_fail_in(err, r, "'%s'", name)
		     : vt_label_format_guess(name, head, len, format, err);
}

int vt_label_reader_open(const char *name, enum vt_label_format format,
			 const struct vt_label_options *options, struct vt_label_reader **out,
			 struct vt_error *err)
{
	vt_cleanup(vt_label_reader_closep) struct vt_label_reader *reader = NULL;
	vt_cleanup(vt_input_close) struct vt_input input = VT_INPUT_INIT;
	int r = vt_input_open(name, &input, err);

	if (r == 0 && format == VT_LABELS_GUESS)
		r = guess(name, &input, &format, err);
	if (r < 0)
		return r;
	reader = calloc(1, formats[format]->size);
	if (!reader)
		return vt_fail(err, ENOMEM, "no memory to read '%s'", name);
	reader->format = formats[format];
	reader->name = name;
	reader->options = options;
	reader->input = input;
	input = VT_INPUT_INIT;
	r = reader->format->begin ? reader->format->begin(reader, err) : 0;
	if (r < 0)
		return say_where(reader, r, err);
	*out = vt_steal(&reader);
	return 0;
}

void vt_label_reader_close(struct vt_label_reader *reader)
{
	if (!reader)
		return;
	if (reader->format->done)
		reader->format->done(reader);
	vt_input_close(&reader->input);
	free(reader->rows);
	free(reader);
}

static struct vt_label_text text_of(const char *text)
{
	return (struct vt_label_text){text, text ? strlen(text) : 0};
}

struct vt_label_row vt_label_row_default(const struct vt_label_options *options)
{
	return (struct vt_label_row){
		.label.annotator = text_of(options->annotator ? options->annotator : options->user),
		.label.source = options->source ? options->source : VT_LABEL_IMPORT,
		.label.review = VT_LABEL_SUBMITTED,
		.label.time_ns = options->time_ns,
	};
}

struct vt_label_text vt_label_key_default(const struct vt_label_options *options)
{
	return text_of(options->key ? options->key : "class");
}

struct vt_label_row *vt_label_reader_add(struct vt_label_reader *reader)
{
	struct vt_label_row *row;

	if (vt_array_reserve(reader->rows, reader->room, reader->count + 1) < 0)
		return NULL;
	row = &reader->rows[reader->count++];
	*row = vt_label_row_default(reader->options);
	return row;
}

size_t vt_label_line_length(const struct vt_buf *line)
{
	size_t len = line->len;

	if (len > 0 && line->data[len - 1] == '\n')
		len--;
	if (len > 0 && line->data[len - 1] == '\r')
		len--;
	return len;
}

static int check_label(const struct vt_label *label, bool is_json, struct vt_error *err)
{
	const char *problem;

	if (!is_json)
		return vt_label_check(label, err);
	problem = vt_label_problem(label);
	return problem ? vt_fail(err, EINVAL, "%s", problem) : 0;
}

static int check_rows(const struct vt_label_reader *reader, struct vt_error *err)
{
	for (size_t i = 0; i < reader->count; i++) {
		int r = vt_label_path_check(reader->rows[i].path, err);

		if (r == 0)
			r = check_label(&reader->rows[i].label, reader->format->checks_json, err);
		if (r < 0)
			return r;
	}
	return 1;
}

int vt_label_reader_next(struct vt_label_reader *reader, struct vt_label_row *out,
			 struct vt_error *err)
{
	int r;

	while (reader->given == reader->count) {
		reader->given = reader->count = 0;
		r = reader->format->fill(reader, err);
		if (r > 0)
			r = check_rows(reader, err);
		if (r > 0)
			continue;
		reader->count = 0;
		return r < 0 ? say_where(reader, r, err) : 0;
	}
	*out = reader->rows[reader->given++];
	return 1;
}

uint64_t vt_label_reader_line(const struct vt_label_reader *reader)
{
	return reader->line;
}
