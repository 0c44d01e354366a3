/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See frame_cache.h. A *flight* is the fetch of one frame, from the first who asks until all who
 * asked have it:
 *
 *     held      no room for its bytes yet; another of its shard is under way, and starts it
 *     reading   its encoded bytes are on the way, counted against the LRU
 *     landed    out of the table; decoded once, handed to every waiter
 *
 * Whoever asks finds the frame in the LRU, or joins the flight under the lock; a flight leaves the
 * table only after its frame is in the LRU, and who sees that one has landed since he looked there
 * looks again, so nobody fetches twice for want of luck.
 *
 * A shard with held flights always has one that is not: one may go beyond the limit, and where it
 * ends, the next of the same shard begins. So a disk that hangs can use up the limit, but not hold
 * up the shards on others.
 *
 * Lock order: the cache's lock, then (inside vt_lru_get) a shard's. Neither is held while reading,
 * decoding, evicting or calling back.
 */
#include "fs/frame_cache.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "fs/codec.h"
#include "fs/hash.h"
#include "fs/io_pool.h"
#include "index/base/error.h"
#include "index/base/log.h"

struct waiter {
	vt_frame_done *done;
	void *context;
	struct waiter *next;
};

struct flight {
	struct vt_io_task task; /* first: to go on from a thread of the pool */
	struct vt_frame_cache *cache;
	struct vt_location at;
	uint64_t key;             /* shard, offset */
	struct vt_frame *encoded; /* a frame to be: its bytes are as they are stored */
	bool reserved;            /* its encoded bytes are counted in the LRU */
	bool held;                /* guarded by the cache's lock */
	struct waiter first;
	struct waiter *waiters; /* guarded by the cache's lock */
	struct flight *next_held;
	UT_hash_handle hh;
};

#define FAILURES_MAX 1024 /* frames whose failure is logged; more are counted only */

/* A frame that failed. It is read again whenever somebody asks, and would be logged as often. */
struct failure {
	uint64_t key; /* shard, offset */
	int r;
};

struct vt_frame_cache {
	struct vt_lru *lru; /* constant, as the next three */
	struct vt_block_source *source;
	struct vt_io_pool *pool;
	struct vt_dictionaries *dictionaries;
	pthread_mutex_t lock;
	struct flight *flights;                /* guarded by lock, as all below */
	struct flight *held;                   /* in order of arrival */
	atomic_uint_fast64_t landed;           /* written under the lock */
	struct failure failures[FAILURES_MAX]; /* logged */
	size_t failure_count;                  /* FAILURES_MAX + 1: that was the last line */
	_Atomic uint64_t reads, decoded, shared, bytes_stored, bytes_decoded, damaged, failed;
};

static struct vt_lru_key lru_key(const struct vt_location *at)
{
	return vt_lru_key(VT_LRU_FRAME, at->shard, at->frame_offset);
}

static uint64_t pair(uint32_t high, uint32_t low)
{
	return (uint64_t) high << 32 | low;
}

/* ---- decoding -------------------------------------------------------------------------------- */

static pthread_once_t decoder_once = PTHREAD_ONCE_INIT;
static pthread_key_t decoder_key;

static void free_decoder(void *decoder)
{
	vt_decoder_free(decoder);
}

static void make_decoder_key(void)
{
	(void) pthread_key_create(&decoder_key, free_decoder);
}

/* This thread's decoder, or NULL. */
static struct vt_decoder *own_decoder(void)
{
	struct vt_decoder *decoder;

	(void) pthread_once(&decoder_once, make_decoder_key);
	decoder = pthread_getspecific(decoder_key);
	if (!decoder && vt_decoder_new(&decoder, NULL) == 0)
		(void) pthread_setspecific(decoder_key, decoder);
	return decoder;
}

static void free_frame(struct vt_lru_entry *entry)
{
	free(entry);
}

/* Counted from here on, with `len` bytes. */
static void init_frame(struct vt_frame_cache *cache, const struct flight *flight,
		       struct vt_frame *frame, uint32_t size, const uint8_t *data, size_t len)
{
	frame->size = size;
	frame->data = data;
	vt_lru_entry_init(cache->lru, &frame->lru, lru_key(&flight->at), sizeof *frame + len,
			  free_frame);
}

