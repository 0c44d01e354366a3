/* SPDX-License-Identifier: Apache-2.0 */
/* See label_rows.h. What a list says of a part is compared with the part, as descend.c does it. */
#include "index/label_rows.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/base/error.h"
#include "index/entry_codec.h"

#define CUT_MASK    63u
#define LISTED_LEN  (VT_DIGEST_LEN + 8u) /* of a part: digest, labels, bytes */
#define BATCH_COUNT 32u                  /* parts given to the sink at once, about 128 KiB */
#define BATCH_BYTES (128u << 10)
#define HEADER_LEN  4u

/* Does a part end after that row, when its rows then take `bytes`? */
static bool part_ends(size_t bytes, const uint8_t *row, size_t len)
{
	if (bytes < VT_LABEL_PART_MIN)
		return false;
	return bytes >= VT_LABEL_PART_CUT || (XXH64(row, len, 0) & CUT_MASK) == 0;
}

/* Reads the next row; tells how many bytes of `body` are behind it. */
static bool next_row(struct vt_label_block_reader *reader, const uint8_t *body, size_t *bytes)
{
	struct vt_label label;

	if (vt_label_block_next(reader, &label) == 0)
		return false;
	*bytes = (size_t) (reader->bytes.at - body);
	return true;
}

static struct vt_label_part read_listed(const uint8_t *body, unsigned i)
{
	struct vt_reader reader = vt_reader_over(body + (size_t) i * LISTED_LEN, LISTED_LEN);
	struct vt_label_part out = {.digest = vt_reader_get(&reader, VT_DIGEST_LEN)};

	out.labels = vt_reader_le32(&reader);
	out.bytes = vt_reader_le32(&reader);
	return out;
}

/* What all parts come to. */
static void sum(const uint8_t *body, unsigned count, uint64_t *labels, uint64_t *bytes)
{
	*labels = *bytes = 0;
	for (unsigned i = 0; i < count; i++) {
		struct vt_label_part part = read_listed(body, i);

		*labels += part.labels;
		*bytes += part.bytes;
	}
}

static const char *list_problem(uint16_t count, const uint8_t *body, size_t len)
{
	uint64_t labels, bytes;

	if (count < 2 || len != count * (size_t) LISTED_LEN)
		return "a list of labels has the wrong length";
	for (unsigned i = 0; i < count; i++) {
		struct vt_label_part part = read_listed(body, i);

		if (part.labels == 0 || part.bytes < (i + 1u < count ? VT_LABEL_PART_MIN : 1))
			return "a list of labels has a part that is too short";
	}
	sum(body, count, &labels, &bytes);
	return bytes > VT_LABEL_BLOCK_MAX ? "a file's labels are too long" : NULL;
}

static const char *part_problem(uint16_t count, const uint8_t *body, size_t len)
{
	struct vt_label_block_reader reader = vt_label_block_reader_over(body, len);
	const char *problem = vt_label_block_problem(body, len, count);
	size_t bytes;

	while (!problem && next_row(&reader, body, &bytes))
		if (bytes < len && part_ends(bytes, reader.row, reader.row_len))
			problem = "it goes on where the rule ends it";
	return problem;
}

const char *vt_label_page_problem(uint8_t level, uint16_t count, const uint8_t *body, size_t len)
{
	return level > 0 ? list_problem(count, body, len) : part_problem(count, body, len);
}

bool vt_label_page_has(const struct vt_page *page, uint64_t labels, uint64_t bytes)
{
	size_t len;
	const uint8_t *body = vt_page_body(page, &len);
	uint64_t has_labels = page->count, has_bytes = len;

	if (page->level > 0)
		sum(body, page->count, &has_labels, &has_bytes);
	return has_labels == labels && has_bytes == bytes;
}

struct vt_label_part vt_label_page_part(const struct vt_page *list, unsigned i)
{
	size_t len;

	return read_listed(vt_page_body(list, &len), i);
}

/* ---- writing ---- */

struct writer {
	const struct vt_page_sink *sink;
	struct vt_new_page pages[BATCH_COUNT];
	struct vt_buf list, ids; /* canonical bytes behind the header, trailer */
	size_t count, bytes, parts;
};

