/* SPDX-License-Identifier: Apache-2.0 */
/* See label_list.h. */
#include "tools/label_list.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/rows.h"
#include "index/base/array.h"
#include "index/base/error.h"
#include "tools/cli.h"
#include "tools/label_stream.h"
#include "index/label_line.h"
#include "index/number.h"
#include "tools/output.h"

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for labels");
}

int vt_label_list_add(struct vt_label_list *list, const struct vt_label *label,
		      struct vt_error *err)
{
	if (vt_array_reserve(list->labels, list->room, list->count + 1) < 0)
		return no_memory(err);
	list->labels[list->count++] = *label;
	return 0;
}

static void move_text(struct vt_label_text *text, char **at)
{
	if (text->len)
		memcpy(*at, text->bytes, text->len);
	text->bytes = *at;
	*at += text->len;
}

int vt_label_list_copy(struct vt_label_list *list, const struct vt_label *label,
		       struct vt_error *err)
{
	size_t value = label->type == VT_LABEL_TEXT ? label->value.text.len : 0;
	char *texts = malloc(label->key.len + value + label->annotator.len + label->tool.len +
			     label->region.len + 1);
	int r = vt_array_reserve(list->texts, list->text_room, list->text_count + 1);
	struct vt_label copy = *label;
	char *at = texts;

	if (!texts || r < 0) {
		free(texts);
		return no_memory(err);
	}
	list->texts[list->text_count++] = texts;
	move_text(&copy.key, &at);
	if (copy.type == VT_LABEL_TEXT)
		move_text(&copy.value.text, &at);
	move_text(&copy.annotator, &at);
	move_text(&copy.tool, &at);
	move_text(&copy.region, &at);
	return vt_label_list_add(list, &copy, err);
}

void vt_label_list_clear(struct vt_label_list *list)
{
	for (size_t i = 0; i < list->text_count; i++)
		free(list->texts[i]);
	list->text_count = list->count = 0;
}

void vt_label_list_done(struct vt_label_list *list)
{
	vt_label_list_clear(list);
	free(list->texts);
	free(list->labels);
}

/* ---- the table ------------------------------------------------------------------------------- */

static const struct vt_column columns[] = {
	{"File", "path", VT_COLUMN_NAME},
	{"Key", "key", VT_COLUMN_TEXT},
	{"Value", "value", VT_COLUMN_TEXT},
	{"Annotator", "annotator", VT_COLUMN_TEXT},
	{"Source", "source", VT_COLUMN_TEXT},
	{"Confidence", "confidence", VT_COLUMN_TEXT},
	{"Review", "review", VT_COLUMN_TEXT},
	{"Time", "time", VT_COLUMN_TIME},
	{0},
};

static json_t *text_of(struct vt_label_text text)
{
	return json_stringn(text.bytes, text.len);
}

static json_t *value_of(const struct vt_label *label)
{
	char number[VT_NUMBER_TEXT];

	switch (label->type) {
	case VT_LABEL_TEXT:
		return text_of(label->value.text);
	case VT_LABEL_NUMBER:
		vt_number_format(label->value.number, number);
		return json_string(number);
	case VT_LABEL_BOOLEAN:
		break;
	}
	return json_string(label->value.boolean ? "true" : "false");
}

static int print_row(void *context, const struct vt_label_row *row, struct vt_error *err)
{
	const struct vt_label *label = &row->label;
	vt_cleanup(vt_json_freep) json_t *object = json_object();
	char number[VT_NUMBER_TEXT] = "";

	if (label->has_confidence)
		vt_number_format(label->confidence, number);
	if (vt_json_set_text(object, "path", row->path.bytes, row->path.len) < 0 ||
	    json_object_set_new(object, "key", text_of(label->key)) < 0 ||
	    json_object_set_new(object, "value", value_of(label)) < 0 ||
	    json_object_set_new(object, "annotator", text_of(label->annotator)) < 0 ||
	    json_object_set_new(object, "source", json_string(vt_label_sources[label->source])) <
		    0 ||
	    json_object_set_new(object, "confidence", json_string(number)) < 0 ||
	    json_object_set_new(object, "review", json_string(vt_label_reviews[label->review])) <
		    0 ||
	    vt_json_set_time(object, "time", (uint64_t) label->time_ns) < 0)
		return no_memory(err);
	return vt_grid_row(context, object, NULL, 0);
}

static int print_json(void *context, const struct vt_label_row *row, struct vt_error *err)
{
	struct vt_buf *line = context;

	vt_buf_reset(line);
	vt_label_line_put(row, line);
	if (vt_buf_failed(line))
		return no_memory(err);
	(void) fwrite(line->data, 1, line->len, stdout);
	return 0;
}

int vt_label_list_print(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err)
{
	vt_cleanup(vt_grid_freep) struct vt_grid *grid = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf line = VT_BUF_INIT;
	int r;

	if (cli->json)
		return vt_labels_receive(cli, target, print_json, &line, err);
	r = vt_grid_new(cli, columns, &grid, err);
	if (r == 0)
		r = vt_labels_receive(cli, target, print_row, grid, err);
	if (r == 0)
		vt_grid_print(grid);
	return r;
}
