/* SPDX-License-Identifier: Apache-2.0 */
/* See page_cache.h. */
#include "index/page_cache.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "index/store.h"

/* Pages. Half of those that come along must be wanted to go on with many at a time. */
#define EARNED_AT_FIRST 1024
#define EARNED_MOST     4096 /* what a long walk leaves to whoever comes next */
#define EARNED_BY_MISS  4
#define EARNED_BY_USE   2

#define CACHE_PER_PAGE (128u << 10) /* bytes of cache for each page read at a time */

void vt_page_key(uint64_t id, uint8_t key[VT_PAGE_KEY_LEN])
{
	uint64_t big_endian = htobe64(id);

	memcpy(key, &big_endian, sizeof big_endian);
}

static uint64_t page_id(const struct vt_value *key)
{
	uint64_t big_endian;

	memcpy(&big_endian, key->data, sizeof big_endian);
	return be64toh(big_endian);
}

void vt_page_cache_init(struct vt_page_cache *cache, struct vt_store *store, struct vt_lru *lru)
{
	struct vt_lru_stats stats;

	memset(cache, 0, sizeof *cache);
	cache->store = store;
	cache->lru = lru;
	atomic_init(&cache->earned, EARNED_AT_FIRST);
	vt_lru_get_stats(lru, &stats);
	cache->most = 1;
	while (cache->most < VT_PAGES_AROUND_MAX && cache->most * CACHE_PER_PAGE < stats.limit)
		cache->most *= 2;
}

void vt_page_cache_get_stats(const struct vt_page_cache *cache, struct vt_page_cache_stats *out)
{
	out->around = atomic_load(&cache->around);
	out->used = atomic_load(&cache->used);
}

/* A page of the cache is asked for, perhaps for the first time. */
static void prove(struct vt_page_cache *cache, struct vt_page *page)
{
	if (!atomic_load_explicit(&page->unasked, memory_order_relaxed) ||
	    !atomic_exchange_explicit(&page->unasked, false, memory_order_relaxed))
		return;
	(void) atomic_fetch_add_explicit(&cache->used, 1, memory_order_relaxed);
	if (atomic_load_explicit(&cache->earned, memory_order_relaxed) < EARNED_MOST)
		(void) atomic_fetch_add_explicit(&cache->earned, EARNED_BY_USE,
						 memory_order_relaxed);
}

/* How many pages to read for one that is missing: a power of two, so that those of a size tile the
 * ids. */
static unsigned spend(struct vt_page_cache *cache)
{
	long long earned =
		EARNED_BY_MISS +
		atomic_fetch_add_explicit(&cache->earned, EARNED_BY_MISS, memory_order_relaxed);
	unsigned count = cache->most;

	while (count > 1 && count > earned)
		count /= 2;
	(void) atomic_fetch_sub_explicit(&cache->earned, count, memory_order_relaxed);
	return count;
}

static int decode(struct vt_page_cache *cache, uint64_t id, const struct vt_value *value,
		  bool wanted, struct vt_page **out, struct vt_error *err)
{
	struct vt_page *page;
	int r = vt_page_decode(value->data, value->len, id, false, cache->lru, &page, err);

	if (r < 0)
		return r;
	atomic_init(&page->unasked, !wanted);
	*out = (struct vt_page *) vt_lru_put(cache->lru, &page->lru);
	return 0;
}

/* A neighbour comes along if it can; whoever asks for it is told what is wrong with it. */
static void take_along(struct vt_page_cache *cache, uint64_t id, const struct vt_value *value)
{
	struct vt_page *page;

	if (decode(cache, id, value, false, &page, NULL) < 0)
		return;
	vt_page_unref(page);
	(void) atomic_fetch_add_explicit(&cache->around, 1, memory_order_relaxed);
}

/* 1 with the page `id`, 0 when it was not among those read, or an error. */
static int read_around(struct vt_page_cache *cache, uint64_t id, unsigned count,
		       struct vt_page **out, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *rows = NULL;
	uint64_t first = id & ~(uint64_t) (count - 1), at;
	struct vt_value key, value;
	uint8_t from[VT_PAGE_KEY_LEN];
	struct vt_page *page = NULL;
	int r;

	vt_page_key(first, from);
	r = vt_iterator_new(cache->store, VT_CF_PAGE, NULL, 0, from, sizeof from, &rows, err);
	while (r >= 0 && (r = vt_iterator_next(rows, &key, &value, err)) > 0) {
		at = page_id(&key);
		if (at >= first + count)
			break;
		if (at != id)
			take_along(cache, at, &value);
		else
			r = decode(cache, id, &value, true, &page, err);
	}
	if (!page)
		return r < 0 ? r : 0;
	*out = page;
	return 1;
}

static int read_alone(struct vt_page_cache *cache, uint64_t id, struct vt_page **out,
		      struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[VT_PAGE_KEY_LEN];
	int r;

	vt_page_key(id, key);
	r = vt_store_get(cache->store, VT_CF_PAGE, key, sizeof key, false, &value, err);
	if (r == -ENOENT) /* ids are only found in pages and records: this is damage, not absence */
		return vt_fail(err, EBADMSG, "page %llu is missing from the index",
			       (unsigned long long) id);
	return r < 0 ? r : decode(cache, id, &value, true, out, err);
}

static int get_page(void *context, uint64_t id, bool nowait, struct vt_page **out,
		    struct vt_error *err)
{
	struct vt_page_cache *cache = context;
	struct vt_lru_entry *kept = vt_lru_get(cache->lru, vt_lru_key(VT_LRU_PAGE, 0, id));
	unsigned count;

	if (kept) {
		*out = (struct vt_page *) kept; /* its first member */
		prove(cache, *out);
		return 0;
	}
	if (nowait)
		return vt_fail(err, EAGAIN, "page %llu is not in memory", (unsigned long long) id);
	count = spend(cache);
	if (count > 1 && read_around(cache, id, count, out, NULL) > 0)
		return 0;
	return read_alone(cache, id, out, err); /* which knows what is wrong with this one */
}

struct vt_page_source vt_page_cache_source(struct vt_page_cache *cache)
{
	return (struct vt_page_source){.get = get_page, .context = cache};
}