static int make_page(uint8_t level, size_t count, const struct vt_buf *body, size_t from, size_t to,
		     struct vt_new_page *out, struct vt_error *err)
{
	struct vt_buf *value = &out->value;

	*out = (struct vt_new_page){0};
	vt_buf_put_le32(value, (uint32_t) (HEADER_LEN + to - from));
	vt_buf_put_u8(value, level);
	vt_buf_put_u8(value, VT_PAGE_ROWS + 1);
	vt_buf_put_le16(value, (uint16_t) count);
	vt_buf_put(value, body->data + from, to - from);
	if (vt_buf_failed(value))
		return vt_fail(err, ENOMEM, "no memory for labels");
	vt_digest_tagged(VT_PAGE_TAG, value->data + sizeof(uint32_t), value->len - sizeof(uint32_t),
			 &out->digest);
	return 0;
}

static int flush(struct writer *writer, struct vt_error *err)
{
	int r = 0;

	if (writer->count > 0)
		r = writer->sink->put(writer->sink->context, writer->pages, writer->count, err);
	for (size_t i = 0; i < writer->count; i++) {
		vt_buf_put_le64(&writer->ids, writer->pages[i].id);
		vt_buf_done(&writer->pages[i].value);
	}
	writer->count = writer->bytes = 0;
	return r;
}

static int add_part(struct writer *writer, const struct vt_buf *block, size_t from, size_t to,
		    uint32_t labels, struct vt_error *err)
{
	struct vt_new_page *page = &writer->pages[writer->count++];
	int r = make_page(0, labels, block, from, to, page, err);

	if (r < 0)
		return r;
	vt_buf_put(&writer->list, page->digest.bytes, VT_DIGEST_LEN);
	vt_buf_put_le32(&writer->list, labels);
	vt_buf_put_le32(&writer->list, (uint32_t) (to - from));
	writer->parts++;
	writer->bytes += to - from;
	if (writer->count < BATCH_COUNT && writer->bytes < BATCH_BYTES)
		return 0;
	return flush(writer, err);
}

static int add_parts(struct writer *writer, const struct vt_buf *block, struct vt_error *err)
{
	struct vt_label_block_reader reader = vt_label_block_reader_over(block->data, block->len);
	size_t from = 0, to;
	uint32_t labels = 0;
	int r = 0;

	while (r == 0 && next_row(&reader, block->data, &to)) {
		labels++;
		if (to < block->len && !part_ends(to - from, reader.row, reader.row_len))
			continue;
		r = add_part(writer, block, from, to, labels, err);
		from = to;
		labels = 0;
	}
	return r < 0 ? r : flush(writer, err);
}

static int put_list(struct writer *writer, struct vt_error *err)
{
	struct vt_new_page *page = &writer->pages[writer->count++];
	int r;

	if (vt_buf_failed(&writer->list) || vt_buf_failed(&writer->ids))
		return vt_fail(err, ENOMEM, "no memory for labels");
	r = make_page(1, writer->parts, &writer->list, 0, writer->list.len, page, err);
	if (r < 0)
		return r;
	vt_buf_put(&page->value, writer->ids.data, writer->ids.len);
	return vt_buf_failed(&page->value) ? vt_fail(err, ENOMEM, "no memory for labels") : 0;
}

/* Puts the parts and the list; the digest and the id of what stands above all. */
static int put_pages(struct writer *writer, const struct vt_buf *block, struct vt_digest *digest,
		     uint64_t *id, struct vt_error *err)
{
	int r = add_parts(writer, block, err);
	struct vt_reader ids;

	if (r == 0 && writer->parts > 1) {
		r = put_list(writer, err);
		vt_buf_reset(&writer->ids);
		if (r == 0) {
			*digest = writer->pages[0].digest;
			r = flush(writer, err);
		}
	} else if (r == 0 && !vt_buf_failed(&writer->list)) {
		memcpy(digest->bytes, writer->list.data, VT_DIGEST_LEN);
	}
	if (r == 0 && (vt_buf_failed(&writer->ids) || vt_buf_failed(&writer->list)))
		return vt_fail(err, ENOMEM, "no memory for labels");
	if (r < 0)
		return r;
	ids = vt_reader_over(writer->ids.data, writer->ids.len);
	*id = vt_reader_le64(&ids);
	return 0;
}

