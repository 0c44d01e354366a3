/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See io_pool.h. Every lane with tasks has a queue of its own; lanes that may run another task
 * stand in a ring and are served in turn, so a lane that is full costs the others nothing. Lane
 * objects live while they have tasks queued or running.
 */
#include "fs/io_pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <utlist.h>

#include "fs/hash.h"
#include "index/base/error.h"

struct lane {
	uint64_t id;
	struct vt_io_task *first, *last;
	unsigned running;
	bool ready; /* in the ring */
	struct lane *prev, *next;
	UT_hash_handle hh;
};

struct vt_io_pool {
	unsigned thread_max, per_lane; /* constant */
	pthread_mutex_t lock;
	pthread_cond_t work; /* a lane became ready, or the pool stops */
	/* guarded by lock */
	struct lane *lanes; /* by id */
	struct lane *ready; /* ring of lanes that may run a task */
	struct lane spare;  /* serves when there is no memory for a lane */
	unsigned threads, idle;
	bool stopping;
	pthread_t *handles;
	_Atomic size_t depth;
};

/* Puts a lane into the ring if it has a task that may run, under the lock. */
static void offer(struct vt_io_pool *pool, struct lane *lane)
{
	if (lane->ready || !lane->first || lane->running >= pool->per_lane)
		return;
	lane->ready = true;
	DL_APPEND(pool->ready, lane);
	(void) pthread_cond_signal(&pool->work);
}

static void drop_if_done(struct vt_io_pool *pool, struct lane *lane)
{
	if (lane == &pool->spare || lane->first || lane->running)
		return;
	HASH_DEL(pool->lanes, lane);
	free(lane);
}

/* Takes the next task of the lane whose turn it is, under the lock. */
static struct vt_io_task *take(struct vt_io_pool *pool, struct lane **lane)
{
	struct lane *turn = pool->ready;
	struct vt_io_task *task = turn->first;

	DL_DELETE(pool->ready, turn);
	turn->ready = false;
	turn->first = task->next;
	if (!turn->first)
		turn->last = NULL;
	turn->running++;
	offer(pool, turn);
	*lane = turn;
	return task;
}

static void *work(void *argument);

/*
 * Starts a thread if a lane is ready and nobody idles, under the lock. Called where a lane becomes
 * ready and by a thread that takes a task while another lane is ready: one that idles may have been
 * counted on twice, and the task just taken may be stuck for long. Where no thread can be started
 * those that run get to it; a pool that cannot start its first is refused by vt_io_pool_new().
 */
static void start_thread_if_needed(struct vt_io_pool *pool)
{
	if (!pool->ready || pool->idle > 0 || pool->stopping || pool->threads == pool->thread_max)
		return;
	if (pthread_create(&pool->handles[pool->threads], NULL, work, pool) == 0)
		pool->threads++;
}

static void *work(void *argument)
{
	struct vt_io_pool *pool = argument;

	(void) pthread_mutex_lock(&pool->lock);
	for (;;) {
		struct vt_io_task *task;
		struct lane *lane;

		while (!pool->ready && !(pool->stopping && pool->depth == 0)) {
			pool->idle++;
			(void) pthread_cond_wait(&pool->work, &pool->lock);
			pool->idle--;
		}
		if (!pool->ready)
			break;
		task = take(pool, &lane);
		start_thread_if_needed(pool);
		(void) pthread_mutex_unlock(&pool->lock);
		task->run(task);
		(void) pthread_mutex_lock(&pool->lock);
		lane->running--;
		offer(pool, lane);
		drop_if_done(pool, lane);
		if (--pool->depth == 0 && pool->stopping)
			(void) pthread_cond_broadcast(&pool->work);
	}
	(void) pthread_mutex_unlock(&pool->lock);
	return NULL;
}

int vt_io_pool_new(unsigned threads, unsigned per_lane, struct vt_io_pool **out,
		   struct vt_error *err)
{
	struct vt_io_pool *pool = calloc(1, sizeof *pool);
	int r;

	if (pool)
		pool->handles = calloc(threads, sizeof *pool->handles);
	if (!pool || !pool->handles) {
		free(pool);
		return vt_fail(err, ENOMEM, "no memory for a thread pool");
	}
	pool->thread_max = threads;
	pool->per_lane = per_lane;
	(void) pthread_mutex_init(&pool->lock, NULL);
	(void) pthread_cond_init(&pool->work, NULL);
	pool->threads = 1; /* before it runs: it may start others */
	r = pthread_create(&pool->handles[0], NULL, work, pool);
	if (r) {
		pool->threads = 0;
		vt_io_pool_free(pool);
		return vt_fail(err, r, "cannot start a thread: %m");
	}
	*out = pool;
	return 0;
}

void vt_io_pool_free(struct vt_io_pool *pool)
{
	if (!pool)
		return;
	(void) pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	(void) pthread_cond_broadcast(&pool->work);
	(void) pthread_mutex_unlock(&pool->lock);
	for (unsigned i = 0; i < pool->threads; i++) /* no new ones: see submit */
		(void) pthread_join(pool->handles[i], NULL);
	(void) pthread_cond_destroy(&pool->work);
	(void) pthread_mutex_destroy(&pool->lock);
	free(pool->handles);
	free(pool);
}

static struct lane *find_lane(struct vt_io_pool *pool, uint64_t id)
{
	struct lane *lane;

	HASH_FIND(hh, pool->lanes, &id, sizeof id, lane);
	if (lane)
		return lane;
	lane = calloc(1, sizeof *lane);
	if (!lane)
		return &pool->spare;
	lane->id = id;
	HASH_ADD(hh, pool->lanes, id, sizeof lane->id, lane);
	if (!lane->hh.tbl) {
		free(lane);
		return &pool->spare;
	}
	return lane;
}

void vt_io_pool_submit(struct vt_io_pool *pool, struct vt_io_task *task)
{
	struct lane *lane;

	task->next = NULL;
	(void) pthread_mutex_lock(&pool->lock);
	lane = find_lane(pool, task->lane);
	if (lane->last)
		lane->last->next = task;
	else
		lane->first = task;
	lane->last = task;
	pool->depth++;
	offer(pool, lane);
	start_thread_if_needed(pool);
	(void) pthread_mutex_unlock(&pool->lock);
}

size_t vt_io_pool_depth(const struct vt_io_pool *pool)
{
	return pool->depth;
}
