/* SPDX-License-Identifier: Apache-2.0 */
/* See label_lines.h. */
#include "index/label_lines.h"

#include <errno.h>

#include "index/base/error.h"
#include "index/descend.h"
#include "index/entry_codec.h"
#include "index/label_line.h"

int vt_label_lines_measure(const char *name, size_t len, const void *block, size_t block_len,
			   struct vt_buf *line, uint64_t *bytes, struct vt_error *err)
{
	struct vt_label_block_reader reader = vt_label_block_reader_over(block, block_len);
	struct vt_label_row row = {.path = {name, len}};
	uint64_t sum = 0;

	while (vt_label_block_next(&reader, &row.label) > 0) {
		vt_buf_reset(line);
		vt_label_line_put(&row, line);
		if (vt_buf_failed(line))
			return vt_fail(err, ENOMEM, "no memory for a label's line");
		sum += line->len;
	}
	*bytes = sum;
	return 0;
}

/* ---- sizes and places ---- */

int vt_label_lines_size(const struct vt_page_source *pages, const struct vt_label_tree *tree,
			uint64_t *bytes, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	int r;

	*bytes = 0;
	if (tree->labels == 0)
		return 0;
	r = vt_descend_root(pages, false, tree->page, tree->nodes, &page, err);
	if (r < 0)
		return r;
	if (page->lines.labels != tree->labels)
		return vt_fail(err, EBADMSG, "a tree of labels has not as many as its root says");
	*bytes = page->lines.bytes;
	return 0;
}

/* The way down to a byte. */
struct place {
	const struct vt_page_source *pages;
	uint64_t begin;  /* in the text, of what comes next; never beyond */
	uint64_t offset; /* of the byte */
	struct vt_line_prefix prefix;
	uint32_t position; /* of the first entry of `page`, or at the end of what was looked for */
	struct vt_page *page;
	struct vt_error *err;
};

static struct vt_line_sums item_lines(const struct vt_page *page, unsigned i)
{
	struct vt_page_child child;
	struct vt_entry entry;

	if (page->level > 0) {
		vt_page_child(page, i, &child);
		return child.lines;
	}
	vt_page_entry(page, i, &entry);
	return vt_entry_lines(&entry);
}

/* The item of the page that has the byte: `place` is then at its begin. */
static int find_item(struct place *place, unsigned *out)
{
	const struct vt_page *page = place->page;

	for (unsigned i = 0; i < page->count; i++) {
		struct vt_line_sums lines = vt_line_sums_behind(place->prefix, item_lines(page, i));

		if (place->offset - place->begin < lines.bytes) {
			place->position += vt_page_nodes_before(page, i);
			*out = i;
			return 0;
		}
		place->begin += lines.bytes;
	}
	return vt_fail(place->err, EBADMSG, "labels as lines are shorter than was said");
}

/* The root page of a directory in a leaf of its parent. */
static int enter(struct place *place, const struct vt_entry *entry)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	struct vt_line_sums lines;
	struct vt_line_prefix own =
		vt_line_prefix_within(VT_LINE_PREFIX_NONE, entry->name, entry->name_len);
	int r = vt_descend_root(place->pages, false, entry->page, entry->nodes, &page, place->err);

	if (r < 0)
		return r;
	lines = vt_line_sums_behind(own, page->lines);
	if (!vt_line_sums_equal(&lines, &entry->lines))
		return vt_fail(place->err, EBADMSG, "labels as lines are not as long as was said");
	place->prefix = vt_line_prefix_within(place->prefix, entry->name, entry->name_len);
	place->position++;
	vt_page_unref(place->page);
	place->page = vt_steal(&page);
	return 0;
}

/* From the page at hand to the next one below; 1: there is none, the item is the file. */
static int descend(struct place *place)
{
	struct vt_entry entry;
	unsigned i = 0;
	int r = find_item(place, &i);

	if (r < 0)
		return r;
	if (place->page->level > 0)
		return vt_descend_child(place->pages, false, &place->page, i, place->err);
	vt_page_entry(place->page, i, &entry);
	return entry.type == VT_DIRECTORY ? enter(place, &entry) : 1;
}

int vt_label_lines_find(const struct vt_page_source *pages, const struct vt_label_tree *tree,
			uint64_t offset, uint32_t *position, uint64_t *begin, struct vt_error *err)
{
	struct place place = {.pages = pages,
			      .offset = offset,
			      .prefix = VT_LINE_PREFIX_NONE,
			      .position = 1,
			      .err = err};
	int r = vt_descend_root(pages, false, tree->page, tree->nodes, &place.page, err);

	while (r == 0)
		r = descend(&place);
	if (r > 0) {
		*position = place.position;
		*begin = place.begin;
	}
	vt_page_unref(place.page);
	return r < 0 ? r : 0;
}

/* ---- the text ---- */

struct reading {
	const struct vt_page_source *pages;
	uint64_t at; /* where the next line begins */
	vt_label_lines_each *each;
	void *context;
	struct vt_buf text; /* of one line */
	struct vt_error *err;
};

static int give_file(struct reading *reading, const char *path, size_t len,
		     const struct vt_entry *entry)
{
	struct vt_label_row row = {.path = {path, len}};
	struct vt_label_rows rows;
	int r = vt_label_rows_open(&rows, reading->pages, entry, reading->err);

	while (r >= 0 && (r = vt_label_rows_next(&rows, &row.label, reading->err)) > 0) {
		vt_buf_reset(&reading->text);
		vt_label_line_put(&row, &reading->text);
		if (vt_buf_failed(&reading->text)) {
			r = vt_fail(reading->err, ENOMEM, "no memory for labels as lines");
			break;
		}
		r = reading->each(reading->context, reading->at, reading->text.data,
				  reading->text.len);
		reading->at += reading->text.len;
		if (r != 0)
			break;
	}
	vt_label_rows_done(&rows);
	return r;
}

static int give(struct reading *reading, struct vt_tree_walk *walk, uint64_t to)
{
	struct vt_node node = {0};
	const char *path;
	size_t len;
	int r = 0;

	while (r == 0 && reading->at < to) {
		r = vt_tree_walk_next(walk, &node, &path, &len, reading->err);
		if (r <= 0)
			break;
		r = node.entry.type == VT_LABELLED ? give_file(reading, path, len, &node.entry) : 0;
		vt_node_done(&node);
	}
	return r;
}

int vt_label_lines_read(const struct vt_page_source *pages, const struct vt_label_tree *tree,
			uint64_t from, uint64_t to, vt_label_lines_each *each, void *context,
			struct vt_error *err)
{
	const struct vt_tree root = vt_label_tree_root(tree);
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct reading reading = {.pages = pages, .each = each, .context = context, .err = err};
	uint32_t position;
	uint64_t size;
	int r = vt_label_lines_size(pages, tree, &size, err);

	if (r < 0 || from >= size || from >= to)
		return r;
	r = vt_label_lines_find(pages, tree, from, &position, &reading.at, err);
	if (r == 0)
		r = vt_tree_walk_new(pages, &root, position, &walk, err);
	if (r == 0)
		r = give(&reading, walk, to);
	vt_buf_done(&reading.text);
	if (r == 0 && (reading.at > size || reading.at < (to < size ? to : size)))
		return vt_fail(err, EBADMSG, "labels as lines are not as long as was said");
	return r;
}
