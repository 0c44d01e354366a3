/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See lru.h. Sixteen shards, each a hash table with chains and two doubly linked lists, of what
 * leads to data and of data. Being found only marks an object, and the mark takes it to the front
 * when its turn to go comes (second chance, Corbato 1968): moving it each time would touch four
 * others, far apart in memory. `used` is one counter for all shards: an object is
 * charged when it is made and uncharged when its last reference goes, so the sum is exact whatever
 * the threads do. Eviction takes the tail of the own shard first and then goes round the others.
 *
 * Lock order: one shard's lock at a time, and no callback runs under it.
 */
#include "index/base/lru.h"

#include <pthread.h>
#include <stdlib.h>

#define SHARDS 16

enum ring { RING_DATA, RING_INDEX, RINGS };

struct shard {
	pthread_mutex_t lock;
	struct vt_lru_entry **buckets;    /* guarded by lock, as all below */
	size_t bucket_count, count;       /* bucket_count is a power of two */
	struct vt_lru_entry rings[RINGS]; /* prev goes next, next last */
	uint64_t hits[VT_LRU_KINDS], misses[VT_LRU_KINDS], evictions;
};

struct vt_lru {
	size_t limit; /* constant */
	_Atomic size_t used;
	_Atomic size_t kept[RINGS]; /* of that, what is in the lists */
	struct shard shards[SHARDS];
};

static uint64_t mix(struct vt_lru_key key)
{
	uint64_t h = key.hi * 0x9e3779b97f4a7c15ull ^ key.lo;

	/* The finalizer of MurmurHash3 (Austin Appleby, public domain). */
	h ^= h >> 33;
	h *= 0xff51afd7ed558ccdull;
	h ^= h >> 33;
	h *= 0xc4ceb9fe1a85ec53ull;
	return h ^ h >> 33;
}

static struct shard *shard_of(struct vt_lru *lru, uint64_t hash)
{
	return &lru->shards[hash >> 60];
}

static unsigned kind_of(struct vt_lru_key key)
{
	uint64_t kind = key.hi >> 56;

	return kind < VT_LRU_KINDS ? (unsigned) kind : 0;
}

static enum ring ring_of(const struct vt_lru_entry *entry)
{
	unsigned kind = kind_of(entry->key);

	return kind == VT_LRU_PAGE || kind == VT_LRU_RECIPE ? RING_INDEX : RING_DATA;
}

static bool same_key(struct vt_lru_key a, struct vt_lru_key b)
{
	return a.hi == b.hi && a.lo == b.lo;
}

struct vt_lru *vt_lru_new(size_t limit)
{
	struct vt_lru *lru = calloc(1, sizeof *lru);

	if (!lru)
		return NULL;
	lru->limit = limit;
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &lru->shards[i];

		(void) pthread_mutex_init(&s->lock, NULL);
		for (int ring = 0; ring < RINGS; ring++)
			s->rings[ring].next = s->rings[ring].prev = &s->rings[ring];
		s->bucket_count = 64;
		s->buckets = calloc(s->bucket_count, sizeof(struct vt_lru_entry *));
		if (!s->buckets) {
			vt_lru_free(lru);
			return NULL;
		}
	}
	return lru;
}

static void unlink_entry(struct vt_lru_entry *entry)
{
	entry->prev->next = entry->next;
	entry->next->prev = entry->prev;
}

static void link_newest(struct shard *s, struct vt_lru_entry *entry)
{
	struct vt_lru_entry *ring = &s->rings[ring_of(entry)];

	entry->prev = ring;
	entry->next = ring->next;
	ring->next->prev = entry;
	ring->next = entry;
}

static struct vt_lru_entry **find(struct shard *s, uint64_t hash, struct vt_lru_key key)
{
	struct vt_lru_entry **at = &s->buckets[hash & (s->bucket_count - 1)];

	while (*at && !same_key((*at)->key, key))
		at = &(*at)->chain;
	return at;
}

