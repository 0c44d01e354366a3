/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Building trees (tree.h). Every open directory has one open page per level. A page that is full
 * joins the finished ones of its level; these go to the sink in batches, get their ids there and
 * become children in the level above. A directory is closed from the leaves up until a level has a
 * single page: its root.
 *
 * A page of another tree is adopted by becoming a child in the level above, when all pages that are
 * open in its level and below are empty: then a page begins there in each of these levels. Levels
 * below an adopted page may have no page at all, and the root may be an adopted one.
 *
 * The digests never depend on the batches, only the calls of the sink do.
 */
#include "index/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/entry_codec.h"

#define BATCH_BYTES (128u << 10) /* of finished pages that wait in a level for more */

/* What the level above needs to know of a finished page. */
struct summary {
	uint32_t entries, nodes;
	struct vt_line_sums lines;
	uint8_t last_name_len;
	char last_name[VT_NAME_LEN_MAX];
};

struct level {
	struct vt_page_builder page;
	struct vt_new_page *finished;
	struct summary *summaries; /* of `finished` */
	size_t count, cap, bytes;
	struct vt_digest last_digest; /* of the child that `page` got last */
	uint64_t last_id;
};

struct open_dir {
	struct vt_entry entry; /* name and xattrs point into `copies` */
	struct vt_buf copies;
	struct level *levels[VT_PAGE_LEVEL_MAX + 1];
	char last_name[VT_NAME_LEN_MAX];
	size_t last_name_len;
};

struct vt_tree_builder {
	const struct vt_page_sink *sink;
	struct open_dir **stack; /* [0]: the root */
	size_t depth, cap;
	uint32_t position; /* of the next entry */
	struct vt_entry left;
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory to build a tree");
}

static void drop_finished(struct level *level)
{
	for (size_t i = 0; i < level->count; i++)
		vt_buf_done(&level->finished[i].value);
	level->count = level->bytes = 0;
}

static void level_free(struct level *level)
{
	if (!level)
		return;
	drop_finished(level);
	free(level->finished);
	free(level->summaries);
	vt_page_builder_done(&level->page);
	free(level);
}

/* NULL when memory is short. */
static struct level *get_level(const struct vt_tree_builder *builder, struct open_dir *dir,
			       unsigned number)
{
	if (!dir->levels[number]) {
		dir->levels[number] = calloc(1, sizeof(struct level));
		if (dir->levels[number])
			vt_page_builder_init(&dir->levels[number]->page, builder->sink->kind,
					     (uint8_t) number);
	}
	return dir->levels[number];
}

static void dir_free(struct open_dir *dir)
{
	for (unsigned i = 0; i <= VT_PAGE_LEVEL_MAX; i++)
		level_free(dir->levels[i]);
	vt_buf_done(&dir->copies);
	free(dir);
}

static int grow_finished(struct level *level, struct vt_error *err)
{
	size_t cap = level->cap ? 2 * level->cap : 8;
	struct summary *summaries;
	struct vt_new_page *pages;

	if (level->count < level->cap)
		return 0;
	pages = reallocarray(level->finished, cap, sizeof *pages);
	if (!pages)
		return no_memory(err);
	level->finished = pages;
	summaries = reallocarray(level->summaries, cap, sizeof *summaries);
	if (!summaries)
		return no_memory(err);
	level->summaries = summaries;
	level->cap = cap;
	return 0;
}

/* The open page joins the finished ones, and an empty one takes its place. */
static int end_page(struct level *level, struct vt_error *err)
{
	struct vt_page_builder *page = &level->page;
	struct vt_new_page new_page = {0};
	struct summary *summary;
	int r = grow_finished(level, err);

	if (r < 0)
		return r;
	r = vt_page_builder_finish(page, &new_page.digest, err);
	if (r < 0)
		return r;
	if (vt_page_value_encode(page, &new_page.value) < 0) {
		vt_buf_done(&new_page.value);
		return no_memory(err);
	}
	summary = &level->summaries[level->count];
	summary->entries = page->entries;
	summary->nodes = page->nodes;
	summary->lines = page->lines;
	summary->last_name_len = (uint8_t) page->last_name_len;
	memcpy(summary->last_name, page->last_name, page->last_name_len);
	level->finished[level->count++] = new_page;
	level->bytes += new_page.value.len;
	vt_page_builder_reset(page);
	return 0;
}

