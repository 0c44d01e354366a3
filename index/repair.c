/* SPDX-License-Identifier: Apache-2.0 */
/* See repair.h: finding contents by shard, and moving their rows. */
#include "index/repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/array.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/idmap.h"
#include "index/import_private.h"
#include "index/record.h"

#define CHUNK_KEY    36u
#define RECIPE_KEY   40u
#define RECIPE_CACHE (4u << 20)
#define BATCH_ROWS   4096u

/* The head and the segments of one recipe, read from its rows. */
struct recipe {
	struct vt_digest content;
	struct vt_extent *extents;
	size_t count, room;
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory for a repair");
}

/* ---- all rows of contents -------------------------------------------------------------------- */

typedef int each_chunk(void *context, const struct vt_digest *content, const struct vt_location *at,
		       uint32_t length, struct vt_error *err);
typedef int each_recipe(void *context, const struct recipe *recipe, struct vt_error *err);

static int iterate(struct vt_index *index, enum vt_family family, struct vt_iterator **out,
		   struct vt_error *err)
{
	uint8_t domain[4];

	vt_key_u32(VT_DOMAIN_PLAIN, domain);
	return vt_iterator_new(index->store, family, domain, sizeof domain, NULL, 0, out, err);
}

/* A damaged row is the index's trouble, which vt_verify_index() names. */
static int next_sound(struct vt_iterator *it, struct vt_value *key, struct vt_value *value,
		      struct vt_error *err)
{
	int r;

	do
		r = vt_iterator_next(it, key, value, err);
	while (vt_is_damaged_row(r, key));
	return r;
}

