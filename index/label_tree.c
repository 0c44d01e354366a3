/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See label_tree.h. The builder turns paths into the calls of a tree builder: it leaves directories
 * until one is around the next path, and enters those that are missing.
 */
#include "index/label_tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/label_lines.h"
#include "index/label_tree_private.h"

#define TREE_TAG "vitrine labels v1"

/* ---- the root ---- */

static const char *tree_problem(const struct vt_label_tree *tree)
{
	if (tree->files == 0 || tree->labels < tree->files)
		return "it has fewer labels than files";
	if (tree->nodes <= tree->files || tree->nodes > VT_NODES_MAX)
		return "its node count is out of range";
	return NULL;
}

int vt_label_tree_encode(const struct vt_label_tree *tree, struct vt_buf *out, struct vt_error *err)
{
	const char *problem = tree_problem(tree);

	if (problem)
		return vt_fail(err, EINVAL, "no tree of labels can be like this: %s", problem);
	vt_buf_put(out, tree->content.bytes, VT_DIGEST_LEN);
	vt_buf_put_le32(out, tree->nodes);
	vt_buf_put_le32(out, tree->files);
	vt_buf_put_le64(out, tree->labels);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a tree's root") : 0;
}

int vt_label_tree_decode(const void *data, size_t len, struct vt_label_tree *out,
			 struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(data, len);
	const void *content = vt_reader_get(&reader, VT_DIGEST_LEN);
	struct vt_label_tree tree = {0};
	const char *problem;

	tree.nodes = vt_reader_le32(&reader);
	tree.files = vt_reader_le32(&reader);
	tree.labels = vt_reader_le64(&reader);
	if (reader.failed || vt_reader_left(&reader))
		problem = "its length is wrong";
	else
		problem = tree_problem(&tree);
	if (problem)
		return vt_fail(err, EBADMSG, "the root of a tree of labels is damaged: %s",
			       problem);
	memcpy(tree.content.bytes, content, VT_DIGEST_LEN);
	*out = tree;
	return 0;
}

int vt_label_tree_digest(const struct vt_label_tree *tree, struct vt_digest *out,
			 struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	int r;

	if (tree->labels == 0) {
		*out = (struct vt_digest){0};
		return 0;
	}
	r = vt_label_tree_encode(tree, &bytes, err);
	if (r == 0)
		vt_digest_tagged(TREE_TAG, bytes.data, bytes.len, out);
	return r;
}

struct vt_tree vt_label_tree_root(const struct vt_label_tree *tree)
{
	struct vt_tree out = {.root = {.type = VT_DIRECTORY, .nodes = 1}};

	if (tree->labels == 0)
		return out;
	out.root.nodes = tree->nodes;
	out.root.content = tree->content;
	out.root.page = tree->page;
	return out;
}

int vt_label_tree_find(const struct vt_page_source *pages, const struct vt_label_tree *tree,
		       const char *path, size_t len, struct vt_node *out, struct vt_error *err)
{
	struct vt_tree root = vt_label_tree_root(tree);

	if (tree->labels == 0)
		return vt_fail(err, ENOENT, "there are no labels");
	return vt_tree_find(pages, &root, path, len, out, err);
}

/* ---- what differs ---- */

struct diff {
	const struct vt_page_source *pages;
	vt_label_diff_each *each;
	void *context;
	const char *path;
	size_t path_len;
	struct vt_error *err;
};

/* One side: its rows, and the one that comes next. */
struct side {
	struct vt_label_rows rows;
	struct vt_label label;
	int state; /* 1: `label` is one, 0: at the end, or an error */
};

static void step(const struct diff *diff, struct side *side)
{
	side->state = vt_label_rows_next(&side->rows, &side->label, diff->err);
}

static void open_side(const struct diff *diff, struct side *side, const struct vt_entry *entry)
{
	*side = (struct side){0};
	if (!entry || entry->type != VT_LABELLED)
		return;
	side->state = vt_label_rows_open(&side->rows, diff->pages, entry, diff->err);
	if (side->state == 0)
		step(diff, side);
}

/* One step of the merge: gives the row that comes first, unless both sides have it. */
static int merge(const struct diff *diff, struct side *before, struct side *after)
{
	int order, r = 0;

	if (before->state == 0 || after->state == 0)
		order = after->state - before->state;
	else
		order = vt_label_compare(&before->label, &after->label);
	if (order < 0)
		r = diff->each(diff->context, VT_REMOVED, diff->path, diff->path_len,
			       &before->label);
	else if (order > 0)
		r = diff->each(diff->context, VT_ADDED, diff->path, diff->path_len, &after->label);
	if (order <= 0)
		step(diff, before);
	if (order >= 0)
		step(diff, after);
	return r;
}