/* Out of table and list; the cache's reference passes to the caller. */
static void take_out(struct vt_lru *lru, struct shard *s, struct vt_lru_entry **at)
{
	struct vt_lru_entry *entry = *at;

	*at = entry->chain;
	unlink_entry(entry);
	entry->kept = false;
	s->count--;
	lru->kept[ring_of(entry)] -= entry->charge;
}

/* A table that cannot grow only gets slower. */
static void grow_table(struct shard *s)
{
	size_t count = s->bucket_count * 2;
	struct vt_lru_entry **buckets = calloc(count, sizeof(struct vt_lru_entry *));

	if (!buckets)
		return;
	for (size_t i = 0; i < s->bucket_count; i++) {
		struct vt_lru_entry *entry = s->buckets[i], *next;

		for (; entry; entry = next) {
			size_t slot = mix(entry->key) & (count - 1);

			next = entry->chain;
			entry->chain = buckets[slot];
			buckets[slot] = entry;
		}
	}
	free(s->buckets);
	s->buckets = buckets;
	s->bucket_count = count;
}

/*
 * Gives up the oldest object of the ring that was not found since its last turn and that nobody
 * holds; false if there is none near the end. Each turn takes a mark, so that this ends.
 */
static bool evict_one(struct vt_lru *lru, struct shard *s, enum ring ring)
{
	struct vt_lru_entry *entry, *end = &s->rings[ring];
	int tries = 16;

	(void) pthread_mutex_lock(&s->lock);
	while ((entry = end->prev) != end && tries > 0) {
		if (!entry->found && atomic_load(&entry->refs) == 1) {
			take_out(lru, s, find(s, mix(entry->key), entry->key));
			s->evictions++;
			(void) pthread_mutex_unlock(&s->lock);
			vt_lru_unref(entry);
			return true;
		}
		if (!entry->found)
			tries--; /* held by a reader */
		entry->found = false;
		unlink_entry(entry);
		link_newest(s, entry);
	}
	(void) pthread_mutex_unlock(&s->lock);
	return false;
}

/*
 * Makes `room` below the limit if that is possible, beginning with the shard `first`: by data, and
 * by what leads to it when that has more than its half. `room` is not over the limit.
 */
static bool shrink(struct vt_lru *lru, size_t first, size_t room)
{
	size_t most = lru->limit - room;

	for (int turn = 0; turn < 2; turn++) {
		size_t idle = 0;

		for (size_t i = first; lru->used > most && idle < SHARDS; i++) {
			bool index = (lru->kept[RING_INDEX] > lru->limit / 2) == (turn == 0);

			idle = evict_one(lru, &lru->shards[i % SHARDS],
					 index ? RING_INDEX : RING_DATA)
				       ? 0
				       : idle + 1;
		}
	}
	return lru->used <= most;
}

void vt_lru_free(struct vt_lru *lru)
{
	if (!lru)
		return;
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = &lru->shards[i];

		for (int ring = 0; ring < RINGS; ring++)
			while (s->buckets && s->rings[ring].prev != &s->rings[ring]) {
				struct vt_lru_entry *entry = s->rings[ring].prev;

				take_out(lru, s, find(s, mix(entry->key), entry->key));
				vt_lru_unref(entry);
			}
		free(s->buckets);
		(void) pthread_mutex_destroy(&s->lock);
	}
	free(lru);
}

void vt_lru_entry_init(struct vt_lru *lru, struct vt_lru_entry *entry, struct vt_lru_key key,
		       size_t charge, void (*free_entry)(struct vt_lru_entry *entry))
{
	*entry =
		(struct vt_lru_entry){.key = key, .charge = charge, .free = free_entry, .lru = lru};
	atomic_init(&entry->refs, 1);
	if (lru) {
		lru->used += charge;
		(void) shrink(lru, mix(key) >> 60, 0);
	}
}

