/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What differs between two trees (diff.h): a merge of two sorted sequences that compares pages as
 * long as it can and opens them only where it must.
 *
 * Each side is a stack of steps: a page and an index into it, from a directory's root page down to
 * a leaf. Its *head* is what the top step points at, an entry or a child page not yet opened. Two
 * heads that are equal pages are passed over whole. Else a page is opened, the higher one first so
 * that both sides come to the same level; an entry that stands before all a page can hold is on one
 * side only and leaves the page closed. A pair of directories that differ is one more *pair* on top
 * of both stacks.
 */
#include "index/diff.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/descend.h"
#include "index/entry_codec.h"

enum { BEFORE, AFTER };

struct step {
	struct vt_page *page;
	unsigned index;
};

struct side {
	struct step *steps;
	size_t len, cap;
};

/* Two directories of one path; a side that is not a directory has no steps. */
struct pair {
	size_t base[2];  /* where the directory's steps begin */
	size_t path_len; /* of the path in front of its entries' names */
};

struct diff {
	const struct vt_page_source *pages;
	vt_diff_each *each;
	void *context;
	struct side sides[2];
	struct pair *pairs;
	size_t depth, cap;
	struct vt_buf path;
};

enum head_kind { HEAD_NONE, HEAD_ENTRY, HEAD_PAGE };

struct head {
	enum head_kind kind;
	uint8_t level;              /* page */
	struct vt_page_child child; /* page */
	struct vt_entry entry;      /* entry */
	/* Page: every name in it comes after this one, "" for the first. */
	const char *floor;
	size_t floor_len;
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory to compare trees");
}

static const struct pair *top_pair(const struct diff *diff)
{
	return &diff->pairs[diff->depth - 1];
}

/* Takes the reference in any case. */
static int push_step(struct side *side, struct vt_page *page, struct vt_error *err)
{
	if (vt_array_reserve(side->steps, side->cap, side->len + 1) < 0) {
		vt_page_unref(page);
		return no_memory(err);
	}
	side->steps[side->len++] = (struct step){page, 0};
	return 0;
}

static void cut_to(struct side *side, size_t len)
{
	while (side->len > len)
		vt_page_unref(side->steps[--side->len].page);
}

/* Past the head, and out of every page that ends with it. */
static void advance(struct diff *diff, int s)
{
	struct side *side = &diff->sides[s];
	size_t base = top_pair(diff)->base[s];

	while (side->len > base) {
		struct step *step = &side->steps[side->len - 1];

		if (++step->index < step->page->count)
			return;
		cut_to(side, side->len - 1);
	}
}

/* The last name of what stands before the head, in its page or in one above. */
static void set_floor(const struct side *side, size_t base, struct head *head)
{
	head->floor = "";
	head->floor_len = 0;
	for (size_t i = side->len; i > base; i--) {
		const struct step *step = &side->steps[i - 1];

		if (step->index > 0) {
			head->floor = vt_page_name(step->page, step->index - 1, &head->floor_len);
			return;
		}
	}
}

static void get_head(const struct diff *diff, int s, struct head *out)
{
	const struct side *side = &diff->sides[s];
	size_t base = top_pair(diff)->base[s];
	const struct step *step;

	out->kind = HEAD_NONE;
	if (side->len == base)
		return;
	step = &side->steps[side->len - 1];
	if (step->page->level == 0) {
		out->kind = HEAD_ENTRY;
		vt_page_entry(step->page, step->index, &out->entry);
		return;
	}
	out->kind = HEAD_PAGE;
	out->level = step->page->level - 1;
	vt_page_child(step->page, step->index, &out->child);
	set_floor(side, base, out);
}

static int open_head(struct diff *diff, int s, struct vt_error *err)
{
	struct side *side = &diff->sides[s];
	struct step *step = &side->steps[side->len - 1];
	struct vt_page *page = vt_page_ref(step->page);
	int r = vt_descend_child(diff->pages, false, &page, step->index, err);

	if (r < 0) {
		vt_page_unref(page);
		return r;
	}
	return push_step(side, page, err);
}