static int diff_rows(void *context, enum vt_change change, const char *path, size_t path_len,
		     const struct vt_entry *before, const struct vt_entry *after)
{
	struct diff *diff = context;
	struct side sides[2];
	int r = 0;

	diff->path = path;
	diff->path_len = path_len;
	open_side(diff, &sides[0], before);
	open_side(diff, &sides[1], after);
	while (r == 0 && sides[0].state >= 0 && sides[1].state >= 0 &&
	       (sides[0].state > 0 || sides[1].state > 0))
		r = merge(diff, &sides[0], &sides[1]);
	for (int i = 0; i < 2; i++) {
		if (r == 0 && sides[i].state < 0)
			r = sides[i].state;
		vt_label_rows_done(&sides[i].rows);
	}
	return r;
}

int vt_label_diff(const struct vt_page_source *pages, const struct vt_label_tree *before,
		  const struct vt_label_tree *after, vt_label_diff_each *each, void *context,
		  struct vt_error *err)
{
	struct diff diff = {.pages = pages, .each = each, .context = context, .err = err};
	struct vt_tree roots[] = {vt_label_tree_root(before), vt_label_tree_root(after)};

	return vt_diff(pages, &roots[0], &roots[1], diff_rows, &diff, err);
}

/* ---- building ---- */

struct vt_label_tree_builder {
	struct vt_page_sink sink;
	struct vt_tree_builder *tree;
	struct vt_buf directory; /* the open one; its path, "" the root */
	struct vt_buf block;     /* of the file at hand */
	struct vt_buf line;
	uint32_t files;
	uint64_t labels;
};

int vt_label_tree_builder_new(const struct vt_page_sink *sink, struct vt_label_tree_builder **out,
			      struct vt_error *err)
{
	vt_cleanup(vt_label_tree_builder_freep) struct vt_label_tree_builder *builder =
		calloc(1, sizeof *builder);
	int r;

	if (!builder)
		return vt_fail(err, ENOMEM, "no memory to build a tree of labels");
	builder->sink = *sink;
	builder->sink.kind = VT_PAGE_LABELS;
	r = vt_tree_builder_new(&builder->sink, &builder->tree, err);
	if (r < 0)
		return r;
	*out = vt_steal(&builder);
	return 0;
}

void vt_label_tree_builder_free(struct vt_label_tree_builder *builder)
{
	if (!builder)
		return;
	vt_tree_builder_free(builder->tree);
	vt_buf_done(&builder->directory);
	vt_buf_done(&builder->block);
	vt_buf_done(&builder->line);
	free(builder);
}

size_t vt_label_path_name(const char *path, size_t len)
{
	const char *slash = len ? memrchr(path, '/', len) : NULL;

	return slash ? (size_t) (slash - path) + 1 : 0;
}

bool vt_label_path_is_below(const char *path, size_t len, const struct vt_buf *open)
{
	if (open->len == 0)
		return true;
	return open->len <= len && memcmp(open->data, path, open->len) == 0 &&
	       (open->len == len || path[open->len] == '/');
}

void vt_label_path_next(const char *path, size_t len, size_t open, size_t *from, size_t *to)
{
	const char *slash;

	*from = open + (open > 0);
	slash = memchr(path + *from, '/', len - *from);
	*to = slash ? (size_t) (slash - path) : len;
}

static int leave(struct vt_label_tree_builder *builder, struct vt_error *err)
{
	size_t name =
		vt_label_path_name((const char *) builder->directory.data, builder->directory.len);

	builder->directory.len = name ? name - 1 : 0;
	return vt_tree_builder_leave(builder->tree, err);
}

/* Enters the next directory on the way from the open one to `directory`. */
static int enter(struct vt_label_tree_builder *builder, const char *directory, size_t len,
		 struct vt_error *err)
{
	struct vt_entry entry = {.type = VT_DIRECTORY};
	size_t from, to;
	int r;

	vt_label_path_next(directory, len, builder->directory.len, &from, &to);
	entry.name = directory + from;
	entry.name_len = to - from;
	r = vt_tree_builder_enter(builder->tree, &entry, err);
	if (r < 0)
		return r;
	vt_buf_reset(&builder->directory);
	vt_buf_put(&builder->directory, directory, to);
	return vt_buf_failed(&builder->directory) ? vt_fail(err, ENOMEM, "no memory for a path")
						  : 0;
}