static int walk_chunks(struct vt_index *index, each_chunk *each, void *context,
		       struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = iterate(index, VT_CF_CHUNK, &it, err);

	if (r < 0)
		return r;
	while ((r = next_sound(it, &key, &value, err)) > 0) {
		struct vt_digest content;
		struct vt_location at;
		uint32_t length;

		if (key.len != CHUNK_KEY ||
		    vt_chunk_decode(value.data, value.len, &at, &length, NULL) < 0)
			continue;
		memcpy(content.bytes, (const uint8_t *) key.data + 4, VT_DIGEST_LEN);
		r = each(context, &content, &at, length, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* 0 although the recipe is damaged: then it has no extents. */
static int read_recipe(struct vt_index *index, struct vt_lru *lru, struct recipe *recipe,
		       struct vt_error *err)
{
	uint64_t offset = 0;

	for (recipe->count = 0;;) {
		vt_cleanup(vt_recipe_part_unrefp) struct vt_recipe_part *part = NULL;
		int r = vt_recipe_find(index->store, lru, VT_DOMAIN_PLAIN, &recipe->content, offset,
				       false, &part, err);

		if (r == -EBADMSG)
			recipe->count = 0;
		if (r == -ENOENT || r == -EBADMSG)
			return 0;
		if (r < 0)
			return r;
		if (vt_array_reserve(recipe->extents, recipe->room, recipe->count + part->count) <
		    0)
			return no_memory(err);
		memcpy(recipe->extents + recipe->count, part->extents,
		       part->count * sizeof *part->extents);
		recipe->count += part->count;
		offset = part->end;
	}
}

static int walk_recipes(struct vt_index *index, each_recipe *each, void *context,
			struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_lru *lru = vt_lru_new(RECIPE_CACHE); /* not the readers' */
	struct recipe recipe = {0};
	struct vt_value key, value;
	int r = lru ? iterate(index, VT_CF_RECIPE, &it, err) : no_memory(err);

	while (r >= 0 && (r = next_sound(it, &key, &value, err)) > 0) {
		if (key.len != RECIPE_KEY || vt_key_read_u32((const uint8_t *) key.data + 36) != 0)
			continue;
		memcpy(recipe.content.bytes, (const uint8_t *) key.data + 4, VT_DIGEST_LEN);
		r = read_recipe(index, lru, &recipe, err);
		if (r == 0 && recipe.count > 0)
			r = each(context, &recipe, err);
	}
	free(recipe.extents);
	vt_lru_free(lru);
	return r;
}

/* ---- contents of shards ---------------------------------------------------------------------- */

struct search {
	const struct vt_idmap *shards;
	vt_placed_each *each;
	void *context;
};

static bool is_wanted(const struct search *search, uint32_t shard)
{
	return shard && vt_idmap_find(search->shards, shard, NULL);
}

static int find_chunk(void *context, const struct vt_digest *content, const struct vt_location *at,
		      uint32_t length, struct vt_error *err)
{
	const struct search *search = context;
	const struct vt_extent extent = {length, *at};
	const struct vt_placed placed = {*content, true, &extent, 1};

	return is_wanted(search, at->shard) ? search->each(search->context, &placed, err) : 0;
}

static int find_recipe(void *context, const struct recipe *recipe, struct vt_error *err)
{
	const struct search *search = context;
	const struct vt_placed placed = {recipe->content, false, recipe->extents, recipe->count};

	for (size_t i = 0; i < recipe->count; i++)
		if (is_wanted(search, recipe->extents[i].at.shard))
			return search->each(search->context, &placed, err);
	return 0;
}

int vt_repair_contents(struct vt_index *index, const struct vt_idmap *shards, vt_placed_each *each,
		       void *context, struct vt_error *err)
{
	struct search search = {shards, each, context};
	int r = walk_chunks(index, find_chunk, &search, err);

	return r < 0 ? r : walk_recipes(index, find_recipe, &search, err);
}

/* ---- moving rows ----------------------------------------------------------------------------- */

struct moving {
	struct vt_index *index;
	const struct vt_move *moves;
	size_t count;
	struct vt_batch *batch;
	size_t batched;
	uint64_t rows;
};

static int compare_moves(const void *left, const void *right)
{
	const struct vt_move *a = left, *b = right;
	int order = vt_location_compare(&a->from, &b->from);

	return order ? order : (a->length > b->length) - (a->length < b->length);
}

/* True, and `*at` is the new place, when there is one. */
static bool move_place(const struct moving *moving, struct vt_location *at, uint64_t length)
{
	const struct vt_move wanted = {.from = *at, .length = (uint32_t) length};
	const struct vt_move *move = NULL;

	if (at->shard && length <= UINT32_MAX && moving->count)
		move = bsearch(&wanted, moving->moves, moving->count, sizeof *moving->moves,
			       compare_moves);
	if (move)
		*at = move->to;
	return move != NULL;
}

/* Between contents only: all rows of a recipe change together. */
static int write_rows(struct moving *moving, size_t least, struct vt_error *err)
{
	int r = 0;

	if (moving->batched < least)
		return 0;
	r = vt_store_write(moving->index->store, moving->batch, false, err);
	vt_batch_free(moving->batch);
	moving->batch = vt_batch_new();
	moving->batched = 0;
	VT_CRASHPOINT("repair-rows-written");
	return r;
}

static int put_row(struct moving *moving, enum vt_family family, const void *key, size_t key_len,
		   const struct vt_buf *value, struct vt_error *err)
{
	if (vt_buf_failed(value))
		return no_memory(err);
	vt_batch_put(moving->batch, moving->index->store, family, key, key_len, value->data,
		     value->len);
	moving->batched++;
	moving->rows++;
	return 0;
}

static int move_chunk(void *context, const struct vt_digest *content, const struct vt_location *at,
		      uint32_t length, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct moving *moving = context;
	struct vt_location now = *at;
	uint8_t key[CHUNK_KEY];
	int r;

	if (!move_place(moving, &now, length))
		return 0;
	vt_chunk_key(VT_DOMAIN_PLAIN, content, key);
	vt_chunk_value(&now, length, &value);
	r = put_row(moving, VT_CF_CHUNK, key, sizeof key, &value, err);
	return r < 0 ? r : write_rows(moving, BATCH_ROWS, err);
}

static int move_segment(struct moving *moving, const struct recipe *recipe, size_t first,
			uint32_t segment, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_extent extents[VT_RECIPE_SEGMENT];
	size_t count = recipe->count - first;
	uint8_t key[RECIPE_KEY];
	bool moved = false;

	if (count > VT_RECIPE_SEGMENT)
		count = VT_RECIPE_SEGMENT;
	memcpy(extents, recipe->extents + first, count * sizeof *extents);
	for (size_t i = 0; i < count; i++)
		moved = move_place(moving, &extents[i].at, extents[i].length) || moved;
	if (!moved)
		return 0;
	vt_recipe_key(VT_DOMAIN_PLAIN, &recipe->content, segment, key);
	vt_recipe_segment_value(extents, count, &value);
	return put_row(moving, VT_CF_RECIPE, key, sizeof key, &value, err);
}

static int move_recipe(void *context, const struct recipe *recipe, struct vt_error *err)
{
	struct moving *moving = context;
	uint64_t before = moving->rows;
	uint32_t segment = 0;
	int r = 0;

	for (size_t i = 0; r == 0 && i < recipe->count; i += VT_RECIPE_SEGMENT)
		r = move_segment(moving, recipe, i, ++segment, err);
	if (r < 0 || moving->rows == before)
		return r;
	r = write_rows(moving, BATCH_ROWS, err);
	vt_recipe_forget(moving->index->lru, VT_DOMAIN_PLAIN, &recipe->content);
	return r;
}

int vt_repair_commit(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
		     struct vt_move *moves, size_t move_count, uint64_t *rows, struct vt_error *err)
{
	struct moving moving = {.index = import->index, .moves = moves, .count = move_count};
	int r = vt_import_commit_shards(import, shards, count, err);

	if (r < 0)
		return r;
	moving.batch = vt_batch_new();
	if (move_count)
		qsort(moves, move_count, sizeof *moves, compare_moves);
	r = walk_chunks(import->index, move_chunk, &moving, err);
	if (r == 0)
		r = walk_recipes(import->index, move_recipe, &moving, err);
	if (r == 0)
		r = write_rows(&moving, 1, err);
	vt_batch_free(moving.batch);
	if (r == 0)
		r = vt_import_end(import, err); /* synced: the rows are durable with it */
	if (r == 0)
		*rows = moving.rows;
	return r;
}
