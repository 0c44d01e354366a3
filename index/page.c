/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading pages (page.h). Decoding checks every rule once and notes where each entry begins and how
 * many entries and nodes stand before it; afterwards a lookup is a binary search over a copy of the
 * stored bytes, and an entry is read from them when it is asked for.
 *
 * One allocation:
 *
 *     struct vt_page | pointers | offset[count] entries[count + 1] nodes[count + 1] | value
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/label_rows.h"
#include "index/page_trailer.h"

#define HEADER_LEN 4u /* level, version, count */

struct body {
	struct vt_page page; /* first */
	const uint8_t *canonical, *trailer;
	size_t canonical_len;
	unsigned directories;      /* parts of the trailer that are behind those of all entries */
	uint32_t *offset;          /* of each entry or child in `canonical` */
	uint32_t *entries, *nodes; /* [i]: before i; [count]: in all */
	uint32_t numbers[];
};

static const struct body *body_of(const struct vt_page *page)
{
	return (const struct body *) page;
}

static void free_page(struct vt_lru_entry *entry)
{
	free(entry);
}

/* A name stands behind its length, at a fixed place of an entry or child. */
static const char *name_at(const struct body *body, unsigned i, size_t *len)
{
	const uint8_t *at = body->canonical + body->offset[i] + (body->page.level ? 0 : 4);

	*len = *at;
	return (const char *) at + 1;
}

static const char *read_child(struct vt_reader *reader, struct vt_page_child *out)
{
	const uint8_t *digest;

	out->last_name_len = vt_reader_u8(reader);
	out->last_name = vt_reader_get(reader, out->last_name_len);
	digest = vt_reader_get(reader, VT_DIGEST_LEN);
	out->entries = vt_reader_le32(reader);
	out->nodes = vt_reader_le32(reader);
	if (reader->failed)
		return "a child goes past the end";
	if (out->last_name_len == 0)
		return "a name is empty";
	if (out->entries == 0 || out->entries > out->nodes)
		return "a child's counts are impossible";
	memcpy(out->digest.bytes, digest, VT_DIGEST_LEN);
	return NULL;
}

static const uint8_t *child_trailer(const struct body *body, unsigned i)
{
	return body->trailer + i * vt_trailer_child_len(body->page.kind);
}

/* Of labels in a leaf: the part of the trailer for the i-th entry, a directory; NULL: none is left.
 */
static const uint8_t *directory_trailer(const struct body *body, unsigned i)
{
	unsigned before = 0;

	for (unsigned k = 0; k < i; k++)
		before += body->canonical[body->offset[k]] == VT_DIRECTORY;
	if (before >= body->directories)
		return NULL;
	return body->trailer + body->page.count * (size_t) VT_TRAILER_ENTRY +
	       before * (size_t) VT_TRAILER_DIRECTORY;
}

/* Adds what the trailer says to the i-th entry. */
static const char *read_trailer(const struct body *body, unsigned i, struct vt_entry *entry)
{
	const uint8_t *at = body->trailer + i * (size_t) VT_TRAILER_ENTRY, *directory = NULL;

	if (body->page.kind == VT_PAGE_LABELS && entry->type == VT_DIRECTORY) {
		directory = directory_trailer(body, i);
		if (!directory)
			return "its trailer has the wrong length";
	}
	vt_trailer_entry(body->page.kind, at, directory, entry);
	return NULL;
}

/* What an item stands for. */
struct item {
	uint32_t entries, nodes;
	struct vt_line_sums lines;
};

static const char *read_entry(const struct body *body, unsigned i, struct vt_reader *reader,
			      struct item *out)
{
	struct vt_entry entry;
	const char *problem = vt_entry_decode(reader, &entry);

	if (!problem)
		problem = vt_entry_problem(&entry, body->page.kind, false);
	if (!problem)
		problem = read_trailer(body, i, &entry);
	if (!problem)
		problem = vt_trailer_problem(body->page.kind,
					     body->trailer + i * (size_t) VT_TRAILER_ENTRY, &entry);
	if (problem)
		return problem;
	*out = (struct item){.entries = 1, .nodes = entry.nodes};
	if (body->page.kind == VT_PAGE_LABELS)
		out->lines = vt_entry_lines(&entry);
	return NULL;
}

/* Reads the i-th entry or child. */
static const char *read_item(const struct body *body, unsigned i, struct vt_reader *reader,
			     struct item *out)
{
	struct vt_page_child child = {0};
	const char *problem;

	if (body->page.level == 0)
		return read_entry(body, i, reader, out);
	problem = read_child(reader, &child);
	if (problem)
		return problem;
	vt_trailer_child(body->page.kind, child_trailer(body, i), &child);
	*out = (struct item){child.entries, child.nodes, child.lines};
	return body->page.kind == VT_PAGE_LABELS ? vt_line_sums_problem(&child.lines) : NULL;
}

