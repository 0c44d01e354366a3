/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A version's directory tree, made of pages (page.h). A node's *position* is its index in a
 * depth-first walk in byte order of names: the version's root is 0, a directory's descendants are
 * the interval that follows it. Counts in the pages make a position, and the n-th entry of a
 * directory, findable in O(log n) pages; the same subtree is the same page in every version.
 *
 * Reading is thread-safe if the page source is. Writing belongs to one thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/entry.h"
#include "index/page.h"

/* Directories on the way to a node, the root not counted: a builder refuses more. */
#define VT_TREE_DEPTH_MAX 2048u

/* Where the pages of trees come from: the store, another process, or a test. */
struct vt_page_source {
	/*
	 * A reference to the decoded page. With `nowait`, -EAGAIN when that could wait for a disk.
	 * -EBADMSG damaged or missing.
	 */
	int (*get)(void *context, uint64_t id, bool nowait, struct vt_page **out,
		   struct vt_error *err);
	void *context;
	enum vt_page_kind kind; /* of the trees read: a page of another is refused (-EBADMSG) */
};

/*
 * The root: what the directory `v1` itself shows, and where its pages begin. Its canonical bytes
 * (an entry without a name, then the link table's count and digest) give the tree digest.
 */
struct vt_tree {
	struct vt_entry root; /* type VT_DIRECTORY, no name; .content, .nodes, .page, .xattrs */
	uint64_t links;       /* id of the link table; 0: no hard links */
	uint32_t link_count;  /* its rows */
	struct vt_digest link_digest; /* zero without */
};
int vt_tree_encode(const struct vt_tree *tree, struct vt_buf *out, struct vt_error *err);
/* Borrows xattrs from `data`. The trailer (page id, link table id) is separate in both. */
int vt_tree_decode(const void *data, size_t len, struct vt_tree *out, struct vt_error *err);
int vt_tree_digest(const struct vt_tree *tree, struct vt_digest *out, struct vt_error *err);

/* A directory inside a tree. */
struct vt_dir {
	uint64_t page;     /* its root page */
	uint32_t position; /* its own position */
};

/* A found node. Holds a reference to the page that `entry` borrows from (none for the root). */
struct vt_node {
	struct vt_entry entry;
	uint32_t position;
	uint32_t ordinal; /* index within its directory (not set by vt_tree_at on the root) */
	unsigned index;   /* within the page (likewise) */
	struct vt_page *page;
};
void vt_node_done(struct vt_node *node);

static inline struct vt_dir vt_node_dir(const struct vt_node *node)
{
	return (struct vt_dir){node->entry.page, node->position};
}

/* The entry `name` of a directory. -ENOENT, -EAGAIN (nowait), -EBADMSG. */
int vt_tree_lookup(const struct vt_page_source *pages, bool nowait, struct vt_dir dir,
		   const char *name, size_t len, struct vt_node *out, struct vt_error *err);

/* The node at a position; position 0 is the root. -ENOENT when it is not below tree->root.nodes. */
int vt_tree_at(const struct vt_page_source *pages, bool nowait, const struct vt_tree *tree,
	       uint32_t position, struct vt_node *out, struct vt_error *err);

/*
 * The node at `path`, relative to the root, '/' between names; "" is the root. Symlinks are not
 * followed. -ENOENT, -ENOTDIR.
 */
int vt_tree_find(const struct vt_page_source *pages, const struct vt_tree *tree, const char *path,
		 size_t len, struct vt_node *out, struct vt_error *err);

/* The entries of one directory, from the ordinal-th on. 1 an entry, 0 the end, or an error. */
struct vt_dir_cursor {
	struct vt_dir dir;
	uint32_t next;        /* ordinal of the entry that comes next */
	struct vt_page *leaf; /* a reference, or NULL */
	uint32_t leaf_first;  /* ordinal of the leaf's first entry */
	uint32_t leaf_node;   /* position of the leaf's first entry */
};
void vt_dir_cursor_init(struct vt_dir_cursor *cursor, struct vt_dir dir, uint32_t ordinal);
void vt_dir_cursor_done(struct vt_dir_cursor *cursor);
int vt_dir_cursor_next(struct vt_dir_cursor *cursor, const struct vt_page_source *pages,
		       bool nowait, struct vt_node *out, struct vt_error *err);