static int decode_with(struct vt_frame_cache *cache, const struct flight *flight,
		       const struct vt_frame_facts *facts, const struct vt_dictionary *dictionary,
		       struct vt_frame **out, struct vt_error *err)
{
	struct vt_decoder *decoder = own_decoder();
	struct vt_frame *frame = decoder ? malloc(sizeof *frame + facts->content_size) : NULL;
	int r;

	if (!frame)
		return -ENOMEM;
	init_frame(cache, flight, frame, facts->content_size, frame->bytes, facts->content_size);
	r = vt_decode(decoder, dictionary, flight->encoded->bytes, flight->at.frame_size,
		      frame->bytes, frame->size, err);
	if (r < 0)
		vt_frame_unref(frame);
	else
		*out = frame;
	return r;
}

static int decompress(struct vt_frame_cache *cache, const struct flight *flight,
		      const struct vt_frame_facts *facts, bool nowait, struct vt_frame **out,
		      struct vt_error *err)
{
	struct vt_used_dictionary *used;
	int r;

	if (!facts->dictionary)
		return decode_with(cache, flight, facts, NULL, out, err);
	r = vt_dictionaries_get(cache->dictionaries, flight->at.shard, facts->dictionary, nowait,
				&used, err);
	if (r < 0)
		return r == -ENOENT ? -EBADMSG : r; /* -ENOENT is for a shard that is gone */
	r = decode_with(cache, flight, facts, used->dictionary, out, err);
	vt_dictionaries_put(used);
	return r;
}

/* A raw frame is served from where it was read. */
static int decode(struct vt_frame_cache *cache, struct flight *flight, bool nowait,
		  struct vt_frame **out, struct vt_error *err)
{
	size_t len = flight->at.frame_size;
	struct vt_frame_facts facts;
	struct vt_frame *frame = NULL;
	const uint8_t *content;
	int r = vt_frame_inspect(flight->encoded->bytes, len, &facts, err);

	if (r == 0)
		r = vt_frame_raw(flight->encoded->bytes, len, &content, err);
	if (r > 0) {
		frame = vt_steal(&flight->encoded);
		init_frame(cache, flight, frame, facts.content_size, content, len);
	} else if (r == 0) {
		r = decompress(cache, flight, &facts, nowait, &frame, err);
	}
	if (r < 0)
		return r;
	cache->decoded++;
	cache->bytes_decoded += frame->size;
	*out = (struct vt_frame *) vt_lru_put(cache->lru, &frame->lru);
	return 0;
}

/* Notes the failure, under the lock. True: it is new, and there is room for it or the one line. */
static bool note_failure(struct vt_frame_cache *cache, const struct failure *failure)
{
	for (size_t i = 0; i < cache->failure_count && i < FAILURES_MAX; i++)
		if (cache->failures[i].key == failure->key && cache->failures[i].r == failure->r)
			return false;
	if (cache->failure_count > FAILURES_MAX)
		return false;
	if (cache->failure_count < FAILURES_MAX)
		cache->failures[cache->failure_count] = *failure;
	cache->failure_count++;
	return true;
}

/* Is it to be logged with its place? */
static bool is_new_failure(struct vt_frame_cache *cache, const struct vt_location *at, int r)
{
	const struct failure failure = {pair(at->shard, at->frame_offset), r};
	bool is_new, is_last;

	(void) pthread_mutex_lock(&cache->lock);
	is_new = note_failure(cache, &failure);
	is_last = is_new && cache->failure_count > FAILURES_MAX;
	(void) pthread_mutex_unlock(&cache->lock);
	if (is_last)
		vt_log(VT_LOG_ERROR,
		       "more frames fail than are named here: 'vitrine verify' lists them");
	return is_new && !is_last;
}

static void count_failure(struct vt_frame_cache *cache, const struct vt_location *at, int r,
			  const struct vt_error *err)
{
	bool is_new = r != -ENOENT && is_new_failure(cache, at, r);

	if (r == -EBADMSG) {
		cache->damaged++;
		if (is_new)
			vt_log(VT_LOG_ERROR, "a damaged frame shard=%u offset=%u size=%u: %s",
			       at->shard, at->frame_offset, at->frame_size, err->text);
	} else if (r != -ENOENT) {
		cache->failed++;
		if (is_new)
			vt_log(VT_LOG_ERROR, "cannot read a frame shard=%u offset=%u: %s",
			       at->shard, at->frame_offset, strerror(-r));
	}
}