static bool ends(const struct body *body, unsigned count, size_t bytes, const char *name,
		 size_t len)
{
	if (body->page.kind == VT_PAGE_LABELS && body->page.level == 0)
		return vt_page_label_leaf_ends(count, name, len);
	return vt_page_ends(body->page.level, count, bytes, name, len);
}

/* The rules between the i-th item, just noted, and its neighbours. */
static const char *sequence_problem(const struct body *body, unsigned i, unsigned count, size_t end)
{
	size_t len, last_len;
	const char *name = name_at(body, i, &len), *last;

	if (i > 0) {
		last = name_at(body, i - 1, &last_len);
		if (vt_name_compare(last, last_len, name, len) >= 0)
			return "names are out of order";
	}
	if (i + 1 < count && ends(body, i + 1, end, name, len))
		return "it goes on where the rule ends it";
	return NULL;
}

static const char *read_items(struct body *body, unsigned count)
{
	struct vt_reader reader = vt_reader_over(body->canonical, body->canonical_len);
	unsigned directories = 0;
	const char *problem;
	struct item item;

	(void) vt_reader_get(&reader, HEADER_LEN);
	for (unsigned i = 0; i < count; i++) {
		body->offset[i] = (uint32_t) (reader.at - body->canonical);
		problem = read_item(body, i, &reader, &item);
		if (!problem)
			problem = sequence_problem(body, i, count,
						   (size_t) (reader.at - body->canonical));
		if (problem)
			return problem;
		if (item.nodes > VT_NODES_MAX - body->nodes[i])
			return "its node counts overflow";
		body->entries[i + 1] = body->entries[i] + item.entries;
		body->nodes[i + 1] = body->nodes[i] + item.nodes;
		vt_line_sums_add(&body->page.lines, &item.lines);
		directories += body->canonical[body->offset[i]] == VT_DIRECTORY;
	}
	if (vt_reader_left(&reader))
		return "bytes are left over";
	if (body->directories && directories != body->directories)
		return "its trailer has the wrong length";
	if (body->page.kind == VT_PAGE_LABELS && vt_line_sums_problem(&body->page.lines))
		return vt_line_sums_problem(&body->page.lines);
	body->page.entries = body->entries[count];
	body->page.nodes = body->nodes[count];
	return NULL;
}

/* Items of a page of rows are read when they are asked for, and have no numbers. */
static const char *read_rows(struct body *body)
{
	size_t len;
	const uint8_t *rows = vt_page_body(&body->page, &len);

	return vt_label_page_problem(body->page.level, body->page.count, rows, len);
}

struct parts { /* where the parts of a value lie */
	const uint8_t *canonical;
	size_t canonical_len, trailer_len, directories;
	uint8_t kind, level;
	uint16_t count;
};

static bool is_count(const struct parts *parts)
{
	if (parts->kind == VT_PAGE_ROWS)
		return parts->level == 0 || parts->count <= VT_LABEL_PARTS_MAX;
	if (parts->count == 0)
		return parts->kind == VT_PAGE_FILES && parts->level == 0;
	return parts->count <= VT_PAGE_ENTRIES_MAX;
}

/* Can a trailer be that long? Of a leaf of labels: with how many directories in it. */
static bool is_trailer(struct parts *parts, size_t len)
{
	size_t entries = parts->count * (size_t) VT_TRAILER_ENTRY;

	if (parts->level > 0)
		return len == parts->count * vt_trailer_child_len(parts->kind);
	if (parts->kind == VT_PAGE_ROWS)
		return len == 0;
	if (parts->kind == VT_PAGE_FILES)
		return len == entries;
	if (len < entries || (len - entries) % VT_TRAILER_DIRECTORY)
		return false;
	parts->directories = (len - entries) / VT_TRAILER_DIRECTORY;
	return parts->directories <= parts->count;
}

static const char *read_parts(const void *value, size_t len, struct parts *out)
{
	struct vt_reader reader = vt_reader_over(value, len);
	const uint8_t *at;

	out->canonical_len = vt_reader_le32(&reader);
	if (out->canonical_len < HEADER_LEN || out->canonical_len > VT_PAGE_BYTES_MAX)
		return "its length is out of range";
	at = vt_reader_get(&reader, out->canonical_len);
	if (!at)
		return "it is cut short";
	out->canonical = at;
	out->level = at[0];
	out->count = (uint16_t) (at[VT_PAGE_COUNT_AT] | at[VT_PAGE_COUNT_AT + 1] << 8);
	if (at[1] == 0 || at[1] > VT_PAGE_KIND_MAX + 1)
		return "its form is not known";
	out->kind = at[1] - 1;
	if (out->level > (out->kind == VT_PAGE_ROWS ? 1 : VT_PAGE_LEVEL_MAX))
		return "its level is out of range";
	if (!is_count(out))
		return "its count is out of range";
	out->trailer_len = vt_reader_left(&reader);
	if (!is_trailer(out, out->trailer_len))
		return "its trailer has the wrong length";
	return NULL;
}