/*
 * The whole tree, depth first, from a position on; the root itself is not given. 1, 0 or an error.
 * `path` is that of the current node (no leading '/'), borrowed until the next call; `pages` is
 * borrowed for the walk's life.
 */
struct vt_tree_walk;
int vt_tree_walk_new(const struct vt_page_source *pages, const struct vt_tree *tree,
		     uint32_t position, struct vt_tree_walk **out, struct vt_error *err);
void vt_tree_walk_free(struct vt_tree_walk *walk);
int vt_tree_walk_next(struct vt_tree_walk *walk, struct vt_node *out, const char **path,
		      size_t *path_len, struct vt_error *err);
/* What vt_tree_walk_next gave last was a directory: go past it without entering. */
void vt_tree_walk_skip(struct vt_tree_walk *walk);
VT_DEFINE_CLEANUP(struct vt_tree_walk, vt_tree_walk_free);

/* The node at a position that is not the root's, and its path, appended to `path`. -ENOENT. */
int vt_tree_path_at(const struct vt_page_source *pages, const struct vt_tree *tree,
		    uint32_t position, struct vt_node *out, struct vt_buf *path,
		    struct vt_error *err);

/*
 * Building, from entries in walk order: enter() a directory, add() what is none, leave().
 * Memory: the open pages of one path. Pages go to the sink in batches of about 128 KiB,
 * those of one directory and level together, children before parents.
 */
struct vt_new_page {
	struct vt_digest digest;
	struct vt_buf value; /* as stored: vt_page_value_encode(); may be taken by the sink */
	uint64_t id;         /* filled by the sink: of an equal page, or a new one */
};
struct vt_page_sink {
	int (*put)(void *context, struct vt_new_page *pages, size_t count, struct vt_error *err);
	void *context;
	enum vt_page_kind kind; /* of the tree built */
};
struct vt_tree_builder;
int vt_tree_builder_new(const struct vt_page_sink *sink, struct vt_tree_builder **out,
			struct vt_error *err);
void vt_tree_builder_free(struct vt_tree_builder *builder);
/*
 * -EINVAL: names out of order, a rule of entry.h broken; -EOVERFLOW: more nodes than VT_NODES_MAX
 * or deeper than VT_TREE_DEPTH_MAX. After an error that is not -EINVAL the builder can only be
 * freed.
 */
int vt_tree_builder_enter(struct vt_tree_builder *builder, const struct vt_entry *entry,
			  struct vt_error *err);
int vt_tree_builder_add(struct vt_tree_builder *builder, const struct vt_entry *entry,
			struct vt_error *err);
int vt_tree_builder_leave(struct vt_tree_builder *builder, struct vt_error *err);
/* The directory that was left last: its type, content, page and nodes alone. Borrowed. */
const struct vt_entry *vt_tree_builder_left(const struct vt_tree_builder *builder);
/*
 * An entry as another tree has it, whose pages the sink's store has: a directory with all below it,
 * or what could be added. Errors as above.
 */
int vt_tree_builder_adopt(struct vt_tree_builder *builder, const struct vt_entry *entry,
			  struct vt_error *err);
/*
 * A page of that level, likewise, with all below it: one that the cutting rule ended, not the end
 * of its level (index/schema.md, "What an edit keeps"). 1 it was taken, 0 not: no page begins here
 * in that level and all below it, so that its items must be given instead. Errors as above.
 */
int vt_tree_builder_adopt_page(struct vt_tree_builder *builder, unsigned level,
			       const struct vt_page_child *child, struct vt_error *err);
/* Position that the next entry gets: what a link table needs while building. */
uint32_t vt_tree_builder_position(const struct vt_tree_builder *builder);
/*
 * Closes the root, whose own mode, mtime and xattrs (borrowed) are given; fills tree->root. The
 * link table is the caller's to fill in.
 */
int vt_tree_builder_finish(struct vt_tree_builder *builder, const struct vt_entry *root,
			   struct vt_tree *out, struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_tree_builder, vt_tree_builder_free);
