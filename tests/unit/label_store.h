/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Trees of files, and of labels, out of a list of them: their pages are in the store of
 * store_model.h. */
#include "index/label_tree.h"
#include "index/page_store.h"
#include "tests/unit/plain_label.h"
#include "tests/unit/store_model.h"

/* A file; sorted lists of them end without a path. */
struct item {
	char path[48];
	char content[16]; /* "": a symlink instead */
	char label[16];   /* the text of its one label; "": none */
};

#define ITEMS_MAX 64u

/* Contents that begin with '=' have the first half of their ids in common. */
static inline const struct vt_digest *item_content(const struct item *item)
{
	static struct vt_digest digest;

	digest = *content_of(item->content);
	if (item->content[0] == '=')
		memset(digest.bytes, 7, VT_DIGEST_LEN / 2);
	return &digest;
}

static inline int item_compare(const void *a, const void *b)
{
	const struct item *x = a, *y = b;

	return vt_label_path_compare(x->path, strlen(x->path), y->path, strlen(y->path));
}

static inline size_t items_count(const struct item *items)
{
	size_t count = 0;

	while (items[count].path[0])
		count++;
	return count;
}

/* The directories that `path` is in and `open` is not, or the other way round, are entered and
 * left. */
static inline void items_move(struct vt_tree_builder *builder, char *open, const char *path)
{
	size_t len = strlen(open);

	while (strncmp(open, path, len) != 0) {
		must(vt_tree_builder_leave(builder, &err) == 0);
		for (len--; len > 0 && open[len - 1] != '/'; len--)
			;
		open[len] = 0;
	}
	for (const char *end; (end = strchr(path + len, '/')); len = (size_t) (end - path) + 1) {
		struct vt_entry entry = {.type = VT_DIRECTORY,
					 .mode = 0755,
					 .name = path + len,
					 .name_len = (uint8_t) (end - path - (ptrdiff_t) len)};

		must(vt_tree_builder_enter(builder, &entry, &err) == 0);
		memcpy(open, path, (size_t) (end - path) + 1);
		open[end - path + 1] = 0;
	}
}

static inline void items_add(struct vt_tree_builder *builder, const struct item *item, size_t dir)
{
	struct vt_entry entry = {.type = item->content[0] ? VT_FILE : VT_SYMLINK,
				 .mode = item->content[0] ? 0644 : 0777,
				 .name = item->path + dir,
				 .name_len = (uint8_t) (strlen(item->path) - dir),
				 .nodes = 1};

	if (item->content[0]) {
		entry.size = strlen(item->content);
		entry.content = *item_content(item);
	} else {
		entry.target = "there";
		entry.target_len = 5;
	}
	must(vt_tree_builder_add(builder, &entry, &err) == 0);
}

static inline struct vt_tree items_tree(const struct item *items)
{
	vt_cleanup(vt_page_store_freep) struct vt_page_store *pages = NULL;
	struct vt_entry root = {.type = VT_DIRECTORY, .mode = 0755};
	struct vt_tree_builder *builder;
	struct vt_page_sink sink;
	struct vt_tree tree = {0};
	char open[48] = "";

	must(vt_page_store_new(idx->store, 1, &pages, &err) == 0);
	sink = vt_page_store_sink(pages, VT_PAGE_FILES);
	must(vt_tree_builder_new(&sink, &builder, &err) == 0);
	for (; items->path[0]; items++) {
		items_move(builder, open, items->path);
		items_add(builder, items, strlen(open));
	}
	items_move(builder, open, "");
	must(vt_tree_builder_finish(builder, &root, &tree, &err) == 0);
	vt_tree_builder_free(builder);
	must(vt_page_store_flush(pages, &err) == 0);
	return tree;
}

static inline struct vt_label_tree items_labels(const struct item *items)
{
	vt_cleanup(vt_page_store_freep) struct vt_page_store *pages = NULL;
	struct vt_label_tree_builder *builder;
	struct vt_label_tree tree;
	struct vt_page_sink sink;

	must(vt_page_store_new(idx->store, 1, &pages, &err) == 0);
	sink = vt_page_store_sink(pages, VT_PAGE_LABELS);
	must(vt_label_tree_builder_new(&sink, &builder, &err) == 0);
	for (; items->path[0]; items++) {
		struct vt_label label = label_of("k", items->label, "ann");

		if (items->label[0])
			must(vt_label_tree_builder_add(builder, items->path, strlen(items->path),
						       item_content(items), &label, 1, &err) == 0);
	}
	must(vt_label_tree_builder_finish(builder, &tree, &err) == 0);
	vt_label_tree_builder_free(builder);
	must(vt_page_store_flush(pages, &err) == 0);
	return tree;
}

/* Every label of `tree` as "PATH=VALUE ". Good until the next call. */
static inline const char *labels_text(const struct vt_label_tree *tree)
{
	static char text[ITEMS_MAX * 80];
	const struct vt_tree root = vt_label_tree_root(tree);
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_label_rows rows;
	struct vt_label label;
	struct vt_node node = {0};
	const char *path;
	size_t len, at = 0;

	text[0] = 0;
	if (tree->labels == 0)
		return text;
	must(vt_tree_walk_new(&idx->label_pages, &root, 1, &walk, &err) == 0);
	while (vt_tree_walk_next(walk, &node, &path, &len, &err) > 0) {
		if (node.entry.type == VT_LABELLED) {
			must(vt_label_rows_open(&rows, &idx->label_pages, &node.entry, &err) >= 0);
			while (vt_label_rows_next(&rows, &label, &err) > 0)
				at += (size_t) snprintf(text + at, sizeof text - at, "%.*s=%.*s ",
							(int) len, path, (int) label.value.text.len,
							label.value.text.bytes);
			vt_label_rows_done(&rows);
		}
		vt_node_done(&node);
	}
	return text;
}

/* The same labels, to the byte. */
static inline bool same_labels(const struct vt_label_tree *a, const struct vt_label_tree *b)
{
	struct vt_digest x, y;

	must(vt_label_tree_digest(a, &x, &err) == 0);
	must(vt_label_tree_digest(b, &y, &err) == 0);
	return vt_digest_equal(&x, &y) && a->labels == b->labels && a->files == b->files;
}