int vt_label_rows_put(const struct vt_page_sink *sink, const struct vt_buf *block,
		      struct vt_digest *digest, struct vt_entry *entry, struct vt_error *err)
{
	struct writer writer = {.sink = sink};
	uint64_t id = 0;
	int r = 0;

	entry->size = block->len;
	entry->block = block->data;
	if (!vt_entry_is_inline(entry)) {
		r = put_pages(&writer, block, digest, &id, err);
		entry->block = digest->bytes;
	}
	entry->page = id;
	for (size_t i = 0; i < writer.count; i++)
		vt_buf_done(&writer.pages[i].value);
	vt_buf_done(&writer.list);
	vt_buf_done(&writer.ids);
	return r;
}

/* ---- reading ---- */

static int disagrees(uint64_t id, struct vt_error *err)
{
	return vt_fail(err, EBADMSG, "page %" PRIu64 " is not what its parent says", id);
}

static int get_page(const struct vt_page_source *pages, uint64_t id, struct vt_page **out,
		    struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	int r = pages->get(pages->context, id, false, &page, err);

	if (r < 0)
		return r;
	if (page->kind != VT_PAGE_ROWS)
		return disagrees(id, err);
	*out = vt_steal(&page);
	return 0;
}

static void read_part(struct vt_label_rows *rows, struct vt_page *part)
{
	size_t len;
	const uint8_t *body = vt_page_body(part, &len);

	vt_page_unref(rows->part);
	rows->part = part;
	rows->reader = vt_label_block_reader_over(body, len);
}

int vt_label_rows_open(struct vt_label_rows *rows, const struct vt_page_source *pages,
		       const struct vt_entry *entry, struct vt_error *err)
{
	struct vt_page *page;
	int r;

	*rows = (struct vt_label_rows){.pages = pages};
	if (vt_entry_is_inline(entry)) {
		rows->reader = vt_label_block_reader_over(entry->block, entry->size);
		return 0;
	}
	r = get_page(pages, entry->page, &page, err);
	if (r < 0)
		return r;
	if (!vt_label_page_has(page, entry->labels, entry->size)) {
		vt_page_unref(page);
		return disagrees(entry->page, err);
	}
	if (page->level > 0)
		rows->list = page;
	else
		read_part(rows, page);
	return 0;
}

void vt_label_rows_done(struct vt_label_rows *rows)
{
	vt_page_unref(rows->list);
	vt_page_unref(rows->part);
	rows->list = rows->part = NULL;
}

/* Does the part end where it must, and its first row come after the last one given? */
static bool fits(const struct vt_label_rows *rows, const struct vt_page *part)
{
	bool is_last = rows->next + 1u == rows->list->count;
	struct vt_label_block_reader reader;
	struct vt_label first;
	size_t len, bytes = 0;
	const uint8_t *body = vt_page_body(part, &len);

	reader = vt_label_block_reader_over(body, len);
	(void) vt_label_block_next(&reader, &first);
	if (rows->part && vt_label_compare(&rows->last, &first) >= 0)
		return false;
	while (next_row(&reader, body, &bytes))
		;
	return is_last || part_ends(len, reader.row, reader.row_len);
}

/* The next part of the list. */
static int open_part(struct vt_label_rows *rows, struct vt_error *err)
{
	uint64_t id = vt_page_listed(rows->list, rows->next);
	vt_cleanup(vt_page_unrefp) struct vt_page *part = NULL;
	struct vt_label_part said;
	int r = get_page(rows->pages, id, &part, err);

	if (r < 0)
		return r;
	said = vt_label_page_part(rows->list, rows->next);
	if (part->level > 0 || !vt_label_page_has(part, said.labels, said.bytes) ||
	    !fits(rows, part))
		return disagrees(id, err);
	read_part(rows, vt_steal(&part));
	rows->next++;
	return 0;
}

int vt_label_rows_next(struct vt_label_rows *rows, struct vt_label *out, struct vt_error *err)
{
	int r = vt_label_block_next(&rows->reader, out);

	if (r == 0 && rows->list && rows->next < rows->list->count) {
		r = open_part(rows, err);
		if (r == 0)
			r = vt_label_block_next(&rows->reader, out);
	}
	if (r > 0)
		rows->last = *out;
	return r;
}
