/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a row that says where content lies, or which names a file has, in a real index; the
 * first byte says of which kind. Refused as damaged, or what is found is within its bounds and, of
 * rows that are one value, written as the same bytes again. Of a recipe the next two bytes are the
 * length of its head; its first segment is the rest.
 */
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/chunk.h"
#include "index/link.h"
#include "index/store.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/small_store.h"

#define DOMAIN 1u
#define TABLE  7u

static struct vt_index *idx;
static struct vt_digest content; /* another for each input: recipes are kept in memory */

static void close_index(void)
{
	vt_index_close(idx);
}

static void put(enum vt_family family, const void *key, size_t key_len, const void *value,
		size_t len)
{
	struct vt_batch *batch = vt_batch_new();

	must(batch != NULL);
	vt_batch_put(batch, idx->store, family, key, key_len, value, len);
	must(vt_store_write(idx->store, batch, false, NULL) == 0);
	vt_batch_free(batch);
}

static void try_chunk(const uint8_t *data, size_t size)
{
	vt_cleanup(vt_buf_done) struct vt_buf again = VT_BUF_INIT;
	struct vt_location at;
	uint32_t length;
	uint8_t key[36];
	int r;

	vt_chunk_key(DOMAIN, &content, key);
	put(VT_CF_CHUNK, key, sizeof key, data, size);
	r = vt_chunk_find(idx->store, DOMAIN, &content, false, &at, &length, NULL);
	must(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	vt_chunk_value(&at, length, &again);
	must(again.len == size && memcmp(again.data, data, size) == 0);
}

static void try_link(const uint8_t *data, size_t size)
{
	uint8_t key[VT_LINK_KEY_LEN], again[VT_LINK_VALUE_LEN];
	struct vt_link link;
	int r;

	vt_link_key(TABLE, 5, key);
	put(VT_CF_LINK, key, sizeof key, data, size);
	r = vt_link_find(idx->store, TABLE, 5, false, &link, NULL);
	must(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	must(link.position == 5 && link.primary <= 5 && link.count >= 2);
	vt_link_value(&link, again);
	must(size == sizeof again && memcmp(again, data, size) == 0);
}

static void find_part(uint64_t offset)
{
	struct vt_recipe_part *part;
	uint64_t at;
	int r = vt_recipe_find(idx->store, idx->lru, DOMAIN, &content, offset, false, &part, NULL);

	must(r == 0 || r == -EBADMSG || r == -ENOENT);
	if (r < 0)
		return;
	must(part->start <= offset && offset < part->end && part->count > 0);
	at = part->start;
	for (size_t i = 0; i < part->count; i++) {
		must(part->extents[i].length > 0 && part->extents[i].length <= part->end - at);
		at += part->extents[i].length;
	}
	must(at == part->end);
	vt_recipe_part_unref(part);
}

static void try_recipe(const uint8_t *data, size_t size)
{
	struct vt_reader input = vt_reader_over(data, size);
	size_t head_len = vt_reader_le16(&input);
	const void *head = vt_reader_get(&input, head_len);
	uint8_t key[40];

	if (!head)
		return;
	vt_recipe_key(DOMAIN, &content, 0, key);
	put(VT_CF_RECIPE, key, sizeof key, head, head_len);
	vt_recipe_key(DOMAIN, &content, 1, key);
	put(VT_CF_RECIPE, key, sizeof key, input.at, vt_reader_left(&input));
	find_part(0);
	find_part(1u << 20);
	find_part(UINT64_MAX);
}

static void open_index(void)
{
	must(vt_index_open(small_store_make(), 16 << 20, &idx, NULL) == 0);
	(void) atexit(close_index);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static void (*const kinds[])(const uint8_t *, size_t) = {try_chunk, try_link, try_recipe};
	static uint64_t turn;

	if (!idx)
		open_index();
	if (size == 0 || data[0] >= sizeof kinds / sizeof *kinds)
		return 0;
	turn++;
	memcpy(content.bytes, &turn, sizeof turn);
	kinds[data[0]](data + 1, size - 1);
	return 0;
}
