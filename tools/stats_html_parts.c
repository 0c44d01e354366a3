/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stats_html_parts.h. A chart is stretched to the room it gets, so that it has no text of its
 * own: words stand beside it.
 */
#include "tools/stats_html_parts.h"

#include <stdbool.h>

#include "index/base/cleanup.h"
#include "tools/output.h"
#include "tools/stats_text.h"

#define HISTOGRAM_HEIGHT 100.0
#define TEXT_MAX         200u /* bytes of foreign text on the page */

/* U+202A to U+202E, U+2066 to U+2069 (Unicode's UAX 9): "gnp.exe" can be made to read "exe.png". */
static bool turns_text(const uint8_t *text, size_t left)
{
	if (left < 3 || text[0] != 0xe2)
		return false;
	return (text[1] == 0x80 && text[2] >= 0xaa && text[2] <= 0xae) ||
	       (text[1] == 0x81 && text[2] >= 0xa6 && text[2] <= 0xa9);
}

static void put_escaped(struct vt_buf *out, const uint8_t *text, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (turns_text(text + i, len - i)) {
			vt_buf_printf(out, "\\x%02x\\x%02x\\x%02x", text[i], text[i + 1],
				      text[i + 2]);
			i += 2;
			continue;
		}
		switch (text[i]) {
		case '&':
			vt_buf_printf(out, "&amp;");
			break;
		case '<':
			vt_buf_printf(out, "&lt;");
			break;
		case '>':
			vt_buf_printf(out, "&gt;");
			break;
		case '"':
			vt_buf_printf(out, "&quot;");
			break;
		case '\'':
			vt_buf_printf(out, "&#39;");
			break;
		default:
			vt_buf_put_u8(out, text[i]);
		}
	}
}

void vt_html_plain(struct vt_buf *out, const void *text, size_t len)
{
	vt_cleanup(vt_buf_done) struct vt_buf plain = VT_BUF_INIT;
	size_t end;

	vt_escape(text, len, &plain);
	end = plain.len;
	if (end > TEXT_MAX)
		for (end = TEXT_MAX; end > 0 && (plain.data[end] & 0xc0) == 0x80; end--)
			continue; /* not inside a character */
	out->failed |= plain.failed;
	put_escaped(out, plain.data, end);
	if (end < plain.len)
		vt_buf_printf(out, "&hellip;");
}

void vt_html_text(struct vt_buf *out, const void *text, size_t len)
{
	vt_buf_printf(out, "<bdi>");
	vt_html_plain(out, text, len);
	vt_buf_printf(out, "</bdi>");
}

void vt_html_member(struct vt_buf *out, const json_t *object, const char *key)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_json_get_bytes(object, key, &text);
	out->failed |= text.failed;
	vt_html_text(out, text.data, text.len);
}

void vt_html_value(struct vt_buf *out, const json_t *value)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;

	vt_stats_put_value(value, &text);
	out->failed |= text.failed;
	if (text.len > 0)
		vt_html_text(out, text.data, text.len);
	else
		vt_buf_printf(out, "<i>empty</i>");
}

void vt_html_count(struct vt_buf *out, uint64_t count)
{
	vt_stats_put_count(count, out);
}

void vt_html_bar_row(struct vt_buf *out, const struct vt_buf *name, uint64_t count, uint64_t most,
		     uint64_t all)
{
	double width = most ? 100.0 * (double) count / (double) most : 0;

	if (count > 0 && width < 0.5)
		width = 0.5; /* it is more than nothing */
	vt_buf_printf(out, "<tr><th scope=\"row\">");
	vt_buf_put(out, name->data, name->len);
	out->failed |= name->failed;
	vt_buf_printf(out, "</th><td class=\"n\">");
	vt_html_count(out, count);
	vt_buf_printf(out, "</td><td class=\"n\">%.1f%%</td>",
		      all ? 100.0 * (double) count / (double) all : 0);
	vt_buf_printf(out,
		      "<td class=\"bar\"><svg viewBox=\"0 0 100 10\" preserveAspectRatio=\"none\" "
		      "aria-hidden=\"true\"><rect width=\"%.2f\" height=\"10\"/></svg></td></tr>\n",
		      width);
}

void vt_html_histogram(struct vt_buf *out, const char *title, const uint64_t *counts, size_t count,
		       const char *left, const char *right)
{
	uint64_t most = 0;

	for (size_t i = 0; i < count; i++)
		if (counts[i] > most)
			most = counts[i];
	vt_buf_printf(out,
		      "<figure><svg class=\"histogram\" viewBox=\"0 0 %zu %.0f\" "
		      "preserveAspectRatio=\"none\" role=\"img\" aria-label=\"%s\">",
		      10 * count, HISTOGRAM_HEIGHT, title);
	for (size_t i = 0; i < count; i++) {
		double height = most ? HISTOGRAM_HEIGHT * (double) counts[i] / (double) most : 0;

		if (counts[i] > 0 && height < 1)
			height = 1;
		vt_buf_printf(out,
			      "<rect x=\"%zu.5\" y=\"%.2f\" width=\"9\" height=\"%.2f\"><title>",
			      10 * i, HISTOGRAM_HEIGHT - height, height);
		vt_html_count(out, counts[i]);
		vt_buf_printf(out, " files</title></rect>");
	}
	vt_buf_printf(out,
		      "</svg><div class=\"axis\"><span>%s</span><span>%s</span></div></figure>\n",
		      left, right);
}

void vt_html_base64(struct vt_buf *out, const void *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < len; i += 3) {
		size_t left = len - i;
		uint32_t word = (uint32_t) bytes[i] << 16;

		if (left > 1)
			word |= (uint32_t) bytes[i + 1] << 8;
		if (left > 2)
			word |= bytes[i + 2];
		vt_buf_put_u8(out, (uint8_t) digits[word >> 18]);
		vt_buf_put_u8(out, (uint8_t) digits[word >> 12 & 63]);
		vt_buf_put_u8(out, (uint8_t) (left > 1 ? digits[word >> 6 & 63] : '='));
		vt_buf_put_u8(out, (uint8_t) (left > 2 ? digits[word & 63] : '='));
	}
}
