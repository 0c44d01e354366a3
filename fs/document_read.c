/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See document_read.h. A document is head, body, tail; a read takes from each what overlaps. The
 * body of a pieced document starts at the last block of the outline that begins at or before the
 * offset; that of labels at the first line of the file that the offset is in. What cannot be made
 * in parts is kept once it is made (kept_texts.h).
 */
#include "fs/document_read.h"

#include <errno.h>
#include <string.h>

#include "fs/croissant.h"
#include "fs/croissant_facts.h"
#include "fs/data_card.h"
#include "fs/file_reader.h"
#include "fs/kept_texts.h"
#include "fs/service.h"
#include "index/base/error.h"
#include "index/import.h"
#include "index/label_lines.h"
#include "index/store.h"

#define SUM_PART (1u << 20) /* bytes that are made at a time for a sum */

/* The part of a document that is wanted, and where the next text to be offered stands in it. */
struct window {
	uint64_t from, to; /* bytes of the document */
	uint64_t at;
	struct vt_buf *out;
};

static void offer(struct window *window, const void *text, size_t len)
{
	uint64_t begin = window->at, end = begin + len;
	uint64_t from = begin > window->from ? begin : window->from;
	uint64_t to = end < window->to ? end : window->to;

	if (from < to)
		vt_buf_put(window->out, (const uint8_t *) text + (from - begin), to - from);
	window->at = end;
}

/* The offset in the body where block `block` begins. */
static int read_outline(struct vt_service *service, const struct vt_version *version,
			enum vt_document document, uint32_t block, uint64_t *offset,
			struct vt_error *err)
{
	uint8_t key[VT_OUTLINE_KEY];
	struct vt_value value = {0};
	struct vt_reader reader;
	int r;

	vt_outline_key(version->outline, document, block, key);
	r = vt_store_get(service->index->store, VT_CF_OUTLINE, key, sizeof key, false, &value, err);
	if (r < 0)
		return r;
	reader = vt_reader_over(value.data, value.len);
	*offset = vt_reader_le64(&reader);
	r = reader.failed || vt_reader_left(&reader) ? -EBADMSG : 0;
	vt_value_done(&value);
	return r < 0 ? vt_fail(err, EBADMSG, "a damaged outline row") : 0;
}

/* The last block that begins at or before `offset`, by bisection. */
static int find_block(struct vt_service *service, const struct vt_version *version,
		      enum vt_document document, uint64_t offset, uint32_t *block, uint64_t *begin,
		      struct vt_error *err)
{
	uint32_t low = 0, high = (version->tree.root.nodes - 1) / VT_OUTLINE_BLOCK;
	uint64_t low_begin = 0;

	while (low < high) {
		uint32_t middle = low + (high - low + 1) / 2;
		uint64_t there;
		int r = read_outline(service, version, document, middle, &there, err);

		if (r < 0)
			return r;
		if (there <= offset) {
			low = middle;
			low_begin = there;
		} else {
			high = middle - 1;
		}
	}
	*block = low;
	*begin = low_begin;
	return 0;
}

static int read_pieces(struct vt_service *service, const struct vt_version *version,
		       enum vt_document document, uint64_t body_end, struct window *window,
		       struct vt_error *err)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	uint64_t body = window->at, begin, wanted = window->from > body ? window->from - body : 0;
	struct vt_buf piece = VT_BUF_INIT;
	struct vt_node node = {0};
	const char *path;
	size_t path_len;
	uint32_t block;
	int r;

	r = find_block(service, version, document, wanted, &block, &begin, err);
	if (r < 0)
		return r;
	r = vt_tree_walk_new(&service->index->pages, &version->tree, block * VT_OUTLINE_BLOCK,
			     &walk, err);
	if (r < 0)
		return r;
	window->at = body + begin;
	while (window->at < window->to && window->at < body_end) {
		r = vt_tree_walk_next(walk, &node, &path, &path_len, err);
		if (r <= 0)
			break;
		vt_buf_reset(&piece);
		vt_document_piece(document, path, path_len, &node.entry, node.position, &piece);
		vt_node_done(&node);
		offer(window, piece.data, piece.len);
	}
	r = r < 0 ? r : vt_buf_failed(&piece) ? -ENOMEM : 0;
	vt_buf_done(&piece);
	if (r == 0 && window->at < window->to && window->at != body_end)
		return vt_fail(err, EBADMSG, "%s of '%s' has another size than was counted",
			       vt_document_name(document), version->name);
	return r;
}

