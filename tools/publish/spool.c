/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See spool.h. A record is u32 key length, u32 value length, key, value; alike in memory and in a
 * run. When memory is full its records are sorted and written as a run. At FAN_IN runs all of them
 * are merged into one, so that reading needs FAN_IN buffers at most. Ties between runs are settled
 * by their number, which is the order of adding.
 */
#include "tools/publish/spool.h"

#include <endian.h>
#include <stdint.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "tools/publish/scratch.h"

#define FAN_IN      128u
#define READ_BUFFER (64u << 10)
#define HEAD        8u /* bytes before the key */

/* A run while it is read: the current record stands at buf[at]. */
struct run {
	uint64_t next, end; /* of the file: what is not in the buffer yet */
	struct vt_buf buf;
	size_t at;
};

struct vt_spool {
	int fd; /* the runs; -1 while there are none */
	char *dir;
	size_t memory;
	uint64_t size; /* bytes of the file that hold runs */
	struct vt_buf arena;
	struct vt_buf offsets; /* size_t each: the arena's records */
	struct {
		uint64_t start, end;
	} runs[FAN_IN];
	size_t run_count;
	/* reading */
	struct run *readers; /* run_count of them */
	uint32_t *heap;      /* indices of readers that have a record, least first */
	size_t heap_len;
	size_t cursor; /* of the offsets when all is in memory */
	bool advance;  /* the record given last is still at the top of the heap */
};

static struct vt_spool_record record_at(const uint8_t *p)
{
	struct vt_spool_record record;
	uint32_t lengths[2];

	memcpy(lengths, p, sizeof lengths);
	record.key_len = lengths[0];
	record.value_len = lengths[1];
	record.key = p + HEAD;
	record.value = p + HEAD + record.key_len;
	return record;
}

static int compare_keys(const struct vt_spool_record *a, const struct vt_spool_record *b)
{
	size_t len = a->key_len < b->key_len ? a->key_len : b->key_len;
	int order = len ? memcmp(a->key, b->key, len) : 0;

	return order ? order : (a->key_len > b->key_len) - (a->key_len < b->key_len);
}

static int compare_offsets(const void *a, const void *b, void *arena)
{
	size_t x = *(const size_t *) a, y = *(const size_t *) b;
	struct vt_spool_record left = record_at((uint8_t *) arena + x);
	struct vt_spool_record right = record_at((uint8_t *) arena + y);
	int order = compare_keys(&left, &right);

	return order ? order : (x > y) - (x < y);
}

int vt_spool_new(const char *dir, size_t memory, struct vt_spool **out, struct vt_error *err)
{
	vt_cleanup(vt_spool_freep) struct vt_spool *spool = calloc(1, sizeof *spool);

	if (!spool)
		return vt_fail(err, ENOMEM, "no memory for a sorter");
	spool->fd = -1;
	spool->memory = memory;
	spool->dir = strdup(dir);
	if (!spool->dir)
		return vt_fail(err, ENOMEM, "no memory for a sorter");
	*out = vt_steal(&spool);
	return 0;
}

static void close_readers(struct vt_spool *spool)
{
	for (size_t i = 0; spool->readers && i < spool->run_count; i++)
		vt_buf_done(&spool->readers[i].buf);
	free(spool->readers);
	free(spool->heap);
	spool->readers = NULL;
	spool->heap = NULL;
	spool->heap_len = 0;
	spool->advance = false;
}

void vt_spool_free(struct vt_spool *spool)
{
	if (!spool)
		return;
	close_readers(spool);
	vt_buf_done(&spool->arena);
	vt_buf_done(&spool->offsets);
	if (spool->fd >= 0)
		(void) close(spool->fd);
	free(spool->dir);
	free(spool);
}

/* Makes the current record of `run` whole in its buffer. 1, 0 at the run's end, or an error. */
static int fill(struct vt_spool *spool, struct run *run, size_t need, struct vt_error *err)
{
	size_t have = run->buf.len - run->at;
	size_t want;
	void *room;
	int r;

	if (have >= need)
		return 1;
	if (run->next == run->end)
		return have == 0 ? 0 : vt_fail(err, EIO, "a sorted run ends in a record");
	if (run->at > 0) {
		memmove(run->buf.data, run->buf.data + run->at, have);
		run->buf.len = have;
		run->at = 0;
	}
	want = need - have > READ_BUFFER ? need - have : READ_BUFFER;
	if (want > run->end - run->next)
		want = (size_t) (run->end - run->next);
	room = vt_buf_grow(&run->buf, want);
	if (!room)
		return vt_fail(err, ENOMEM, "no memory to merge sorted runs");
	r = vt_scratch_read(spool->fd, room, want, run->next, err);
	if (r < 0)
		return r;
	run->next += want;
	return run->buf.len - run->at >= need ? 1
					      : vt_fail(err, EIO, "a sorted run ends in a record");
}