static int put_finished(const struct vt_tree_builder *builder, struct level *level,
			struct vt_error *err)
{
	return builder->sink->put(builder->sink->context, level->finished, level->count, err);
}

static int flush(const struct vt_tree_builder *builder, struct open_dir *dir, unsigned number,
		 struct vt_error *err);

/* After an add to a level: ends the page where the rule says so. */
static int settle(const struct vt_tree_builder *builder, struct open_dir *dir, unsigned number,
		  struct vt_error *err)
{
	struct level *level = dir->levels[number];
	int r;

	if (!vt_page_builder_is_full(&level->page))
		return 0;
	r = end_page(level, err);
	if (r < 0)
		return r;
	/* A level that ends up with a single page is handled when the directory is closed. */
	if (level->bytes < BATCH_BYTES || level->count < 2)
		return 0;
	return flush(builder, dir, number, err);
}

static int add_child(const struct vt_tree_builder *builder, struct open_dir *dir, unsigned number,
		     const struct vt_page_child *child, struct vt_error *err)
{
	struct level *level = dir->levels[number];
	int r = vt_page_builder_add_child(&level->page, child, err);

	if (r < 0)
		return r;
	level->last_digest = child->digest;
	level->last_id = child->page;
	return settle(builder, dir, number, err);
}

/* Gives the finished pages of a level to the sink and then to the level above. */
static int flush(const struct vt_tree_builder *builder, struct open_dir *dir, unsigned number,
		 struct vt_error *err)
{
	struct level *level = dir->levels[number];
	int r;

	assert(number < VT_PAGE_LEVEL_MAX); /* levels halve, and there are at most 2^32 entries */
	if (!get_level(builder, dir, number + 1))
		return no_memory(err);
	r = put_finished(builder, level, err);
	for (size_t i = 0; r >= 0 && i < level->count; i++) {
		const struct summary *summary = &level->summaries[i];
		struct vt_page_child child = {
			.last_name = summary->last_name,
			.last_name_len = summary->last_name_len,
			.digest = level->finished[i].digest,
			.entries = summary->entries,
			.nodes = summary->nodes,
			.page = level->finished[i].id,
			.lines = summary->lines,
		};

		r = add_child(builder, dir, number + 1, &child, err);
	}
	drop_finished(level);
	return r < 0 ? r : 0;
}

static void set_root(struct open_dir *dir, const struct vt_digest *digest, uint64_t id,
		     uint32_t nodes, struct vt_line_sums lines)
{

	dir->entry.content = *digest;
	dir->entry.page = id;
	dir->entry.nodes = nodes + 1;
	dir->entry.lines = lines;
}

/*
 * Ends the open page of a level; 1 when it, or the only child in it, is the directory's root, which
 * is then set.
 */
static int close_level(const struct vt_tree_builder *builder, struct open_dir *dir, unsigned number,
		       struct vt_error *err)
{
	struct level *level = dir->levels[number];
	bool is_top = number == VT_PAGE_LEVEL_MAX || !dir->levels[number + 1];
	bool is_empty = is_top && level->count == 0 && level->page.count == 0;
	int r = 0;

	if (is_top && number > 0 && level->count == 0 && level->page.count == 1) {
		set_root(dir, &level->last_digest, level->last_id, level->page.nodes,
			 level->page.lines);
		return 1;
	}
	if (level->page.count > 0 || is_empty)
		r = end_page(level, err);
	if (r < 0 || level->count == 0)
		return r;
	if (!is_top || level->count > 1)
		return flush(builder, dir, number, err);
	r = put_finished(builder, level, err);
	if (r < 0)
		return r;
	set_root(dir, &level->finished[0].digest, level->finished[0].id, level->summaries[0].nodes,
		 level->summaries[0].lines);
	return 1;
}

/* Ends all pages and levels; fills the directory's content, nodes and page. */
static int close_dir(const struct vt_tree_builder *builder, struct open_dir *dir,
		     struct vt_error *err)
{
	unsigned number = 0;
	int r;

	if (!get_level(builder, dir, 0))
		return no_memory(err);
	while ((r = close_level(builder, dir, number, err)) == 0)
		number++;
	return r < 0 ? r : 0;
}

