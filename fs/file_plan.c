/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the bytes of a file lie: the entry's hint, a chunk row, or a recipe's segments. See the
 * head of file_reader.c for how a plan comes to be made twice.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/file_read.h"
#include "index/base/lru.h"
#include "index/chunk.h"
#include "index/store.h"

static int add_part(struct vt_read *read, const struct vt_location *at, uint64_t skip,
		    uint64_t length)
{
	if (read->count == read->room) {
		struct vt_part *old = read->parts == read->few ? NULL : read->parts;
		size_t room = old ? read->room * 2 : 2 * VT_READ_FEW;
		struct vt_part *parts = reallocarray(old, room, sizeof *parts);

		if (!parts)
			return -ENOMEM;
		if (!old)
			memcpy(parts, read->few, sizeof read->few);
		read->parts = parts;
		read->room = room;
	}
	read->parts[read->count++] = (struct vt_part){
		.read = read, .at = *at, .skip = at->skip + skip, .length = length};
	return 0;
}

/* Adds what of the extents, which begin at byte `start`, lies in the range; `*at` moves on. */
static int add_extents(struct vt_read *read, const struct vt_recipe_part *recipe, uint64_t *at)
{
	uint64_t begin = recipe->start, end = read->offset + read->length;
	int r = 0;

	for (size_t i = 0; i < recipe->count && *at < end && r == 0; i++) {
		const struct vt_extent *extent = &recipe->extents[i];
		uint64_t next = begin + extent->length;

		if (*at < next) {
			uint64_t length = (next < end ? next : end) - *at;

			r = add_part(read, &extent->at, *at - begin, length);
			*at += length;
		}
		begin = next;
	}
	return r;
}

static int plan_recipe(struct vt_read *read, bool nowait)
{
	struct vt_file_reader *reader = read->reader;
	uint64_t at = read->offset, before;
	struct vt_recipe_part *recipe;
	int r = 0;

	read->use_recipe = true;
	while (at < read->offset + read->length && r == 0) {
		r = vt_recipe_find(reader->store, reader->lru, read->content.domain,
				   &read->content.id, at, nowait, &recipe, NULL);
		if (r < 0)
			return r;
		before = at;
		r = add_extents(read, recipe, &at);
		vt_lru_unref(&recipe->lru);
		if (r == 0 && at == before)
			r = -EBADMSG; /* a segment that does not hold what its head says */
	}
	return r;
}

static bool same_location(const struct vt_location *a, const struct vt_location *b)
{
	return a->shard == b->shard && a->frame_offset == b->frame_offset &&
	       a->frame_size == b->frame_size && a->skip == b->skip;
}

static int plan_chunk(struct vt_read *read, bool nowait)
{
	const struct vt_content *content = &read->content;
	struct vt_location at;
	uint32_t length;
	int r;

	if (content->size > VT_CHUNK_MAX)
		return -ENOENT;
	r = vt_chunk_find(read->reader->store, content->domain, &content->id, nowait, &at, &length,
			  NULL);
	if (r < 0)
		return r;
	if (length != content->size)
		return -EBADMSG;
	if (read->hint_result < 0 && same_location(&at, &content->hint))
		return read->hint_result == -ENOENT ? -EIO
						    : read->hint_result; /* not stale: gone */
	read->count = 0;
	return add_part(read, &at, read->offset, read->length);
}

/* What had a hint was one chunk at publish; what had none most likely has a recipe. */
int vt_read_plan(struct vt_read *read, bool nowait)
{
	bool chunk_first = read->content.hint.shard != 0;
	int r;

	read->count = 0;
	if (read->use_hint)
		return add_part(read, &read->content.hint, read->offset, read->length);
	r = chunk_first ? plan_chunk(read, nowait) : plan_recipe(read, nowait);
	if (r == -ENOENT)
		r = chunk_first ? plan_recipe(read, nowait) : plan_chunk(read, nowait);
	return r == -ENOENT ? -EBADMSG : r; /* the tree names what the store does not have */
}

/* One chunk is all data; only a recipe has holes. */
int64_t vt_file_reader_seek(struct vt_file_reader *reader, const struct vt_content *content,
			    uint64_t offset, int whence, bool nowait, struct vt_error *err)
{
	if (offset >= content->size)
		return -ENXIO;
	if (content->hint.shard)
		return whence == SEEK_DATA ? (int64_t) offset : (int64_t) content->size;
	while (offset < content->size) {
		struct vt_recipe_part *recipe;
		uint64_t begin, next;
		int r = vt_recipe_find(reader->store, reader->lru, content->domain, &content->id,
				       offset, nowait, &recipe, err);

		if (r == -ENOENT) /* a chunk after all */
			return whence == SEEK_DATA ? (int64_t) offset : (int64_t) content->size;
		if (r < 0)
			return r;
		begin = recipe->start;
		for (size_t i = 0; i < recipe->count; i++, begin = next) {
			bool hole = recipe->extents[i].at.shard == 0;

			next = begin + recipe->extents[i].length;
			if (offset >= next)
				continue;
			if (hole == (whence == SEEK_HOLE)) {
				vt_lru_unref(&recipe->lru);
				return (int64_t) offset;
			}
			offset = next;
		}
		if (offset < recipe->end)
			offset = recipe->end;
		vt_lru_unref(&recipe->lru);
	}
	return whence == SEEK_HOLE ? (int64_t) content->size : -ENXIO;
}
