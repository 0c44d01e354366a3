/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the tests of trees share: pages kept in memory, and a naive model of a tree (nodes with
 * arrays of children) that is random, can be edited and says what the real code should find.
 */
#include <check.h>
#include <stdlib.h>
#include <string.h>
#define HASH_FUNCTION HASH_FNV /* the default one falls through its cases */
#include <uthash.h>

#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/tree.h"

/* For what is checked a million times: ck_assert writes to a pipe each time it holds. */
#define must(condition)                                                                            \
	do {                                                                                       \
		if (!(condition))                                                                  \
			ck_abort_msg("not so: %s", #condition);                                    \
	} while (0)

/* ---- numbers: xorshift64* (S. Vigna, 2016) ---- */

struct rng {
	uint64_t state;
};

static inline uint64_t rng_next(struct rng *rng)
{
	rng->state ^= rng->state >> 12;
	rng->state ^= rng->state << 25;
	rng->state ^= rng->state >> 27;
	return rng->state * 0x2545f4914f6cdd1dull;
}

static inline unsigned rng_below(struct rng *rng, unsigned bound)
{
	return (unsigned) ((rng_next(rng) >> 32) * bound >> 32);
}

/* ---- pages in memory ---- */

struct memory_page {
	struct vt_digest digest;
	uint64_t id;
	uint8_t *value;
	size_t len;
	UT_hash_handle hh, by_id;
};

struct memory {
	struct memory_page *by_digest, *by_id;
	uint64_t next_id, step;
	size_t puts, new_pages, new_bytes, gets;
	bool no_disk; /* a nowait read is refused */
	struct vt_page_source source;
	struct vt_page_sink sink;
};

static inline struct memory_page *memory_find(struct memory *memory, uint64_t id)
{
	struct memory_page *page;

	HASH_FIND(by_id, memory->by_id, &id, sizeof id, page);
	return page;
}

static inline int memory_get(void *context, uint64_t id, bool nowait, struct vt_page **out,
			     struct vt_error *err)
{
	struct memory *memory = context;
	struct memory_page *page = memory_find(memory, id);

	memory->gets++;
	if (nowait && memory->no_disk)
		return -EAGAIN;
	if (!page)
		return -ENOENT;
	return vt_page_decode(page->value, page->len, id, true, NULL, out, err);
}

/* What a page refers to must have been put before it. */
static inline void memory_check(struct memory *memory, const struct vt_page *page)
{
	for (unsigned i = 0; i < page->count; i++) {
		struct vt_page_child child;
		struct vt_entry entry;

		if (page->kind == VT_PAGE_ROWS) {
			must(!page->level || memory_find(memory, vt_page_listed(page, i)));
		} else if (page->level > 0) {
			vt_page_child(page, i, &child);
			must(memory_find(memory, child.page) != NULL);
		} else {
			vt_page_entry(page, i, &entry);
			if (entry.type == VT_DIRECTORY ||
			    (entry.type == VT_LABELLED && !vt_entry_is_inline(&entry)))
				must(memory_find(memory, entry.page) != NULL);
		}
	}
}

static inline int memory_put(void *context, struct vt_new_page *pages, size_t count,
			     struct vt_error *err)
{
	struct memory *memory = context;

	memory->puts++;
	for (size_t i = 0; i < count; i++) {
		struct memory_page *page;
		struct vt_page *decoded;

		HASH_FIND(hh, memory->by_digest, &pages[i].digest, sizeof pages[i].digest, page);
		if (!page) {
			page = calloc(1, sizeof *page);
			page->id = memory->next_id += memory->step;
			page->digest = pages[i].digest;
			page->value = pages[i].value.data;
			page->len = pages[i].value.len;
			pages[i].value = VT_BUF_INIT; /* taken */
			must(vt_page_decode(page->value, page->len, page->id, true, NULL, &decoded,
					    err) == 0);
			must(vt_digest_equal(&decoded->digest, &page->digest));
			memory_check(memory, decoded);
			vt_page_unref(decoded);
			HASH_ADD(hh, memory->by_digest, digest, sizeof page->digest, page);
			HASH_ADD(by_id, memory->by_id, id, sizeof page->id, page);
			memory->new_pages++;
			memory->new_bytes += page->len;
		}
		pages[i].id = page->id;
	}
	return 0;
}

static inline void memory_init(struct memory *memory, uint64_t first_id, uint64_t step)
{
	*memory = (struct memory){.next_id = first_id, .step = step};
	memory->source = (struct vt_page_source){.get = memory_get, .context = memory};
	memory->sink = (struct vt_page_sink){.put = memory_put, .context = memory};
}

static inline void memory_done(struct memory *memory)
{
	struct memory_page *page, *next;

	HASH_CLEAR(by_id, memory->by_id);
	HASH_ITER (hh, memory->by_digest, page, next) {
		HASH_DELETE(hh, memory->by_digest, page);
		free(page->value);
		free(page);
	}
}

/* ---- the model ---- */

struct model {
	struct vt_entry entry; /* its bytes are in `bytes` */
	char name[VT_NAME_LEN_MAX];
	uint8_t *bytes;          /* target or xattrs */
	struct model **children; /* in byte order of names */
	size_t count;
	/* set by model_number() */
	struct model *parent;
	uint32_t position, ordinal;
	char *path;
	size_t path_len;
};

static inline void model_free(struct model *node)
{
	if (!node)
		return;
	for (size_t i = 0; i < node->count; i++)
		model_free(node->children[i]);
	free(node->children);
	free(node->bytes);
	free(node->path);
	free(node);
}

static inline struct model *model_new(enum vt_entry_type type, const void *name, size_t len)
{
	struct model *node = calloc(1, sizeof *node);

	memcpy(node->name, name, len);
	node->entry.type = type;
	node->entry.name = node->name;
	node->entry.name_len = len;
	node->entry.nodes = 1;
	return node;
}

/* New contents for a node, by its type. */
static inline void model_fill(struct model *node, struct rng *rng)
{
	static const char *const targets[] = {"a", "../b", "/somewhere/else"};
	static const uint8_t xattrs[] = {1, 0, 6, 'u', 's', 'e', 'r', '.', 'a', 1, 0, 'x'};
	struct vt_entry *entry = &node->entry;

	free(node->bytes);
	node->bytes = NULL;
	entry->mode = (uint16_t) (rng_next(rng) & 01777);
	entry->mtime_sec = (int64_t) rng_next(rng) >> 20;
	entry->mtime_nsec = rng_below(rng, 1000000000);
	entry->xattrs = NULL;
	entry->xattrs_len = 0;
	if (entry->type == VT_FILE) {
		entry->size = rng_below(rng, 1000);
		vt_digest_of(&rng->state, sizeof rng->state, &entry->content);
		entry->linked = rng_below(rng, 50) == 0;
		entry->hint = (struct vt_location){1, rng_below(rng, 9), 3, 4};
	}
	if (entry->type == VT_SYMLINK) {
		entry->target = targets[rng_below(rng, 3)];
		entry->size = entry->target_len = strlen(entry->target);
	} else if (rng_below(rng, 20) == 0) {
		entry->xattrs = node->bytes = malloc(sizeof xattrs);
		entry->xattrs_len = sizeof xattrs;
		memcpy(node->bytes, xattrs, sizeof xattrs);
	}
}

/* Index of the first child that is not before the name. */
static inline size_t model_lower_bound(const struct model *dir, const void *name, size_t len)
{
	size_t i = 0;

	while (i < dir->count && vt_name_compare(dir->children[i]->name,
						 dir->children[i]->entry.name_len, name, len) < 0)
		i++;
	return i;
}

static inline struct model *model_child(const struct model *dir, const void *name, size_t len)
{
	size_t i = model_lower_bound(dir, name, len);
	struct model *child = i < dir->count ? dir->children[i] : NULL;

	return child && child->entry.name_len == len && memcmp(child->name, name, len) == 0 ? child
											    : NULL;
}

static inline void model_insert(struct model *dir, struct model *child)
{
	size_t i = dir->count; /* names made in order go to the end at once */

	if (i > 0 &&
	    vt_name_compare(dir->children[i - 1]->name, dir->children[i - 1]->entry.name_len,
			    child->name, child->entry.name_len) >= 0)
		i = model_lower_bound(dir, child->name, child->entry.name_len);
	dir->children = realloc(dir->children, (dir->count + 1) * sizeof(struct model *));
	memmove(dir->children + i + 1, dir->children + i,
		(dir->count - i) * sizeof(struct model *));
	dir->children[i] = child;
	dir->count++;
}

static inline void model_remove(struct model *dir, size_t i)
{
	model_free(dir->children[i]);
	dir->count--;
	memmove(dir->children + i, dir->children + i + 1,
		(dir->count - i) * sizeof(struct model *));
}

/* Any bytes, short, so that names are often prefixes of each other. */
static inline size_t random_name(struct rng *rng, char name[VT_NAME_LEN_MAX])
{
	size_t len = 1 + rng_below(rng, rng_below(rng, 40) == 0 ? VT_NAME_LEN_MAX : 6);
	bool narrow = rng_below(rng, 2);

	do {
		for (size_t i = 0; i < len; i++) {
			int byte = narrow ? 'a' + (int) rng_below(rng, 4)
					  : 1 + (int) rng_below(rng, 255);

			name[i] = (char) (byte == '/' ? '0' : byte);
		}
	} while (name[0] == '.' && (len == 1 || (len == 2 && name[1] == '.')));
	return len;
}

static inline void model_add_random(struct model *dir, struct rng *rng, unsigned depth,
				    unsigned most);

static inline void model_populate(struct model *dir, struct rng *rng, unsigned depth, unsigned most)
{
	unsigned count = rng_below(rng, most + 1);

	for (unsigned i = 0; i < count; i++)
		model_add_random(dir, rng, depth, most);
}

static inline void model_add_random(struct model *dir, struct rng *rng, unsigned depth,
				    unsigned most)
{
	char name[VT_NAME_LEN_MAX];
	size_t len = random_name(rng, name);
	unsigned kind = rng_below(rng, 12);
	struct model *child;

	if (model_child(dir, name, len))
		return;
	child = model_new(kind == 0 ? VT_SYMLINK : kind < 3 ? VT_DIRECTORY : VT_FILE, name, len);
	model_fill(child, rng);
	if (child->entry.type == VT_DIRECTORY && depth > 0)
		model_populate(child, rng, depth - 1, most / 3);
	model_insert(dir, child);
}

/* A tree with `most` entries in the root, a third as many in each directory in it, and so on. */
static inline struct model *model_random(struct rng *rng, unsigned depth, unsigned most)
{
	struct model *root = model_new(VT_DIRECTORY, "", 0);

	model_fill(root, rng);
	for (unsigned i = 0; i < most; i++)
		model_add_random(root, rng, depth, most);
	return root;
}

static inline struct model *model_clone(const struct model *node)
{
	struct model *copy = model_new(node->entry.type, node->name, node->entry.name_len);

	copy->entry = node->entry;
	copy->entry.name = copy->name;
	if (node->bytes) {
		copy->bytes = malloc(node->entry.xattrs_len);
		memcpy(copy->bytes, node->bytes, node->entry.xattrs_len);
		copy->entry.xattrs = copy->bytes;
	}
	for (size_t i = 0; i < node->count; i++)
		model_insert(copy, model_clone(node->children[i]));
	return copy;
}

/* Positions, ordinals, node counts and paths; appends every node to `flat` (room for all). */
static inline uint32_t model_number(struct model *node, struct model **flat, uint32_t position)
{
	uint32_t next = position + 1;

	node->position = position;
	flat[position] = node;
	for (size_t i = 0; i < node->count; i++) {
		struct model *child = node->children[i];
		size_t front = node->path_len + (node->path_len > 0);

		child->parent = node;
		child->ordinal = (uint32_t) i;
		child->path_len = front + child->entry.name_len;
		child->path = realloc(child->path, child->path_len);
		if (front > 0) {
			memcpy(child->path, node->path, node->path_len);
			child->path[front - 1] = '/';
		}
		memcpy(child->path + front, child->name, child->entry.name_len);
		next = model_number(child, flat, next);
	}
	node->entry.nodes = next - position;
	return next;
}

static inline size_t model_size(const struct model *node)
{
	size_t size = 1;

	for (size_t i = 0; i < node->count; i++)
		size += model_size(node->children[i]);
	return size;
}

static inline void model_build_below(const struct model *dir, struct vt_tree_builder *builder)
{
	struct vt_error err;

	for (size_t i = 0; i < dir->count; i++) {
		const struct model *child = dir->children[i];

		if (child->entry.type != VT_DIRECTORY) {
			must(vt_tree_builder_add(builder, &child->entry, &err) == 0);
			continue;
		}
		must(vt_tree_builder_enter(builder, &child->entry, &err) == 0);
		model_build_below(child, builder);
		must(vt_tree_builder_leave(builder, &err) == 0);
	}
}

static inline struct vt_tree model_build(const struct model *root, struct memory *memory)
{
	struct vt_tree_builder *builder;
	struct vt_tree tree = {0};

	must(vt_tree_builder_new(&memory->sink, &builder, NULL) == 0);
	model_build_below(root, builder);
	must(vt_tree_builder_position(builder) == model_size(root));
	must(vt_tree_builder_finish(builder, &root->entry, &tree, NULL) == 0);
	vt_tree_builder_free(builder);
	return tree;
}

/* The canonical part is the same. */
static inline bool same_attributes(const struct vt_entry *a, const struct vt_entry *b)
{
	return a->linked == b->linked && a->mode == b->mode && a->mtime_sec == b->mtime_sec &&
	       a->mtime_nsec == b->mtime_nsec && a->xattrs_len == b->xattrs_len &&
	       (a->xattrs_len == 0 || memcmp(a->xattrs, b->xattrs, a->xattrs_len) == 0);
}

static inline bool same_entry(const struct vt_entry *a, const struct vt_entry *b)
{
	return a->type == b->type && same_attributes(a, b) && a->size == b->size &&
	       a->nodes == b->nodes && a->name_len == b->name_len &&
	       memcmp(a->name, b->name, a->name_len) == 0 && a->target_len == b->target_len &&
	       (a->target_len == 0 || memcmp(a->target, b->target, a->target_len) == 0) &&
	       (a->type == VT_DIRECTORY || (vt_digest_equal(&a->content, &b->content) &&
					    memcmp(&a->hint, &b->hint, sizeof a->hint) == 0));
}
