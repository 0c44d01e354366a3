/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See content_sort.h. Rows fill `rows`; when that is full they are sorted and written as a run. If
 * all fit, they are read where they are. Else `rows` is divided among the runs, each of which reads
 * its next part into its own, and a heap has the run with the least row on top.
 */
#include "index/content_sort.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/file.h"

struct run {
	uint64_t next, end;            /* rows of the file that were not read yet */
	struct vt_content_row *buffer; /* its part of `rows` */
	size_t at, count;              /* in the buffer */
};

struct vt_content_sort {
	const char *scratch;
	int fd;
	struct vt_content_row *rows;
	size_t room, count;
	uint64_t written; /* rows in the file */
	bool merging;
	struct run *runs; /* merging: a heap by their next row, but for those at their end */
	size_t run_count, at;
};

int vt_content_sort_new(const char *scratch, size_t memory, struct vt_content_sort **out,
			struct vt_error *err)
{
	struct vt_content_sort *sort = calloc(1, sizeof *sort);

	if (!sort)
		return vt_fail(err, ENOMEM, "no memory to sort contents");
	sort->scratch = scratch;
	sort->fd = -1;
	sort->room = memory / sizeof *sort->rows;
	*out = sort;
	return 0;
}

void vt_content_sort_free(struct vt_content_sort *sort)
{
	if (!sort)
		return;
	vt_cleanup_close(&sort->fd);
	free(sort->rows);
	free(sort->runs);
	free(sort);
}

static int by_content(const void *left, const void *right)
{
	const struct vt_content_row *a = left, *b = right;
	int order = memcmp(a->content, b->content, VT_CONTENT_PREFIX);

	return order ? order : (a->position > b->position) - (a->position < b->position);
}

/* ---- the file ---- */

static int open_scratch(struct vt_content_sort *sort, struct vt_error *err)
{
	if (sort->fd < 0)
		sort->fd = vt_file_open_nameless(sort->scratch);
	if (sort->fd < 0)
		return vt_fail(err, -sort->fd, "cannot make a file in '%s': %m", sort->scratch);
	return 0;
}

static int write_run(struct vt_content_sort *sort, struct vt_error *err)
{
	struct run *runs = reallocarray(sort->runs, sort->run_count + 1, sizeof *runs);
	const size_t size = sizeof *sort->rows;
	int r = open_scratch(sort, err);

	if (!runs)
		return vt_fail(err, ENOMEM, "no memory to sort contents");
	sort->runs = runs;
	if (r < 0)
		return r;
	qsort(sort->rows, sort->count, size, by_content);
	r = vt_file_write_at(sort->fd, sort->rows, sort->count * size, sort->written * size);
	if (r < 0)
		return vt_fail(err, -r, "cannot write to a file in '%s': %m", sort->scratch);
	runs[sort->run_count++] =
		(struct run){.next = sort->written, .end = sort->written + sort->count};
	sort->written += sort->count;
	sort->count = 0;
	return 0;
}

/* ---- adding ---- */

/* Memory is taken as it is needed, up to `room`. */
static int reserve(struct vt_content_sort *sort, struct vt_error *err)
{
	struct vt_content_row *rows;
	size_t room = sort->count ? 2 * sort->count : 64;

	if (sort->count & (sort->count - 1) || (sort->count > 0 && sort->count < 64))
		return 0;
	if (sort->run_count > 0)
		return 0; /* it has been full */
	if (room > sort->room)
		room = sort->room;
	rows = reallocarray(sort->rows, room, sizeof *rows);
	if (!rows)
		return vt_fail(err, ENOMEM, "no memory to sort contents");
	sort->rows = rows;
	return 0;
}

int vt_content_sort_add(struct vt_content_sort *sort, const struct vt_content_row *row,
			struct vt_error *err)
{
	int r = sort->count == sort->room ? write_run(sort, err) : 0;

	if (r == 0)
		r = reserve(sort, err);
	if (r < 0)
		return r;
	sort->rows[sort->count++] = *row;
	return 0;
}

/* ---- merging ---- */

/* The next part of a run into its buffer; a count of 0: it is at its end. */
static int refill(struct vt_content_sort *sort, struct run *run, struct vt_error *err)
{
	const size_t size = sizeof *sort->rows;
	size_t most = sort->room / sort->run_count;
	ssize_t n;

	run->at = 0;
	run->count = run->end - run->next < most ? (size_t) (run->end - run->next) : most;
	n = vt_file_read_at(sort->fd, run->buffer, run->count * size, run->next * size);
	if (n < (ssize_t) (run->count * size))
		return vt_fail(err, n < 0 ? (int) -n : EIO, "cannot read a file in '%s': %m",
			       sort->scratch);
	run->next += run->count;
	return 0;
}

static bool before(const struct run *a, const struct run *b)
{
	return by_content(&a->buffer[a->at], &b->buffer[b->at]) < 0;
}

static void sift(struct run *heap, size_t count, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		struct run moved = heap[at];

		if (child + 1 < count && before(&heap[child + 1], &heap[child]))
			child++;
		if (!before(&heap[child], &moved))
			return;
		heap[at] = heap[child];
		heap[child] = moved;
	}
}

static int start_merge(struct vt_content_sort *sort, struct vt_error *err)
{
	int r = sort->count > 0 ? write_run(sort, err) : 0;
	size_t part;

	if (r < 0)
		return r;
	part = sort->room / sort->run_count;
	if (part == 0)
		return vt_fail(err, E2BIG, "too many files to sort in %zu bytes",
			       sort->room * sizeof *sort->rows);
	for (size_t i = 0; i < sort->run_count; i++) {
		sort->runs[i].buffer = sort->rows + i * part;
		r = refill(sort, &sort->runs[i], err);
		if (r < 0)
			return r;
	}
	for (size_t i = sort->run_count; i-- > 0;)
		sift(sort->runs, sort->run_count, i);
	sort->count = sort->run_count; /* of the heap, from here on */
	return 0;
}

static int start(struct vt_content_sort *sort, struct vt_error *err)
{
	sort->merging = true;
	if (sort->run_count > 0)
		return start_merge(sort, err);
	if (sort->count > 0)
		qsort(sort->rows, sort->count, sizeof *sort->rows, by_content);
	return 0;
}

static int next_of_runs(struct vt_content_sort *sort, struct vt_content_row *out,
			struct vt_error *err)
{
	struct run *top = sort->runs;
	int r;

	*out = top->buffer[top->at++];
	if (top->at == top->count) {
		r = refill(sort, top, err);
		if (r < 0)
			return r;
		if (top->count == 0)
			*top = sort->runs[--sort->count];
	}
	sift(sort->runs, sort->count, 0);
	return 1;
}

int vt_content_sort_next(struct vt_content_sort *sort, struct vt_content_row *out,
			 struct vt_error *err)
{
	int r = sort->merging ? 0 : start(sort, err);

	if (r < 0)
		return r;
	if (sort->run_count > 0)
		return sort->count > 0 ? next_of_runs(sort, out, err) : 0;
	if (sort->at == sort->count)
		return 0;
	*out = sort->rows[sort->at++];
	return 1;
}
