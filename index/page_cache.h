/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store's pages (VT_CF_PAGE: page id, u64 big-endian -> value) through the cache: a page is
 * decoded once and then shared by all readers.
 *
 * A page that is missing is read together with those whose ids lie around it. A tree's pages get
 * their ids as it is built, so those are its neighbours; and of rows that stand together each costs
 * a tenth of what one costs that is looked up. Each page that was missing, and each that had come
 * with another and was then wanted, *earns* some, and as many are read as were earned and not
 * spent: a walk soon reads VT_PAGES_AROUND_MAX at a time, and where little is wanted it costs a
 * third more than the missing pages alone.
 *
 * Thread-safe. Two threads that miss the same page at once both decode it; one copy is kept.
 */
#include <stdatomic.h>

#include "index/tree.h"

struct vt_lru;
struct vt_store;

#define VT_PAGES_AROUND_MAX 64u

struct vt_page_cache {
	struct vt_store *store; /* constant; so are `lru` and `most` */
	struct vt_lru *lru;
	unsigned most;       /* pages read at a time, a power of two */
	atomic_llong earned; /* pages, not spent yet */
	atomic_ullong around, used;
};

/* `store` and `lru` are borrowed. */
void vt_page_cache_init(struct vt_page_cache *cache, struct vt_store *store, struct vt_lru *lru);

/* A source of tree.h; it borrows `cache`. */
struct vt_page_source vt_page_cache_source(struct vt_page_cache *cache);

struct vt_page_cache_stats {
	uint64_t around, used; /* pages that came with another; those that were wanted later */
};
void vt_page_cache_get_stats(const struct vt_page_cache *cache, struct vt_page_cache_stats *out);

#define VT_PAGE_KEY_LEN 8u
void vt_page_key(uint64_t id, uint8_t key[VT_PAGE_KEY_LEN]);