/* ---- flights --------------------------------------------------------------------------------- */

static void begin_read(struct flight *flight);

static void begin_held(struct vt_io_task *task)
{
	struct flight *flight = (struct flight *) task;

	flight->reserved = vt_lru_reserve(flight->cache->lru, flight->at.frame_size);
	begin_read(flight);
}

static void free_flight(struct flight *flight)
{
	free(flight->encoded);
	free(flight);
}

/* Takes the flight to start after one of `shard`, under the lock: of that shard, if any is held. */
static struct flight *take_held(struct vt_frame_cache *cache, uint32_t shard)
{
	struct flight *next;

	LL_SEARCH_SCALAR2(cache->held, next, at.shard, shard, next_held);
	if (!next)
		next = cache->held;
	if (next) {
		LL_DELETE2(cache->held, next, next_held);
		next->held = false;
	}
	return next;
}

/* Out of the table, so that nobody joins any more; its waiters are the caller's to serve. */
static struct waiter *land(struct flight *flight)
{
	struct vt_frame_cache *cache = flight->cache;
	struct waiter *waiters;
	struct flight *next;

	if (flight->reserved)
		vt_lru_release(cache->lru, flight->at.frame_size);
	(void) pthread_mutex_lock(&cache->lock);
	HASH_DEL(cache->flights, flight);
	waiters = flight->waiters;
	cache->landed++;
	next = take_held(cache, flight->at.shard);
	(void) pthread_mutex_unlock(&cache->lock);
	if (next) { /* on the pool: from here it could go on and on in one stack */
		next->task = (struct vt_io_task){.run = begin_held, .lane = next->at.shard};
		vt_io_pool_submit(cache->pool, &next->task);
	}
	return waiters;
}

static void tell(const struct flight *flight, struct waiter *waiters, int r, struct vt_frame *frame)
{
	struct waiter *waiter, *next;

	LL_FOREACH_SAFE(waiters, waiter, next)
	{
		if (r == 0)
			(void) vt_lru_ref(&frame->lru);
		waiter->done(waiter->context, r, r == 0 ? frame : NULL);
		if (waiter != &flight->first)
			free(waiter);
	}
	if (r == 0)
		vt_frame_unref(frame);
}

/* The encoded bytes are there, or `r` says why not. */
static void arrive(struct flight *flight, int r, bool nowait);

static void arrive_waiting(struct vt_io_task *task)
{
	arrive((struct flight *) task, 0, false);
}

static void arrive(struct flight *flight, int r, bool nowait)
{
	struct vt_frame_cache *cache = flight->cache;
	struct vt_frame *frame = NULL;
	struct vt_error err = {.text = "the file ends before the frame"};

	if (r == 0)
		r = decode(cache, flight, nowait, &frame, &err);
	if (r == -EAGAIN && nowait) {
		flight->task = (struct vt_io_task){.run = arrive_waiting, .lane = VT_LANE_CONTENT};
		vt_io_pool_submit(cache->pool, &flight->task);
		return;
	}
	if (r < 0)
		count_failure(cache, &flight->at, r, &err);
	tell(flight, land(flight), r, frame);
	free_flight(flight);
}

static void read_done(void *context, int r)
{
	arrive(context, r, false);
}

/* Not held. Anybody's thread: what must wait goes to the pool. */
static void begin_read(struct flight *flight)
{
	struct vt_frame_cache *cache = flight->cache;
	int r;

	cache->reads++;
	cache->bytes_stored += flight->at.frame_size;
	flight->encoded = malloc(sizeof *flight->encoded + flight->at.frame_size);
	if (!flight->encoded) {
		arrive(flight, -ENOMEM, true);
		return;
	}
	r = vt_block_read(cache->source, &flight->at, flight->encoded->bytes, read_done, flight);
	if (r != 0)
		arrive(flight, r > 0 ? 0 : r, true);
}

/* Under the lock. A flight for a frame nobody is fetching yet, with who asks as its first waiter.
 */
static struct flight *new_flight(struct vt_frame_cache *cache, const struct vt_location *at,
				 const struct waiter *first)
{
	struct flight *flight = malloc(sizeof *flight);

	if (!flight)
		return NULL;
	*flight = (struct flight){.cache = cache,
				  .at = *at,
				  .key = pair(at->shard, at->frame_offset),
				  .first = *first};
	HASH_ADD(hh, cache->flights, key, sizeof flight->key, flight);
	if (!flight->hh.tbl) {
		free(flight);
		return NULL;
	}
	flight->waiters = &flight->first;
	return flight;
}

