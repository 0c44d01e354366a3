/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See label_edit.h. The old tree is walked in step with the edits, directory by directory, and all
 * of it but what they replace is given to a builder: entries one by one, or pages as a whole.
 *
 * When a page may be adopted. The cutting rule looks at a page's own items and at nothing else, so
 * the same items make the same page wherever a page begins with the first of them. That an old page
 * of level l comes again is certain if
 *
 *   1. it was not the last of its level: the rule ended it, and will again;
 *   2. no edit falls behind the last name of the page before and not behind its own last name; and
 *   3. in the new directory a page begins there in level l and in every level below it: the open
 *      pages of the levels 0 to l are empty.
 *
 * Then its items come again: entries by 2; and pages in it by induction, since none of them is the
 * last of its level (1), no edit falls into them (2), and a page begins at the first by 3 and at
 * each next one because the rule ended the one before. Open pages of levels above l do not matter,
 * there the page is one more item.
 *
 * The last page of a level is always opened: what ended it may have been the end of the level. So
 * an edited directory costs the way to each edit, and the way to its end.
 */
#include "index/label_edit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/descend.h"
#include "index/entry_codec.h"
#include "index/label_tree_private.h"

struct old_page {
	struct vt_page *page;
	unsigned next; /* item that was not given yet */
	bool is_last;  /* of its level */
};

/* A directory on the way to the edit at hand, and what of it is still to be given. */
struct old_dir {
	struct old_page *pages; /* from the root page down; NULL: there was no such directory */
	size_t depth, cap;
};

struct vt_label_edit {
	const struct vt_page_source *source;
	struct vt_label_tree old;
	struct vt_label_tree_builder *builder;
	struct old_dir *stack; /* none before the first edit; [0]: the root */
	size_t depth, cap;
	struct vt_buf directory; /* the one on top; its path */
	struct vt_buf last;      /* path of the last edit */
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory to edit a tree of labels");
}

/* What the builder cannot take of the old tree is damage there. */
static int blame_old(int r, struct vt_error *err)
{
	return r == -EINVAL ? vt_fail_in(err, -EBADMSG, "a tree of labels is damaged") : r;
}

int vt_label_edit_new(const struct vt_page_source *pages, const struct vt_label_tree *old,
		      const struct vt_page_sink *sink, struct vt_label_edit **out,
		      struct vt_error *err)
{
	vt_cleanup(vt_label_edit_freep) struct vt_label_edit *edit = calloc(1, sizeof *edit);
	int r;

	if (!edit)
		return no_memory(err);
	edit->source = pages;
	edit->old = *old;
	r = vt_label_tree_builder_new(sink, &edit->builder, err);
	if (r < 0)
		return r;
	vt_label_tree_builder_count(edit->builder, old->files, old->labels);
	*out = vt_steal(&edit);
	return 0;
}

/* ---- one old directory ---- */

static struct old_dir *top(const struct vt_label_edit *edit)
{
	return &edit->stack[edit->depth - 1];
}

/* The page whose items come next; NULL at the directory's end. */
static struct old_page *open_page(const struct old_dir *dir)
{
	return dir->depth ? &dir->pages[dir->depth - 1] : NULL;
}

/* Takes over the reference. */
static int push_page(struct old_dir *dir, struct vt_page *page, bool is_last, struct vt_error *err)
{
	if (vt_array_reserve(dir->pages, dir->cap, dir->depth + 1) < 0) {
		vt_page_unref(page);
		return no_memory(err);
	}
	dir->pages[dir->depth++] = (struct old_page){.page = page, .is_last = is_last};
	return 0;
}

static void pop_page(struct old_dir *dir)
{
	vt_page_unref(dir->pages[--dir->depth].page);
}

static void old_dir_done(struct old_dir *dir)
{
	while (dir->depth > 0)
		pop_page(dir);
	free(dir->pages);
}

static bool is_last_child(const struct old_page *at)
{
	return at->is_last && at->next + 1u == at->page->count;
}

/* Opens the next child of an inner page. */
static int descend(const struct vt_label_edit *edit, struct old_dir *dir, struct vt_error *err)
{
	struct old_page *at = open_page(dir);
	bool is_last = is_last_child(at);
	struct vt_page *child = vt_page_ref(at->page);
	int r = vt_descend_child(edit->source, false, &child, at->next, err);

	if (r < 0) {
		vt_page_unref(child);
		return r;
	}
	at->next++;
	return push_page(dir, child, is_last, err);
}

/* Gives the next child as a whole, or opens it: it must be, or its names go up to `name` or beyond.
 */
static int pass_child(struct vt_label_edit *edit, struct old_dir *dir, const char *name, size_t len,
		      struct vt_error *err)
{
	struct old_page *at = open_page(dir);
	struct vt_page_child child;
	int r;