static int go_to(struct vt_label_tree_builder *builder, const char *directory, size_t len,
		 struct vt_error *err)
{
	int r = 0;

	while (r == 0 && !vt_label_path_is_below(directory, len, &builder->directory))
		r = leave(builder, err);
	while (r == 0 && builder->directory.len < len)
		r = enter(builder, directory, len, err);
	return r;
}

int vt_label_tree_builder_add(struct vt_label_tree_builder *builder, const char *path, size_t len,
			      const struct vt_digest *content, struct vt_label *rows, size_t count,
			      struct vt_error *err)
{
	size_t name = vt_label_path_name(path, len);
	struct vt_entry entry = {.type = VT_LABELLED,
				 .name = path + name,
				 .name_len = len - name,
				 .content = *content,
				 .nodes = 1};
	struct vt_digest digest;
	int r;

	if (len > 0 && path[0] == '/')
		return vt_fail(err, EINVAL, "the path of labels begins with '/'");
	vt_buf_reset(&builder->block);
	r = vt_label_block_encode(rows, &count, &builder->block, err);
	if (r == 0)
		r = vt_label_lines_measure(entry.name, entry.name_len, builder->block.data,
					   builder->block.len, &builder->line, &entry.lines.bytes,
					   err);
	if (r == 0)
		r = go_to(builder, path, name ? name - 1 : 0, err);
	if (r == 0)
		r = vt_label_rows_put(&builder->sink, &builder->block, &digest, &entry, err);
	entry.labels = (uint32_t) count;
	if (r == 0)
		r = vt_tree_builder_add(builder->tree, &entry, err);
	if (r < 0)
		return vt_fail_in(err, r, "labels of '%.*s'", (int) (len < 255 ? len : 255), path);
	builder->files++;
	builder->labels += count;
	return 0;
}

int vt_label_tree_builder_adopt(struct vt_label_tree_builder *builder, const char *directory,
				size_t len, const struct vt_entry *entry, struct vt_error *err)
{
	int r = go_to(builder, directory, len, err);

	return r < 0 ? r : vt_tree_builder_adopt(builder->tree, entry, err);
}

int vt_label_tree_builder_adopt_page(struct vt_label_tree_builder *builder, const char *directory,
				     size_t len, unsigned level, const struct vt_page_child *child,
				     struct vt_error *err)
{
	int r = go_to(builder, directory, len, err);

	return r < 0 ? r : vt_tree_builder_adopt_page(builder->tree, level, child, err);
}

void vt_label_tree_builder_count(struct vt_label_tree_builder *builder, uint32_t files,
				 uint64_t labels)
{
	builder->files += files;
	builder->labels += labels;
}

int vt_label_tree_builder_uncount(struct vt_label_tree_builder *builder, uint32_t files,
				  uint64_t labels, struct vt_error *err)
{
	if (files > builder->files || labels > builder->labels)
		return vt_fail(err, EBADMSG, "a tree of labels has more than its root says");
	builder->files -= files;
	builder->labels -= labels;
	return 0;
}

int vt_label_tree_builder_finish(struct vt_label_tree_builder *builder, struct vt_label_tree *out,
				 struct vt_error *err)
{
	struct vt_entry root = {.type = VT_DIRECTORY};
	struct vt_label_tree made;
	struct vt_tree tree = {0};
	const char *problem;
	int r;

	*out = (struct vt_label_tree){0};
	if (builder->files == 0)
		return 0;
	r = go_to(builder, "", 0, err);
	if (r == 0)
		r = vt_tree_builder_finish(builder->tree, &root, &tree, err);
	if (r < 0)
		return r;
	made = (struct vt_label_tree){.content = tree.root.content,
				      .nodes = tree.root.nodes,
				      .files = builder->files,
				      .labels = builder->labels,
				      .page = tree.root.page};
	problem = tree_problem(&made);
	if (problem) /* what was adopted did not say how much it was */
		return vt_fail(err, EBADMSG, "labels do not add up: %s", problem);
	*out = made;
	return 0;
}

int vt_label_path_compare(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t i = 0, common = a_len < b_len ? a_len : b_len;

	while (i < common && a[i] == b[i])
		i++;
	if (i == common)
		return (a_len > b_len) - (a_len < b_len);
	if (a[i] == '/' || b[i] == '/')
		return a[i] == '/' ? -1 : 1; /* the end of a name comes before every byte */
	return (uint8_t) a[i] < (uint8_t) b[i] ? -1 : 1;
}
