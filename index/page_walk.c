/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See page_walk.h. A list of pages to visit instead of recursion: a damaged page can then lead
 * nowhere but to the end of the list. Pages are read past the cache of decoded ones.
 */
#include "index/page_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/idmap.h"
#include "index/label_lines.h"
#include "index/page_cache.h"
#include "index/store.h"

#define ANY_LEVEL UINT8_MAX

/* A page to visit, and what its parent says of it. */
struct visit {
	uint64_t id;
	struct vt_digest digest;
	uint8_t kind;              /* enum vt_page_kind */
	uint8_t level;             /* ANY_LEVEL: the root of a directory, or of a file's labels */
	uint32_t nodes;            /* but of a page of rows: */
	uint32_t labels, bytes;    /* in it, or listed */
	struct vt_line_sums lines; /* of a page of labels, but the root of all; seen from where: */
	struct vt_line_prefix prefix; /* its own directory stands there in the parent's */
};

struct vt_page_walk {
	struct vt_store *store;
	bool check;
	const struct vt_page_walk_ops *ops;
	void *context;
	struct vt_idmap seen; /* page id -> first bytes of the digest its parent gave */
	struct visit *list;   /* still to visit */
	size_t count, room;
	struct vt_buf line; /* of a label */
};

int vt_page_walk_new(struct vt_store *store, bool check, const struct vt_page_walk_ops *ops,
		     void *context, struct vt_page_walk **out, struct vt_error *err)
{
	struct vt_page_walk *walk = calloc(1, sizeof *walk);

	if (!walk)
		return vt_fail(err, ENOMEM, "no memory for a walk over pages");
	walk->store = store;
	walk->check = check;
	walk->ops = ops;
	walk->context = context;
	*out = walk;
	return 0;
}

void vt_page_walk_free(struct vt_page_walk *walk)
{
	if (!walk)
		return;
	vt_idmap_done(&walk->seen);
	free(walk->list);
	vt_buf_done(&walk->line);
	free(walk);
}

bool vt_page_walk_has_seen(const struct vt_page_walk *walk, uint64_t page)
{
	return vt_idmap_find(&walk->seen, page, NULL);
}

static uint64_t digest_start(const struct vt_digest *digest)
{
	uint64_t start;

	memcpy(&start, digest->bytes, sizeof start);
	return start;
}

static int report(struct vt_page_walk *walk, uint64_t page, const char *problem,
		  struct vt_error *err)
{
	if (!walk->ops->problem)
		return vt_fail(err, EBADMSG, "page %llu: %s", (unsigned long long) page, problem);
	walk->ops->problem(walk->context, page, problem);
	return 0;
}

/* Puts a page on the list, unless it was there before. */
static int add(struct vt_page_walk *walk, const struct visit *visit, struct vt_error *err)
{
	uint64_t start;

	if (visit->id == 0)
		return report(walk, 0, "it has no such page", err);
	if (vt_idmap_find(&walk->seen, visit->id, &start))
		return walk->check && start != digest_start(&visit->digest)
			       ? report(walk, visit->id, "two parents give it two digests", err)
			       : 0;
	if (vt_array_reserve(walk->list, walk->room, walk->count + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for a walk over pages");
	if (vt_idmap_add(&walk->seen, visit->id, digest_start(&visit->digest)) < 0)
		return vt_fail(err, ENOMEM, "no memory for a walk over pages");
	walk->list[walk->count++] = *visit;
	return 0;
}

static int visit_inner(struct vt_page_walk *walk, const struct vt_page *page, struct vt_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < page->count; i++) {
		struct vt_page_child child;
		struct visit visit;

		vt_page_child(page, i, &child);
		visit = (struct visit){.id = child.page,
				       .digest = child.digest,
				       .kind = page->kind,
				       .level = (uint8_t) (page->level - 1),
				       .nodes = child.nodes,
				       .lines = child.lines,
				       .prefix = VT_LINE_PREFIX_NONE};
		r = add(walk, &visit, err);
	}
	return r;
}

/* The page of an entry; without one, 0. */
static int add_entry(struct vt_page_walk *walk, uint8_t kind, const struct vt_entry *entry,
		     struct vt_error *err)
{
	struct visit visit = {.id = entry->page, .level = ANY_LEVEL};

	if (entry->type == VT_DIRECTORY) {
		visit.kind = kind;
		visit.digest = entry->content;
		visit.nodes = entry->nodes - 1;
		visit.lines = entry->lines;
		visit.prefix =
			vt_line_prefix_within(VT_LINE_PREFIX_NONE, entry->name, entry->name_len);
		return add(walk, &visit, err);
	}
	if (entry->type != VT_LABELLED || vt_entry_is_inline(entry))
		return 0;
	visit.kind = VT_PAGE_ROWS;
	memcpy(visit.digest.bytes, entry->block, VT_DIGEST_LEN);
	visit.labels = entry->labels;
	visit.bytes = (uint32_t) entry->size;
	return add(walk, &visit, err);
}

/* Labels in pages of their own are not made lines of: who reads them as such notices. */
static int check_lines(struct vt_page_walk *walk, uint64_t page, const struct vt_entry *entry,
		       struct vt_error *err)
{
	uint64_t bytes;
	int r;

	if (!walk->check || entry->type != VT_LABELLED || !vt_entry_is_inline(entry))
		return 0;
	r = vt_label_lines_measure(entry->name, entry->name_len, entry->block, entry->size,
				   &walk->line, &bytes, err);
	if (r == 0 && bytes != entry->lines.bytes)
		return report(walk, page, "labels as lines are not as long as it says", err);
	return r;
}

static int visit_leaf(struct vt_page_walk *walk, const struct vt_page *page, struct vt_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && i < page->count; i++) {
		struct vt_entry entry;

		vt_page_entry(page, i, &entry);
		r = walk->ops->entry(walk->context, &entry, err);
		if (r == 0)
			r = check_lines(walk, page->id, &entry, err);
		if (r == 0)
			r = add_entry(walk, page->kind, &entry, err);
	}
	return r;
}