struct vt_lru_entry *vt_lru_get(struct vt_lru *lru, struct vt_lru_key key)
{
	uint64_t hash = mix(key);
	struct shard *s = shard_of(lru, hash);
	struct vt_lru_entry *entry;

	(void) pthread_mutex_lock(&s->lock);
	entry = *find(s, hash, key);
	if (entry) {
		(void) vt_lru_ref(entry);
		entry->found = true;
		s->hits[kind_of(key)]++;
	} else {
		s->misses[kind_of(key)]++;
	}
	(void) pthread_mutex_unlock(&s->lock);
	return entry;
}

struct vt_lru_entry *vt_lru_put(struct vt_lru *lru, struct vt_lru_entry *entry)
{
	uint64_t hash = mix(entry->key);
	struct shard *s = shard_of(lru, hash);
	struct vt_lru_entry **at, *there;

	if (!shrink(lru, hash >> 60, 0))
		return entry; /* all pinned: used by its maker only */
	(void) pthread_mutex_lock(&s->lock);
	at = find(s, hash, entry->key);
	there = *at;
	if (there) {
		(void) vt_lru_ref(there);
		there->found = true;
	} else {
		if (s->count >= s->bucket_count) {
			grow_table(s);
			at = find(s, hash, entry->key);
		}
		entry->chain = NULL;
		*at = vt_lru_ref(entry);
		link_newest(s, entry);
		entry->kept = true;
		s->count++;
		lru->kept[ring_of(entry)] += entry->charge;
	}
	(void) pthread_mutex_unlock(&s->lock);
	if (!there)
		return entry;
	vt_lru_unref(entry);
	return there;
}

void vt_lru_unref(struct vt_lru_entry *entry)
{
	if (!entry || atomic_fetch_sub(&entry->refs, 1) != 1)
		return;
	if (entry->lru)
		entry->lru->used -= entry->charge;
	entry->free(entry);
}

void vt_lru_drop(struct vt_lru *lru, struct vt_lru_key key)
{
	uint64_t hash = mix(key);
	struct shard *s = shard_of(lru, hash);
	struct vt_lru_entry **at, *entry;

	(void) pthread_mutex_lock(&s->lock);
	at = find(s, hash, key);
	entry = *at;
	if (entry)
		take_out(lru, s, at);
	(void) pthread_mutex_unlock(&s->lock);
	vt_lru_unref(entry);
}

/* Takes `bytes` if there is room for them. */
static bool take_room(struct vt_lru *lru, size_t bytes)
{
	size_t used = lru->used;

	do
		if (used > lru->limit - bytes)
			return false;
	while (!atomic_compare_exchange_weak(&lru->used, &used, used + bytes));
	return true;
}

/* Taken only once it is there: what is counted before would make others evict for it as well. */
bool vt_lru_reserve(struct vt_lru *lru, size_t bytes)
{
	if (bytes > lru->limit)
		return false;
	while (!take_room(lru, bytes))
		if (!shrink(lru, 0, bytes))
			return false;
	return true;
}

void vt_lru_release(struct vt_lru *lru, size_t bytes)
{
	lru->used -= bytes;
}

void vt_lru_get_stats(const struct vt_lru *lru, struct vt_lru_stats *out)
{
	*out = (struct vt_lru_stats){.used = lru->used, .limit = lru->limit};
	for (int i = 0; i < SHARDS; i++) {
		struct shard *s = (struct shard *) &lru->shards[i];

		(void) pthread_mutex_lock(&s->lock);
		for (unsigned kind = 0; kind < VT_LRU_KINDS; kind++) {
			out->kinds[kind].hits += s->hits[kind];
			out->kinds[kind].misses += s->misses[kind];
		}
		out->evictions += s->evictions;
		(void) pthread_mutex_unlock(&s->lock);
	}
	for (unsigned kind = 0; kind < VT_LRU_KINDS; kind++) {
		out->hits += out->kinds[kind].hits;
		out->misses += out->kinds[kind].misses;
	}
}
