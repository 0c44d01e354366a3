/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of every shape (a chunk by its hint, by its row, by neither; recipes with holes, over
 * several segments, over several frames) are read at random offsets by many threads, through slow
 * and damaging sources, and compared byte for byte with what was stored.
 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "fs/file_reader.h"
#include "index/base/log.h"
#include "index/chunk.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/read_rig.h"

#define DOMAIN       7u
#define FRAME_LEN    65536u
#define FRAMES       8u
#define ROWS_EXTENTS 1200u /* of the recipe with three segments */

enum shape { HINTED, IN_ROW, STALE, SPARSE, LONG, WIDE, SHAPES };

struct file {
	struct vt_content content;
	uint8_t *bytes;
};

static struct rig rig;
static struct vt_store store;
static struct vt_file_reader *reader;
static struct vt_location places[FRAMES];
static uint8_t frames[FRAMES][FRAME_LEN];
static struct file files[SHAPES];
static struct vt_buf rows[32];
static unsigned row_count;

/* ---- contents ---- */

static struct vt_location within(unsigned frame, uint32_t skip)
{
	struct vt_location at = places[frame];

	at.skip = skip;
	return at;
}

static void put_chunk(const struct vt_digest *id, const struct vt_location *at, uint32_t length)
{
	struct vt_buf *row = &rows[row_count++];
	uint8_t key[36];

	vt_chunk_key(DOMAIN, id, key);
	vt_chunk_value(at, length, row);
	fake_put(&store, VT_CF_CHUNK, key, sizeof key, row->data, row->len);
}

static void put_recipe(const struct vt_digest *id, const struct vt_extent *extents, size_t count)
{
	uint64_t starts[8], size = 0;
	size_t segments = 0;
	struct vt_buf *row;
	uint8_t key[40];

	for (size_t i = 0; i < count; i += VT_RECIPE_SEGMENT) {
		size_t n = count - i < VT_RECIPE_SEGMENT ? count - i : VT_RECIPE_SEGMENT;

		row = &rows[row_count++];
		starts[segments++] = size;
		for (size_t j = i; j < i + n; j++)
			size += extents[j].length;
		vt_recipe_segment_value(extents + i, n, row);
		vt_recipe_key(DOMAIN, id, (uint32_t) segments, key);
		fake_put(&store, VT_CF_RECIPE, key, sizeof key, row->data, row->len);
	}
	row = &rows[row_count++];
	vt_recipe_head_value(starts, segments, size, row);
	vt_recipe_key(DOMAIN, id, 0, key);
	fake_put(&store, VT_CF_RECIPE, key, sizeof key, row->data, row->len);
}

static struct file *begin_file(enum shape shape, uint64_t size)
{
	struct file *file = &files[shape];

	file->bytes = calloc(1, size);
	file->content = (struct vt_content){.domain = DOMAIN, .size = size};
	vt_digest_of(&shape, sizeof shape, &file->content.id); /* any id will do */
	return file;
}

static void make_chunk(enum shape shape, unsigned frame, uint32_t skip, uint32_t length)
{
	struct file *file = begin_file(shape, length);
	struct vt_location at = within(frame, skip);

	memcpy(file->bytes, frames[frame] + skip, length);
	if (shape == HINTED)
		file->content.hint = at;
	else
		put_chunk(&file->content.id, &at, length);
	if (shape == STALE)
		file->content.hint =
			(struct vt_location){.shard = 99, .frame_offset = 4096, .frame_size = 50};
}

static void make_recipe(enum shape shape, const struct vt_extent *extents, size_t count)
{
	struct file *file;
	uint64_t size = 0;

	for (size_t i = 0; i < count; i++)
		size += extents[i].length;
	file = begin_file(shape, size);
	size = 0;
	for (size_t i = 0; i < count; i++) {
		unsigned frame = 0;

		while (extents[i].at.shard &&
		       places[frame].frame_offset != extents[i].at.frame_offset)
			frame++;
		if (extents[i].at.shard)
			memcpy(file->bytes + size, frames[frame] + extents[i].at.skip,
			       extents[i].length);
		size += extents[i].length;
	}
	put_recipe(&file->content.id, extents, count);
}

