/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See file_reader.h. A read goes through steps, each in the caller's thread if it need not wait,
 * else on the pool:
 *
 *     plan    which extents cover the range: the entry's hint, a chunk row, or a recipe's segments
 *     fetch   all frames at once
 *     answer  when the last frame is in: the pieces, in order
 *
 * The hint is what was true at publish, a cached recipe what was true when it was read. When what
 * they lead to is gone or does not fit, the plan is made once more, from the index alone.
 */
#include "fs/file_reader.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file_read.h"
#include "index/base/error.h"
#include "index/chunk.h"

#define ZEROS       (128u << 10)
#define STREAM_FROM 4u             /* parts */
#define PIECES_MAX  (IOV_MAX - 8u) /* of an answer; a reply adds its head */

/*
 * Replies are written from memory that is the process's own: while a server is killed, the kernel
 * brings no page in for a writev() under way, nor gives it the page of zeros that all share, and
 * the reader would have EIO. So not const, which would be the program's file, and written to once.
 */
static uint8_t zeros[ZEROS];

/* ---- fetch and answer ------------------------------------------------------------------------ */

static void start(struct vt_read *read, bool nowait);

static void run_start(struct vt_io_task *task)
{
	start((struct vt_read *) task, false);
}

static void start_on_pool(struct vt_read *read)
{
	read->task = (struct vt_io_task){.run = run_start, .lane = VT_LANE_CONTENT};
	vt_io_pool_submit(read->reader->pool, &read->task);
}

static void drop_frames(struct vt_read *read)
{
	for (size_t i = 0; i < read->count; i++) {
		vt_frame_unref(read->parts[i].frame);
		read->parts[i].frame = NULL;
	}
}

static void free_read(struct vt_read *read)
{
	drop_frames(read);
	if (read->parts != read->few)
		free(read->parts);
	free(read);
}

/* False: what led to the failure came from the index, or this was the second time. */
static bool try_again(struct vt_read *read, int r)
{
	if (read->again || (!read->use_hint && !read->use_recipe))
		return false;
	read->again = true;
	if (read->use_hint)
		read->hint_result = r;
	else
		vt_recipe_forget(read->reader->lru, read->content.domain, &read->content.id);
	read->use_hint = read->use_recipe = false;
	drop_frames(read);
	read->result = 0;
	start_on_pool(read);
	return true;
}

static bool fits(const struct vt_part *part)
{
	return part->skip <= part->frame->size && part->length <= part->frame->size - part->skip;
}

/* The pieces of a part: one, or for a hole as many as the zeros must be repeated. */
static size_t piece_count(const struct vt_part *part)
{
	return part->at.shard ? 1 : (part->length + ZEROS - 1) / ZEROS;
}

static size_t put_pieces(const struct vt_part *part, struct iovec *out)
{
	size_t n = 0;

	if (part->at.shard) {
		out[n++] = (struct iovec){(void *) (uintptr_t) (part->frame->data + part->skip),
					  part->length};
		return n;
	}
	for (uint64_t left = part->length; left > 0; n++) {
		out[n].iov_base = (void *) zeros;
		out[n].iov_len = left < ZEROS ? left : ZEROS;
		left -= out[n].iov_len;
	}
	return n;
}

/* More pieces than one writev takes become one, copied: extents this small are rare. */
static int join_pieces(struct iovec *pieces, size_t *count, size_t length)
{
	uint8_t *joined = malloc(length);
	size_t used = 0;

	if (!joined)
		return -ENOMEM;
	for (size_t i = 0; i < *count; i++) {
		memcpy(joined + used, pieces[i].iov_base, pieces[i].iov_len);
		used += pieces[i].iov_len;
	}
	pieces[0] = (struct iovec){joined, length};
	*count = 1;
	return 0;
}

/* Of a read of many frames, which is one of a file from end to end: to where it came. */
static bool is_done_with(const struct vt_read *read, const struct vt_part *part)
{
	return part->skip + part->length == part->frame->size &&
	       (part->skip == 0 || read->count >= STREAM_FROM);
}

/*
 * The kernel keeps what it got, and seldom asks for a whole frame again: those make room for the
 * next ones at once, in memory that is warm. What is read in parts stays, packs of small files too.
 */
static void forget_what_was_read(struct vt_read *read)
{
	for (size_t i = 0; i < read->count; i++)
		if (read->parts[i].at.shard && is_done_with(read, &read->parts[i]))
			vt_frame_cache_forget(read->reader->frames, &read->parts[i].at);
}

static void answer_with(struct vt_read *read, struct iovec *pieces)
{
	size_t count = 0;
	bool joined;
	int r = 0;

	for (size_t i = 0; i < read->count; i++)
		count += put_pieces(&read->parts[i], pieces + count);
	joined = count > read->pieces_max;
	if (joined)
		r = join_pieces(pieces, &count, read->length);
	forget_what_was_read(read);
	read->done(read->context, r, r < 0 ? NULL : pieces, r < 0 ? 0 : (int) count);
	if (joined && r == 0)
		free(pieces[0].iov_base);
}

static void answer(struct vt_read *read)
{
	struct iovec few[8] = {0}, *pieces = few;
	int r = read->result;
	size_t count = 0;

	for (size_t i = 0; i < read->count && r == 0; i++) {
		if (read->parts[i].at.shard && !fits(&read->parts[i]))
			r = -EBADMSG;
		count += piece_count(&read->parts[i]);
	}
	if (r < 0 && try_again(read, r))
		return;
	if (r == 0 && count > sizeof few / sizeof *few) {
		pieces = malloc(count * sizeof *pieces);
		r = pieces ? 0 : -ENOMEM;
	}
	if (r == 0)
		answer_with(read, pieces);
	else
		read->done(read->context, r == -ENOENT ? -EIO : r, NULL, 0);
	if (pieces != few)
		free(pieces);
	free_read(read);
}