static int load_record(struct vt_spool *spool, struct run *run, struct vt_error *err)
{
	struct vt_spool_record record;
	int r = fill(spool, run, HEAD, err);

	if (r <= 0)
		return r;
	record = record_at(run->buf.data + run->at);
	if (record.key_len + record.value_len > VT_SPOOL_RECORD_MAX)
		return vt_fail(err, EIO, "a sorted run is damaged");
	return fill(spool, run, HEAD + record.key_len + record.value_len, err);
}

static bool comes_before(const struct vt_spool *spool, uint32_t a, uint32_t b)
{
	const struct run *x = &spool->readers[a], *y = &spool->readers[b];
	struct vt_spool_record left = record_at(x->buf.data + x->at);
	struct vt_spool_record right = record_at(y->buf.data + y->at);
	int order = compare_keys(&left, &right);

	return order ? order < 0 : a < b;
}

static void sift_down(struct vt_spool *spool, size_t i)
{
	uint32_t *heap = spool->heap;

	for (;;) {
		size_t child = 2 * i + 1;
		uint32_t swap;

		if (child >= spool->heap_len)
			return;
		if (child + 1 < spool->heap_len &&
		    comes_before(spool, heap[child + 1], heap[child]))
			child++;
		if (!comes_before(spool, heap[child], heap[i]))
			return;
		swap = heap[i];
		heap[i] = heap[child];
		heap[child] = swap;
		i = child;
	}
}

static int open_readers(struct vt_spool *spool, struct vt_error *err)
{
	close_readers(spool);
	spool->readers = calloc(spool->run_count, sizeof *spool->readers);
	spool->heap = calloc(spool->run_count, sizeof *spool->heap);
	if (!spool->readers || !spool->heap)
		return vt_fail(err, ENOMEM, "no memory to merge sorted runs");
	for (size_t i = 0; i < spool->run_count; i++) {
		int r;

		spool->readers[i].next = spool->runs[i].start;
		spool->readers[i].end = spool->runs[i].end;
		r = load_record(spool, &spool->readers[i], err);
		if (r < 0)
			return r;
		if (r > 0)
			spool->heap[spool->heap_len++] = (uint32_t) i;
	}
	for (size_t i = spool->heap_len; i-- > 0;)
		sift_down(spool, i);
	return 0;
}

/* Leaves the record that stands at the top of the heap. */
static int advance(struct vt_spool *spool, struct vt_error *err)
{
	struct run *run = &spool->readers[spool->heap[0]];
	struct vt_spool_record record = record_at(run->buf.data + run->at);
	int r;

	run->at += HEAD + record.key_len + record.value_len;
	r = load_record(spool, run, err);
	if (r < 0)
		return r;
	if (r == 0)
		spool->heap[0] = spool->heap[--spool->heap_len];
	sift_down(spool, 0);
	return 0;
}

static int next_of_runs(struct vt_spool *spool, struct vt_spool_record *out, struct vt_error *err)
{
	const struct run *run;

	if (spool->advance) {
		int r = advance(spool, err);

		if (r < 0)
			return r;
	}
	spool->advance = spool->heap_len > 0;
	if (spool->heap_len == 0)
		return 0;
	run = &spool->readers[spool->heap[0]];
	*out = record_at(run->buf.data + run->at);
	return 1;
}

static int open_file(struct vt_spool *spool, struct vt_error *err)
{
	if (spool->fd >= 0)
		return 0;
	spool->fd = vt_scratch_open(spool->dir, err);
	return spool->fd < 0 ? spool->fd : 0;
}