static void make_files(void)
{
	static struct vt_extent extents[ROWS_EXTENTS];
	const struct vt_extent sparse[] = {
		{.length = 300000}, /* a hole longer than the page of zeros */
		{.length = 1000, .at = within(2, 64000)},
		{.length = 1},
		{.length = FRAME_LEN, .at = within(3, 0)},
		{.length = 50000},
	};

	make_chunk(HINTED, 0, 100, 5000);
	make_chunk(IN_ROW, 1, 0, FRAME_LEN);
	make_chunk(STALE, 1, 60000, 5536);
	make_recipe(SPARSE, sparse, 5);
	for (uint32_t i = 0; i < ROWS_EXTENTS; i++) {
		extents[i] = (struct vt_extent){.length = 1 + i % 700};
		if (i % 5)
			extents[i].at = within(i % FRAMES, i * 50);
	}
	make_recipe(LONG, extents, ROWS_EXTENTS);
	for (uint32_t i = 0; i < 24; i++)
		extents[i] = (struct vt_extent){.length = FRAME_LEN, .at = within(i % FRAMES, 0)};
	make_recipe(WIDE, extents, 24);
}

/* ---- set up ---- */

static void make_shard(void)
{
	struct vt_shard_writer *writer = rig_shard(&rig, 1);

	for (uint32_t i = 0; i < FRAMES; i++) {
		if (i % 2)
			model_noise(frames[i], FRAME_LEN, i);
		else
			model_text(frames[i], FRAME_LEN, i);
		places[i] = model_add(writer, NULL, false, frames[i], FRAME_LEN, 1);
	}
	model_seal(writer, NULL);
}

static void open_reader(size_t limit)
{
	rig_open(&rig, limit);
	ck_assert_int_eq(vt_file_reader_new(&store, rig.lru, rig.frames, rig.pool, &reader, NULL),
			 0);
}

static void set_up(void)
{
	vt_log_set_level(0); /* damage on purpose is worth no line */
	rig_init(&rig, 4);
	make_shard();
	make_files();
}

static void tear_down(void)
{
	vt_io_pool_free(rig.pool);
	rig.pool = NULL;
	vt_file_reader_free(reader);
	rig_done(&rig);
	ck_assert_uint_eq(store.pinned, 0);
	for (int i = 0; i < SHAPES; i++)
		free(files[i].bytes);
	for (unsigned i = 0; i < row_count; i++)
		vt_buf_done(&rows[i]);
}

static int read_file(const struct file *file, uint64_t offset, size_t len, void *out)
{
	ssize_t n = vt_file_reader_read_sync(reader, &file->content, offset, len, out, NULL);

	return n == (ssize_t) len ? 0 : (int) n;
}

/* 0, or an error; wrong bytes end the test. */
static int compare(const struct file *file, uint64_t offset, size_t len)
{
	vt_autofree uint8_t *out = malloc(len);
	int r = read_file(file, offset, len, out);

	if (r == 0)
		ck_assert_mem_eq(out, file->bytes + offset, len);
	return r;
}

/* ---- tests ---- */

START_TEST(files_of_every_shape_read_as_they_were_stored)
{
	set_up();
	open_reader(16u << 20);
	for (int i = 0; i < SHAPES; i++) {
		uint64_t size = files[i].content.size, step = size / 7 + 1;

		ck_assert_int_eq(compare(&files[i], 0, size), 0);
		for (uint64_t at = 0; at < size; at += step)
			ck_assert_int_eq(
				compare(&files[i], at, size - at < step ? size - at : step), 0);
		ck_assert_int_eq(compare(&files[i], size - 1, 1), 0);
	}
	tear_down();
}
END_TEST

START_TEST(extents_meet_without_a_seam)
{
	uint64_t edge = 0;

	set_up();
	open_reader(16u << 20);
	for (uint32_t i = 0; i + 1 < ROWS_EXTENTS; i++) {
		edge += 1 + i % 700;
		if (i % VT_RECIPE_SEGMENT > VT_RECIPE_SEGMENT - 3 || i % 97 == 0) {
			ck_assert_int_eq(compare(&files[LONG], edge - 1, 1), 0);
			ck_assert_int_eq(compare(&files[LONG], edge - 1, 2), 0);
			ck_assert_int_eq(compare(&files[LONG], edge, 1), 0);
		}
	}
	tear_down();
}
END_TEST

struct answer {
	sem_t answered;
	int r, count;
	size_t bytes;
	const void *first;
};

static void take_answer(void *context, int r, const struct iovec *pieces, int count)
{
	struct answer *answer = context;

	answer->r = r;
	answer->count = count;
	answer->first = count ? pieces[0].iov_base : NULL;
	for (int i = 0; i < count; i++)
		answer->bytes += pieces[i].iov_len;
	(void) sem_post(&answer->answered);
}