static int read_changes(struct vt_service *service, const struct vt_dataset *dataset,
			const struct vt_version *version, uint64_t size, struct window *window,
			struct vt_error *err)
{
	struct vt_content content = {
		.domain = dataset->domain, .id = version->changes, .size = size};
	uint64_t from = window->from > window->at ? window->from - window->at : 0;
	uint64_t to = window->to - window->at < size ? window->to - window->at : size;
	void *room;
	ssize_t n;

	if (from < to) {
		room = vt_buf_grow(window->out, to - from);
		if (!room)
			return -ENOMEM;
		n = vt_file_reader_read_sync(service->reader, &content, from, to - from, room, err);
		if (n < 0)
			return (int) n;
	}
	window->at += size;
	return 0;
}

struct lines {
	struct window *window;
	uint64_t body; /* where in the document they begin */
};

static int take_line(void *context, uint64_t offset, const void *text, size_t len)
{
	struct lines *lines = context;

	lines->window->at = lines->body + offset;
	offer(lines->window, text, len);
	return 0;
}

static int read_labels(struct vt_service *service, const struct vt_version *version, uint64_t size,
		       struct window *window, struct vt_error *err)
{
	struct lines lines = {.window = window, .body = window->at};
	uint64_t from = window->from > lines.body ? window->from - lines.body : 0;
	uint64_t to = window->to - lines.body;

	return vt_label_lines_read(&service->index->label_pages, &version->labels, from,
				   to < size ? to : size, take_line, &lines, err);
}

/* ---- documents that are made as a whole ------------------------------------------------------ */

/* The sum of another document, which it makes for that. */
static int sum_document(struct vt_service *service, const struct vt_dataset *dataset,
			const struct vt_version *version, enum vt_document document,
			struct vt_digest *out, struct vt_error *err)
{
	vt_cleanup(vt_hasher_freep) struct vt_hasher *hasher = vt_hasher_new();
	vt_cleanup(vt_buf_done) struct vt_buf part = VT_BUF_INIT;
	uint64_t offset = 0;
	int r = hasher ? 0 : vt_fail(err, ENOMEM, "no memory for a sum");

	while (r == 0) {
		vt_buf_reset(&part);
		r = vt_document_read(service, dataset, version, document, offset, SUM_PART, &part,
				     err);
		if (r < 0 || part.len == 0)
			break;
		vt_hasher_update(hasher, part.data, part.len);
		offset += part.len;
	}
	if (r == 0)
		vt_hasher_final(hasher, out);
	return r;
}

static int add_sums(struct vt_service *service, const struct vt_dataset *dataset,
		    const struct vt_version *version, struct vt_croissant_facts *facts,
		    struct vt_error *err)
{
	int r = 0;

	if (vt_croissant_sums(version, VT_DOCUMENT_SHA256SUMS))
		r = sum_document(service, dataset, version, VT_DOCUMENT_SHA256SUMS,
				 &facts->sums_digest, err);
	if (r == 0 && version->labels.labels && vt_croissant_sums(version, VT_DOCUMENT_LABELS))
		r = sum_document(service, dataset, version, VT_DOCUMENT_LABELS,
				 &facts->labels_digest, err);
	return r;
}

static int make_croissant(struct vt_service *service, const struct vt_dataset *dataset,
			  const struct vt_version *version, bool summed, struct vt_buf *out,
			  struct vt_error *err)
{
	struct vt_croissant_facts facts;
	int r = vt_croissant_facts_gather(&service->index->pages, service->labels, version, &facts,
					  err);

	if (r == 0 && summed)
		r = add_sums(service, dataset, version, &facts, err);
	if (r == 0)
		r = vt_croissant_put(dataset, version, &facts, out, err);
	vt_croissant_facts_done(&facts);
	return r;
}

