/* SPDX-License-Identifier: Apache-2.0 */
/* See warm.h. */
#include "fs/warm.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/block_source.h"
#include "index/base/array.h"
#include "index/base/error.h"
#include "index/chunk.h"
#include "index/index.h"

#define NOTED_MAX       (64u << 10) /* frames */
#define NOTED_BYTES_MAX (64u << 20)
#define GAP_MAX         (64u << 10) /* bytes that are read along rather than passed over */
#define PIECE           (4u << 20)  /* bytes asked for at once */

/* A frame in a shard, or several and what lies between them. */
struct run {
	uint32_t shard;
	uint64_t begin, end; /* bytes of the file */
};

struct vt_warm {
	struct vt_index *index;
	struct vt_block_source *source;
	uint32_t domain;
	uint64_t room, stored; /* bytes */
	uint64_t noted;        /* bytes */
	struct run *runs;
	size_t count, capacity;
};

int vt_warm_new(struct vt_index *index, struct vt_block_source *source, uint32_t domain,
		uint64_t room, struct vt_warm **out, struct vt_error *err)
{
	struct vt_warm *warm = calloc(1, sizeof *warm);

	if (!warm)
		return vt_fail(err, ENOMEM, "no memory to bring files into memory");
	*warm = (struct vt_warm){.index = index, .source = source, .domain = domain, .room = room};
	*out = warm;
	return 0;
}

void vt_warm_free(struct vt_warm *warm)
{
	if (!warm)
		return;
	free(warm->runs);
	free(warm);
}

static int compare(const void *a, const void *b)
{
	const struct run *x = a, *y = b;

	if (x->shard != y->shard)
		return x->shard < y->shard ? -1 : 1;
	return x->begin < y->begin ? -1 : x->begin > y->begin;
}

/* Sorted, and what lies close together made one. */
static void join_runs(struct vt_warm *warm)
{
	size_t count = 0;

	if (warm->count == 0)
		return;
	qsort(warm->runs, warm->count, sizeof *warm->runs, compare);
	for (size_t i = 1; i < warm->count; i++) {
		struct run *last = &warm->runs[count];
		const struct run *next = &warm->runs[i];

		if (next->shard != last->shard || next->begin > last->end + GAP_MAX)
			warm->runs[++count] = *next;
		else if (next->end > last->end)
			last->end = next->end;
	}
	warm->count = count + 1;
}

/* A hint may be stale: a shard that is gone was repacked, and the file is found when it is read. */
static int bring_run(struct vt_warm *warm, const struct run *run, struct vt_error *err)
{
	for (uint64_t at = run->begin; at < run->end; at += PIECE) {
		uint64_t left = run->end - at, length = left < PIECE ? left : PIECE;
		int r = vt_block_bring(warm->source, run->shard, at, length);

		if (r == -ENOENT)
			return 0;
		if (r < 0)
			return vt_fail(err, -r, "cannot read shard %u: %m", run->shard);
		warm->stored += length;
	}
	return 0;
}

int vt_warm_finish(struct vt_warm *warm, struct vt_error *err)
{
	int r = 0;

	join_runs(warm);
	for (size_t i = 0; i < warm->count && r == 0; i++) {
		const struct run *run = &warm->runs[i];

		if (run->end - run->begin > warm->room - warm->stored)
			r = 1;
		else
			r = bring_run(warm, run, err);
	}
	warm->count = 0;
	warm->noted = 0;
	return r;
}

static int note(struct vt_warm *warm, const struct vt_location *at, struct vt_error *err)
{
	if (at->shard == 0) /* a hole */
		return 0;
	if (vt_array_reserve(warm->runs, warm->capacity, warm->count + 1) < 0)
		return vt_fail(err, ENOMEM, "no memory to bring files into memory");
	warm->runs[warm->count++] = (struct run){at->shard, at->frame_offset,
						 (uint64_t) at->frame_offset + at->frame_size};
	warm->noted += at->frame_size;
	if (warm->count < NOTED_MAX && warm->noted < NOTED_BYTES_MAX)
		return 0;
	return vt_warm_finish(warm, err);
}

/* A file without a hint, or of more than a chunk. */
static int note_content(struct vt_warm *warm, const struct vt_entry *file, struct vt_error *err)
{
	struct vt_store *store = warm->index->store;
	struct vt_location at;
	uint64_t offset = 0;
	uint32_t length;
	int r = 0;

	while (r == 0 && offset < file->size) {
		vt_cleanup(vt_recipe_part_unrefp) struct vt_recipe_part *part = NULL;

		r = vt_recipe_find(store, warm->index->lru, warm->domain, &file->content, offset,
				   false, &part, err);
		if (r == -ENOENT && offset == 0) {
			r = vt_chunk_find(store, warm->domain, &file->content, false, &at, &length,
					  err);
			return r < 0 ? r : note(warm, &at, err);
		}
		if (r < 0)
			return r;
		if (part->end <= offset)
			return vt_fail(err, EBADMSG, "the recipe of a file is damaged");
		for (size_t i = 0; r == 0 && i < part->count; i++)
			r = note(warm, &part->extents[i].at, err);
		offset = part->end;
	}
	return r;
}

int vt_warm_add(struct vt_warm *warm, const struct vt_entry *file, struct vt_error *err)
{
	if (file->size == 0)
		return 0;
	return file->hint.shard ? note(warm, &file->hint, err) : note_content(warm, file, err);
}

uint64_t vt_warm_stored(const struct vt_warm *warm)
{
	return warm->stored;
}