static struct answer ask(const struct file *file, uint64_t offset, size_t length)
{
	struct answer answer = {0};

	(void) sem_init(&answer.answered, 0, 0);
	vt_file_reader_read(reader, &file->content, offset, length, take_answer, &answer);
	while (sem_wait(&answer.answered) != 0)
		;
	return answer;
}

START_TEST(a_read_ends_where_the_file_does)
{
	struct answer answer;

	set_up();
	open_reader(16u << 20);
	answer = ask(&files[HINTED], 4990, 100);
	ck_assert_int_eq(answer.r, 0);
	ck_assert_uint_eq(answer.bytes, 10);
	answer = ask(&files[HINTED], 5000, 100);
	ck_assert_int_eq(answer.r, 0);
	ck_assert_uint_eq(answer.bytes, 0);
	answer = ask(&files[WIDE], UINT64_MAX, SIZE_MAX);
	ck_assert_int_eq(answer.r, 0);
	ck_assert_uint_eq(answer.bytes, 0);
	answer = ask(&files[WIDE], 1, SIZE_MAX);
	ck_assert_uint_eq(answer.bytes, files[WIDE].content.size - 1);
	ck_assert_int_eq(answer.count, 24);
	tear_down();
}
END_TEST

START_TEST(what_would_be_too_many_pieces_is_answered_all_the_same)
{
	const struct file *file = &files[LONG];
	struct answer answer;

	set_up();
	open_reader(16u << 20);
	answer = ask(file, 0, file->content.size);
	ck_assert_int_eq(answer.r, 0);
	ck_assert_uint_eq(answer.bytes, file->content.size);
	ck_assert_int_eq(answer.count, 1);
	answer = ask(file, 1, 100000);
	ck_assert_uint_eq(answer.bytes, 100000);
	ck_assert_int_gt(answer.count, 1);
	tear_down();
}
END_TEST

START_TEST(bytes_of_one_frame_are_not_copied)
{
	struct vt_frame *frame;
	struct answer answer;

	set_up();
	open_reader(16u << 20);
	answer = ask(&files[HINTED], 7, 100);
	ck_assert_int_eq(answer.count, 1);
	ck_assert_int_eq(rig_get(&rig, &places[0], &frame), 0);
	ck_assert_ptr_eq(answer.first, frame->data + 100 + 7);
	vt_frame_unref(frame);
	tear_down();
}
END_TEST

static uint64_t decoded(void)
{
	struct vt_frame_cache_stats stats;

	vt_frame_cache_get_stats(rig.frames, &stats);
	return stats.decoded;
}

START_TEST(what_a_read_was_done_with_makes_room)
{
	uint64_t before;

	set_up();
	open_reader(16u << 20);
	ck_assert_int_eq(compare(&files[WIDE], 0, FRAME_LEN - 1), 0);
	before = decoded();
	ck_assert_int_eq(compare(&files[WIDE], 1, FRAME_LEN - 1), 0); /* parts: it is kept */
	ck_assert_int_eq(compare(&files[WIDE], 0, FRAME_LEN), 0);
	ck_assert_uint_eq(decoded(), before);
	ck_assert_int_eq(compare(&files[WIDE], 0, FRAME_LEN), 0); /* whole: it was not */
	ck_assert_uint_eq(decoded(), before + 1);
	ck_assert_int_eq(compare(&files[WIDE], 0, 5 * FRAME_LEN + 100), 0);
	before = decoded();
	ck_assert_int_eq(compare(&files[WIDE], 5 * FRAME_LEN + 100, 100), 0); /* goes on there */
	ck_assert_uint_eq(decoded(), before);
	ck_assert_int_eq(compare(&files[WIDE], 4 * FRAME_LEN, 100), 0);
	ck_assert_uint_eq(decoded(), before + 1);
	tear_down();
}
END_TEST

START_TEST(a_hint_that_holds_asks_the_store_for_nothing)
{
	set_up();
	open_reader(16u << 20);
	ck_assert_int_eq(compare(&files[HINTED], 0, 5000), 0);
	ck_assert_uint_eq(store.gets, 0);
	tear_down();
}
END_TEST

START_TEST(a_warm_recipe_asks_the_store_for_nothing)
{
	unsigned cold;

	set_up();
	open_reader(16u << 20);
	ck_assert_int_eq(compare(&files[LONG], 0, files[LONG].content.size), 0);
	cold = store.gets;
	ck_assert_int_eq(compare(&files[LONG], 0, files[LONG].content.size), 0);
	ck_assert_uint_eq(store.gets, cold);
	tear_down();
}
END_TEST