static struct body *new_body(const struct parts *parts, size_t *size)
{
	size_t count = parts->kind == VT_PAGE_ROWS ? 0 : parts->count;
	size_t bytes = parts->canonical_len + parts->trailer_len;
	size_t numbers = 3 * count + 2;
	struct body *body;
	uint8_t *copy;

	*size = sizeof *body + numbers * sizeof body->numbers[0] + bytes;
	body = malloc(*size);
	if (!body)
		return NULL;
	copy = (uint8_t *) (body->numbers + numbers);
	memcpy(copy, parts->canonical, bytes);
	*body = (struct body){
		.page = {.kind = parts->kind, .level = parts->level, .count = parts->count},
		.canonical = copy,
		.canonical_len = parts->canonical_len,
		.trailer = copy + parts->canonical_len,
		.directories = (unsigned) parts->directories,
		.offset = body->numbers,
		.entries = body->numbers + count,
		.nodes = body->numbers + 2 * count + 1,
	};
	body->entries[0] = body->nodes[0] = 0;
	return body;
}

int vt_page_decode(const void *value, size_t len, uint64_t id, bool check, struct vt_lru *lru,
		   struct vt_page **out, struct vt_error *err)
{
	vt_autofree struct body *body = NULL;
	struct parts parts = {0};
	const char *problem = read_parts(value, len, &parts);
	size_t size;

	if (problem)
		return vt_fail(err, EBADMSG, "page %" PRIu64 " is damaged: %s", id, problem);
	body = new_body(&parts, &size);
	if (!body)
		return vt_fail(err, ENOMEM, "no memory for page %" PRIu64, id);
	problem = parts.kind == VT_PAGE_ROWS ? read_rows(body) : read_items(body, parts.count);
	if (problem)
		return vt_fail(err, EBADMSG, "page %" PRIu64 " is damaged: %s", id, problem);
	body->page.id = id;
	if (check)
		vt_digest_tagged(VT_PAGE_TAG, body->canonical, body->canonical_len,
				 &body->page.digest);
	vt_lru_entry_init(lru, &body->page.lru, vt_lru_key(VT_LRU_PAGE, 0, id), size, free_page);
	*out = &vt_steal(&body)->page;
	return 0;
}

void vt_page_entry(const struct vt_page *page, unsigned i, struct vt_entry *out)
{
	const struct body *body = body_of(page);
	const uint8_t *at = body->canonical + body->offset[i];
	struct vt_reader reader = vt_reader_over(at, (size_t) (body->trailer - at));

	(void) vt_entry_decode(&reader, out); /* checked when the page was decoded */
	(void) read_trailer(body, i, out);
}

void vt_page_child(const struct vt_page *page, unsigned i, struct vt_page_child *out)
{
	const struct body *body = body_of(page);
	const uint8_t *at = body->canonical + body->offset[i];
	struct vt_reader reader = vt_reader_over(at, (size_t) (body->trailer - at));

	*out = (struct vt_page_child){0};
	(void) read_child(&reader, out); /* likewise */
	vt_trailer_child(body->page.kind, child_trailer(body, i), out);
}

const uint8_t *vt_page_body(const struct vt_page *page, size_t *len)
{
	*len = body_of(page)->canonical_len - HEADER_LEN;
	return body_of(page)->canonical + HEADER_LEN;
}

uint64_t vt_page_listed(const struct vt_page *page, unsigned i)
{
	struct vt_page_child child;

	vt_trailer_child(VT_PAGE_ROWS, child_trailer(body_of(page), i), &child);
	return child.page;
}

int vt_page_find(const struct vt_page *page, const char *name, size_t len)
{
	const struct body *body = body_of(page);
	unsigned low = 0, high = page->count;

	while (low < high) { /* for the first that is not before `name` */
		unsigned middle = (low + high) / 2;
		size_t there_len;
		const char *there = name_at(body, middle, &there_len);
		int order = vt_name_compare(there, there_len, name, len);

		if (order == 0)
			return (int) middle;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return page->level > 0 && low < page->count ? (int) low : -1;
}

const char *vt_page_name(const struct vt_page *page, unsigned i, size_t *len)
{
	return name_at(body_of(page), i, len);
}

uint32_t vt_page_nodes_before(const struct vt_page *page, unsigned i)
{
	return body_of(page)->nodes[i];
}

uint32_t vt_page_entries_before(const struct vt_page *page, unsigned i)
{
	return body_of(page)->entries[i];
}

/* Every item counts at least one, so `before` grows strictly. */
static unsigned index_in(const uint32_t *before, unsigned count, uint32_t value)
{
	unsigned low = 0, high = count - 1;

	while (low < high) { /* for the last with before[i] <= value */
		unsigned middle = (low + high + 1) / 2;

		if (before[middle] <= value)
			low = middle;
		else
			high = middle - 1;
	}
	return low;
}

unsigned vt_page_index_of_node(const struct vt_page *page, uint32_t node)
{
	return index_in(body_of(page)->nodes, page->count, node);
}

unsigned vt_page_index_of_entry(const struct vt_page *page, uint32_t ordinal)
{
	return index_in(body_of(page)->entries, page->count, ordinal);
}
