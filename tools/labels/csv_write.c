/* SPDX-License-Identifier: Apache-2.0 */
/* See csv.h. Cells are quoted only where they must be, so that a label is written in one way. */
#include "tools/labels/csv.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/number.h"
#include "index/rfc3339.h"
#include "index/label_line.h"

void vt_label_csv_header(struct vt_buf *out)
{
	vt_buf_printf(out, "path,path_hex,key,type,value,annotator,source,confidence,review,time,"
			   "tool,parent,region\r\n");
}

static bool needs_quotes(struct vt_label_text cell)
{
	for (size_t i = 0; i < cell.len; i++)
		if (strchr(",\"\r\n", cell.bytes[i]))
			return true;
	return false;
}

static void put_bytes(struct vt_buf *out, struct vt_label_text cell)
{
	if (!needs_quotes(cell)) {
		vt_buf_put(out, cell.bytes, cell.len);
		return;
	}
	vt_buf_put_u8(out, '"');
	for (size_t i = 0; i < cell.len; i++) {
		if (cell.bytes[i] == '"')
			vt_buf_put_u8(out, '"');
		vt_buf_put_u8(out, (uint8_t) cell.bytes[i]);
	}
	vt_buf_put_u8(out, '"');
}

static void put_cell(struct vt_buf *out, struct vt_label_text cell)
{
	put_bytes(out, cell);
	vt_buf_put_u8(out, ',');
}

static void put_path(struct vt_buf *out, struct vt_label_text path)
{
	if (vt_label_is_utf8(path)) {
		put_cell(out, path);
	} else {
		vt_buf_put_u8(out, ',');
		vt_label_put_hex(out, path);
	}
	vt_buf_put_u8(out, ',');
}

static void put_number(struct vt_buf *out, double number)
{
	char text[VT_NUMBER_TEXT];

	vt_number_format(number, text);
	vt_buf_printf(out, "%s,", text);
}

static void put_value(struct vt_buf *out, const struct vt_label *label)
{
	switch (label->type) {
	case VT_LABEL_TEXT:
		vt_buf_printf(out, "text,");
		put_cell(out, label->value.text);
		return;
	case VT_LABEL_NUMBER:
		vt_buf_printf(out, "number,");
		put_number(out, label->value.number);
		return;
	case VT_LABEL_BOOLEAN:
		vt_buf_printf(out, "boolean,%s,", label->value.boolean ? "true" : "false");
		return;
	}
}

void vt_label_csv_put(const struct vt_label_row *row, struct vt_buf *out)
{
	const struct vt_label *label = &row->label;
	char time[VT_RFC3339_TEXT];

	put_path(out, row->path);
	put_cell(out, label->key);
	put_value(out, label);
	put_cell(out, label->annotator);
	vt_buf_printf(out, "%s,", vt_label_sources[label->source]);
	if (label->has_confidence)
		put_number(out, label->confidence);
	else
		vt_buf_put_u8(out, ',');
	vt_rfc3339_format(label->time_ns, time);
	vt_buf_printf(out, "%s,%s,", vt_label_reviews[label->review], time);
	put_cell(out, label->tool);
	if (label->parent)
		vt_buf_printf(out, "%016" PRIx64, label->parent);
	vt_buf_put_u8(out, ',');
	put_bytes(out, label->region);
	vt_buf_printf(out, "\r\n");
}
