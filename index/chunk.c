/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See chunk.h. A recipe is read by segments: the head row says where each begins. The head and the
 * segments are decoded once and kept in the cache under their content id and number, so that a warm
 * read of a large file asks the store for nothing. A segment goes with the head it was found by:
 * once that is dropped, none of them is used again.
 */
#include "index/chunk.h"

#include <endian.h>
#include <errno.h>
#include <stdatomic.h>
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

void vt_chunk_value(const struct vt_location *at, uint32_t length, struct vt_buf *out)
{
	vt_location_put(at, out);
	vt_buf_put_le32(out, length);
}

int vt_chunk_decode(const void *data, size_t len, struct vt_location *out, uint32_t *length,
		    struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(data, len);
	struct vt_location at = vt_location_get(&r);

	if (len != CHUNK_BYTES || at.shard == 0)
		return vt_fail(err, EBADMSG, "the row of a chunk is damaged");
	*out = at;
	*length = vt_reader_le32(&r);
	return 0;
}

int vt_chunk_find(struct vt_store *store, uint32_t domain, const struct vt_digest *content,
		  bool nowait, struct vt_location *out, uint32_t *length, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[36];
	int r;

	vt_chunk_key(domain, content, key);
	r = vt_store_get(store, VT_CF_CHUNK, key, sizeof key, nowait, &value, err);
	return r < 0 ? r : vt_chunk_decode(value.data, value.len, out, length, err);
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
		vt_location_put(&extents[i].at, out);
	}
}

static int damaged(struct vt_error *err)
{
	return vt_fail(err, EBADMSG, "the recipe of a content is damaged");
}

/* The head row of a recipe, decoded; kept as segment 0. Never changes. */
struct recipe_head {
	struct vt_lru_entry lru; /* first */
	struct vt_digest content;
	uint64_t reading; /* no two heads have the same, nor does 0 occur */
	uint64_t size;    /* of the content, bytes */
	size_t segments;
	uint64_t starts[]; /* byte where each segment begins, ascending from 0 */
};

static void unref_head(struct recipe_head **head)
{
	vt_lru_unref(*head ? &(*head)->lru : NULL);
}

static void free_entry(struct vt_lru_entry *entry)
{
	free(entry);
}

static struct vt_lru_key lru_key(uint32_t domain, const struct vt_digest *content, uint32_t segment)
{
	uint64_t hi, lo;

	memcpy(&hi, content->bytes, sizeof hi);
	memcpy(&lo, content->bytes + sizeof hi, sizeof lo);
	return vt_lru_key(VT_LRU_RECIPE, hi, lo ^ ((uint64_t) domain << 32 | segment));
}

static atomic_uint_fast64_t readings;

static int decode_head(const struct vt_value *row, struct vt_lru *lru, struct vt_lru_key key,
		       const struct vt_digest *content, struct recipe_head **out,
		       struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(row->data, row->len);
	vt_cleanup(unref_head) struct recipe_head *head = NULL;
	size_t segments = vt_reader_le32(&r), bytes;
	uint64_t size = vt_reader_le64(&r);

	if (r.failed || segments == 0 || segments > SEGMENTS_MAX ||
	    vt_reader_left(&r) != 8 * segments)
		return damaged(err);
	bytes = sizeof *head + segments * sizeof head->starts[0];
	head = malloc(bytes);
	if (!head)
		return vt_fail(err, ENOMEM, "no memory for a recipe");
	vt_lru_entry_init(lru, &head->lru, key, bytes, free_entry);
	head->content = *content;
	head->reading = atomic_fetch_add(&readings, 1) + 1;
	head->size = size;
	head->segments = segments;
	for (size_t i = 0; i < segments; i++) {
		head->starts[i] = vt_reader_le64(&r);
		if (i == 0 ? head->starts[i] != 0 : head->starts[i] <= head->starts[i - 1])
			return damaged(err);
	}
	if (head->starts[segments - 1] >= size)
		return damaged(err);
	*out = vt_steal(&head);
	return 0;
}