/* The parts of a list of labels; the labels themselves are nobody's. */
static int visit_rows(struct vt_page_walk *walk, const struct vt_page *page, struct vt_error *err)
{
	int r = 0;

	for (unsigned i = 0; r == 0 && page->level > 0 && i < page->count; i++) {
		struct vt_label_part part = vt_label_page_part(page, i);
		struct visit visit = {.id = vt_page_listed(page, i),
				      .kind = VT_PAGE_ROWS,
				      .labels = part.labels,
				      .bytes = part.bytes};

		memcpy(visit.digest.bytes, part.digest, VT_DIGEST_LEN);
		r = add(walk, &visit, err);
	}
	return r;
}

static int visit_items(struct vt_page_walk *walk, const struct vt_page *page, struct vt_error *err)
{
	if (page->kind == VT_PAGE_ROWS)
		return visit_rows(walk, page, err);
	return page->level ? visit_inner(walk, page, err) : visit_leaf(walk, page, err);
}

static bool has_lines(const struct vt_page *page, const struct visit *visit)
{
	struct vt_line_sums sums = vt_line_sums_behind(visit->prefix, page->lines);

	return visit->lines.labels == 0 || vt_line_sums_equal(&sums, &visit->lines);
}

static const char *page_problem(const struct vt_page_walk *walk, const struct vt_page *page,
				const struct visit *visit)
{
	if (walk->check && !vt_digest_equal(&page->digest, &visit->digest))
		return "its digest is not what its parent says";
	if (page->kind != visit->kind)
		return "it is of another kind of tree";
	if (visit->level != ANY_LEVEL && page->level != visit->level)
		return "it is of another level than its parent says";
	if (page->kind == VT_PAGE_ROWS)
		return vt_label_page_has(page, visit->labels, visit->bytes)
			       ? NULL
			       : "it has not as many labels as its parent says";
	if (page->nodes != visit->nodes)
		return "it has not as many nodes as its parent says";
	if (!has_lines(page, visit))
		return "its labels as lines are not as long as its parent says";
	return NULL;
}

static int visit_page(struct vt_page_walk *walk, const struct visit *visit, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	vt_cleanup(vt_page_unrefp) struct vt_page *page = NULL;
	struct vt_error reason = {""};
	uint8_t key[VT_PAGE_KEY_LEN];
	const char *problem;
	int r;

	vt_page_key(visit->id, key);
	r = vt_store_get(walk->store, VT_CF_PAGE, key, sizeof key, false, &value, &reason);
	if (r == 0)
		r = vt_page_decode(value.data, value.len, visit->id, walk->check, NULL, &page,
				   &reason);
	if (r == -ENOENT || r == -EBADMSG)
		return report(walk, visit->id, reason.text, err);
	if (r < 0)
		return vt_fail(err, -r, "page %llu: %s", (unsigned long long) visit->id,
			       reason.text);
	problem = page_problem(walk, page, visit);
	if (problem)
		return report(walk, visit->id, problem, err);
	return visit_items(walk, page, err);
}

static int walk_from(struct vt_page_walk *walk, uint8_t kind, const struct vt_entry *root,
		     struct vt_error *err)
{
	int r = add_entry(walk, kind, root, err);

	while (r == 0 && walk->count) {
		struct visit visit = walk->list[--walk->count];

		r = visit_page(walk, &visit, err);
	}
	return r;
}

int vt_page_walk_tree(struct vt_page_walk *walk, const struct vt_tree *tree, struct vt_error *err)
{
	return walk_from(walk, VT_PAGE_FILES, &tree->root, err);
}

int vt_page_walk_labels(struct vt_page_walk *walk, const struct vt_label_tree *tree,
			struct vt_error *err)
{
	struct vt_tree root = vt_label_tree_root(tree);

	return tree->labels ? walk_from(walk, VT_PAGE_LABELS, &root.root, err) : 0;
}
