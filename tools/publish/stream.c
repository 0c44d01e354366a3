/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stream.h. Bytes are read into the current group's buffer:
 *
 *     |  cut into pieces  |  data, not cut yet  |  zeros, maybe a hole  |  part of a block | room |
 *     0                 start           scanned - zeros             scanned             len
 *
 * When the room runs out the group goes to the crew and what lies behind `start` moves on into a
 * new one. A stream holds one group and at times wants a second; all others are queued or being
 * stored, and a thread that must wait stores queued ones, so that there is always progress.
 */
#include "tools/publish/stream.h"

#include <assert.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/publish/chunker.h"

#define GROUP_SIZE (1u << 20)
#define READ_MIN   (64u << 10) /* less room than this is not worth a read */
#define STRETCH    (8u << 20)  /* bytes for which one probe holds */
#define PROBE      (256u << 10)

/* Uncut bytes stay below this, so that a group always has room. */
_Static_assert(PROBE + VT_HOLE_MIN + VT_BLOCK + READ_MIN < GROUP_SIZE, "a group has room");
/* A piece that is shorter than VT_CHUNK_MIN ends a run and has a hole behind it. */
_Static_assert(GROUP_SIZE / VT_CHUNK_MIN + GROUP_SIZE / VT_HOLE_MIN < VT_PIECES_MAX, "pieces fit");

struct stream;

/* A buffer and the pieces in it; stored as one job. */
struct group {
	struct vt_crew_job job; /* first */
	struct stream *stream;
	struct group *next; /* in the pool */
	size_t count;
	struct vt_piece pieces[VT_PIECES_MAX];
	size_t extents[VT_PIECES_MAX]; /* which extent each is */
	uint8_t data[GROUP_SIZE];
};

struct vt_stream_pool {
	struct vt_publish_context *context;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* a group came back */
	/* guarded by lock; so are the streams' members named there */
	struct group *free;
	unsigned made, limit;
	uint64_t returned;
};

struct stream {
	struct vt_stream_pool *pool;
	unsigned thread;
	struct vt_hasher *hasher;
	uint64_t size;
	struct group *group;
	size_t len, start, scanned, zeros;
	uint64_t hole; /* bytes of the hole we are in, 0: in a data run */
	enum { UNKNOWN, CUT, RAW } form;
	uint64_t stretch; /* bytes for which `form` still holds */
	/* guarded by pool->lock */
	struct vt_buf extents; /* struct vt_extent each */
	unsigned in_flight;    /* groups */
};

int vt_stream_pool_new(struct vt_publish_context *context, struct vt_stream_pool **out,
		       struct vt_error *err)
{
	struct vt_stream_pool *pool = calloc(1, sizeof *pool);

	if (!pool)
		return vt_fail(err, ENOMEM, "no memory for buffers");
	pool->context = context;
	/* Each thread may hold one and want another while one per thread is being stored. */
	pool->limit = 3 * (context->threads + 1);
	(void) pthread_mutex_init(&pool->lock, NULL);
	(void) pthread_cond_init(&pool->changed, NULL);
	*out = pool;
	return 0;
}

void vt_stream_pool_free(struct vt_stream_pool *pool)
{
	if (!pool)
		return;
	while (pool->free) {
		struct group *group = pool->free;

		pool->free = group->next;
		free(group);
	}
	(void) pthread_cond_destroy(&pool->changed);
	(void) pthread_mutex_destroy(&pool->lock);
	free(pool);
}

/*
 * Called with the lock held: stores a queued group, or waits until one that is being stored comes
 * back. The count tells of those that came back between the two.
 */
static void await_return(struct vt_stream_pool *pool, unsigned thread)
{
	uint64_t seen = pool->returned;
	bool helped;

	(void) pthread_mutex_unlock(&pool->lock);
	helped = vt_crew_help(pool->context->crew, thread);
	(void) pthread_mutex_lock(&pool->lock);
	while (!helped && pool->returned == seen)
		(void) pthread_cond_wait(&pool->changed, &pool->lock);
}

static struct group *get_group(struct stream *stream, struct vt_error *err)
{
	struct vt_stream_pool *pool = stream->pool;
	struct group *group = NULL;

	(void) pthread_mutex_lock(&pool->lock);
	while (!pool->free && pool->made == pool->limit)
		await_return(pool, stream->thread);
	group = pool->free;
	if (group)
		pool->free = group->next;
	else
		pool->made++;
	(void) pthread_mutex_unlock(&pool->lock);
	if (!group)
		group = malloc(sizeof *group);
	if (!group) {
		(void) pthread_mutex_lock(&pool->lock);
		pool->made--;
		(void) pthread_mutex_unlock(&pool->lock);
		(void) vt_fail(err, ENOMEM, "no memory for a buffer");
		return NULL;
	}
	group->stream = stream;
	group->count = 0;
	return group;
}

/* Called with the lock held. */
static void put_group(struct vt_stream_pool *pool, struct group *group)
{
	group->next = pool->free;
	pool->free = group;
	pool->returned++;
	(void) pthread_cond_broadcast(&pool->changed);
}

