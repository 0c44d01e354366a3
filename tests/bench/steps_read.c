/* SPDX-License-Identifier: Apache-2.0 */
/* The steps from an entry to its bytes (steps.h). Shards are open, and in the page cache. */
#include "fs/file_reader.h"
#include "tests/bench/bench.h"
#include "tests/bench/steps.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/read_rig.h"

#define SMALL 8192u
#define LARGE 65536u
#define FILES 16u

static struct rig rig;
static struct vt_store store;
static struct vt_file_reader *reader;
static struct vt_location small[FILES], raw[FILES];

static void set_up(void)
{
	struct vt_shard_writer *writer;
	uint8_t *data = malloc(LARGE);

	rig_init(&rig, 4);
	rig.dictionary = model_dictionary(1);
	writer = rig_shard(&rig, 1);
	for (uint32_t i = 0; i < FILES; i++) {
		model_text(data, SMALL, i);
		small[i] = model_add(writer, rig.dictionary, false, data, SMALL, 1);
		model_noise(data, LARGE, i);
		raw[i] = model_add(writer, NULL, true, data, LARGE, 1);
	}
	free(data);
	model_seal(writer, NULL);
	rig_open(&rig, 64u << 20);
	ck_assert_int_eq(vt_file_reader_new(&store, rig.lru, rig.frames, rig.pool, &reader, NULL),
			 0);
}

static void tear_down(void)
{
	vt_file_reader_free(reader);
	rig_done(&rig);
}

static void take(void *context, int r, const struct iovec *pieces, int count)
{
	if (r < 0 || count == 0)
		abort();
}

static void read_at(const struct vt_location *at, uint32_t size, uint64_t offset, size_t length)
{
	const struct vt_content content = {.domain = 7, .size = size, .hint = *at};

	vt_file_reader_read(reader, &content, offset, length, take, NULL);
}

STEP step_read_of_a_kept_frame(uint32_t i)
{
	read_at(&raw[i % FILES], LARGE, 4096, 4096);
}

STEP step_read_a_small_file(uint32_t i)
{
	read_at(&small[i % FILES], SMALL, 0, SMALL);
}

STEP step_read_a_raw_frame(uint32_t i)
{
	read_at(&raw[i % FILES], LARGE, 0, LARGE);
}

START_TEST(all_steps)
{
	static uint8_t out[SMALL];
	struct vt_content first;

	set_up();
	first = (struct vt_content){.domain = 7, .size = SMALL, .hint = small[0]};
	if (vt_file_reader_read_sync(reader, &first, 0, SMALL, out, NULL) != SMALL)
		abort(); /* it opens the shard and finds the dictionary */
	STEPS_RUN(step_read_of_a_kept_frame);
	STEPS_RUN(step_read_a_small_file);
	STEPS_RUN(step_read_a_raw_frame);
	tear_down();
}
END_TEST

int main(void)
{
	return bench_run(all_steps);
}
