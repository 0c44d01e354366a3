/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See file_labels.h. Both walks go on while what is asked for is near, and begin anew where it is;
 * a file that is far from the one asked of before is looked up by its path.
 */
#include "index/file_labels.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/import.h"
#include "index/entry_codec.h"
#include "index/posting.h"

#define NEAR         64u   /* positions: stepping over as many costs about what a descent does */
#define CANCEL_EVERY 1024u /* files */

struct vt_file_labels {
	struct vt_labelled_files version;
	struct vt_tree label_root;
	struct vt_tree_walk *walk; /* NULL before the first */
	uint32_t next;             /* position that it gives next */
	struct vt_node node;       /* given last */
	const char *path;
	size_t path_len;

	struct vt_tree_walk *label_walk; /* NULL: none is near */
	struct vt_node label_node;       /* given last by it, or looked up */
	const char *label_path;
	size_t label_path_len;
	bool label_end; /* of label_walk: there is no such node */
	uint32_t asked; /* position asked of last */

	/* Of `node`. */
	bool loaded;
	struct vt_label *rows;
	size_t count, room;
	struct vt_buf block; /* what rows borrow from, unless it is a page */
};

struct vt_labelled_files vt_labelled_files_of(const struct vt_index *index,
					      const struct vt_version *version)
{
	return (struct vt_labelled_files){
		.files = &index->pages,
		.labels = &index->label_pages,
		.tree = &version->tree,
		.label_tree = &version->labels,
	};
}

int vt_file_labels_new(const struct vt_labelled_files *version, struct vt_file_labels **out,
		       struct vt_error *err)
{
	struct vt_file_labels *files = calloc(1, sizeof *files);

	if (!files)
		return vt_fail(err, ENOMEM, "no memory to walk labelled files");
	files->version = *version;
	files->label_root = vt_label_tree_root(version->label_tree);
	*out = files;
	return 0;
}

static void drop_node(struct vt_node *node)
{
	vt_node_done(node);
	*node = (struct vt_node){0};
}

static void drop_label_walk(struct vt_file_labels *files)
{
	vt_tree_walk_free(files->label_walk);
	files->label_walk = NULL;
	drop_node(&files->label_node);
}

void vt_file_labels_free(struct vt_file_labels *files)
{
	if (!files)
		return;
	drop_label_walk(files);
	drop_node(&files->node);
	vt_tree_walk_free(files->walk);
	free(files->rows);
	vt_buf_done(&files->block);
	free(files);
}

static int start_walk(struct vt_file_labels *files, uint32_t from, struct vt_error *err)
{
	struct vt_tree_walk *walk;
	int r = vt_tree_walk_new(files->version.files, files->version.tree, from, &walk, err);

	if (r < 0)
		return r;
	vt_tree_walk_free(files->walk);
	files->walk = walk;
	files->next = from;
	return 0;
}

int vt_file_labels_next(struct vt_file_labels *files, uint32_t from, struct vt_labelled_file *out,
			struct vt_error *err)
{
	int r = 0;

	files->loaded = false;
	if (!files->walk || from - files->next > NEAR)
		r = start_walk(files, from, err);
	while (r == 0) {
		drop_node(&files->node);
		r = vt_tree_walk_next(files->walk, &files->node, &files->path, &files->path_len,
				      err);
		if (r <= 0)
			return r;
		files->next = files->node.position + 1;
		r = files->node.position >= from && files->node.entry.type == VT_FILE;
	}
	if (r > 0)
		*out = (struct vt_labelled_file){.position = files->node.position,
						 .path = files->path,
						 .path_len = files->path_len,
						 .entry = &files->node.entry};
	return r;
}

/* ---- labels ---------------------------------------------------------------------------------- */

static int step_label_walk(struct vt_file_labels *files, struct vt_error *err)
{
	int r;

	drop_node(&files->label_node);
	r = vt_tree_walk_next(files->label_walk, &files->label_node, &files->label_path,
			      &files->label_path_len, err);
	files->label_end = r == 0;
	return r;
}

/* 1: label_node is the file's. */
static int step_to_label(struct vt_file_labels *files, struct vt_error *err)
{
	int order, r = 1;

	for (;;) {
		if (files->label_end)
			return 0;
		order = vt_label_path_compare(files->label_path, files->label_path_len, files->path,
					      files->path_len);
		if (order >= 0)
			return order == 0;
		r = step_label_walk(files, err);
		if (r < 0)
			return r;
	}
}