static int make(struct vt_service *service, const struct vt_dataset *dataset,
		const struct vt_version *version, enum vt_kept_kind kind, struct vt_buf *out,
		struct vt_error *err)
{
	if (kind == VT_KEPT_CARD)
		return vt_card_put(service->labels, version, out, err);
	return make_croissant(service, dataset, version, kind == VT_KEPT_CROISSANT, out, err);
}

/* Appends it, kept or new; with `nowait` -EAGAIN when it is not at hand. */
static int put_made(struct vt_service *service, const struct vt_dataset *dataset,
		    const struct vt_version *version, enum vt_kept_kind kind, bool nowait,
		    struct vt_buf *out, struct vt_error *err)
{
	struct vt_buf text = VT_BUF_INIT;
	int r;

	if (kind == VT_KEPT_CARD && version->labels.labels == 0)
		return 0;
	if (vt_kept_texts_find(service->texts, version->serial, kind, out))
		return 0;
	if (nowait)
		return -EAGAIN;
	r = make(service, dataset, version, kind, &text, err);
	if (r < 0) {
		vt_buf_done(&text);
		return r;
	}
	vt_buf_put(out, text.data, text.len);
	vt_kept_texts_keep(service->texts, version->serial, kind, text);
	return 0;
}

static int read_made(struct vt_service *service, const struct vt_dataset *dataset,
		     const struct vt_version *version, enum vt_kept_kind kind,
		     struct window *window, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	int r = put_made(service, dataset, version, kind, false, &text, err);

	if (r == 0)
		offer(window, text.data, text.len);
	return r < 0 ? r : vt_buf_failed(&text) ? -ENOMEM : 0;
}

/* ---- any document ---------------------------------------------------------------------------- */

static int read_body(struct vt_service *service, const struct vt_dataset *dataset,
		     const struct vt_version *version, enum vt_document document,
		     struct window *window, struct vt_error *err)
{
	uint64_t size = version->document_body[document], end = window->at + size;
	int r = 0;

	if (document == VT_DOCUMENT_README)
		return read_made(service, dataset, version, VT_KEPT_CARD, window, err);
	if (document == VT_DOCUMENT_CROISSANT)
		return read_made(service, dataset, version, VT_KEPT_CROISSANT, window, err);
	if (size > 0 && window->at < window->to && window->from < end) {
		if (vt_document_is_pieced(document))
			r = read_pieces(service, version, document, end, window, err);
		else if (document == VT_DOCUMENT_LABELS)
			r = read_labels(service, version, size, window, err);
		else
			r = read_changes(service, dataset, version, size, window, err);
	}
	window->at = end;
	return r;
}

int vt_document_size(struct vt_service *service, const struct vt_dataset *dataset,
		     const struct vt_version *version, enum vt_document document, bool nowait,
		     uint64_t *size, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf text = VT_BUF_INIT;
	int r = 0;

	vt_document_head(document, dataset, version, &text);
	if (document == VT_DOCUMENT_README)
		r = put_made(service, dataset, version, VT_KEPT_CARD, nowait, &text, err);
	else if (document == VT_DOCUMENT_CROISSANT)
		r = put_made(service, dataset, version, VT_KEPT_CROISSANT_DRAFT, nowait, &text,
			     err);
	vt_document_tail(document, dataset, version, &text);
	*size = text.len + version->document_body[document];
	return r < 0 ? r : vt_buf_failed(&text) ? -ENOMEM : 0;
}

int vt_document_read(struct vt_service *service, const struct vt_dataset *dataset,
		     const struct vt_version *version, enum vt_document document, uint64_t offset,
		     size_t len, struct vt_buf *out, struct vt_error *err)
{
	struct window window = {.from = offset, .to = offset + len, .out = out};
	struct vt_buf text = VT_BUF_INIT;
	int r;

	if (window.to < offset)
		window.to = UINT64_MAX;
	vt_document_head(document, dataset, version, &text);
	offer(&window, text.data, text.len);
	r = read_body(service, dataset, version, document, &window, err);
	vt_buf_reset(&text);
	if (r == 0) {
		vt_document_tail(document, dataset, version, &text);
		offer(&window, text.data, text.len);
	}
	r = r < 0 ? r : vt_buf_failed(out) || vt_buf_failed(&text) ? -ENOMEM : 0;
	vt_buf_done(&text);
	return r;
}