	vt_page_child(at->page, at->next, &child);
	if (is_last_child(at) ||
	    (name && vt_name_compare(child.last_name, child.last_name_len, name, len) >= 0))
		return descend(edit, dir, err);
	r = vt_label_tree_builder_adopt_page(edit->builder, (const char *) edit->directory.data,
					     edit->directory.len, at->page->level - 1u, &child,
					     err);
	if (r == 0)
		return descend(edit, dir, err);
	if (r < 0)
		return blame_old(r, err);
	at->next++;
	return 0;
}

/* Gives the next entry; 1 when it is at `name` or behind it, and stays. */
static int pass_entry(struct vt_label_edit *edit, struct old_page *at, const char *name, size_t len,
		      struct vt_error *err)
{
	struct vt_entry entry;
	int r;

	vt_page_entry(at->page, at->next, &entry);
	if (name && vt_name_compare(entry.name, entry.name_len, name, len) >= 0)
		return 1;
	r = vt_label_tree_builder_adopt(edit->builder, (const char *) edit->directory.data,
					edit->directory.len, &entry, err);
	if (r < 0)
		return blame_old(r, err);
	at->next++;
	return 0;
}

/*
 * Gives what of the directory on top comes before `name`, or all that is left (NULL). 1: an entry
 * with that name is next.
 */
static int pass(struct vt_label_edit *edit, const char *name, size_t len, struct vt_error *err)
{
	struct old_dir *dir = top(edit);
	struct old_page *at;
	const char *next;
	size_t next_len;
	int r = 0;

	while (r == 0 && (at = open_page(dir))) {
		if (at->next == at->page->count)
			pop_page(dir);
		else if (at->page->level > 0)
			r = pass_child(edit, dir, name, len, err);
		else
			r = pass_entry(edit, at, name, len, err);
	}
	if (r <= 0)
		return r;
	at = open_page(dir);
	next = vt_page_name(at->page, at->next, &next_len);
	return vt_name_compare(next, next_len, name, len) == 0;
}

/* The entry that pass() found. */
static struct vt_entry found(const struct vt_label_edit *edit)
{
	const struct old_page *at = open_page(top(edit));
	struct vt_entry entry;

	vt_page_entry(at->page, at->next, &entry);
	return entry;
}

/* ---- from directory to directory ---- */

/* A directory of no entries, on top. */
static int push_dir(struct vt_label_edit *edit, struct vt_error *err)
{
	if (vt_array_reserve(edit->stack, edit->cap, edit->depth + 1) < 0)
		return no_memory(err);
	edit->stack[edit->depth++] = (struct old_dir){0};
	return 0;
}

static void pop_dir(struct vt_label_edit *edit)
{
	old_dir_done(&edit->stack[--edit->depth]);
}

/* Puts a directory of the old tree on top. */
static int open_dir(struct vt_label_edit *edit, const struct vt_entry *entry, struct vt_error *err)
{
	struct vt_page *page;
	int r = vt_descend_root(edit->source, false, entry->page, entry->nodes, &page, err);

	if (r < 0)
		return r;
	r = push_dir(edit, err);
	if (r < 0) {
		vt_page_unref(page);
		return r;
	}
	return push_page(top(edit), page, true, err);
}

static int open_root(struct vt_label_edit *edit, struct vt_error *err)
{
	struct vt_tree tree = vt_label_tree_root(&edit->old);

	return edit->old.labels ? open_dir(edit, &tree.root, err) : push_dir(edit, err);
}

static int leave(struct vt_label_edit *edit, struct vt_error *err)
{
	int r = pass(edit, NULL, 0, err);
	size_t name;

	if (r < 0)
		return r;
	name = vt_label_path_name((const char *) edit->directory.data, edit->directory.len);
	edit->directory.len = name ? name - 1 : 0;
	pop_dir(edit);
	return 0;
}

/*
 * Enters a directory of the one on top. If there is none in the old tree it is empty; 1, and
 * nothing is entered, if it is only to be entered when it `must_exist`.
 */
static int enter(struct vt_label_edit *edit, const char *name, size_t len, bool must_exist,
		 struct vt_error *err)
{
	int r = pass(edit, name, len, err);
	struct vt_entry entry = {0};

	if (r > 0)
		entry = found(edit);
	if (r < 0 || (must_exist && entry.type != VT_DIRECTORY))
		return r < 0 ? r : 1;
	if (entry.type == VT_LABELLED)
		return vt_fail(err, EINVAL, "'%.*s' is a labelled file, no directory", (int) len,
			       name);
	if (entry.type == VT_DIRECTORY) {
		open_page(top(edit))->next++;
		return open_dir(edit, &entry, err);
	}
	return push_dir(edit, err);
}