/* Under the lock. */
static bool join(struct flight *flight, const struct waiter *who)
{
	struct waiter *waiter = malloc(sizeof *waiter);

	if (!waiter)
		return false;
	*waiter = *who;
	LL_APPEND(flight->waiters, waiter);
	flight->cache->shared++;
	return true;
}

/* Under the lock. Is another flight of the shard under way, that starts this one when it ends? */
static bool can_follow(const struct flight *flight)
{
	struct flight *other, *next;

	HASH_ITER (hh, flight->cache->flights, other, next)
		if (other != flight && !other->held && other->at.shard == flight->at.shard)
			return true;
	return false;
}

/* Is there room to read one more? If not, it is held, unless nothing would ever start it. */
static bool may_start(struct flight *flight)
{
	struct vt_frame_cache *cache = flight->cache;
	bool held;

	flight->reserved = vt_lru_reserve(cache->lru, flight->at.frame_size);
	if (flight->reserved)
		return true;
	(void) pthread_mutex_lock(&cache->lock);
	held = flight->held = can_follow(flight);
	if (held)
		LL_APPEND2(cache->held, flight, next_held);
	(void) pthread_mutex_unlock(&cache->lock);
	return !held;
}

int vt_frame_cache_get(struct vt_frame_cache *cache, const struct vt_location *at,
		       struct vt_frame **out, vt_frame_done *done, void *context)
{
	const struct waiter who = {.done = done, .context = context};
	uint64_t key = pair(at->shard, at->frame_offset), landed = cache->landed;
	struct vt_lru_entry *entry = vt_lru_get(cache->lru, lru_key(at));
	struct flight *flight = NULL, *ours = NULL;
	int r = -ENOMEM;

	if (!entry && (at->frame_size == 0 || at->frame_size > VT_FRAME_STORED_MAX))
		return -EBADMSG;
	if (!entry) {
		(void) pthread_mutex_lock(&cache->lock);
		HASH_FIND(hh, cache->flights, &key, sizeof key, flight);
		if (flight)
			r = join(flight, &who) ? 0 : -ENOMEM;
		else if (cache->landed != landed)
			entry = vt_lru_get(cache->lru, lru_key(at));
		if (!flight && !entry)
			ours = new_flight(cache, at, &who);
		(void) pthread_mutex_unlock(&cache->lock);
	}
	if (entry) {
		*out = (struct vt_frame *) entry;
		return 1;
	}
	if (!ours)
		return r;
	if (may_start(ours))
		begin_read(ours);
	return 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

int vt_frame_cache_new(struct vt_lru *lru, struct vt_block_source *source, struct vt_io_pool *pool,
		       vt_find_dictionary *find, void *context, struct vt_frame_cache **out,
		       struct vt_error *err)
{
	vt_cleanup(vt_frame_cache_freep) struct vt_frame_cache *cache = calloc(1, sizeof *cache);
	int r;

	if (!cache)
		return vt_fail(err, ENOMEM, "no memory for a frame cache");
	cache->lru = lru;
	cache->source = source;
	cache->pool = pool;
	(void) pthread_mutex_init(&cache->lock, NULL);
	r = vt_dictionaries_new(find, context, &cache->dictionaries, err);
	if (r < 0)
		return r;
	*out = vt_steal(&cache);
	return 0;
}

void vt_frame_cache_free(struct vt_frame_cache *cache)
{
	if (!cache)
		return;
	vt_dictionaries_free(cache->dictionaries);
	(void) pthread_mutex_destroy(&cache->lock);
	free(cache);
}

void vt_frame_cache_forget(struct vt_frame_cache *cache, const struct vt_location *at)
{
	vt_lru_drop(cache->lru, lru_key(at));
}

void vt_frame_cache_get_stats(const struct vt_frame_cache *cache, struct vt_frame_cache_stats *out)
{
	*out = (struct vt_frame_cache_stats){.reads = cache->reads,
					     .decoded = cache->decoded,
					     .shared = cache->shared,
					     .bytes_stored = cache->bytes_stored,
					     .bytes_decoded = cache->bytes_decoded,
					     .damaged = cache->damaged,
					     .failed = cache->failed};
}