static int start_label_walk(struct vt_file_labels *files, uint32_t position, struct vt_error *err)
{
	int r;

	drop_label_walk(files);
	r = vt_tree_walk_new(files->version.labels, &files->label_root, position,
			     &files->label_walk, err);
	return r < 0 ? r : step_label_walk(files, err);
}

static int look_up_label(struct vt_file_labels *files, bool near, struct vt_error *err)
{
	int r;

	drop_label_walk(files);
	r = vt_label_tree_find(files->version.labels, files->version.label_tree, files->path,
			       files->path_len, &files->label_node, err);
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0 || !near)
		return r < 0 ? r : 1;
	return start_label_walk(files, files->label_node.position, err);
}

static int find_label(struct vt_file_labels *files, struct vt_error *err)
{
	bool near = files->node.position - files->asked <= NEAR;
	int r = 0;

	if (near && files->asked == 0)
		r = start_label_walk(files, 0, err); /* few come before it */
	files->asked = files->node.position;
	if (r < 0)
		return r;
	if (near && files->label_walk)
		r = step_to_label(files, err);
	else
		r = look_up_label(files, near, err);
	if (r > 0 && files->label_node.entry.type != VT_LABELLED)
		return 0; /* a directory, in the place of this file */
	return r;
}

/* The rows of a part go when the next one comes: their bytes are kept. */
static int copy_block(struct vt_file_labels *files, const struct vt_entry *entry,
		      struct vt_error *err)
{
	struct vt_label_rows rows;
	struct vt_label label;
	int r = vt_label_rows_open(&rows, files->version.labels, entry, err);

	vt_buf_reset(&files->block);
	while (r == 0) {
		r = vt_label_rows_next(&rows, &label, err);
		if (r <= 0)
			break;
		vt_buf_put_le32(&files->block, (uint32_t) rows.reader.row_len);
		vt_buf_put(&files->block, rows.reader.row, rows.reader.row_len);
		r = 0;
	}
	vt_label_rows_done(&rows);
	if (r == 0 && vt_buf_failed(&files->block))
		return vt_fail(err, ENOMEM, "no memory for the labels of a file");
	return r;
}

static int load(struct vt_file_labels *files, struct vt_error *err)
{
	const struct vt_entry *entry = &files->label_node.entry;
	struct vt_label_block_reader reader;
	int r;

	if (vt_array_reserve(files->rows, files->room, entry->labels) < 0)
		return vt_fail(err, ENOMEM, "no memory for the labels of a file");
	if (vt_entry_is_inline(entry)) {
		reader = vt_label_block_reader_over(entry->block, entry->size);
	} else {
		r = copy_block(files, entry, err);
		if (r < 0)
			return r;
		reader = vt_label_block_reader_over(files->block.data, files->block.len);
	}
	while (files->count < entry->labels &&
	       vt_label_block_next(&reader, &files->rows[files->count]))
		files->count++;
	return 0;
}

int vt_file_labels_rows(struct vt_file_labels *files, const struct vt_label **rows, size_t *count,
			struct vt_error *err)
{
	int r = 0;

	if (!files->loaded) {
		files->count = 0;
		if (files->version.label_tree->labels > 0)
			r = find_label(files, err);
		if (r > 0)
			r = load(files, err);
		if (r < 0)
			return r;
		files->loaded = true;
	}
	*rows = files->rows;
	*count = files->count;
	return 0;
}

int vt_file_labels_post(const struct vt_labelled_files *version, const struct vt_cancel *cancel,
			struct vt_posting_builder *builder, struct vt_error *err)
{
	vt_cleanup(vt_file_labels_freep) struct vt_file_labels *files = NULL;
	struct vt_labelled_file file = {0};
	uint64_t done = 0;
	int r = vt_file_labels_new(version, &files, err);

	if (r < 0)
		return r;
	while ((r = vt_file_labels_next(files, file.position + 1, &file, err)) > 0) {
		const struct vt_label *rows;
		size_t count;

		if (done++ % CANCEL_EVERY == 0 && cancel->call && cancel->call(cancel->context))
			return vt_fail(err, ECANCELED, "making postings was cancelled");
		r = vt_file_labels_rows(files, &rows, &count, err);
		if (r == 0)
			r = vt_posting_builder_add(builder, file.position, rows, count, err);
		if (r < 0)
			break;
	}
	return r;
}