static void store_group(struct vt_crew_job *job, unsigned thread)
{
	struct group *group = (struct group *) job;
	struct stream *stream = group->stream;
	struct vt_stream_pool *pool = stream->pool;
	struct vt_publish_context *context = pool->context;
	struct vt_error why;
	int r = -ECANCELED;

	if (!vt_crew_stopped(context->crew)) {
		r = vt_content_store(context->content, thread, group->pieces, group->count, &why);
		if (r < 0)
			vt_crew_fail(context->crew, r, &why);
	}
	(void) pthread_mutex_lock(&pool->lock);
	for (size_t i = 0; r == 0 && i < group->count; i++) {
		struct vt_extent *extents = (struct vt_extent *) (void *) stream->extents.data;

		extents[group->extents[i]].at = group->pieces[i].at;
	}
	stream->in_flight--;
	put_group(pool, group);
	(void) pthread_mutex_unlock(&pool->lock);
}

static void submit_group(struct stream *stream, struct group *group)
{
	struct vt_stream_pool *pool = stream->pool;

	(void) pthread_mutex_lock(&pool->lock);
	group->job.run = store_group;
	stream->in_flight++;
	(void) pthread_mutex_unlock(&pool->lock);
	vt_crew_submit_urgent(pool->context->crew, &group->job);
}

static int add_extent(struct stream *stream, uint64_t length, size_t *number, struct vt_error *err)
{
	struct vt_extent extent = {.length = length};

	(void) pthread_mutex_lock(&stream->pool->lock);
	*number = stream->extents.len / sizeof extent;
	vt_buf_put(&stream->extents, &extent, sizeof extent);
	(void) pthread_mutex_unlock(&stream->pool->lock);
	return vt_buf_failed(&stream->extents) ? vt_fail(err, ENOMEM, "no memory for a recipe") : 0;
}

/* The next piece of `avail` bytes of data; 0: more must be read first. */
static size_t next_piece(struct stream *stream, size_t avail, bool at_end)
{
	const uint8_t *data = stream->group->data + stream->start;

	if (stream->form == UNKNOWN) {
		size_t sample = avail < PROBE ? avail : PROBE;

		if (sample < PROBE && !at_end)
			return 0;
		stream->form = vt_content_probe(stream->pool->context->content, stream->thread,
						data, sample)
				       ? CUT
				       : RAW;
		stream->stretch = STRETCH;
	}
	if (avail < VT_CHUNK_MAX && !at_end)
		return 0;
	if (stream->form == CUT)
		return vt_chunk_cut(data, avail);
	return avail < VT_CHUNK_MAX ? avail : VT_CHUNK_MAX;
}

/* Cuts the data before `end`; with `at_end` all of it. */
static int cut(struct stream *stream, size_t end, bool at_end, struct vt_error *err)
{
	struct group *group = stream->group;
	int r = 0;

	while (r == 0 && stream->start < end) {
		size_t len = next_piece(stream, end - stream->start, at_end);

		if (len == 0)
			break;
		assert(group->count < VT_PIECES_MAX);
		group->pieces[group->count] = (struct vt_piece){
			.data = group->data + stream->start,
			.length = (uint32_t) len,
			.raw = stream->form == RAW,
		};
		r = add_extent(stream, len, &group->extents[group->count], err);
		group->count++;
		stream->start += len;
		stream->stretch -= len < stream->stretch ? len : stream->stretch;
		if (stream->stretch == 0)
			stream->form = UNKNOWN;
	}
	return r;
}

static int end_hole(struct stream *stream, struct vt_error *err)
{
	size_t number;
	int r = 0;

	if (stream->hole > 0)
		r = add_extent(stream, stream->hole, &number, err);
	stream->hole = 0;
	stream->form = UNKNOWN;
	return r;
}

static bool is_zero(const uint8_t *data, size_t len)
{
	return data[0] == 0 && memcmp(data, data + 1, len - 1) == 0;
}

static int scan_zero_block(struct stream *stream, struct vt_error *err)
{
	int r;

	stream->scanned += VT_BLOCK;
	if (stream->hole > 0) {
		stream->hole += VT_BLOCK;
		stream->start = stream->scanned;
		return 0;
	}
	stream->zeros += VT_BLOCK;
	if (stream->zeros < VT_HOLE_MIN)
		return 0;
	r = cut(stream, stream->scanned - stream->zeros, true, err);
	stream->hole = stream->zeros;
	stream->zeros = 0;
	stream->start = stream->scanned;
	return r;
}

static int scan_blocks(struct stream *stream, struct vt_error *err)
{
	int r = 0;

	while (r == 0 && stream->len - stream->scanned >= VT_BLOCK) {
		if (is_zero(stream->group->data + stream->scanned, VT_BLOCK)) {
			r = scan_zero_block(stream, err);
			continue;
		}
		if (stream->hole > 0)
			r = end_hole(stream, err);
		stream->zeros = 0;
		stream->scanned += VT_BLOCK;
	}
	return r;
}