/* Goes to a directory; 1 when it `must_exist` and does not. */
static int go_to(struct vt_label_edit *edit, const char *directory, size_t len, bool must_exist,
		 struct vt_error *err)
{
	int r = edit->depth ? 0 : open_root(edit, err);

	while (r == 0 && !vt_label_path_is_below(directory, len, &edit->directory))
		r = leave(edit, err);
	while (r == 0 && edit->directory.len < len) {
		size_t from, to;

		vt_label_path_next(directory, len, edit->directory.len, &from, &to);
		r = enter(edit, directory + from, to - from, must_exist, err);
		if (r != 0)
			return r;
		vt_buf_reset(&edit->directory);
		vt_buf_put(&edit->directory, directory, to);
		if (vt_buf_failed(&edit->directory))
			return no_memory(err);
	}
	return r;
}

/* ---- what is gone ---- */

/* Counts what is below a directory of the old tree. */
static int count_below(const struct vt_label_edit *edit, const struct vt_entry *entry,
		       uint32_t *files, uint64_t *labels, struct vt_error *err)
{
	const struct vt_tree tree = {.root = *entry};
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_node node;
	const char *path;
	size_t len;
	int r = vt_tree_walk_new(edit->source, &tree, 0, &walk, err);

	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, err)) > 0) {
		*files += node.entry.type == VT_LABELLED;
		*labels += node.entry.labels;
		vt_node_done(&node);
	}
	return r;
}

/* Passes over the entry with that name in the directory on top, if there is one. */
static int drop(struct vt_label_edit *edit, const char *name, size_t len, struct vt_error *err)
{
	int r = pass(edit, name, len, err);
	struct vt_entry entry;
	uint32_t files = 1;
	uint64_t labels;

	if (r <= 0)
		return r;
	entry = found(edit);
	labels = entry.labels;
	r = 0;
	if (entry.type == VT_DIRECTORY) {
		files = 0;
		r = count_below(edit, &entry, &files, &labels, err);
	}
	if (r == 0)
		r = vt_label_tree_builder_uncount(edit->builder, files, labels, err);
	if (r == 0)
		open_page(top(edit))->next++;
	return r;
}

/* ---- edits ---- */

static int check_path(struct vt_label_edit *edit, const char *path, size_t len,
		      struct vt_error *err)
{
	const char *last = (const char *) edit->last.data;

	if (len == 0 || path[0] == '/')
		return vt_fail(err, EINVAL, "the path of labels is empty, or begins with '/'");
	if (edit->last.len && vt_label_path_compare(last, edit->last.len, path, len) >= 0)
		return vt_fail(err, EINVAL, "it does not come after '%.*s'",
			       (int) (edit->last.len < 255 ? edit->last.len : 255), last);
	vt_buf_reset(&edit->last);
	vt_buf_put(&edit->last, path, len);
	return vt_buf_failed(&edit->last) ? no_memory(err) : 0;
}

/* Drops what is at a path; the way to it is made when it is `needed`. */
static int clear(struct vt_label_edit *edit, const char *path, size_t len, bool needed,
		 struct vt_error *err)
{
	size_t name = vt_label_path_name(path, len);
	int r = check_path(edit, path, len, err);

	if (r == 0)
		r = go_to(edit, path, name ? name - 1 : 0, !needed, err);
	if (r == 0)
		r = drop(edit, path + name, len - name, err);
	if (r < 0)
		return vt_fail_in(err, r, "labels of '%.*s'", (int) (len < 255 ? len : 255), path);
	return 0;
}

int vt_label_edit_put(struct vt_label_edit *edit, const char *path, size_t len,
		      const struct vt_digest *content, struct vt_label *rows, size_t count,
		      struct vt_error *err)
{
	int r = clear(edit, path, len, true, err);

	return r < 0 ? r
		     : vt_label_tree_builder_add(edit->builder, path, len, content, rows, count,
						 err);
}

int vt_label_edit_remove(struct vt_label_edit *edit, const char *path, size_t len,
			 struct vt_error *err)
{
	return clear(edit, path, len, false, err);
}

int vt_label_edit_finish(struct vt_label_edit *edit, struct vt_label_tree *out,
			 struct vt_error *err)
{
	int r = 0;

	if (edit->depth == 0) {
		*out = edit->old;
		return 0;
	}
	while (r == 0 && edit->depth > 0)
		r = leave(edit, err);
	return r < 0 ? r : vt_label_tree_builder_finish(edit->builder, out, err);
}

void vt_label_edit_free(struct vt_label_edit *edit)
{
	if (!edit)
		return;
	while (edit->depth > 0)
		pop_dir(edit);
	free(edit->stack);
	vt_label_tree_builder_free(edit->builder);
	vt_buf_done(&edit->directory);
	vt_buf_done(&edit->last);
	free(edit);
}
