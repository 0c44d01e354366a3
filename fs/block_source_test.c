/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two block sources for tests (block_source.h): one answers late, one fails or damages. They sit in
 * the program so that a real mount can be tested with them (VITRINE_TEST_SOURCE).
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "fs/block_source.h"
#include "index/base/clock.h"
#include "index/base/error.h"

/* A source around another: what both pass on as it is. */
struct outer_source {
	struct vt_block_source base; /* first */
	struct vt_block_source *inner;
};

static int inner_bring(struct vt_block_source *base, uint32_t shard, uint64_t offset,
		       uint64_t length)
{
	return vt_block_bring(((struct outer_source *) base)->inner, shard, offset, length);
}

static void inner_get_stats(struct vt_block_source *base, struct vt_block_source_stats *out)
{
	vt_block_source_get_stats(((struct outer_source *) base)->inner, out);
}

static void inner_close_removed(struct vt_block_source *base)
{
	vt_block_source_close_removed(((struct outer_source *) base)->inner);
}

/* ---- delayed --------------------------------------------------------------------------------- */

/* A read in the order of its time; all wait equally long, so the list is a queue. */
struct late_read {
	struct delayed_source *source;
	uint64_t due_ns; /* CLOCK_MONOTONIC */
	struct vt_location at;
	void *out;
	vt_block_done *done;
	void *context;
	struct late_read *next;
};

struct delayed_source {
	struct outer_source outer; /* first */
	uint32_t shard;
	unsigned delay_ms;
	pthread_t timer;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct late_read *queue; /* guarded by lock */
	bool stopping;
};

static void late_done(void *context, int r)
{
	struct late_read *read = context;

	read->done(read->context, r);
	free(read);
}

static void ask_inner(struct late_read *read)
{
	int r = vt_block_read(read->source->outer.inner, &read->at, read->out, late_done, read);

	if (r != 0)
		late_done(read, r > 0 ? 0 : r);
}

static void *run_timer(void *argument)
{
	struct delayed_source *source = argument;

	(void) pthread_mutex_lock(&source->lock);
	while (!source->stopping || source->queue) {
		struct late_read *read = source->queue;
		struct timespec due;
		bool given_up;

		if (!read) {
			(void) pthread_cond_wait(&source->changed, &source->lock);
			continue;
		}
		if (!source->stopping && read->due_ns > vt_clock_monotonic_ns()) {
			due.tv_sec = (time_t) (read->due_ns / VT_NS_PER_SEC);
			due.tv_nsec = (long) (read->due_ns % VT_NS_PER_SEC);
			(void) pthread_cond_timedwait(&source->changed, &source->lock, &due);
			continue;
		}
		LL_DELETE(source->queue, read);
		given_up = source->stopping; /* what `inner` would answer from may be gone */
		(void) pthread_mutex_unlock(&source->lock);
		if (given_up)
			late_done(read, -EIO);
		else
			ask_inner(read);
		(void) pthread_mutex_lock(&source->lock);
	}
	(void) pthread_mutex_unlock(&source->lock);
	return NULL;
}

static int delayed_read(struct vt_block_source *base, const struct vt_location *at, void *out,
			vt_block_done *done, void *context)
{
	struct delayed_source *source = (struct delayed_source *) base;
	struct late_read *read;

	if (source->shard && at->shard != source->shard)
		return vt_block_read(source->outer.inner, at, out, done, context);
	read = malloc(sizeof *read);
	if (!read)
		return -ENOMEM;
	*read = (struct late_read){.source = source,
				   .due_ns = vt_clock_monotonic_ns() +
					     source->delay_ms * (VT_NS_PER_SEC / 1000),
				   .at = *at,
				   .out = out,
				   .done = done,
				   .context = context};
	(void) pthread_mutex_lock(&source->lock);
	LL_APPEND(source->queue, read);
	(void) pthread_cond_signal(&source->changed);
	(void) pthread_mutex_unlock(&source->lock);
	return 0;
}

static void delayed_free(struct vt_block_source *base)
{
	struct delayed_source *source = (struct delayed_source *) base;

	(void) pthread_mutex_lock(&source->lock);
	source->stopping = true;
	(void) pthread_cond_signal(&source->changed);
	(void) pthread_mutex_unlock(&source->lock);
	(void) pthread_join(source->timer, NULL);
	(void) pthread_cond_destroy(&source->changed);
	(void) pthread_mutex_destroy(&source->lock);
	vt_block_source_free(source->outer.inner);
	free(source);
}