/* Gone shard, wrong frame, damaged numbers: what a hint may have become. */
START_TEST(a_stale_hint_falls_back_to_the_index)
{
	struct file file;
	struct vt_location hints[6];

	set_up();
	open_reader(16u << 20);
	ck_assert_int_eq(compare(&files[STALE], 0, 5536), 0);
	hints[0] = within(1, FRAME_LEN - 10);   /* ends too early */
	hints[1] = within(1, UINT32_MAX - 100); /* would wrap around */
	hints[2] = within(1, 0);
	hints[2].frame_offset++;
	hints[3] = within(1, 0);
	hints[3].frame_size = UINT32_MAX;
	hints[4] = within(1, 0);
	hints[4].frame_size = 0;
	hints[5] = within(1, 0);
	hints[5].frame_offset = UINT32_MAX;
	for (size_t i = 0; i < 6; i++) {
		file = files[IN_ROW];
		file.content.hint = hints[i];
		ck_assert_int_eq(compare(&file, 1000, 60000), 0);
	}
	tear_down();
}
END_TEST

START_TEST(a_stale_hint_may_lead_to_a_recipe)
{
	struct file file;

	set_up();
	open_reader(16u << 20);
	file = files[SPARSE];
	file.content.hint = (struct vt_location){.shard = 98, .frame_size = 1};
	ck_assert_int_eq(compare(&file, 299000, 3000), 0);
	tear_down();
}
END_TEST

START_TEST(a_hint_that_the_index_confirms_is_not_tried_twice)
{
	struct vt_frame_cache_stats stats;
	struct file file;
	struct vt_location gone = {.shard = 98, .frame_offset = 4096, .frame_size = 10};
	uint8_t out[10];

	set_up();
	file = files[HINTED];
	file.content.hint = gone;
	put_chunk(&file.content.id, &gone, 5000);
	open_reader(16u << 20);
	ck_assert_int_eq(read_file(&file, 0, 10, out), -EIO);
	vt_frame_cache_get_stats(rig.frames, &stats);
	ck_assert_uint_eq(stats.reads, 1);
	tear_down();
}
END_TEST

START_TEST(content_that_the_store_has_not_is_damage)
{
	struct file file;
	uint8_t out[10];

	set_up();
	open_reader(16u << 20);
	file = files[IN_ROW];
	file.content.id.bytes[0] ^= 1;
	ck_assert_int_eq(read_file(&file, 0, 10, out), -EBADMSG);
	file = files[IN_ROW];
	file.content.size--; /* the row has another length */
	ck_assert_int_eq(read_file(&file, 0, 10, out), -EBADMSG);
	file = files[WIDE];
	file.content.size += 10; /* the recipe ends before */
	ck_assert_int_eq(read_file(&file, file.content.size - 20, 20, out), -EBADMSG);
	tear_down();
}
END_TEST

/* The row of the recipe is written anew, as a repaired store has it, while the old one is cached.
 */
START_TEST(a_cached_recipe_that_leads_nowhere_is_read_again)
{
	struct vt_extent pieces[32];
	struct file file = {.content = {.domain = DOMAIN, .size = 2u << 20}};

	set_up();
	open_reader(16u << 20);
	for (unsigned i = 0; i < 32; i++)
		pieces[i] = (struct vt_extent){.length = FRAME_LEN,
					       .at = {.shard = 97, .frame_size = 10}};
	put_recipe(&file.content.id, pieces, 32);
	ck_assert_int_eq(read_file(&file, 0, 10, (uint8_t[10]){0}), -EIO);
	for (unsigned i = 0; i < 32; i++)
		pieces[i].at = within(0, 0);
	vt_buf_reset(&rows[row_count - 2]);
	vt_recipe_segment_value(pieces, 32, &rows[row_count - 2]);
	file.bytes = frames[0];
	ck_assert_int_eq(compare(&file, 0, FRAME_LEN), 0);
	tear_down();
}
END_TEST

static void spoil(struct vt_buf *row, size_t at, uint8_t bits)
{
	row->data[at] ^= bits;
}