static void arrived(struct vt_read *read)
{
	if (atomic_fetch_sub(&read->missing, 1) == 1)
		answer(read);
}

static void frame_done(void *context, int r, struct vt_frame *frame)
{
	struct vt_part *part = context;
	struct vt_read *read = part->read;

	part->frame = frame;
	if (r < 0)
		read->result = r;
	arrived(read);
}

static void fetch(struct vt_read *read)
{
	read->missing = 1; /* ours, so that the answer waits until all were asked for */
	for (size_t i = 0; i < read->count; i++) {
		struct vt_part *part = &read->parts[i];
		int r;

		if (!part->at.shard)
			continue;
		read->missing++;
		r = vt_frame_cache_get(read->reader->frames, &part->at, &part->frame, frame_done,
				       part);
		if (r == 0)
			continue;
		if (r < 0)
			read->result = r;
		read->missing--;
	}
	arrived(read);
}

static void start(struct vt_read *read, bool nowait)
{
	int r = vt_read_plan(read, nowait);

	if (r == -EAGAIN && nowait)
		start_on_pool(read);
	else if (r == 0)
		fetch(read);
	else if (!try_again(read, r)) {
		read->done(read->context, r == -ENOENT ? -EIO : r, NULL, 0);
		free_read(read);
	}
}

/* Calls `done` now or later. `nowait`: this thread may not block. */
static void read_content(struct vt_file_reader *reader, const struct vt_content *content,
			 uint64_t offset, size_t length, bool nowait, vt_read_done *done,
			 void *context)
{
	struct vt_read *read;

	if (offset >= content->size || length == 0) {
		done(context, 0, NULL, 0);
		return;
	}
	read = malloc(sizeof *read);
	if (!read) {
		done(context, -ENOMEM, NULL, 0);
		return;
	}
	read->reader = reader;
	read->content = *content;
	read->offset = offset;
	read->length = length < content->size - offset ? length : content->size - offset;
	read->use_hint = content->hint.shard != 0 && content->size <= VT_CHUNK_MAX;
	read->use_recipe = read->again = false;
	read->hint_result = 0;
	read->done = done;
	read->context = context;
	read->parts = read->few;
	read->count = 0;
	read->room = VT_READ_FEW;
	read->pieces_max = nowait ? PIECES_MAX : SIZE_MAX;
	atomic_init(&read->result, 0);
	start(read, nowait);
}

void vt_file_reader_read(struct vt_file_reader *reader, const struct vt_content *content,
			 uint64_t offset, size_t length, vt_read_done *done, void *context)
{
	read_content(reader, content, offset, length, true, done, context);
}

/* ---- the other ways in ----------------------------------------------------------------------- */

int vt_file_reader_new(struct vt_store *store, struct vt_lru *lru, struct vt_frame_cache *frames,
		       struct vt_io_pool *pool, struct vt_file_reader **out, struct vt_error *err)
{
	struct vt_file_reader *reader = malloc(sizeof *reader);

	if (!reader)
		return vt_fail(err, ENOMEM, "no memory for a file reader");
	*reader = (struct vt_file_reader){store, lru, frames, pool};
	explicit_bzero(zeros, sizeof zeros); /* not memset(), which may be left out */
	*out = reader;
	return 0;
}

void vt_file_reader_free(struct vt_file_reader *reader)
{
	free(reader);
}

/* A read that somebody waits for. */
struct waiting {
	pthread_mutex_t lock;
	pthread_cond_t finished;
	bool done;
	int result;
	uint8_t *out;
	size_t length;
};

static void copy_out(void *context, int r, const struct iovec *pieces, int count)
{
	struct waiting *waiting = context;
	size_t used = 0;

	for (int i = 0; i < count; i++) {
		memcpy(waiting->out + used, pieces[i].iov_base, pieces[i].iov_len);
		used += pieces[i].iov_len;
	}
	(void) pthread_mutex_lock(&waiting->lock);
	waiting->length = used;
	waiting->result = r;
	waiting->done = true;
	(void) pthread_cond_signal(&waiting->finished);
	(void) pthread_mutex_unlock(&waiting->lock);
}

ssize_t vt_file_reader_read_sync(struct vt_file_reader *reader, const struct vt_content *content,
				 uint64_t offset, size_t length, void *out, struct vt_error *err)
{
	struct waiting waiting = {.out = out};
	char hex[VT_DIGEST_HEX];

	(void) pthread_mutex_init(&waiting.lock, NULL);
	(void) pthread_cond_init(&waiting.finished, NULL);
	read_content(reader, content, offset, length, false, copy_out, &waiting);
	(void) pthread_mutex_lock(&waiting.lock);
	while (!waiting.done)
		(void) pthread_cond_wait(&waiting.finished, &waiting.lock);
	(void) pthread_mutex_unlock(&waiting.lock);
	(void) pthread_cond_destroy(&waiting.finished);
	(void) pthread_mutex_destroy(&waiting.lock);
	if (waiting.result < 0) {
		vt_digest_format(&content->id, hex);
		return vt_fail(err, -waiting.result, "cannot read content %.16s…: %m", hex);
	}
	if (waiting.length != length) {
		vt_digest_format(&content->id, hex);
		return vt_fail(err, EBADMSG, "content %.16s… ends before byte %llu", hex,
			       (unsigned long long) (offset + length));
	}
	return (ssize_t) length;
}