/* All runs become one. */
static int merge_runs(struct vt_spool *spool, struct vt_error *err)
{
	vt_cleanup(vt_scratch_writer_done) struct vt_scratch_writer writer = {.fd = -1};
	vt_autoclose int merged = vt_scratch_open(spool->dir, err);
	struct vt_spool_record record;
	int r;

	if (merged < 0)
		return merged;
	writer.fd = merged;
	r = open_readers(spool, err);
	while (r >= 0 && (r = next_of_runs(spool, &record, err)) > 0)
		r = vt_scratch_append(&writer, (const uint8_t *) record.key - HEAD,
				      HEAD + record.key_len + record.value_len, err);
	if (r >= 0)
		r = vt_scratch_flush(&writer, err);
	close_readers(spool);
	if (r < 0)
		return r;
	(void) close(spool->fd);
	spool->fd = vt_steal_fd(&merged);
	spool->size = writer.at;
	spool->runs[0].start = 0;
	spool->runs[0].end = spool->size;
	spool->run_count = 1;
	return 0;
}

static void sort_memory(struct vt_spool *spool)
{
	size_t count = spool->offsets.len / sizeof(size_t);

	if (count > 1)
		qsort_r(spool->offsets.data, count, sizeof(size_t), compare_offsets,
			spool->arena.data);
}

static struct vt_spool_record memory_record(const struct vt_spool *spool, size_t i)
{
	size_t offset;

	memcpy(&offset, spool->offsets.data + i * sizeof offset, sizeof offset);
	return record_at(spool->arena.data + offset);
}

/* What is in memory becomes a run. */
static int spill(struct vt_spool *spool, struct vt_error *err)
{
	vt_cleanup(vt_scratch_writer_done) struct vt_scratch_writer writer = {.fd = -1};
	size_t count = spool->offsets.len / sizeof(size_t);
	int r = spool->run_count == FAN_IN ? merge_runs(spool, err) : open_file(spool, err);

	if (r < 0)
		return r;
	writer.fd = spool->fd;
	writer.at = spool->size;
	sort_memory(spool);
	for (size_t i = 0; r >= 0 && i < count; i++) {
		struct vt_spool_record record = memory_record(spool, i);

		r = vt_scratch_append(&writer, (const uint8_t *) record.key - HEAD,
				      HEAD + record.key_len + record.value_len, err);
	}
	if (r >= 0)
		r = vt_scratch_flush(&writer, err);
	if (r < 0)
		return r;
	spool->runs[spool->run_count].start = spool->size;
	spool->runs[spool->run_count].end = writer.at;
	spool->run_count++;
	spool->size = writer.at;
	vt_buf_reset(&spool->arena);
	vt_buf_reset(&spool->offsets);
	return 0;
}

int vt_spool_add(struct vt_spool *spool, const void *key, size_t key_len, const void *value,
		 size_t value_len, struct vt_error *err)
{
	uint32_t lengths[2] = {(uint32_t) key_len, (uint32_t) value_len};
	size_t offset;

	if (key_len > VT_SPOOL_RECORD_MAX || value_len > VT_SPOOL_RECORD_MAX - key_len)
		return vt_fail(err, EFBIG, "a record of %zu bytes cannot be sorted",
			       key_len + value_len);
	if (spool->offsets.len > 0 &&
	    spool->arena.len + spool->offsets.len + HEAD + key_len + value_len + sizeof offset >
		    spool->memory) {
		int r = spill(spool, err);

		if (r < 0)
			return r;
	}
	offset = spool->arena.len;
	vt_buf_put(&spool->arena, lengths, sizeof lengths);
	vt_buf_put(&spool->arena, key, key_len);
	vt_buf_put(&spool->arena, value, value_len);
	vt_buf_put(&spool->offsets, &offset, sizeof offset);
	if (vt_buf_failed(&spool->arena) || vt_buf_failed(&spool->offsets))
		return vt_fail(err, ENOMEM, "no memory to sort");
	return 0;
}

int vt_spool_sort(struct vt_spool *spool, struct vt_error *err)
{
	spool->cursor = 0;
	if (spool->run_count == 0) {
		sort_memory(spool);
		return 0;
	}
	if (spool->offsets.len > 0) {
		int r = spill(spool, err);

		if (r < 0)
			return r;
		vt_buf_done(&spool->arena);
		vt_buf_done(&spool->offsets);
	}
	return open_readers(spool, err);
}

int vt_spool_next(struct vt_spool *spool, struct vt_spool_record *out, struct vt_error *err)
{
	if (spool->run_count > 0)
		return next_of_runs(spool, out, err);
	if (spool->cursor == spool->offsets.len / sizeof(size_t))
		return 0;
	*out = memory_record(spool, spool->cursor++);
	return 1;
}