START_TEST(damaged_recipes_are_refused)
{
	struct vt_buf *segment, *head;
	uint8_t out[10];

	set_up();
	open_reader(16u << 20);
	head = &rows[row_count - 1]; /* of WIDE, made last: one segment and its head */
	segment = &rows[row_count - 2];
	for (size_t at = 0; at < head->len; at++) {
		spoil(head, at, 0x80);
		ck_assert_int_lt(read_file(&files[WIDE], 0, 10, out), 0);
		spoil(head, at, 0x80);
		vt_recipe_forget(rig.lru, DOMAIN, &files[WIDE].content.id);
	}
	for (size_t at = 0; at < 8; at++) { /* the first extent's length */
		spoil(segment, at, 1);
		ck_assert_int_eq(read_file(&files[WIDE], 0, 10, out), -EBADMSG);
		spoil(segment, at, 1);
		vt_recipe_forget(rig.lru, DOMAIN, &files[WIDE].content.id);
	}
	ck_assert_int_eq(compare(&files[WIDE], 0, 10), 0);
	tear_down();
}
END_TEST

START_TEST(what_must_be_read_from_disk_is_read_by_the_pool)
{
	set_up();
	open_reader(16u << 20);
	store.no_disk = true; /* answers only those who may wait */
	for (int i = 0; i < SHAPES; i++) {
		struct answer answer = ask(&files[i], 0, 4000);

		ck_assert_int_eq(answer.r, 0);
		ck_assert_uint_eq(answer.bytes, 4000);
	}
	tear_down();
}
END_TEST

static int64_t seek(const struct file *file, uint64_t offset, int whence)
{
	return vt_file_reader_seek(reader, &file->content, offset, whence, false, NULL);
}

/* 300000 hole, 1000 data, 1 hole, 65536 data, 50000 hole. */
START_TEST(holes_and_data_are_found)
{
	const struct file *file = &files[SPARSE];

	set_up();
	open_reader(16u << 20);
	ck_assert_int_eq(seek(file, 0, SEEK_HOLE), 0);
	ck_assert_int_eq(seek(file, 0, SEEK_DATA), 300000);
	ck_assert_int_eq(seek(file, 300000, SEEK_DATA), 300000);
	ck_assert_int_eq(seek(file, 300000, SEEK_HOLE), 301000);
	ck_assert_int_eq(seek(file, 301000, SEEK_DATA), 301001);
	ck_assert_int_eq(seek(file, 301500, SEEK_DATA), 301500);
	ck_assert_int_eq(seek(file, 301500, SEEK_HOLE), 366537);
	ck_assert_int_eq(seek(file, 366537, SEEK_DATA), -ENXIO);
	ck_assert_int_eq(seek(file, 416536, SEEK_HOLE), 416536);
	ck_assert_int_eq(seek(file, 416537, SEEK_HOLE), -ENXIO);
	ck_assert_int_eq(seek(&files[HINTED], 10, SEEK_DATA), 10);
	ck_assert_int_eq(seek(&files[HINTED], 10, SEEK_HOLE), 5000);
	ck_assert_int_eq(seek(&files[IN_ROW], 10, SEEK_HOLE), FRAME_LEN);
	ck_assert_int_eq(seek(&files[WIDE], 10, SEEK_HOLE), (int64_t) files[WIDE].content.size);
	ck_assert_int_eq(seek(&files[WIDE], files[WIDE].content.size, SEEK_DATA), -ENXIO);
	store.no_disk = true;
	vt_recipe_forget(rig.lru, DOMAIN, &file->content.id);
	ck_assert_int_eq(vt_file_reader_seek(reader, &file->content, 0, SEEK_DATA, true, NULL),
			 -EAGAIN);
	tear_down();
}
END_TEST

/* Of a page of this process: is it there, and its own alone? (Linux, admin-guide/mm/pagemap.rst) */
static bool is_own_page(int pagemap, uintptr_t address)
{
	const uint64_t there = 1ull << 63, exclusive = 1ull << 56;
	uint64_t page;

	ck_assert_int_eq(pread(pagemap, &page, sizeof page, (off_t) (address / 4096 * sizeof page)),
			 sizeof page);
	return page & there && page & exclusive;
}

static void is_own_memory(void *answered, int r, const struct iovec *pieces, int count)
{
	vt_autoclose int pagemap = open("/proc/self/pagemap", O_RDONLY);

	ck_assert_int_ge(pagemap, 0);
	ck_assert_int_eq(r, 0);
	for (int i = 0; i < count; i++) {
		uintptr_t begin = (uintptr_t) pieces[i].iov_base;

		for (uintptr_t at = begin; at < begin + pieces[i].iov_len; at += 4096)
			ck_assert(is_own_page(pagemap, at));
	}
	(void) sem_post(answered);
}

