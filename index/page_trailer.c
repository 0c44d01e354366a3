/* SPDX-License-Identifier: Apache-2.0 */
/* See page_trailer.h. */
#include "index/page_trailer.h"

#include <string.h>

#include "index/entry_codec.h"

void vt_trailer_put_child(enum vt_page_kind kind, const struct vt_page_child *child,
			  struct vt_buf *out)
{
	vt_buf_put_le64(out, child->page);
	if (kind != VT_PAGE_LABELS)
		return;
	vt_buf_put_le64(out, child->lines.bytes);
	vt_buf_put_le64(out, child->lines.labels);
	vt_buf_put_le64(out, child->lines.hex);
	vt_buf_put_le64(out, child->lines.hex_bytes);
}

void vt_trailer_child(enum vt_page_kind kind, const uint8_t *at, struct vt_page_child *out)
{
	struct vt_reader reader = vt_reader_over(at, vt_trailer_child_len(kind));

	out->page = vt_reader_le64(&reader);
	if (kind != VT_PAGE_LABELS)
		return;
	out->lines.bytes = vt_reader_le64(&reader);
	out->lines.labels = vt_reader_le64(&reader);
	out->lines.hex = vt_reader_le64(&reader);
	out->lines.hex_bytes = vt_reader_le64(&reader);
}

static bool has_page(const struct vt_entry *entry)
{
	return entry->type == VT_DIRECTORY ||
	       (entry->type == VT_LABELLED && !vt_entry_is_inline(entry));
}

static void put_of_labels(const struct vt_entry *entry, struct vt_buf *out,
			  struct vt_buf *directories)
{
	vt_buf_put_le64(out, has_page(entry) ? entry->page : 0);
	vt_buf_put_le64(out, entry->lines.bytes);
	if (entry->type != VT_DIRECTORY)
		return;
	vt_buf_put_le64(directories, entry->lines.labels);
	vt_buf_put_le64(directories, entry->lines.hex);
	vt_buf_put_le64(directories, entry->lines.hex_bytes);
}

void vt_trailer_put_entry(enum vt_page_kind kind, const struct vt_entry *entry, struct vt_buf *out,
			  struct vt_buf *directories)
{
	struct vt_location hint = entry->type == VT_FILE ? entry->hint : (struct vt_location){0};

	if (kind == VT_PAGE_LABELS) {
		put_of_labels(entry, out, directories);
		return;
	}
	if (entry->type == VT_DIRECTORY) {
		vt_buf_put_le64(out, entry->page);
		vt_buf_put_le64(out, 0);
		return;
	}
	vt_location_put(&hint, out);
}

void vt_trailer_entry(enum vt_page_kind kind, const uint8_t *at, const uint8_t *directory,
		      struct vt_entry *out)
{
	struct vt_reader reader = vt_reader_over(at, VT_TRAILER_ENTRY);

	if (out->type == VT_DIRECTORY || out->type == VT_LABELLED)
		out->page = vt_reader_le64(&reader);
	if (kind == VT_PAGE_LABELS)
		out->lines.bytes = vt_reader_le64(&reader);
	if (directory) {
		reader = vt_reader_over(directory, VT_TRAILER_DIRECTORY);
		out->lines.labels = vt_reader_le64(&reader);
		out->lines.hex = vt_reader_le64(&reader);
		out->lines.hex_bytes = vt_reader_le64(&reader);
	}
	if (out->type != VT_FILE)
		return;
	out->hint = vt_location_get(&reader);
}

const char *vt_trailer_problem(enum vt_page_kind kind, const uint8_t *at,
			       const struct vt_entry *entry)
{
	static const uint8_t zeros[VT_TRAILER_ENTRY];
	size_t from = has_page(entry) ? 8 : 0, to = VT_TRAILER_ENTRY;
	struct vt_line_sums lines;

	if (entry->type == VT_FILE)
		return NULL;
	if (kind == VT_PAGE_LABELS)
		to = 8;
	if (memcmp(at + from, zeros, to - from))
		return "the trailer is not zero";
	if (kind != VT_PAGE_LABELS)
		return NULL;
	lines = vt_entry_lines(entry);
	return vt_line_sums_problem(&lines);
}