static int push(struct vt_tree_builder *builder, struct vt_error *err)
{
	if (builder->depth > VT_TREE_DEPTH_MAX)
		return vt_fail(err, EOVERFLOW, "directories nest deeper than %u",
			       VT_TREE_DEPTH_MAX);
	if (builder->depth == builder->cap) {
		size_t cap = builder->cap ? 2 * builder->cap : 16;
		struct open_dir **stack = reallocarray(builder->stack, cap, sizeof *stack);

		if (!stack)
			return no_memory(err);
		builder->stack = stack;
		builder->cap = cap;
	}
	builder->stack[builder->depth] = calloc(1, sizeof(struct open_dir));
	if (!builder->stack[builder->depth])
		return no_memory(err);
	builder->depth++;
	return 0;
}

static struct open_dir *top(const struct vt_tree_builder *builder)
{
	return builder->stack[builder->depth - 1];
}

int vt_tree_builder_new(const struct vt_page_sink *sink, struct vt_tree_builder **out,
			struct vt_error *err)
{
	vt_cleanup(vt_tree_builder_freep) struct vt_tree_builder *builder =
		calloc(1, sizeof *builder);
	int r;

	if (!builder)
		return no_memory(err);
	builder->sink = sink;
	builder->position = 1;
	r = push(builder, err);
	if (r < 0)
		return r;
	*out = vt_steal(&builder);
	return 0;
}

void vt_tree_builder_free(struct vt_tree_builder *builder)
{
	if (!builder)
		return;
	while (builder->depth > 0)
		dir_free(builder->stack[--builder->depth]);
	free(builder->stack);
	free(builder);
}

uint32_t vt_tree_builder_position(const struct vt_tree_builder *builder)
{
	return builder->position;
}

/* The rules that hold across pages, for a name and the nodes that come with it. */
static int check_room(const struct vt_tree_builder *builder, const char *name, size_t len,
		      uint32_t nodes, struct vt_error *err)
{
	const struct open_dir *dir = top(builder);

	if (vt_name_compare(dir->last_name, dir->last_name_len, name, len) >= 0)
		return vt_fail(err, EINVAL, "'%.*s' comes after '%.*s'", (int) len, name,
			       (int) dir->last_name_len, dir->last_name);
	if (nodes > VT_NODES_MAX - builder->position)
		return vt_fail(err, EOVERFLOW, "more than %u entries", VT_NODES_MAX);
	return 0;
}

static uint32_t nodes_of(const struct vt_entry *entry)
{
	return entry->type == VT_DIRECTORY ? entry->nodes : 1;
}

static int check_next(const struct vt_tree_builder *builder, const struct vt_entry *entry,
		      struct vt_error *err)
{
	const char *problem = vt_entry_problem(entry, builder->sink->kind, false);

	if (problem)
		return vt_fail(err, EINVAL, "%s", problem);
	return check_room(builder, entry->name, entry->name_len, nodes_of(entry), err);
}

static void took(struct vt_tree_builder *builder, struct open_dir *dir, const char *name,
		 size_t len, uint32_t nodes)
{
	memcpy(dir->last_name, name, len);
	dir->last_name_len = len;
	builder->position += nodes;
}

static int add_to(const struct vt_tree_builder *builder, struct open_dir *dir,
		  const struct vt_entry *entry, struct vt_error *err)
{
	struct level *leaves = get_level(builder, dir, 0);
	int r;

	if (!leaves)
		return no_memory(err);
	r = vt_page_builder_add_entry(&leaves->page, entry, err);
	if (r >= 0)
		r = settle(builder, dir, 0, err);
	return r;
}

static int add(struct vt_tree_builder *builder, const struct vt_entry *entry, struct vt_error *err)
{
	int r = check_next(builder, entry, err);

	if (r >= 0)
		r = add_to(builder, top(builder), entry, err);
	if (r >= 0)
		took(builder, top(builder), entry->name, entry->name_len, nodes_of(entry));
	return r;
}

int vt_tree_builder_add(struct vt_tree_builder *builder, const struct vt_entry *entry,
			struct vt_error *err)
{
	if (entry->type == VT_DIRECTORY)
		return vt_fail(err, EINVAL, "a directory must be entered");
	return add(builder, entry, err);
}

int vt_tree_builder_adopt(struct vt_tree_builder *builder, const struct vt_entry *entry,
			  struct vt_error *err)
{
	return add(builder, entry, err);
}

