/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See relabel.h. The rows of one file, the old ones and the new, are collected as their canonical
 * bytes and read again from there: labels borrow, and those of a page live for a moment only.
 */
#include "index/relabel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/label_edit.h"
#include "index/page_store.h"

struct vt_relabel {
	struct vt_page_source files, labels;
	struct vt_tree tree;
	struct vt_label_tree old;
	struct vt_page_store *pages;
	struct vt_page_sink sink;
	struct vt_label_edit *edit;
	/* of one file */
	struct vt_buf bytes;
	struct vt_label *rows;
	size_t count, room;
};

int vt_relabel_new(struct vt_index *index, uint32_t domain, const struct vt_tree *tree,
		   const struct vt_label_tree *old, struct vt_relabel **out, struct vt_error *err)
{
	vt_cleanup(vt_relabel_freep) struct vt_relabel *relabel = calloc(1, sizeof *relabel);
	int r;

	if (!relabel)
		return vt_fail(err, ENOMEM, "no memory for labels");
	relabel->files = index->pages;
	relabel->labels = index->label_pages;
	relabel->tree = *tree;
	relabel->old = *old;
	r = vt_page_store_new(index->store, domain, &relabel->pages, err);
	if (r < 0)
		return r;
	relabel->sink = vt_page_store_sink(relabel->pages, VT_PAGE_LABELS);
	r = vt_label_edit_new(&relabel->labels, &relabel->old, &relabel->sink, &relabel->edit, err);
	if (r < 0)
		return r;
	*out = vt_steal(&relabel);
	return 0;
}

void vt_relabel_free(struct vt_relabel *relabel)
{
	if (!relabel)
		return;
	vt_label_edit_free(relabel->edit);
	vt_page_store_free(relabel->pages);
	vt_buf_done(&relabel->bytes);
	free(relabel->rows);
	free(relabel);
}

/* ---- the rows of a file ---------------------------------------------------------------------- */

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for the labels of a file");
}

static void put_row(struct vt_buf *out, const void *row, size_t len)
{
	vt_buf_put_le32(out, (uint32_t) len);
	vt_buf_put(out, row, len);
}

/* The rows that an entry of a tree of labels has, behind what is collected. */
static int collect(struct vt_relabel *relabel, const struct vt_entry *entry, struct vt_error *err)
{
	struct vt_label_rows rows;
	struct vt_label label;
	int r = vt_label_rows_open(&rows, &relabel->labels, entry, err);

	while (r >= 0 && (r = vt_label_rows_next(&rows, &label, err)) > 0) {
		put_row(&relabel->bytes, rows.reader.row, rows.reader.row_len);
		relabel->count++;
	}
	vt_label_rows_done(&rows);
	return r;
}

static int collect_old(struct vt_relabel *relabel, const char *path, size_t len,
		       struct vt_error *err)
{
	struct vt_node node = {0};
	int r;

	if (relabel->old.labels == 0)
		return 0;
	r = vt_label_tree_find(&relabel->labels, &relabel->old, path, len, &node, NULL);
	if (r == -ENOENT || r == -ENOTDIR)
		r = 0;
	else if (r < 0)
		r = vt_fail(err, -r, "the labels of '%.*s' cannot be read: %m", (int) len, path);
	else if (node.entry.type == VT_LABELLED)
		r = collect(relabel, &node.entry, err);
	vt_node_done(&node);
	return r;
}

/* Reads what was collected into `rows`, which then borrow from it. */
static int read_rows(struct vt_relabel *relabel, struct vt_error *err)
{
	struct vt_label_cursor reader;
	size_t count = 0;

	if (vt_buf_failed(&relabel->bytes))
		return no_memory(err);
	if (relabel->count > relabel->room) {
		struct vt_label *more = reallocarray(relabel->rows, relabel->count, sizeof *more);

		if (!more)
			return no_memory(err);
		relabel->rows = more;
		relabel->room = relabel->count;
	}
	reader = vt_label_cursor_over(relabel->bytes.data, relabel->bytes.len);
	while (count < relabel->count && vt_label_cursor_next(&reader, &relabel->rows[count]) > 0)
		count++;
	return 0;
}

static int put(struct vt_relabel *relabel, const char *path, size_t len,
	       const struct vt_digest *content, struct vt_error *err)
{
	int r = read_rows(relabel, err);

	if (r < 0)
		return r;
	if (relabel->count == 0)
		return vt_label_edit_remove(relabel->edit, path, len, err);
	return vt_label_edit_put(relabel->edit, path, len, content, relabel->rows, relabel->count,
				 err);
}

static void begin_file(struct vt_relabel *relabel)
{
	vt_buf_reset(&relabel->bytes);
	relabel->count = 0;
}

/* ---- changes --------------------------------------------------------------------------------- */

static int find_file(struct vt_relabel *relabel, const char *path, size_t len,
		     struct vt_digest *content, struct vt_error *err)
{
	struct vt_node node = {0};
	int r = vt_tree_find(&relabel->files, &relabel->tree, path, len, &node, err);

	if (r == -ENOENT || r == -ENOTDIR)
		r = vt_fail(err, ENOENT, "there is no file '%.*s'", (int) len, path);
	else if (r == 0 && node.entry.type != VT_FILE)
		r = vt_fail(err, ENOENT, "'%.*s' is a %s: labels are of files", (int) len, path,
			    node.entry.type == VT_DIRECTORY ? "directory" : "symlink");
	if (r == 0)
		*content = node.entry.content;
	vt_node_done(&node);
	return r;
}

int vt_relabel_file(struct vt_relabel *relabel, const char *path, size_t len,
		    enum vt_relabel_how how, const void *rows, size_t rows_len, uint32_t count,
		    struct vt_error *err)
{
	const char *problem = count ? vt_label_block_problem(rows, rows_len, count) : NULL;
	struct vt_digest content;
	int r;

	if (problem || (count == 0 && rows_len > 0))
		return vt_fail(err, EINVAL, "the labels of '%.*s': %s", (int) len, path,
			       problem ? problem : "bytes are left over");
	r = find_file(relabel, path, len, &content, err);
	if (r < 0)
		return r;
	begin_file(relabel);
	if (how == VT_RELABEL_ADD)
		r = collect_old(relabel, path, len, err);
	vt_buf_put(&relabel->bytes, rows, rows_len);
	relabel->count += count;
	return r < 0 ? r : put(relabel, path, len, &content, err);
}

int vt_relabel_copy(struct vt_relabel *relabel, const char *path, size_t len,
		    const struct vt_entry *from, struct vt_error *err)
{
	int r;

	begin_file(relabel);
	r = collect(relabel, from, err);
	return r < 0 ? r : put(relabel, path, len, &from->content, err);
}

int vt_relabel_remove(struct vt_relabel *relabel, const char *path, size_t len,
		      struct vt_error *err)
{
	return vt_label_edit_remove(relabel->edit, path, len, err);
}

int vt_relabel_finish(struct vt_relabel *relabel, struct vt_label_tree *out, uint64_t *bytes,
		      struct vt_error *err)
{
	int r = vt_label_edit_finish(relabel->edit, out, err);

	if (r == 0)
		r = vt_page_store_flush(relabel->pages, err);
	if (r == 0 && bytes)
		*bytes = vt_page_store_bytes(relabel->pages);
	return r;
}