static int get_head(struct vt_store *store, struct vt_lru *lru, uint32_t domain,
		    const struct vt_digest *content, bool nowait, struct recipe_head **out,
		    struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value row = {0};
	struct vt_lru_key kept_as = lru_key(domain, content, 0);
	struct recipe_head *head = (struct recipe_head *) vt_lru_get(lru, kept_as);
	uint8_t key[40];
	int r;

	if (head && vt_digest_equal(&head->content, content)) {
		*out = head;
		return 0;
	}
	unref_head(&head);
	vt_recipe_key(domain, content, 0, key);
	r = vt_store_get(store, VT_CF_RECIPE, key, sizeof key, nowait, &row, err);
	if (r == 0)
		r = decode_head(&row, lru, kept_as, content, &head, err);
	if (r < 0)
		return r;
	*out = (struct recipe_head *) vt_lru_put(lru, &head->lru);
	return 0;
}

/* The index of the segment that holds `offset`, which is less than the size. */
static size_t find_segment(const struct recipe_head *head, uint64_t offset)
{
	size_t low = 0, high = head->segments;

	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (head->starts[middle] <= offset)
			low = middle;
		else
			high = middle;
	}
	return low;
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
	vt_lru_entry_init(lru, &part->lru, key, bytes, free_entry);
	part->count = count;
	for (size_t i = 0; i < count; i++) {
		struct vt_extent *extent = &part->extents[i];

		extent->length = vt_reader_le64(&r);
		extent->at = vt_location_get(&r);
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

/* Segment `i` of the recipe, from 0 on. */
static int get_part(struct vt_store *store, struct vt_lru *lru, uint32_t domain,
		    const struct recipe_head *head, size_t i, bool nowait,
		    struct vt_recipe_part **out, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value row = {0};
	uint32_t segment = (uint32_t) i + 1; /* the head is 0 */
	struct vt_lru_key kept_as = lru_key(domain, &head->content, segment);
	struct vt_recipe_part *part = (struct vt_recipe_part *) vt_lru_get(lru, kept_as);
	uint8_t key[40];
	int r;

	if (part && vt_digest_equal(&part->content, &head->content) &&
	    part->reading == head->reading) {
		*out = part;
		return 0;
	}
	if (part)
		vt_lru_drop(lru, kept_as);
	vt_recipe_part_unref(part);
	vt_recipe_key(domain, &head->content, segment, key);
	r = vt_store_get(store, VT_CF_RECIPE, key, sizeof key, nowait, &row, err);
	if (r == -ENOENT)
		return damaged(err);
	if (r == 0)
		r = decode_part(&row, lru, kept_as, &part, err);
	if (r < 0)
		return r;
	part->content = head->content;
	part->reading = head->reading;
	part->start = head->starts[i];
	part->end = i + 1 < head->segments ? head->starts[i + 1] : head->size;
	if (!adds_up(part)) {
		vt_recipe_part_unref(part);
		return damaged(err);
	}
	*out = (struct vt_recipe_part *) vt_lru_put(lru, &part->lru);
	return 0;
}

int vt_recipe_find(struct vt_store *store, struct vt_lru *lru, uint32_t domain,
		   const struct vt_digest *content, uint64_t offset, bool nowait,
		   struct vt_recipe_part **out, struct vt_error *err)
{
	vt_cleanup(unref_head) struct recipe_head *head = NULL;
	int r = get_head(store, lru, domain, content, nowait, &head, err);

	if (r < 0)
		return r;
	if (offset >= head->size)
		return vt_fail(err, ENOENT, "the content ends before byte %llu",
			       (unsigned long long) offset);
	return get_part(store, lru, domain, head, find_segment(head, offset), nowait, out, err);
}

void vt_recipe_forget(struct vt_lru *lru, uint32_t domain, const struct vt_digest *content)
{
	vt_lru_drop(lru, lru_key(domain, content, 0));
}
