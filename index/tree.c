/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading trees (tree.h): the root's bytes, finding an entry by name, by path and by position, and
 * the entries of one directory in order. Walking all of it: tree_walk.c; building: tree_build.c.
 */
#include "index/tree.h"

#include <errno.h>
#include <string.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/descend.h"
#include "index/entry_codec.h"

#define TREE_TAG "vitrine tree v1"

static const char *tree_problem(const struct vt_tree *tree)
{
	const char *problem = vt_entry_problem(&tree->root, VT_PAGE_FILES, true);

	if (!problem && tree->link_count > tree->root.nodes)
		problem = "it has more hard links than nodes";
	if (!problem && (tree->link_count == 0) != vt_digest_is_zero(&tree->link_digest))
		problem = "the count and the digest of its links disagree";
	return problem;
}

int vt_tree_encode(const struct vt_tree *tree, struct vt_buf *out, struct vt_error *err)
{
	const char *problem = tree_problem(tree);

	if (problem)
		return vt_fail(err, EINVAL, "no tree can be like this: %s", problem);
	vt_entry_encode(&tree->root, out);
	vt_buf_put_le32(out, tree->link_count);
	vt_buf_put(out, tree->link_digest.bytes, VT_DIGEST_LEN);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a tree's root") : 0;
}

int vt_tree_decode(const void *data, size_t len, struct vt_tree *out, struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(data, len);
	struct vt_tree tree = {0};
	const char *problem = vt_entry_decode(&reader, &tree.root);
	const void *digest;

	if (problem)
		return vt_fail(err, EBADMSG, "the tree's root is damaged: %s", problem);
	tree.link_count = vt_reader_le32(&reader);
	digest = vt_reader_get(&reader, VT_DIGEST_LEN);
	if (!digest || vt_reader_left(&reader))
		return vt_fail(err, EBADMSG, "the tree's root is damaged: its length is wrong");
	memcpy(tree.link_digest.bytes, digest, VT_DIGEST_LEN);
	problem = tree_problem(&tree);
	if (problem)
		return vt_fail(err, EBADMSG, "the tree's root is damaged: %s", problem);
	*out = tree;
	return 0;
}

int vt_tree_digest(const struct vt_tree *tree, struct vt_digest *out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	int r = vt_tree_encode(tree, &bytes, err);

	if (r < 0)
		return r;
	vt_digest_tagged(TREE_TAG, bytes.data, bytes.len, out);
	return 0;
}

void vt_node_done(struct vt_node *node)
{
	vt_page_unref(node->page);
	node->page = NULL;
}

static int no_entry(const char *name, size_t len, struct vt_error *err)
{
	int shown = len < VT_NAME_LEN_MAX ? (int) len : (int) VT_NAME_LEN_MAX;

	return vt_fail(err, ENOENT, "there is no '%.*s'", shown, name);
}

int vt_tree_lookup(const struct vt_page_source *pages, bool nowait, struct vt_dir dir,
		   const char *name, size_t len, struct vt_node *out, struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	uint32_t position = dir.position + 1, ordinal = 0;
	int i, r = vt_descend_root(pages, nowait, dir.page, 0, &page, err);

	if (r < 0)
		return r;
	for (;;) {
		i = vt_page_find(page, name, len);
		if (i < 0)
			return no_entry(name, len, err);
		position += vt_page_nodes_before(page, (unsigned) i);
		ordinal += vt_page_entries_before(page, (unsigned) i);
		if (page->level == 0)
			break;
		r = vt_descend_child(pages, nowait, &page, (unsigned) i, err);
		if (r < 0)
			return r;
	}
	vt_page_entry(page, (unsigned) i, &out->entry);
	out->position = position;
	out->ordinal = ordinal;
	out->index = (unsigned) i;
	out->page = vt_steal(&page);
	return 0;
}

int vt_tree_at(const struct vt_page_source *pages, bool nowait, const struct vt_tree *tree,
	       uint32_t position, struct vt_node *out, struct vt_error *err)
{
	struct vt_node node = {.entry = tree->root}, inner;

	if (position >= tree->root.nodes)
		return vt_fail(err, ENOENT, "there is no node %u", position);
	while (node.position != position) {
		int r = vt_descend_position(pages, nowait, &node, position, &inner, err);

		vt_node_done(&node);
		if (r < 0)
			return r;
		node = inner;
	}
	*out = node;
	return 0;
}

int vt_tree_find(const struct vt_page_source *pages, const struct vt_tree *tree, const char *path,
		 size_t len, struct vt_node *out, struct vt_error *err)
{
	vt_cleanup(vt_node_done) struct vt_node node = {.entry = tree->root};
	const char *at = path, *end = path + len;

	while (at < end) {
		const char *slash = memchr(at, '/', (size_t) (end - at));
		size_t name_len = (size_t) ((slash ? slash : end) - at);
		struct vt_node child;
		int r;

		if (node.entry.type != VT_DIRECTORY)
			return vt_fail(err, ENOTDIR, "'%.*s' is not a directory",
				       (int) (at - path - 1), path);
		r = vt_tree_lookup(pages, false, vt_node_dir(&node), at, name_len, &child, err);
		if (r == -ENOENT)
			return no_entry(path, len, err);
		if (r < 0)
			return r;
		vt_node_done(&node);
		node = child;
		at += name_len + 1;
	}
	*out = node;
	node.page = NULL; /* handed over */
	return 0;
}

void vt_dir_cursor_init(struct vt_dir_cursor *cursor, struct vt_dir dir, uint32_t ordinal)
{
	*cursor = (struct vt_dir_cursor){.dir = dir, .next = ordinal};
}

void vt_dir_cursor_done(struct vt_dir_cursor *cursor)
{
	vt_page_unref(cursor->leaf);
	cursor->leaf = NULL;
}

/* Gets the leaf that holds the next entry: 1, or 0 at the end. On failure the cursor stays. */
static int load_leaf(struct vt_dir_cursor *cursor, const struct vt_page_source *pages, bool nowait,
		     struct vt_error *err)
{
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	uint32_t first = 0, node = cursor->dir.position + 1;
	int r = vt_descend_root(pages, nowait, cursor->dir.page, 0, &page, err);

	if (r < 0)
		return r;
	if (cursor->next >= page->entries)
		return 0;
	while (page->level > 0) {
		unsigned i = vt_page_index_of_entry(page, cursor->next - first);

		first += vt_page_entries_before(page, i);
		node += vt_page_nodes_before(page, i);
		r = vt_descend_child(pages, nowait, &page, i, err);
		if (r < 0)
			return r;
	}
	vt_page_unref(cursor->leaf);
	cursor->leaf = vt_steal(&page);
	cursor->leaf_first = first;
	cursor->leaf_node = node;
	return 1;
}

int vt_dir_cursor_next(struct vt_dir_cursor *cursor, const struct vt_page_source *pages,
		       bool nowait, struct vt_node *out, struct vt_error *err)
{
	unsigned i;

	/* Unsigned: an ordinal before the leaf, which seeking makes, is out of it too. */
	if (!cursor->leaf || cursor->next - cursor->leaf_first >= cursor->leaf->count) {
		int r = load_leaf(cursor, pages, nowait, err);

		if (r <= 0)
			return r;
	}
	i = cursor->next - cursor->leaf_first;
	vt_page_entry(cursor->leaf, i, &out->entry);
	out->position = cursor->leaf_node + vt_page_nodes_before(cursor->leaf, i);
	out->ordinal = cursor->next++;
	out->index = i;
	out->page = vt_page_ref(cursor->leaf);
	return 1;
}
