/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store's pages (VT_CF_PAGE: page id, u64 big-endian -> value) through the cache: a page is
 * decoded once and then shared by all readers.
 *
 * Thread-safe. Two threads that miss the same page at once both decode it; one copy is kept.
 */
#include "index/tree.h"

struct vt_lru;
struct vt_store;

/* Both borrowed. */
struct vt_page_cache {
	struct vt_store *store;
	struct vt_lru *lru;
};

/* A source of tree.h; it borrows `cache`. */
struct vt_page_source vt_page_cache_source(struct vt_page_cache *cache);

#define VT_PAGE_KEY_LEN 8u
void vt_page_key(uint64_t id, uint8_t key[VT_PAGE_KEY_LEN]);