/* Else a server that is killed while it answers gives the reader EIO. */
START_TEST(an_answer_is_memory_of_the_process_alone_a_hole_too)
{
	sem_t answered;

	set_up();
	open_reader(16u << 20);
	(void) sem_init(&answered, 0, 0);
	for (int i = 0; i < SHAPES; i++) {
		vt_file_reader_read(reader, &files[i].content, 0, files[i].content.size,
				    is_own_memory, &answered);
		while (sem_wait(&answered) != 0)
			;
	}
	tear_down();
}
END_TEST

/* Walking from data to hole and back gives the same map as the extents, over all segments. */
START_TEST(the_map_of_a_long_recipe_is_right)
{
	const struct file *file = &files[LONG];
	uint64_t at = 0;

	set_up();
	open_reader(16u << 20);
	for (uint32_t i = 0; i < ROWS_EXTENTS; i++) {
		int whence = i % 5 ? SEEK_DATA : SEEK_HOLE;

		ck_assert_int_eq(seek(file, at, whence), (int64_t) at);
		at += 1 + i % 700;
	}
	tear_down();
}
END_TEST

static void *read_at_random(void *argument)
{
	uint64_t state = (uint64_t) (uintptr_t) argument, right = 0;
	vt_autofree uint8_t *out = malloc(200000);

	for (int i = 0; i < 300; i++) {
		const struct file *file = &files[model_random(&state) % SHAPES];
		uint64_t offset = model_random(&state) % file->content.size;
		size_t left = file->content.size - offset;
		size_t len = 1 + model_random(&state) % 200000;
		int r;

		len = len < left ? len : left;
		r = read_file(file, offset, len, out);
		if (r == 0 && memcmp(out, file->bytes + offset, len) != 0)
			return NULL; /* wrong bytes */
		if (r < 0 && r != -EBADMSG && r != -EIO)
			return NULL;
		right += r == 0;
	}
	return (void *) (uintptr_t) right;
}

static uint64_t read_with_threads(void)
{
	pthread_t threads[8];
	uint64_t right = 0;

	for (uint64_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_at_random,
						(void *) (uintptr_t) (i + 1)),
				 0);
	for (int i = 0; i < 8; i++) {
		void *result;

		(void) pthread_join(threads[i], &result);
		ck_assert_ptr_nonnull(result);
		right += (uintptr_t) result;
	}
	return right;
}

START_TEST(eight_threads_read_right_bytes_through_a_cache_too_small)
{
	struct vt_block_source *source;

	set_up();
	ck_assert_int_eq(vt_block_source_delayed(rig.source, 1, 0, &source, NULL), 0);
	rig.source = source;
	open_reader(250000); /* half the frames */
	ck_assert_uint_eq(read_with_threads(), 8 * 300);
	tear_down();
}
END_TEST

START_TEST(eight_threads_read_right_bytes_or_errors_through_a_damaging_source)
{
	struct vt_block_source *source;
	uint64_t right;

	set_up();
	ck_assert_int_eq(vt_block_source_fault(rig.source, 5, 0, &source, NULL), 0);
	ck_assert_int_eq(vt_block_source_fault(source, 7, EIO, &source, NULL), 0);
	rig.source = source;
	open_reader(250000);
	right = read_with_threads();
	ck_assert_uint_gt(right, 0);
	ck_assert_uint_lt(right, 8 * 300);
	tear_down();
}
END_TEST

VT_SUITE(file_reader, files_of_every_shape_read_as_they_were_stored, extents_meet_without_a_seam,
	 a_read_ends_where_the_file_does, what_would_be_too_many_pieces_is_answered_all_the_same,
	 bytes_of_one_frame_are_not_copied, what_a_read_was_done_with_makes_room,
	 a_hint_that_holds_asks_the_store_for_nothing, a_warm_recipe_asks_the_store_for_nothing,
	 a_stale_hint_falls_back_to_the_index, a_stale_hint_may_lead_to_a_recipe,
	 a_hint_that_the_index_confirms_is_not_tried_twice,
	 content_that_the_store_has_not_is_damage, a_cached_recipe_that_leads_nowhere_is_read_again,
	 damaged_recipes_are_refused, what_must_be_read_from_disk_is_read_by_the_pool,
	 holes_and_data_are_found, an_answer_is_memory_of_the_process_alone_a_hole_too,
	 the_map_of_a_long_recipe_is_right,
	 eight_threads_read_right_bytes_through_a_cache_too_small,
	 eight_threads_read_right_bytes_or_errors_through_a_damaging_source)