/* 1: a page begins here in that level and all below it, 0: not. Makes these levels. */
static int is_boundary(const struct vt_tree_builder *builder, struct open_dir *dir, unsigned number,
		       struct vt_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i <= number; i++) {
		const struct level *level = get_level(builder, dir, i);

		if (!level)
			return no_memory(err);
		if (level->page.count > 0)
			return 0;
		if (level->count > 0)
			r = flush(builder, dir, i, err);
	}
	return r < 0 ? r : 1;
}

int vt_tree_builder_adopt_page(struct vt_tree_builder *builder, unsigned level,
			       const struct vt_page_child *child, struct vt_error *err)
{
	struct open_dir *dir = top(builder);
	int r;

	/* As many as every page has that the rule ended: what bounds the levels. */
	if (level >= VT_PAGE_LEVEL_MAX || child->entries >> level == 0)
		return vt_fail(err, EINVAL, "a page of level %u has too few entries", level);
	r = check_room(builder, child->last_name, child->last_name_len, child->nodes, err);
	if (r == 0)
		r = is_boundary(builder, dir, level, err);
	if (r <= 0)
		return r;
	if (!get_level(builder, dir, level + 1))
		return no_memory(err);
	r = add_child(builder, dir, level + 1, child, err);
	if (r < 0)
		return r;
	took(builder, dir, child->last_name, child->last_name_len, child->nodes);
	return 1;
}

static int copy_entry(struct open_dir *dir, const struct vt_entry *entry, struct vt_error *err)
{
	vt_buf_put(&dir->copies, entry->name, entry->name_len);
	vt_buf_put(&dir->copies, entry->xattrs, entry->xattrs_len);
	if (vt_buf_failed(&dir->copies))
		return no_memory(err);
	dir->entry = *entry;
	dir->entry.name = (const char *) dir->copies.data;
	dir->entry.xattrs = entry->xattrs_len ? dir->copies.data + entry->name_len : NULL;
	return 0;
}

int vt_tree_builder_enter(struct vt_tree_builder *builder, const struct vt_entry *entry,
			  struct vt_error *err)
{
	struct open_dir *around = top(builder);
	struct vt_entry shaped = *entry;
	int r;

	if (entry->type != VT_DIRECTORY)
		return vt_fail(err, EINVAL, "only a directory can be entered");
	shaped.nodes = 1; /* until leave() knows */
	r = check_next(builder, &shaped, err);
	if (r >= 0)
		r = push(builder, err);
	if (r < 0)
		return r;
	r = copy_entry(top(builder), &shaped, err);
	if (r < 0) {
		dir_free(builder->stack[--builder->depth]);
		return r;
	}
	took(builder, around, entry->name, entry->name_len, 1);
	return 0;
}

int vt_tree_builder_leave(struct vt_tree_builder *builder, struct vt_error *err)
{
	struct open_dir *dir = top(builder);
	int r;

	if (builder->depth < 2)
		return vt_fail(err, EINVAL, "no directory is open");
	r = close_dir(builder, dir, err);
	dir->entry.lines = vt_line_sums_behind(
		vt_line_prefix_within(VT_LINE_PREFIX_NONE, dir->entry.name, dir->entry.name_len),
		dir->entry.lines);
	if (r >= 0)
		r = add_to(builder, builder->stack[builder->depth - 2], &dir->entry, err);
	if (r < 0)
		return r;
	builder->left = (struct vt_entry){.type = VT_DIRECTORY,
					  .content = dir->entry.content,
					  .page = dir->entry.page,
					  .nodes = dir->entry.nodes};
	dir_free(dir);
	builder->depth--;
	return 0;
}

const struct vt_entry *vt_tree_builder_left(const struct vt_tree_builder *builder)
{
	return &builder->left;
}

int vt_tree_builder_finish(struct vt_tree_builder *builder, const struct vt_entry *root,
			   struct vt_tree *out, struct vt_error *err)
{
	struct vt_entry entry = *root;
	const char *problem;
	int r;

	if (builder->depth != 1)
		return vt_fail(err, EINVAL, "a directory is still open");
	entry.nodes = 1;
	problem = vt_entry_problem(&entry, builder->sink->kind, true);
	if (problem)
		return vt_fail(err, EINVAL, "%s", problem);
	r = close_dir(builder, top(builder), err);
	if (r < 0)
		return r;
	entry.content = top(builder)->entry.content;
	entry.nodes = top(builder)->entry.nodes;
	entry.page = top(builder)->entry.page;
	entry.lines = top(builder)->entry.lines;
	out->root = entry;
	return 0;
}
