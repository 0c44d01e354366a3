/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chunk.h. A recipe is read by segments: the head row says where each begins, the segment that
 * holds the offset is decoded once and kept in the cache under its content id and number.
 */
#include "index/chunk.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/store.h"

#define CHUNK_BYTES  20u
#define EXTENT_BYTES 24u
#define EXTENT_MAX   (1u << 20) /* bytes that lie in a shard; a hole may be longer */
#define SEGMENTS_MAX (1u << 20)

static void put_key(uint32_t domain, const struct vt_digest *content, uint8_t *key)
{
	uint32_t big_endian = htobe32(domain);

	memcpy(key, &big_endian, sizeof big_endian);
	memcpy(key + 4, content->bytes, VT_DIGEST_LEN);
}

void vt_chunk_key(uint32_t domain, const struct vt_digest *content, uint8_t key[36])
{
	put_key(domain, content, key);
}

void vt_recipe_key(uint32_t domain, const struct vt_digest *content, uint32_t segment,
		   uint8_t key[40])
{
	uint32_t big_endian = htobe32(segment);

	put_key(domain, content, key);
	memcpy(key + 36, &big_endian, sizeof big_endian);
}

static void put_location(struct vt_buf *out, const struct vt_location *at)
{
	vt_buf_put_le32(out, at->shard);
	vt_buf_put_le32(out, at->frame_offset);
	vt_buf_put_le32(out, at->frame_size);
	vt_buf_put_le32(out, at->skip);
}

static struct vt_location get_location(struct vt_reader *r)
{
	struct vt_location at;

	at.shard = vt_reader_le32(r);
	at.frame_offset = vt_reader_le32(r);
	at.frame_size = vt_reader_le32(r);
	at.skip = vt_reader_le32(r);
	return at;
}

void vt_chunk_value(const struct vt_location *at, uint32_t length, struct vt_buf *out)
{
	put_location(out, at);
	vt_buf_put_le32(out, length);
}

int vt_chunk_find(struct vt_store *store, uint32_t domain, const struct vt_digest *content,
		  bool nowait, struct vt_location *out, uint32_t *length, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	struct vt_location at;
	struct vt_reader r;
	uint8_t key[36];
	int e;

	vt_chunk_key(domain, content, key);
	e = vt_store_get(store, VT_CF_CHUNK, key, sizeof key, nowait, &value, err);
	if (e < 0)
		return e;
	r = vt_reader_over(value.data, value.len);
	at = get_location(&r);
	if (value.len != CHUNK_BYTES || at.shard == 0)
		return vt_fail(err, EBADMSG, "the row of a chunk is damaged");
	*out = at;
	*length = vt_reader_le32(&r);
	return 0;
}

void vt_recipe_head_value(const uint64_t *starts, size_t segments, uint64_t size,
			  struct vt_buf *out)
{
	vt_buf_put_le32(out, (uint32_t) segments);
	vt_buf_put_le64(out, size);
	for (size_t i = 0; i < segments; i++)
		vt_buf_put_le64(out, starts[i]);
}

void vt_recipe_segment_value(const struct vt_extent *extents, size_t count, struct vt_buf *out)
{
	for (size_t i = 0; i < count; i++) {
		vt_buf_put_le64(out, extents[i].length);
		put_location(out, &extents[i].at);
	}
}

static int damaged(struct vt_error *err)
{
	return vt_fail(err, EBADMSG, "the recipe of a content is damaged");
}

static uint64_t read_le64(const uint8_t *at)
{
	uint64_t value;

	memcpy(&value, at, sizeof value);
	return le64toh(value);
}

/* The segment that holds `offset`, from 1 on, and where it begins and ends. */
static int find_segment(const struct vt_value *head, uint64_t offset, uint32_t *segment,
			uint64_t *start, uint64_t *end, struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(head->data, head->len);
	size_t segments = vt_reader_le32(&r), low = 0, high;
	uint64_t size = vt_reader_le64(&r);
	const uint8_t *starts;

	if (r.failed || segments == 0 || segments > SEGMENTS_MAX ||
	    vt_reader_left(&r) != 8 * segments)
		return damaged(err);
	if (offset >= size)
		return vt_fail(err, ENOENT, "the content ends before byte %llu",
			       (unsigned long long) offset);
	starts = r.at;
	if (read_le64(starts) != 0)
		return damaged(err);
	for (high = segments; high - low > 1;) {
		size_t middle = low + (high - low) / 2;

		if (read_le64(starts + 8 * middle) <= offset)
			low = middle;
		else
			high = middle;
	}
	*segment = (uint32_t) low + 1;
	*start = read_le64(starts + 8 * low);
	*end = low + 1 < segments ? read_le64(starts + 8 * (low + 1)) : size;
	return *end <= *start ? damaged(err) : 0;
}