/* Opens a directory on one side of the pair on top. An empty one has no steps. */
static int open_dir(struct diff *diff, int s, const struct vt_entry *dir, struct vt_error *err)
{
	struct vt_page *page;
	int r;

	if (dir->nodes == 1)
		return 0;
	r = vt_descend_root(diff->pages, false, dir->page, dir->nodes, &page, err);
	if (r < 0)
		return r;
	return push_step(&diff->sides[s], page, err);
}

/* A pair for two directories, of which one may be NULL; diff->path is the front of their names. */
static int push_pair(struct diff *diff, const struct vt_entry *before, const struct vt_entry *after,
		     struct vt_error *err)
{
	struct pair *pair;
	int r = 0;

	if (diff->depth > VT_TREE_DEPTH_MAX)
		return vt_fail(err, EBADMSG, "directories nest deeper than %u", VT_TREE_DEPTH_MAX);
	if (vt_array_reserve(diff->pairs, diff->cap, diff->depth + 1) < 0)
		return no_memory(err);
	pair = &diff->pairs[diff->depth++];
	*pair = (struct pair){{diff->sides[BEFORE].len, diff->sides[AFTER].len}, diff->path.len};
	if (before)
		r = open_dir(diff, BEFORE, before, err);
	if (after && r >= 0)
		r = open_dir(diff, AFTER, after, err);
	return r;
}

static bool same_metadata(const struct vt_entry *a, const struct vt_entry *b)
{
	return a->mode == b->mode && a->mtime_sec == b->mtime_sec &&
	       a->mtime_nsec == b->mtime_nsec && a->linked == b->linked &&
	       a->xattrs_len == b->xattrs_len &&
	       (a->xattrs_len == 0 || memcmp(a->xattrs, b->xattrs, a->xattrs_len) == 0);
}

static bool same_content(const struct vt_entry *a, const struct vt_entry *b)
{
	switch (a->type) {
	case VT_FILE:
		return a->size == b->size && vt_digest_equal(&a->content, &b->content);
	case VT_SYMLINK:
		return a->target_len == b->target_len &&
		       memcmp(a->target, b->target, a->target_len) == 0;
	case VT_LABELLED:
		return a->size == b->size && a->labels == b->labels &&
		       vt_digest_equal(&a->content, &b->content) &&
		       memcmp(a->block, b->block, vt_entry_block_len(a)) == 0;
	case VT_DIRECTORY:
		break; /* its entries speak for themselves */
	}
	return true;
}

static int report(struct diff *diff, enum vt_change change, const struct vt_entry *before,
		  const struct vt_entry *after)
{
	return diff->each(diff->context, change, (const char *) diff->path.data, diff->path.len,
			  before, after);
}

/* Reports what two entries of one name, or one of them alone, come to. */
static int report_entries(struct diff *diff, const struct vt_entry *before,
			  const struct vt_entry *after)
{
	if (!before)
		return report(diff, VT_ADDED, NULL, after);
	if (!after)
		return report(diff, VT_REMOVED, before, NULL);
	if (before->type != after->type || !same_content(before, after))
		return report(diff, VT_CHANGED, before, after);
	if (!same_metadata(before, after))
		return report(diff, VT_METADATA, before, after);
	return 0;
}

static const struct vt_entry *if_directory(const struct vt_entry *entry)
{
	return entry && entry->type == VT_DIRECTORY ? entry : NULL;
}

/*
 * Takes the heads given (one may be NULL) off their sides, reports them and goes into directories.
 * The entries borrow from pages that advancing gives up: these stay referenced until the end.
 */
static int take(struct diff *diff, const struct vt_entry *before, const struct vt_entry *after,
		struct vt_error *err)
{
	const struct vt_entry *given[2] = {before, after}, *named = before ? before : after;
	struct vt_page *held[2] = {NULL, NULL};
	const struct vt_entry *dirs[2] = {if_directory(before), if_directory(after)};
	int r;

