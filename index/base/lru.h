/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A bounded cache of counted, immutable objects; the one home of "decoded and kept": tree pages,
 * frames and recipes share one byte limit.
 *
 * An object embeds a struct vt_lru_entry as its FIRST member and is made by its owner with
 * vt_lru_entry_init(). References: the maker has one, the cache one more while it keeps the object,
 * every vt_lru_get() adds one. The last vt_lru_unref() calls `free`. An object found by its key is
 * complete and never changes.
 *
 * Thread-safe. Sharded by key; eviction is by second chance within a shard, and takes frames
 * before pages and recipes while those have no more than half of the limit: an epoch brings more
 * frames than there is room for, each once, and needs the same pages to the end. The limit covers
 * what is kept, what is only pinned by readers, and what is reserved (vt_lru_reserve), so that
 * blocks in flight are part of it.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_lru;

/* `hi` begins with a kind in its top byte, so that the kinds never collide. */
struct vt_lru_key {
	uint64_t hi, lo;
};

enum vt_lru_kind { VT_LRU_PAGE = 1, VT_LRU_FRAME = 2, VT_LRU_RECIPE = 3, VT_LRU_OTHER = 4 };
#define VT_LRU_KINDS 5

static inline struct vt_lru_key vt_lru_key(enum vt_lru_kind kind, uint64_t hi56, uint64_t lo)
{
	return (struct vt_lru_key){(uint64_t) kind << 56 | (hi56 & ((1ull << 56) - 1)), lo};
}

struct vt_lru_entry {
	struct vt_lru_key key; /* constant */
	size_t charge;         /* constant: bytes, the object's struct included */
	void (*free)(struct vt_lru_entry *entry); /* constant */
	struct vt_lru *lru; /* where the charge is counted; NULL when it is counted nowhere */
	atomic_uint refs;
	/* guarded by the shard's lock */
	struct vt_lru_entry *chain, *prev, *next;
	bool kept, found; /* found: since it was put, or since its last turn to go */
};

struct vt_lru_stats {
	uint64_t hits, misses, evictions;
	struct {
		uint64_t hits, misses;
	} kinds[VT_LRU_KINDS]; /* the same by kind; 0: of none of them */
	size_t used, limit;    /* bytes */
};

/* `limit` in bytes, hard. NULL when memory is short. */
struct vt_lru *vt_lru_new(size_t limit);

/* All references must be gone, or be given up before the process ends. NULL is accepted. */
void vt_lru_free(struct vt_lru *lru);

/* One reference, the caller's. Counts `charge` against `lru`, evicting as needed. */
void vt_lru_entry_init(struct vt_lru *lru, struct vt_lru_entry *entry, struct vt_lru_key key,
		       size_t charge, void (*free)(struct vt_lru_entry *entry));

/* The kept object, with a reference for the caller; NULL if there is none. */
struct vt_lru_entry *vt_lru_get(struct vt_lru *lru, struct vt_lru_key key);

/*
 * Offers `entry` to the cache. Returns the object to use: `entry`, or the one that was there first,
 * then `entry` is unreferenced; either way the caller ends with exactly one reference. When there
 * is no room (all is pinned) the object is not kept, which the caller need not know.
 */
struct vt_lru_entry *vt_lru_put(struct vt_lru *lru, struct vt_lru_entry *entry);

void vt_lru_unref(struct vt_lru_entry *entry); /* NULL is accepted */
static inline struct vt_lru_entry *vt_lru_ref(struct vt_lru_entry *entry)
{
	(void) atomic_fetch_add_explicit(&entry->refs, 1, memory_order_relaxed);
	return entry;
}

/* Takes out the object with that key, if any; readers that hold it keep it. */
void vt_lru_drop(struct vt_lru *lru, struct vt_lru_key key);

/*
 * Sets `bytes` aside for something not yet in the cache (an encoded block being read), evicting as
 * needed. False: everything is pinned or reserved and the caller must wait or do without.
 */
bool vt_lru_reserve(struct vt_lru *lru, size_t bytes);
void vt_lru_release(struct vt_lru *lru, size_t bytes);

void vt_lru_get_stats(const struct vt_lru *lru, struct vt_lru_stats *out);
