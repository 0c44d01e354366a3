/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole tree, depth first (tree.h): a stack of cursors, one per open directory, and the path that
 * leads to the top. A directory is entered by the call after the one that gave it, so that the
 * caller can still skip it. Starting in the middle opens only the directories above that position.
 */
#include "index/tree.h"

#include <errno.h>
#include <stdlib.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/descend.h"

struct open_dir {
	struct vt_dir_cursor cursor;
	size_t path_len; /* of the path in front of its entries' names */
};

struct vt_tree_walk {
	const struct vt_page_source *pages;
	struct open_dir *stack;
	size_t depth, cap;
	struct vt_buf path;
	bool enter; /* the last node given is a directory, entered next: */
	struct vt_dir pending;
	uint32_t pending_nodes;
};

static int grow(struct vt_tree_walk *walk, struct vt_error *err)
{
	if (walk->depth > VT_TREE_DEPTH_MAX)
		return vt_fail(err, EBADMSG, "directories nest deeper than %u", VT_TREE_DEPTH_MAX);
	if (vt_array_reserve(walk->stack, walk->cap, walk->depth + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory to walk a tree");
	return 0;
}

/* Opens a directory whose path, with a '/' unless it is the root's, is walk->path. */
static int push(struct vt_tree_walk *walk, struct vt_dir dir, uint32_t nodes, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	struct open_dir *top;
	int r = grow(walk, err);

	if (r < 0)
		return r;
	r = vt_descend_root(walk->pages, false, dir.page, nodes, &page, err);
	if (r < 0)
		return r;
	top = &walk->stack[walk->depth++];
	top->path_len = walk->path.len;
	vt_dir_cursor_init(&top->cursor, dir, 0);
	if (page->level == 0) { /* most directories are one page: it is at hand */
		top->cursor.leaf = vt_steal(&page);
		top->cursor.leaf_node = dir.position + 1;
	}
	return 0;
}

static void pop(struct vt_tree_walk *walk)
{
	vt_dir_cursor_done(&walk->stack[--walk->depth].cursor);
}

/* The path of an entry of the directory on top. */
static int set_path(struct vt_tree_walk *walk, const struct vt_entry *entry, struct vt_error *err)
{
	walk->path.len = walk->stack[walk->depth - 1].path_len;
	vt_buf_put(&walk->path, entry->name, entry->name_len);
	return vt_buf_failed(&walk->path) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

static int enter(struct vt_tree_walk *walk, struct vt_dir dir, uint32_t nodes, struct vt_error *err)
{
	size_t len = walk->path.len;
	int r;

	vt_buf_put_u8(&walk->path, '/');
	if (vt_buf_failed(&walk->path))
		return vt_fail(err, ENOMEM, "no memory for a path");
	r = push(walk, dir, nodes, err);
	if (r < 0)
		walk->path.len = len;
	return r;
}

/* Opens the directories on the way to `position`, each cursor set to go on behind the way. */
static int start_at(struct vt_tree_walk *walk, const struct vt_tree *tree, uint32_t position,
		    struct vt_error *err)
{
	vt_cleanup(vt_node_done) struct vt_node node = {.entry = tree->root};
	int r = push(walk, vt_node_dir(&node), node.entry.nodes, err);

	while (r >= 0 && node.position != position) {
		struct vt_dir_cursor *cursor = &walk->stack[walk->depth - 1].cursor;
		struct vt_node child;

		r = vt_descend_position(walk->pages, false, &node, position, &child, err);
		if (r < 0)
			break;
		vt_node_done(&node);
		node = child;
		cursor->next = node.ordinal;
		if (node.position != position) {
			cursor->next++;
			r = set_path(walk, &node.entry, err);
			if (r >= 0)
				r = enter(walk, vt_node_dir(&node), node.entry.nodes, err);
		}
	}
	return r;
}

int vt_tree_walk_new(const struct vt_page_source *pages, const struct vt_tree *tree,
		     uint32_t position, struct vt_tree_walk **out, struct vt_error *err)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = calloc(1, sizeof *walk);

	if (!walk)
		return vt_fail(err, ENOMEM, "no memory to walk a tree");
	walk->pages = pages;
	if (position < tree->root.nodes && tree->root.nodes > 1) {
		int r = start_at(walk, tree, position, err);

		if (r < 0)
			return r;
	}
	*out = vt_steal(&walk);
	return 0;
}

void vt_tree_walk_free(struct vt_tree_walk *walk)
{
	if (!walk)
		return;
	while (walk->depth > 0)
		pop(walk);
	free(walk->stack);
	vt_buf_done(&walk->path);
	free(walk);
}

int vt_tree_walk_next(struct vt_tree_walk *walk, struct vt_node *out, const char **path,
		      size_t *path_len, struct vt_error *err)
{
	struct vt_node node;
	int r;

	if (walk->enter) {
		r = enter(walk, walk->pending, walk->pending_nodes, err);
		if (r < 0)
			return r;
		walk->enter = false;
	}
	for (;; pop(walk)) {
		if (walk->depth == 0)
			return 0;
		r = vt_dir_cursor_next(&walk->stack[walk->depth - 1].cursor, walk->pages, false,
				       &node, err);
		if (r < 0)
			return r;
		if (r > 0)
			break;
	}
	r = set_path(walk, &node.entry, err);
	if (r < 0) {
		vt_node_done(&node);
		return r;
	}
	walk->enter = node.entry.type == VT_DIRECTORY;
	walk->pending = vt_node_dir(&node);
	walk->pending_nodes = node.entry.nodes;
	*out = node;
	*path = (const char *) walk->path.data;
	*path_len = walk->path.len;
	return 1;
}

void vt_tree_walk_skip(struct vt_tree_walk *walk)
{
	walk->enter = false;
}

int vt_tree_path_at(const struct vt_page_source *pages, const struct vt_tree *tree,
		    uint32_t position, struct vt_node *out, struct vt_buf *path,
		    struct vt_error *err)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	vt_cleanup(vt_node_done) struct vt_node node = {0};
	const char *text;
	size_t len;
	int r = vt_tree_walk_new(pages, tree, position, &walk, err);

	if (r == 0)
		r = vt_tree_walk_next(walk, &node, &text, &len, err);
	if (r <= 0)
		return r < 0 ? r : vt_fail(err, ENOENT, "there is no node at %u", position);
	vt_buf_put(path, text, len);
	if (vt_buf_failed(path))
		return vt_fail(err, ENOMEM, "no memory for a path");
	*out = node;
	node.page = NULL;
	return 0;
}
