/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the read path costs when nothing is waited for: everything in memory, then frames that are
 * in the page cache and must be decoded. One line per case: name, value, unit.
 */
#include <stdio.h>

#include "fs/file_reader.h"
#include "index/base/clock.h"
#include "index/chunk.h"
#include "tests/bench/bench.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/read_rig.h"

#define FRAMES    512u
#define FRAME_LEN 65536u
#define LOOPS     400000u
#define THREADS   4u

static struct rig rig;
static struct vt_store store;
static struct vt_file_reader *reader;
static struct vt_location places[FRAMES];
static struct vt_content chunk, recipe;
static struct vt_buf segment, head;

static void set_up(void)
{
	struct vt_shard_writer *writer;
	struct vt_extent extents[FRAMES];
	const uint64_t start = 0;
	uint8_t key[40], *data = malloc(FRAME_LEN);

	rig_init(&rig, 4);
	writer = rig_shard(&rig, 1);
	for (uint32_t i = 0; i < FRAMES; i++) {
		model_text(data, FRAME_LEN, i);
		places[i] = model_add(writer, NULL, false, data, FRAME_LEN, 1);
		extents[i] = (struct vt_extent){.length = FRAME_LEN, .at = places[i]};
	}
	free(data);
	model_seal(writer, NULL);
	chunk = (struct vt_content){.domain = 1, .size = FRAME_LEN, .hint = places[0]};
	recipe = (struct vt_content){.domain = 1, .size = (uint64_t) FRAMES * FRAME_LEN};
	vt_recipe_segment_value(extents, FRAMES, &segment);
	vt_recipe_head_value(&start, 1, recipe.size, &head);
	vt_recipe_key(1, &recipe.id, 0, key);
	fake_put(&store, VT_CF_RECIPE, key, sizeof key, head.data, head.len);
	vt_recipe_key(1, &recipe.id, 1, key);
	fake_put(&store, VT_CF_RECIPE, key, sizeof key, segment.data, segment.len);
	rig_open(&rig, 256u << 20);
	ck_assert_int_eq(vt_file_reader_new(&store, rig.lru, rig.frames, rig.pool, &reader, NULL),
			 0);
}

static void tear_down(void)
{
	vt_file_reader_free(reader);
	rig_done(&rig);
	vt_buf_done(&segment);
	vt_buf_done(&head);
}

static void ignore(void *context, int r, const struct iovec *pieces, int count)
{
	if (r < 0 || count == 0)
		abort();
}

static void get_frames(uint64_t seed)
{
	uint64_t state = seed;

	for (uint32_t i = 0; i < LOOPS; i++) {
		struct vt_frame *frame;

		if (vt_frame_cache_get(rig.frames, &places[model_random(&state) % FRAMES], &frame,
				       NULL, NULL) != 1)
			abort();
		vt_frame_unref(frame);
	}
}

static void read_chunk(uint64_t seed)
{
	for (uint32_t i = 0; i < LOOPS; i++)
		vt_file_reader_read(reader, &chunk, i % 60000, 4096, ignore, NULL);
}

static void read_recipe(uint64_t seed)
{
	uint64_t state = seed;

	for (uint32_t i = 0; i < LOOPS; i++)
		vt_file_reader_read(reader, &recipe, model_random(&state) % (recipe.size - 131072),
				    131072, ignore, NULL);
}

static void (*work)(uint64_t seed);

static void *run_work(void *seed)
{
	work((uint64_t) (uintptr_t) seed);
	return NULL;
}

static void line(const char *name, double value, const char *unit)
{
	printf("%-36s %12.1f %s\n", name, value, unit);
}

static void time_one(const char *name, void (*what)(uint64_t seed))
{
	uint64_t begin = vt_clock_monotonic_ns();

	what(1);
	line(name, (double) (vt_clock_monotonic_ns() - begin) / LOOPS, "ns");
}

static void time_threads(const char *name, void (*what)(uint64_t seed))
{
	pthread_t threads[THREADS];
	uint64_t begin = vt_clock_monotonic_ns(), ns;

	work = what;
	for (uint64_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_work, (void *) (i + 1)), 0);
	for (uint64_t i = 0; i < THREADS; i++)
		(void) pthread_join(threads[i], NULL);
	ns = vt_clock_monotonic_ns() - begin;
	line(name, 1e3 * LOOPS * THREADS / (double) ns, "million/s");
}

/* Frames are in the page cache: read and decoded, each once. */
static void time_decode(const char *name)
{
	uint64_t begin = vt_clock_monotonic_ns(), ns;

	for (uint32_t i = 0; i < FRAMES; i++) {
		struct vt_frame *frame;

		ck_assert_int_eq(rig_get(&rig, &places[i], &frame), 0);
		vt_frame_unref(frame);
	}
	ns = vt_clock_monotonic_ns() - begin;
	line(name, (double) ns / FRAMES / 1e3, "us");
}

START_TEST(all_cases)
{
	set_up();
	time_decode("decode 64 KiB frames");
	time_one("get a cached frame", get_frames);
	time_one("read 4 KiB of a cached chunk", read_chunk);
	time_one("read 128 KiB of a cached recipe", read_recipe);
	time_threads("get cached frames, 4 threads", get_frames);
	time_threads("read cached recipe, 4 threads", read_recipe);
	tear_down();
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
