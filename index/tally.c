/* SPDX-License-Identifier: Apache-2.0 */
/* See tally.h. Open addressing with linear probing, at most half full; nothing is ever removed. */
#include "index/tally.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "index/base/error.h"
#include "index/entry_codec.h"

#define ITEM_COST (sizeof(struct vt_tally_item) + sizeof(void *) + 4 * sizeof(uint32_t))

/* Hashed behind a number nobody knows: who chooses the strings cannot choose where they fall. */
static uint64_t hash_of(const struct vt_tally *tally, const void *text, size_t len)
{
	return XXH3_64bits_withSeed(text, len, tally->seed);
}

void vt_tally_init(struct vt_tally *tally, size_t max, size_t *budget)
{
	*tally = (struct vt_tally){.max = max, .budget = budget};
	(void) !getrandom(&tally->seed, sizeof tally->seed, GRND_NONBLOCK);
}

void vt_tally_done(struct vt_tally *tally)
{
	for (size_t i = 0; i < tally->count; i++)
		free(tally->items[i]);
	free(tally->items);
	free(tally->slots);
	*tally = (struct vt_tally){0};
}

/* The slot that has the string, or the free one where it belongs. There is a free one. */
static size_t find_slot(const struct vt_tally *tally, uint64_t hash, const void *text, size_t len)
{
	size_t mask = tally->slot_count - 1, at = hash & mask;

	for (; tally->slots[at]; at = (at + 1) & mask) {
		const struct vt_tally_item *item = tally->items[tally->slots[at] - 1];

		if (item->hash == hash && item->len == len && memcmp(item->text, text, len) == 0)
			break;
	}
	return at;
}

/* Room for one more, at most half full. */
static int grow(struct vt_tally *tally)
{
	size_t slot_count = tally->slot_count ? 2 * tally->slot_count : 16;
	struct vt_tally_item **items;
	uint32_t *slots;

	if (2 * (tally->count + 1) <= tally->slot_count)
		return 0;
	items = reallocarray(tally->items, slot_count / 2, sizeof(struct vt_tally_item *));
	if (!items)
		return -ENOMEM;
	tally->items = items;
	slots = calloc(slot_count, sizeof *slots);
	if (!slots)
		return -ENOMEM;
	for (uint32_t id = 0; id < tally->count; id++) {
		size_t at = items[id]->hash & (slot_count - 1);

		while (slots[at])
			at = (at + 1) & (slot_count - 1);
		slots[at] = id + 1;
	}
	free(tally->slots);
	tally->slots = slots;
	tally->slot_count = slot_count;
	return 0;
}

static struct vt_tally_item *insert(struct vt_tally *tally, uint64_t hash, const void *text,
				    size_t len)
{
	struct vt_tally_item *item;

	if (grow(tally) < 0)
		return NULL;
	item = malloc(sizeof *item + len);
	if (!item)
		return NULL;
	*item = (struct vt_tally_item){
		.hash = hash, .id = (uint32_t) tally->count, .len = (uint32_t) len};
	if (len > 0)
		memcpy(item->text, text, len);
	tally->slots[find_slot(tally, hash, text, len)] = item->id + 1;
	tally->items[tally->count++] = item;
	*tally->budget -= ITEM_COST + len;
	return item;
}

static struct vt_tally_item *find(const struct vt_tally *tally, uint64_t hash, const void *text,
				  size_t len)
{
	uint32_t slot = tally->count ? tally->slots[find_slot(tally, hash, text, len)] : 0;

	return slot ? tally->items[slot - 1] : NULL;
}

struct vt_tally_item *vt_tally_find(const struct vt_tally *tally, const void *text, size_t len)
{
	return find(tally, hash_of(tally, text, len), text, len);
}

int vt_tally_item(struct vt_tally *tally, const void *text, size_t len, struct vt_tally_item **out,
		  struct vt_error *err)
{
	uint64_t hash = hash_of(tally, text, len);
	struct vt_tally_item *item = find(tally, hash, text, len);

	if (!item && tally->count < tally->max && *tally->budget >= ITEM_COST + len) {
		item = insert(tally, hash, text, len);
		if (!item)
			return vt_fail(err, ENOMEM, "no memory to count what occurs");
	}
	*out = item;
	return 0;
}

int vt_tally_add(struct vt_tally *tally, const void *text, size_t len, uint64_t bytes,
		 struct vt_error *err)
{
	struct vt_tally_item *item;
	int r = vt_tally_item(tally, text, len, &item, err);

	if (r < 0)
		return r;
	*(item ? &item->count : &tally->other_count) += 1;
	*(item ? &item->bytes : &tally->other_bytes) += bytes;
	return 0;
}

static int by_count(const void *left, const void *right)
{
	const struct vt_tally_item *a = *(const struct vt_tally_item *const *) left;
	const struct vt_tally_item *b = *(const struct vt_tally_item *const *) right;

	if (a->count != b->count)
		return a->count > b->count ? -1 : 1;
	return vt_name_compare(a->text, a->len, b->text, b->len);
}

int vt_tally_sorted(const struct vt_tally *tally, const struct vt_tally_item ***out, size_t *count,
		    struct vt_error *err)
{
	const struct vt_tally_item **list =
		calloc(tally->count + 1, sizeof(const struct vt_tally_item *));
	size_t n = 0;

	if (!list)
		return vt_fail(err, ENOMEM, "no memory to sort what occurs");
	for (size_t i = 0; i < tally->count; i++)
		if (tally->items[i]->count > 0)
			list[n++] = tally->items[i];
	qsort(list, n, sizeof(const struct vt_tally_item *), by_count);
	*out = list;
	*count = n;
	return 0;
}
