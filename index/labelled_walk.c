/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See labelled_walk.h. Both walks have one order, so the next labelled file is met or, if the
 * file walk ends before it, there is no such file.
 */
#include "index/labelled_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"

struct vt_labelled_walk {
	const struct vt_page_source *labels;
	struct vt_tree_walk *files, *labelled;
	struct vt_node file;
	struct vt_node next; /* the labelled file that comes next; its path: */
	const char *path;
	size_t path_len;
	bool has_next, is_at_next;

	/* Of the file at hand, if it is labelled. */
	struct vt_label_rows rows;
	bool has_rows;
	struct vt_label row; /* read ahead: the first of the next key */
	bool has_row;

	/* The labels of one key, and the texts they borrow. */
	struct vt_label *list;
	size_t count, room;
	struct vt_buf texts;
};

/* ---- the two walks ---- */

static int step_labelled(struct vt_labelled_walk *walk, struct vt_error *err)
{
	int r;

	do {
		vt_node_done(&walk->next);
		r = vt_tree_walk_next(walk->labelled, &walk->next, &walk->path, &walk->path_len,
				      err);
	} while (r == 1 && walk->next.entry.type != VT_LABELLED);
	walk->has_next = r == 1;
	return r;
}

int vt_labelled_walk_new(const struct vt_labelled_tree *tree, struct vt_labelled_walk **out,
			 struct vt_error *err)
{
	vt_cleanup(vt_labelled_walk_freep) struct vt_labelled_walk *walk = calloc(1, sizeof *walk);
	const struct vt_tree labels = vt_label_tree_root(tree->label_tree);
	int r;

	if (!walk)
		return vt_fail(err, ENOMEM, "no memory to walk labels");
	walk->labels = tree->labels;
	r = vt_tree_walk_new(tree->files, tree->tree, 0, &walk->files, err);
	if (r == 0 && tree->label_tree->labels > 0) {
		r = vt_tree_walk_new(tree->labels, &labels, 0, &walk->labelled, err);
		if (r == 0)
			r = step_labelled(walk, err);
	}
	if (r < 0)
		return r;
	*out = vt_steal(&walk);
	return 0;
}

static void close_rows(struct vt_labelled_walk *walk)
{
	if (walk->has_rows)
		vt_label_rows_done(&walk->rows);
	walk->has_rows = walk->has_row = false;
}

void vt_labelled_walk_free(struct vt_labelled_walk *walk)
{
	if (!walk)
		return;
	close_rows(walk);
	vt_node_done(&walk->file);
	vt_node_done(&walk->next);
	vt_tree_walk_free(walk->files);
	vt_tree_walk_free(walk->labelled);
	free(walk->list);
	vt_buf_done(&walk->texts);
	free(walk);
}

static int step_row(struct vt_labelled_walk *walk, struct vt_error *err)
{
	int r = vt_label_rows_next(&walk->rows, &walk->row, err);

	walk->has_row = r == 1;
	return r;
}

static int open_rows(struct vt_labelled_walk *walk, struct vt_error *err)
{
	int r = vt_label_rows_open(&walk->rows, walk->labels, &walk->next.entry, err);

	if (r < 0)
		return r;
	walk->has_rows = true;
	return step_row(walk, err);
}

static int leave_file(struct vt_labelled_walk *walk, struct vt_error *err)
{
	close_rows(walk);
	if (!walk->is_at_next)
		return 0;
	walk->is_at_next = false;
	return step_labelled(walk, err);
}

static int next_file(struct vt_labelled_walk *walk, struct vt_labelled_file *out,
		     struct vt_error *err)
{
	int r;

	do {
		vt_node_done(&walk->file);
		r = vt_tree_walk_next(walk->files, &walk->file, &out->path, &out->path_len, err);
	} while (r == 1 && walk->file.entry.type != VT_FILE);
	if (r == 0 && walk->has_next)
		return vt_fail(err, EBADMSG, "there are labels of '%.*s', but no such file",
			       (int) walk->path_len, walk->path);
	return r;
}

int vt_labelled_walk_next(struct vt_labelled_walk *walk, struct vt_labelled_file *out,
			  struct vt_error *err)
{
	int r = leave_file(walk, err);

	if (r >= 0)
		r = next_file(walk, out, err);
	if (r <= 0)
		return r;
	out->entry = &walk->file.entry;
	out->position = walk->file.position;
	out->labels = 0;
	walk->is_at_next = walk->has_next && walk->path_len == out->path_len &&
			   memcmp(walk->path, out->path, out->path_len) == 0;
	if (!walk->is_at_next)
		return 1;
	out->labels = walk->next.entry.labels;
	r = open_rows(walk, err);
	return r < 0 ? r : 1;
}

/* ---- the labels of one key ---- */

static int append(struct vt_labelled_walk *walk)
{
	const struct vt_label *row = &walk->row;
	struct vt_label *list = walk->list;

	if (walk->count == walk->room) {
		size_t room = walk->room ? 2 * walk->room : 16;

		list = reallocarray(list, room, sizeof *list);
		if (!list)
			return -ENOMEM;
		walk->list = list;
		walk->room = room;
	}
	list[walk->count++] = *row;
	vt_buf_put(&walk->texts, row->annotator.bytes, row->annotator.len);
	if (row->type == VT_LABEL_TEXT)
		vt_buf_put(&walk->texts, row->value.text.bytes, row->value.text.len);
	return vt_buf_failed(&walk->texts) ? -ENOMEM : 0;
}

/* The texts do not move any more: the labels borrow them. */
static void settle(struct vt_labelled_walk *walk, size_t key_len)
{
	const char *texts = (const char *) walk->texts.data, *at = texts + key_len;

	for (size_t i = 0; i < walk->count; i++) {
		struct vt_label *label = &walk->list[i];

		label->key.bytes = texts;
		label->annotator.bytes = at;
		at += label->annotator.len;
		if (label->type == VT_LABEL_TEXT) {
			label->value.text.bytes = at;
			at += label->value.text.len;
		}
		label->tool = label->region = (struct vt_label_text){"", 0};
	}
}

int vt_labelled_walk_key(struct vt_labelled_walk *walk, const struct vt_label **rows, size_t *count,
			 struct vt_error *err)
{
	const size_t key_len = walk->row.key.len;
	int r;

	if (!walk->has_row)
		return 0;
	walk->count = 0;
	vt_buf_reset(&walk->texts);
	vt_buf_put(&walk->texts, walk->row.key.bytes, key_len);
	do {
		if (append(walk) < 0)
			return vt_fail(err, ENOMEM, "no memory for the labels of a file");
		r = step_row(walk, err);
	} while (r == 1 && walk->row.key.len == key_len &&
		 memcmp(walk->row.key.bytes, walk->texts.data, key_len) == 0);
	if (r < 0)
		return r;
	settle(walk, key_len);
	*rows = walk->list;
	*count = walk->count;
	return 1;
}
