/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All that readers learn from an index about the dataset "birds", in words: its newest version,
 * every name, mode, time, link and digest, and where each byte lies.
 */
#include "index/import_private.h"
#include "index/link.h"
#include "index/page_cache.h"

/* A reading under way. */
struct words {
	struct vt_index *index;
	struct vt_lru *lru; /* nothing is known from before */
	const struct vt_version *version;
	struct vt_buf *out;
};

static inline int words_of_place(const struct words *words, const struct vt_location *at,
				 uint64_t length)
{
	char path[4096] = "a hole";
	int r = at->shard ? vt_index_shard_path(words->index, at->shard, path, NULL) : 0;

	vt_buf_printf(words->out, " %s+%u+%u+%u:%llu", path, at->frame_offset, at->frame_size,
		      at->skip, (unsigned long long) length);
	return r;
}

static inline int words_of_recipe(const struct words *words, const struct vt_entry *entry)
{
	uint64_t offset = 0;
	int r = 0;

	while (r == 0 && offset < entry->size) {
		struct vt_recipe_part *part;

		r = vt_recipe_find(words->index->store, words->lru, words->version->domain,
				   &entry->content, offset, false, &part, NULL);
		if (r < 0)
			return r;
		for (size_t i = 0; r == 0 && i < part->count; i++)
			r = words_of_place(words, &part->extents[i].at, part->extents[i].length);
		offset = part->end;
		vt_recipe_part_unref(part);
	}
	return r;
}

static inline int words_of_content(const struct words *words, const struct vt_entry *entry)
{
	struct vt_location at;
	uint32_t length;
	int r;

	if (entry->type != VT_FILE || entry->size == 0)
		return 0;
	r = vt_chunk_find(words->index->store, words->version->domain, &entry->content, false, &at,
			  &length, NULL);
	if (r == -ENOENT)
		return words_of_recipe(words, entry);
	return r < 0 ? r : words_of_place(words, &at, length);
}

static inline int words_of_link(const struct words *words, const struct vt_node *node)
{
	struct vt_link link;
	int r;

	if (!node->entry.linked)
		return 0;
	r = vt_link_find(words->index->store, words->version->tree.links, node->position, false,
			 &link, NULL);
	if (r == 0)
		vt_buf_printf(words->out, " linked %u %u", link.primary, link.count);
	return r;
}

static inline int words_of_node(const struct words *words, const struct vt_node *node,
				const char *path, size_t len)
{
	const struct vt_entry *entry = &node->entry;
	char hex[VT_DIGEST_HEX];
	int r;

	vt_digest_format(&entry->content, hex);
	vt_buf_printf(words->out, "\n%.*s %d %o %lld %u %llu %s %.*s", (int) len, path,
		      (int) entry->type, entry->mode, (long long) entry->mtime_sec,
		      entry->mtime_nsec, (unsigned long long) entry->size,
		      entry->type == VT_FILE ? hex : "", (int) entry->target_len,
		      entry->target_len ? entry->target : "");
	r = words_of_content(words, entry);
	return r < 0 ? r : words_of_link(words, node);
}

static inline int words_of_tree(const struct words *words)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_page_source pages;
	struct vt_page_cache cache;
	struct vt_node node = {0};
	const char *path;
	size_t len;
	int r;

	vt_page_cache_init(&cache, words->index->store, words->lru);
	pages = vt_page_cache_source(&cache);
	r = vt_tree_walk_new(&pages, &words->version->tree, 1, &walk, NULL);
	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, NULL)) > 0) {
		r = words_of_node(words, &node, path, len);
		vt_node_done(&node);
	}
	return r;
}

/* False: something cannot be read. */
static inline bool index_words(struct vt_index *index, struct vt_buf *out)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
	struct words words = {.index = index, .out = out};
	int r = vt_catalog_dataset(index->catalog, "birds", &dataset, NULL);

	if (r == 0)
		r = vt_catalog_resolve(index->catalog, dataset->id, NULL, &version, NULL);
	if (r < 0)
		return false;
	vt_buf_printf(out, "%s", version->name);
	words.version = version;
	words.lru = vt_lru_new(1 << 20);
	r = words_of_tree(&words);
	vt_lru_free(words.lru);
	return r == 0;
}