int vt_block_source_delayed(struct vt_block_source *inner, uint32_t shard, unsigned delay_ms,
			    struct vt_block_source **out, struct vt_error *err)
{
	static const struct vt_block_source_ops ops = {
		.read = delayed_read,
		.bring = inner_bring,
		.get_stats = inner_get_stats,
		.close_removed = inner_close_removed,
		.free = delayed_free,
	};
	struct delayed_source *source = calloc(1, sizeof *source);
	pthread_condattr_t attributes;
	int r;

	if (!source)
		return vt_fail(err, ENOMEM, "no memory for a block source");
	*source = (struct delayed_source){
		.outer = {{&ops}, inner}, .shard = shard, .delay_ms = delay_ms};
	(void) pthread_mutex_init(&source->lock, NULL);
	(void) pthread_condattr_init(&attributes);
	(void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&source->changed, &attributes);
	(void) pthread_condattr_destroy(&attributes);
	r = pthread_create(&source->timer, NULL, run_timer, source);
	if (r) {
		free(source);
		return vt_fail(err, r, "cannot start a thread: %m");
	}
	*out = &source->outer.base;
	return 0;
}

/* ---- fault ----------------------------------------------------------------------------------- */

struct fault_source {
	struct outer_source outer; /* first */
	unsigned every;
	int code; /* 0: flip a bit */
	atomic_uint count;
};

struct damaged_read {
	uint8_t *byte;
	vt_block_done *done;
	void *context;
};

static void damaged_done(void *context, int r)
{
	struct damaged_read *read = context;

	if (r == 0)
		*read->byte ^= 1;
	read->done(read->context, r);
	free(read);
}

static int fault_read(struct vt_block_source *base, const struct vt_location *at, void *out,
		      vt_block_done *done, void *context)
{
	struct fault_source *source = (struct fault_source *) base;
	unsigned turn = atomic_fetch_add(&source->count, 1) + 1;
	struct damaged_read *read;
	int r;

	if (turn % source->every != 0)
		return vt_block_read(source->outer.inner, at, out, done, context);
	if (source->code)
		return -source->code;
	read = malloc(sizeof *read);
	if (!read)
		return -ENOMEM;
	*read = (struct damaged_read){(uint8_t *) out + turn % at->frame_size, done, context};
	r = vt_block_read(source->outer.inner, at, out, damaged_done, read);
	if (r == 0)
		return 0;
	if (r > 0)
		*read->byte ^= 1;
	free(read);
	return r;
}

static void fault_free(struct vt_block_source *base)
{
	struct fault_source *source = (struct fault_source *) base;

	vt_block_source_free(source->outer.inner);
	free(source);
}

int vt_block_source_fault(struct vt_block_source *inner, unsigned every, int code,
			  struct vt_block_source **out, struct vt_error *err)
{
	static const struct vt_block_source_ops ops = {
		.read = fault_read,
		.bring = inner_bring,
		.get_stats = inner_get_stats,
		.close_removed = inner_close_removed,
		.free = fault_free,
	};
	struct fault_source *source = calloc(1, sizeof *source);

	if (!source)
		return vt_fail(err, ENOMEM, "no memory for a block source");
	*source = (struct fault_source){.outer = {{&ops}, inner}, .every = every, .code = code};
	*out = &source->outer.base;
	return 0;
}

int vt_block_source_from_env(struct vt_block_source *inner, struct vt_block_source **out,
			     struct vt_error *err)
{
	const char *what = getenv("VITRINE_TEST_SOURCE");
	unsigned a, b;
	int r = 0;

	*out = inner;
	if (!what)
		return 0;
	if (sscanf(what, "delay:%u:%u", &a, &b) == 2)
		r = vt_block_source_delayed(inner, a, b, out, err);
	else if (sscanf(what, "fault:%u:%u", &a, &b) == 2 && a > 0)
		r = vt_block_source_fault(inner, a, (int) b, out, err);
	else
		r = vt_fail(err, EINVAL,
			    "VITRINE_TEST_SOURCE='%s' is neither delay:SHARD:MS nor "
			    "fault:EVERY:ERRNO",
			    what);
	if (r < 0)
		vt_block_source_free(inner);
	return r;
}