	diff->path.len = top_pair(diff)->path_len;
	vt_buf_put(&diff->path, named->name, named->name_len);
	if (vt_buf_failed(&diff->path))
		return no_memory(err);
	r = report_entries(diff, before, after);
	for (int s = BEFORE; s <= AFTER; s++) {
		const struct side *side = &diff->sides[s];

		if (!given[s])
			continue;
		held[s] = vt_page_ref(side->steps[side->len - 1].page);
		advance(diff, s);
	}
	if (dirs[BEFORE] && dirs[AFTER] && vt_digest_equal(&before->content, &after->content))
		dirs[BEFORE] = dirs[AFTER] = NULL;
	if (r == 0 && (dirs[BEFORE] || dirs[AFTER])) {
		vt_buf_put_u8(&diff->path, '/');
		r = vt_buf_failed(&diff->path) ? no_memory(err)
					       : push_pair(diff, dirs[BEFORE], dirs[AFTER], err);
	}
	vt_page_unref(held[BEFORE]);
	vt_page_unref(held[AFTER]);
	return r;
}

/* Does the entry stand before all that the other side still has? */
static bool is_alone(const struct head *entry, const struct head *other)
{
	if (other->kind == HEAD_NONE)
		return true;
	return other->kind == HEAD_PAGE && vt_name_compare(entry->entry.name, entry->entry.name_len,
							   other->floor, other->floor_len) <= 0;
}

/* One step with the heads of the pair on top. */
static int compare_heads(struct diff *diff, const struct head *a, const struct head *b,
			 struct vt_error *err)
{
	int order;

	if (a->kind == HEAD_PAGE && b->kind == HEAD_PAGE &&
	    vt_digest_equal(&a->child.digest, &b->child.digest)) {
		advance(diff, BEFORE);
		advance(diff, AFTER);
		return 0;
	}
	if (a->kind == HEAD_ENTRY && is_alone(a, b))
		return take(diff, &a->entry, NULL, err);
	if (b->kind == HEAD_ENTRY && is_alone(b, a))
		return take(diff, NULL, &b->entry, err);
	if (a->kind == HEAD_PAGE && (b->kind != HEAD_PAGE || a->level >= b->level))
		return open_head(diff, BEFORE, err);
	if (b->kind == HEAD_PAGE)
		return open_head(diff, AFTER, err);
	order = vt_name_compare(a->entry.name, a->entry.name_len, b->entry.name, b->entry.name_len);
	return take(diff, order <= 0 ? &a->entry : NULL, order >= 0 ? &b->entry : NULL, err);
}

static int run(struct diff *diff, struct vt_error *err)
{
	struct head before, after;
	int r = 0;

	while (r == 0 && diff->depth > 0) {
		get_head(diff, BEFORE, &before);
		get_head(diff, AFTER, &after);
		if (before.kind == HEAD_NONE && after.kind == HEAD_NONE)
			diff->depth--;
		else
			r = compare_heads(diff, &before, &after, err);
	}
	return r;
}

int vt_diff(const struct vt_page_source *pages, const struct vt_tree *before,
	    const struct vt_tree *after, vt_diff_each *each, void *context, struct vt_error *err)
{
	struct diff diff = {.pages = pages, .each = each, .context = context};
	int r = 0;

	if (!same_metadata(&before->root, &after->root))
		r = each(context, VT_METADATA, "", 0, &before->root, &after->root);
	if (r == 0 && !vt_digest_equal(&before->root.content, &after->root.content))
		r = push_pair(&diff, &before->root, &after->root, err);
	if (r == 0)
		r = run(&diff, err);
	cut_to(&diff.sides[BEFORE], 0);
	cut_to(&diff.sides[AFTER], 0);
	free(diff.sides[BEFORE].steps);
	free(diff.sides[AFTER].steps);
	free(diff.pairs);
	vt_buf_done(&diff.path);
	return r;
}