/* Takes in the bytes that were put behind `len`. */
static int commit(struct stream *stream, size_t len, struct vt_error *err)
{
	int r;

	vt_hasher_update(stream->hasher, stream->group->data + stream->len, len);
	stream->size += len;
	stream->len += len;
	r = scan_blocks(stream, err);
	if (r == 0 && stream->hole == 0)
		r = cut(stream, stream->scanned - stream->zeros, false, err);
	return r;
}

/* Passes on what is cut and keeps the rest. */
static int make_room(struct stream *stream, struct vt_error *err)
{
	struct group *full = stream->group;
	size_t rest = stream->len - stream->start;

	if (GROUP_SIZE - stream->len >= READ_MIN)
		return 0;
	if (full->count > 0) {
		struct group *next = get_group(stream, err);

		if (!next)
			return -ENOMEM;
		memcpy(next->data, full->data + stream->start, rest);
		stream->group = next;
		submit_group(stream, full);
	} else {
		memmove(full->data, full->data + stream->start, rest);
	}
	stream->scanned -= stream->start;
	stream->len = rest;
	stream->start = 0;
	return 0;
}

static int feed(struct stream *stream, const uint8_t *data, size_t len, struct vt_error *err)
{
	int r = 0;

	while (r == 0 && len > 0) {
		size_t room, n;

		r = make_room(stream, err);
		if (r < 0)
			break;
		room = GROUP_SIZE - stream->len;
		n = len < room ? len : room;
		memcpy(stream->group->data + stream->len, data, n);
		r = commit(stream, n, err);
		data += n;
		len -= n;
	}
	return r;
}

static int drain(struct stream *stream, struct vt_input *input, struct vt_error *err)
{
	for (;;) {
		ssize_t n;
		int r = make_room(stream, err);

		if (r == 0)
			r = vt_crew_result(stream->pool->context->crew, err);
		if (r < 0)
			return r;
		n = input->read(input, stream->group->data + stream->len, GROUP_SIZE - stream->len,
				err);
		if (n <= 0)
			return (int) n;
		r = commit(stream, (size_t) n, err);
		if (r < 0)
			return r;
	}
}

/* No more bytes: what is left is data, but for a hole that reaches the end. */
static int finish(struct stream *stream, struct vt_error *err)
{
	int r = 0;

	if (stream->hole > 0)
		r = end_hole(stream, err);
	if (r == 0)
		r = cut(stream, stream->len, true, err);
	if (r == 0 && stream->group->count > 0) {
		submit_group(stream, stream->group);
		stream->group = NULL;
	}
	return r;
}

static void await_stored(struct stream *stream)
{
	struct vt_stream_pool *pool = stream->pool;

	(void) pthread_mutex_lock(&pool->lock);
	while (stream->in_flight > 0)
		await_return(pool, stream->thread);
	(void) pthread_mutex_unlock(&pool->lock);
}

static int describe(struct stream *stream, struct vt_stored *out, struct vt_error *err)
{
	const struct vt_extent *extents = (const void *) stream->extents.data;
	size_t count = stream->extents.len / sizeof *extents;

	memset(out, 0, sizeof *out);
	out->size = stream->size;
	vt_hasher_final(stream->hasher, &out->digest);
	if (count == 0)
		return 0;
	if (count == 1 && extents[0].at.shard != 0) {
		out->at = extents[0].at;
		return 0;
	}
	return vt_content_add_recipe(stream->pool->context->content, &out->digest, extents, count,
				     err);
}

static void stream_done(struct stream *stream)
{
	await_stored(stream);
	if (stream->group) {
		(void) pthread_mutex_lock(&stream->pool->lock);
		put_group(stream->pool, stream->group);
		(void) pthread_mutex_unlock(&stream->pool->lock);
	}
	vt_hasher_free(stream->hasher);
	vt_buf_done(&stream->extents);
}

int vt_stream_store(struct vt_stream_pool *pool, unsigned thread, const void *prefix,
		    size_t prefix_len, struct vt_input *input, struct vt_stored *out,
		    struct vt_error *err)
{
	vt_cleanup(stream_done) struct stream stream = {.pool = pool, .thread = thread};
	int r;

	stream.hasher = vt_hasher_new();
	if (!stream.hasher)
		return vt_fail(err, ENOMEM, "no memory for a hasher");
	stream.group = get_group(&stream, err);
	if (!stream.group)
		return -ENOMEM;
	r = feed(&stream, prefix, prefix_len, err);
	if (r == 0 && input)
		r = drain(&stream, input, err);
	if (r == 0)
		r = finish(&stream, err);
	await_stored(&stream);
	if (r == 0)
		r = vt_crew_result(pool->context->crew, err);
	return r < 0 ? r : describe(&stream, out, err);
}

bool vt_stream_has_hole(const uint8_t *data, size_t len)
{
	size_t zeros = 0;

	for (size_t at = 0; len - at >= VT_BLOCK && zeros < VT_HOLE_MIN; at += VT_BLOCK)
		zeros = is_zero(data + at, VT_BLOCK) ? zeros + VT_BLOCK : 0;
	return zeros >= VT_HOLE_MIN;
}
