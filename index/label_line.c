/* SPDX-License-Identifier: Apache-2.0 */
/* See label_line.h. Strings escape what must be, and DEL; the rest stands as it is. */
#include "index/label_line.h"

#include <inttypes.h>

#include "index/base/buf.h"
#include "index/base/utf8.h"
#include "index/number.h"
#include "index/rfc3339.h"

bool vt_label_is_utf8(struct vt_label_text text)
{
	uint32_t code;

	for (size_t i = 0, step; i < text.len; i += step) {
		step = vt_utf8_decode(text.bytes + i, text.len - i, &code);
		if (step == 0)
			return false;
	}
	return true;
}

void vt_label_put_hex(struct vt_buf *out, struct vt_label_text bytes)
{
	for (size_t i = 0; i < bytes.len; i++)
		vt_buf_printf(out, "%02x", (uint8_t) bytes.bytes[i]);
}

static bool is_plain(uint8_t c)
{
	return c >= 0x20 && c != '"' && c != '\\' && c != 0x7f;
}

size_t vt_label_line_escaped(struct vt_label_text text)
{
	size_t len = text.len;

	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t) text.bytes[i];

		if (!is_plain(c))
			len += c == '"' || c == '\\' ? 1 : 5;
	}
	return len;
}

static void put_string(struct vt_buf *out, struct vt_label_text text)
{
	size_t plain = 0;

	vt_buf_put_u8(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = (uint8_t) text.bytes[i];

		if (is_plain(c))
			continue;
		vt_buf_put(out, text.bytes + plain, i - plain);
		plain = i + 1;
		if (c == '"' || c == '\\')
			vt_buf_printf(out, "\\%c", c);
		else
			vt_buf_printf(out, "\\u%04x", c);
	}
	vt_buf_put(out, text.bytes + plain, text.len - plain);
	vt_buf_put_u8(out, '"');
}

static void put_path(struct vt_buf *out, struct vt_label_text path)
{
	if (vt_label_is_utf8(path)) {
		vt_buf_printf(out, "{\"path\":");
		put_string(out, path);
		return;
	}
	vt_buf_printf(out, "{\"path_hex\":\"");
	vt_label_put_hex(out, path);
	vt_buf_put_u8(out, '"');
}

static void put_text(struct vt_buf *out, const char *member, struct vt_label_text text)
{
	vt_buf_printf(out, ",\"%s\":", member);
	put_string(out, text);
}

static void put_value(struct vt_buf *out, const struct vt_label *label)
{
	char number[VT_NUMBER_TEXT];

	switch (label->type) {
	case VT_LABEL_TEXT:
		put_text(out, "value", label->value.text);
		return;
	case VT_LABEL_NUMBER:
		vt_number_format(label->value.number, number);
		vt_buf_printf(out, ",\"value\":%s", number);
		return;
	case VT_LABEL_BOOLEAN:
		vt_buf_printf(out, ",\"value\":%s", label->value.boolean ? "true" : "false");
		return;
	}
}

void vt_label_line_put_label(const struct vt_label *label, struct vt_buf *out)
{
	char number[VT_NUMBER_TEXT], time[VT_RFC3339_TEXT];

	vt_buf_printf(out, "\"key\":");
	put_string(out, label->key);
	put_value(out, label);
	put_text(out, "annotator", label->annotator);
	vt_buf_printf(out, ",\"source\":\"%s\"", vt_label_sources[label->source]);
	if (label->has_confidence) {
		vt_number_format(label->confidence, number);
		vt_buf_printf(out, ",\"confidence\":%s", number);
	}
	vt_rfc3339_format(label->time_ns, time);
	vt_buf_printf(out, ",\"review\":\"%s\",\"time\":\"%s\"", vt_label_reviews[label->review],
		      time);
	if (label->tool.len)
		put_text(out, "tool", label->tool);
	if (label->parent)
		vt_buf_printf(out, ",\"parent\":\"%016" PRIx64 "\"", label->parent);
	if (label->region.len) {
		vt_buf_printf(out, ",\"region\":");
		vt_buf_put(out, label->region.bytes, label->region.len);
	}
}

void vt_label_line_put(const struct vt_label_row *row, struct vt_buf *out)
{
	put_path(out, row->path);
	vt_buf_put_u8(out, ',');
	vt_label_line_put_label(&row->label, out);
	vt_buf_put(out, "}\n", 2);
}