static struct vt_lru_key part_key(uint32_t domain, const struct vt_digest *content,
				  uint32_t segment)
{
	uint64_t hi, lo;

	memcpy(&hi, content->bytes, sizeof hi);
	memcpy(&lo, content->bytes + sizeof hi, sizeof lo);
	return vt_lru_key(VT_LRU_RECIPE, hi, lo ^ ((uint64_t) domain << 32 | segment));
}

void vt_recipe_forget(struct vt_lru *lru, uint32_t domain, const struct vt_digest *content,
		      uint32_t segment)
{
	vt_lru_drop(lru, part_key(domain, content, segment));
}

static void free_part(struct vt_lru_entry *entry)
{
	free(entry);
}

static int decode_part(const struct vt_value *row, struct vt_lru *lru, struct vt_lru_key key,
		       struct vt_recipe_part **out, struct vt_error *err)
{
	size_t count = row->len / EXTENT_BYTES, bytes;
	struct vt_reader r = vt_reader_over(row->data, row->len);
	struct vt_recipe_part *part;

	if (row->len % EXTENT_BYTES || count == 0 || count > VT_RECIPE_SEGMENT)
		return damaged(err);
	bytes = sizeof *part + count * sizeof part->extents[0];
	part = malloc(bytes);
	if (!part)
		return vt_fail(err, ENOMEM, "no memory for a recipe");
	vt_lru_entry_init(lru, &part->lru, key, bytes, free_part);
	part->count = count;
	for (size_t i = 0; i < count; i++) {
		struct vt_extent *extent = &part->extents[i];

		extent->length = vt_reader_le64(&r);
		extent->at = get_location(&r);
		if (extent->length == 0 || (extent->at.shard && extent->length > EXTENT_MAX)) {
			vt_lru_unref(&part->lru);
			return damaged(err);
		}
	}
	*out = part;
	return 0;
}

static bool adds_up(const struct vt_recipe_part *part)
{
	uint64_t at = part->start;

	for (size_t i = 0; i < part->count; i++)
		if (__builtin_add_overflow(at, part->extents[i].length, &at))
			return false;
	return at == part->end;
}

int vt_recipe_find(struct vt_store *store, struct vt_lru *lru, uint32_t domain,
		   const struct vt_digest *content, uint64_t offset, bool nowait,
		   struct vt_recipe_part **out, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value head = {0}, row = {0};
	struct vt_recipe_part *part;
	uint64_t start = 0, end = 0;
	struct vt_lru_key lru_key;
	uint32_t segment = 0;
	uint8_t key[40];
	int r;

	vt_recipe_key(domain, content, 0, key);
	r = vt_store_get(store, VT_CF_RECIPE, key, sizeof key, nowait, &head, err);
	if (r == 0)
		r = find_segment(&head, offset, &segment, &start, &end, err);
	if (r < 0)
		return r;
	lru_key = part_key(domain, content, segment);
	part = (struct vt_recipe_part *) vt_lru_get(lru, lru_key);
	if (part && vt_digest_equal(&part->content, content) && part->start == start) {
		*out = part;
		return 0;
	}
	vt_lru_unref(part ? &part->lru : NULL);

	vt_recipe_key(domain, content, segment, key);
	r = vt_store_get(store, VT_CF_RECIPE, key, sizeof key, nowait, &row, err);
	if (r == -ENOENT)
		return damaged(err);
	if (r == 0)
		r = decode_part(&row, lru, lru_key, &part, err);
	if (r < 0)
		return r;
	part->content = *content;
	part->start = start;
	part->end = end;
	if (!adds_up(part)) {
		vt_lru_unref(&part->lru);
		return damaged(err);
	}
	*out = (struct vt_recipe_part *) vt_lru_put(lru, &part->lru);
	return 0;
}
