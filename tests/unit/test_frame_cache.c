/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames are fetched once for all who ask, damage reaches nobody as bytes, and the limit holds
 * while blocks are in flight. A source of the test's own decides when a read is answered.
 */
#include <errno.h>

#include "index/base/log.h"
#include "tests/unit/read_rig.h"

#define FRAMES   40u
#define LEN      20000u
#define READ_MAX 64u

static struct rig rig;
static struct vt_location places[FRAMES];
static uint8_t contents[FRAMES][LEN];

/* One shard; frame i holds noise (even) or text (odd). */
static void set_up(struct vt_dictionary *dictionary)
{
	struct vt_shard_writer *writer;

	vt_log_set_level(0); /* damage on purpose is worth no line */
	rig_init(&rig, 4);
	rig.dictionary = dictionary;
	writer = rig_shard(&rig, 1);
	for (uint32_t i = 0; i < FRAMES; i++) {
		if (i % 2)
			model_text(contents[i], LEN, i);
		else
			model_noise(contents[i], LEN, i);
		places[i] = model_add(writer, dictionary, false, contents[i], LEN, 1);
	}
	model_seal(writer, NULL);
}

static void is_frame(const struct vt_frame *frame, uint32_t i)
{
	ck_assert_uint_eq(frame->size, LEN);
	ck_assert_mem_eq(frame->data, contents[i], LEN);
}

static struct vt_frame_cache_stats stats(void)
{
	struct vt_frame_cache_stats stats;

	vt_frame_cache_get_stats(rig.frames, &stats);
	return stats;
}

/* ---- a source that waits to be told ---- */

struct held_read {
	struct vt_location at;
	void *out;
	vt_block_done *done;
	void *context;
};

struct held_source {
	struct vt_block_source base; /* first */
	struct vt_block_source *inner;
	pthread_mutex_t lock;
	struct held_read reads[READ_MAX]; /* guarded by lock */
	unsigned count;
};

static int held_read(struct vt_block_source *base, const struct vt_location *at, void *out,
		     vt_block_done *done, void *context)
{
	struct held_source *source = (struct held_source *) base;

	(void) pthread_mutex_lock(&source->lock);
	if (source->count < READ_MAX)
		source->reads[source->count++] = (struct held_read){*at, out, done, context};
	(void) pthread_mutex_unlock(&source->lock);
	return 0;
}

static void held_free(struct vt_block_source *base)
{
	struct held_source *source = (struct held_source *) base;

	vt_block_source_free(source->inner);
	free(source);
}

static struct held_source *hold_reads(void)
{
	static const struct vt_block_source_ops ops = {.read = held_read, .free = held_free};
	struct held_source *source = calloc(1, sizeof *source);

	source->base.ops = &ops;
	source->inner = rig.source;
	(void) pthread_mutex_init(&source->lock, NULL);
	rig.source = &source->base;
	return source;
}

static unsigned waiting_reads(struct held_source *source)
{
	unsigned count;

	(void) pthread_mutex_lock(&source->lock);
	count = source->count;
	(void) pthread_mutex_unlock(&source->lock);
	return count;
}

/*
 * Answers the oldest read of `shard` (0: of any), with the stored bytes when `r` is 0. False: there
 * is none.
 */
static bool answer_shard(struct held_source *source, uint32_t shard, int r)
{
	struct held_read read;
	unsigned i = 0;

	(void) pthread_mutex_lock(&source->lock);
	while (i < source->count && shard && source->reads[i].at.shard != shard)
		i++;
	if (i == source->count) {
		(void) pthread_mutex_unlock(&source->lock);
		return false;
	}
	read = source->reads[i];
	source->count--;
	memmove(source->reads + i, source->reads + i + 1, (source->count - i) * sizeof read);
	(void) pthread_mutex_unlock(&source->lock);
	if (r == 0)
		r = rig_read(source->inner, &read.at, read.out);
	read.done(read.context, r);
	return true;
}

static bool answer(struct held_source *source, int r)
{
	return answer_shard(source, 0, r);
}

/* ---- tests ---- */

START_TEST(a_frame_is_read_once_and_then_found)
{
	struct vt_frame *first, *second;

	set_up(NULL);
	rig_open(&rig, 16u << 20);
	for (uint32_t i = 0; i < FRAMES; i++) {
		ck_assert_int_eq(rig_get(&rig, &places[i], &first), 0);
		is_frame(first, i);
		ck_assert_int_eq(vt_frame_cache_get(rig.frames, &places[i], &second, NULL, NULL),
				 1);
		ck_assert_ptr_eq(first, second);
		vt_frame_unref(first);
		vt_frame_unref(second);
	}
	ck_assert_uint_eq(stats().reads, FRAMES);
	ck_assert_uint_eq(stats().decoded, FRAMES);
	ck_assert_uint_eq(stats().bytes_decoded, FRAMES * LEN);
	rig_done(&rig);
}
END_TEST

START_TEST(all_who_ask_at_a_time_share_one_read)
{
	struct held_source *source;
	struct rig_wait wait[8];
	struct vt_frame *frame;

	set_up(NULL);
	source = hold_reads();
	rig_open(&rig, 16u << 20);
	for (int i = 0; i < 8; i++) {
		rig_wait_init(&wait[i]);
		ck_assert_int_eq(vt_frame_cache_get(rig.frames, &places[3], &frame, rig_frame_done,
						    &wait[i]),
				 0);
	}
	ck_assert_uint_eq(waiting_reads(source), 1);
	ck_assert(answer(source, 0));
	for (int i = 0; i < 8; i++) {
		ck_assert_int_eq(rig_wait_for(&wait[i]), 0);
		ck_assert_ptr_eq(wait[i].frame, wait[0].frame);
		is_frame(wait[i].frame, 3);
	}
	for (int i = 0; i < 8; i++)
		vt_frame_unref(wait[i].frame);
	ck_assert_uint_eq(stats().reads, 1);
	ck_assert_uint_eq(stats().shared, 7);
	ck_assert_uint_eq(stats().decoded, 1);
	ck_assert(!answer(source, 0));
	rig_done(&rig);
}
END_TEST

START_TEST(all_who_wait_are_told_of_a_failure_and_the_next_tries_again)
{
	struct held_source *source;
	struct rig_wait wait[3];
	struct vt_frame *frame;

	set_up(NULL);
	source = hold_reads();
	rig_open(&rig, 16u << 20);
	for (int i = 0; i < 3; i++) {
		rig_wait_init(&wait[i]);
		ck_assert_int_eq(vt_frame_cache_get(rig.frames, &places[0], &frame, rig_frame_done,
						    &wait[i]),
				 0);
	}
	ck_assert(answer(source, -EIO));
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(rig_wait_for(&wait[i]), -EIO);
		ck_assert_ptr_null(wait[i].frame);
	}
	ck_assert_uint_eq(stats().failed, 1);
	ck_assert_int_eq(
		vt_frame_cache_get(rig.frames, &places[0], &frame, rig_frame_done, &wait[0]), 0);
	ck_assert(answer(source, 0));
	ck_assert_int_eq(rig_wait_for(&wait[0]), 0);
	is_frame(wait[0].frame, 0);
	vt_frame_unref(wait[0].frame);
	rig_done(&rig);
}
END_TEST

static unsigned let_go;

static void check_and_let_go(void *context, int r, struct vt_frame *frame)
{
	ck_assert_int_eq(r, 0);
	is_frame(frame, (uint32_t) (uintptr_t) context);
	vt_frame_unref(frame);
	let_go++;
}

/* Each encoded frame takes 20 kB, each decoded one too; 100 kB hold a few. */
START_TEST(reads_wait_their_turn_when_the_limit_is_reached)
{
	const size_t limit = 100000;
	struct held_source *source;
	struct vt_lru_stats used;
	struct vt_frame *frame;

	set_up(NULL);
	source = hold_reads();
	rig_open(&rig, limit);
	for (uint32_t i = 0; i < FRAMES; i += 2)
		ck_assert_int_eq(vt_frame_cache_get(rig.frames, &places[i], &frame,
						    check_and_let_go, (void *) (uintptr_t) i),
				 0);
	ck_assert_uint_eq(waiting_reads(source), limit / places[0].frame_size);
	while (let_go < FRAMES / 2) {
		vt_lru_get_stats(rig.lru, &used);
		ck_assert_uint_le(used.used, limit + LEN + sizeof(struct vt_frame));
		if (!answer(source, 0))
			(void) sched_yield(); /* the next is on its way through the pool */
	}
	ck_assert_uint_eq(stats().reads, FRAMES / 2);
	rig_done(&rig);
}
END_TEST

/* A shard whose disk hangs may fill the limit with reads that are never answered. */
START_TEST(a_shard_that_hangs_holds_up_no_other_at_the_limit)
{
	struct vt_location other[3];
	struct vt_shard_writer *writer;
	struct held_source *source;
	struct vt_frame *frame;

	set_up(NULL);
	writer = rig_shard(&rig, 2);
	for (uint32_t i = 0; i < 3; i++)
		other[i] = model_add(writer, NULL, false, contents[2 * i], LEN, 1);
	model_seal(writer, NULL);
	source = hold_reads();
	rig_open(&rig, 100000);
	for (uint32_t i = 0; i < FRAMES; i += 2)
		ck_assert_int_eq(vt_frame_cache_get(rig.frames, &places[i], &frame,
						    check_and_let_go, (void *) (uintptr_t) i),
				 0);
	for (uint32_t i = 0; i < 3; i++)
		ck_assert_int_eq(vt_frame_cache_get(rig.frames, &other[i], &frame, check_and_let_go,
						    (void *) (uintptr_t) (2 * i)),
				 0);
	ck_assert(answer_shard(source, 2, 0)); /* not held: its shard has no read under way */
	while (let_go < 3)
		if (!answer_shard(source, 2, 0))
			(void) sched_yield(); /* the next is on its way through the pool */
	while (let_go < 3 + FRAMES / 2)
		if (!answer(source, 0))
			(void) sched_yield();
	ck_assert_uint_eq(stats().reads, 3 + FRAMES / 2);
	rig_done(&rig);
}
END_TEST

START_TEST(one_read_goes_on_even_when_everything_is_pinned)
{
	struct vt_frame *frames[6];

	set_up(NULL);
	rig_open(&rig, 50000);
	for (uint32_t i = 0; i < 6; i++) { /* the last few beyond the limit */
		ck_assert_int_eq(rig_get(&rig, &places[i], &frames[i]), 0);
		is_frame(frames[i], i);
	}
	for (uint32_t i = 0; i < 6; i++)
		vt_frame_unref(frames[i]);
	rig_done(&rig);
}
END_TEST

START_TEST(damage_is_refused_and_not_kept)
{
	struct vt_block_source *fault;
	struct vt_frame *frame;

	set_up(NULL);
	ck_assert_int_eq(vt_block_source_fault(rig.source, 2, 0, &fault, NULL), 0);
	rig.source = fault;
	rig_open(&rig, 16u << 20);
	ck_assert_int_eq(rig_get(&rig, &places[0], &frame), 0);
	vt_frame_unref(frame);
	ck_assert_int_eq(rig_get(&rig, &places[2], &frame), -EBADMSG);
	ck_assert_uint_eq(stats().damaged, 1);
	ck_assert_int_eq(rig_get(&rig, &places[2], &frame), 0);
	is_frame(frame, 2);
	vt_frame_unref(frame);
	rig_done(&rig);
}
END_TEST

/* What is written to standard error until log_end(), which counts the lines. */
static int log_begin(FILE **file)
{
	int kept = dup(STDERR_FILENO);

	*file = tmpfile();
	ck_assert_ptr_nonnull(*file);
	ck_assert_int_ge(dup2(fileno(*file), STDERR_FILENO), 0);
	vt_log_set_level(VT_LOG_INFO);
	return kept;
}

static unsigned log_end(FILE *file, int kept)
{
	unsigned lines = 0;
	int c;

	vt_log_set_level(0);
	ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
	close(kept);
	rewind(file);
	while ((c = getc(file)) != EOF)
		lines += c == '\n';
	fclose(file);
	return lines;
}

START_TEST(a_damaged_frame_is_logged_once_however_often_it_is_asked_for)
{
	struct vt_block_source *fault;
	struct vt_frame *frame;
	FILE *file;
	int kept;

	set_up(NULL);
	ck_assert_int_eq(vt_block_source_fault(rig.source, 1, 0, &fault, NULL), 0);
	rig.source = fault;
	rig_open(&rig, 16u << 20);
	kept = log_begin(&file);
	for (int i = 0; i < 5; i++) {
		ck_assert_int_eq(rig_get(&rig, &places[2], &frame), -EBADMSG);
		ck_assert_int_eq(rig_get(&rig, &places[3], &frame), -EBADMSG);
	}
	ck_assert_uint_eq(log_end(file, kept), 2);
	ck_assert_uint_eq(stats().damaged, 10);
	rig_done(&rig);
}
END_TEST

START_TEST(so_many_failures_are_named_and_one_line_says_that_there_are_more)
{
	struct vt_block_source *fault;
	struct vt_frame *frame;
	FILE *file;
	int kept;

	set_up(NULL);
	ck_assert_int_eq(vt_block_source_fault(rig.source, 1, EIO, &fault, NULL), 0);
	rig.source = fault;
	rig_open(&rig, 16u << 20);
	kept = log_begin(&file);
	for (int turn = 0; turn < 2; turn++)
		for (uint32_t i = 0; i < 1100; i++) {
			struct vt_location at = places[0];

			at.frame_offset += i;
			ck_assert_int_eq(rig_get(&rig, &at, &frame), -EIO);
		}
	ck_assert_uint_eq(log_end(file, kept), 1024 + 1);
	rig_done(&rig);
}
END_TEST

START_TEST(a_location_that_leads_to_no_frame_is_damage)
{
	struct vt_location at;
	struct vt_frame *frame;

	set_up(NULL);
	rig_open(&rig, 16u << 20);
	at = places[1];
	at.frame_size = 0;
	ck_assert_int_eq(rig_get(&rig, &at, &frame), -EBADMSG);
	at.frame_size = VT_FRAME_STORED_MAX + 1;
	ck_assert_int_eq(rig_get(&rig, &at, &frame), -EBADMSG);
	at = places[1];
	at.frame_size--;
	ck_assert_int_eq(rig_get(&rig, &at, &frame), -EBADMSG);
	at = places[1];
	at.frame_offset++;
	ck_assert_int_eq(rig_get(&rig, &at, &frame), -EBADMSG);
	at.shard = 99;
	ck_assert_int_eq(rig_get(&rig, &at, &frame), -ENOENT);
	rig_done(&rig);
}
END_TEST

START_TEST(a_dictionary_is_looked_up_once)
{
	struct vt_frame *frame;

	set_up(model_dictionary(1));
	rig_open(&rig, 16u << 20);
	for (uint32_t i = 0; i < FRAMES; i++) {
		ck_assert_int_eq(rig_get(&rig, &places[i], &frame), 0);
		is_frame(frame, i);
		vt_frame_unref(frame);
	}
	ck_assert_uint_eq(rig.lookups, 1);
	rig_done(&rig);
}
END_TEST

START_TEST(a_dictionary_that_is_not_found_is_an_error)
{
	struct vt_dictionary *dictionary = model_dictionary(1);
	struct vt_frame *frame;

	set_up(dictionary);
	rig.dictionary = NULL;
	rig_open(&rig, 16u << 20);
	ck_assert_int_eq(rig_get(&rig, &places[1], &frame), -EBADMSG);
	rig.dictionary = dictionary;
	ck_assert_int_eq(rig_get(&rig, &places[1], &frame), 0);
	vt_frame_unref(frame);
	rig_done(&rig);
}
END_TEST

static void *get_at_random(void *argument)
{
	uint64_t state = (uint64_t) (uintptr_t) argument;

	for (int i = 0; i < 400; i++) {
		uint32_t which = (uint32_t) (model_random(&state) % FRAMES);
		struct vt_frame *frame;
		int r = rig_get(&rig, &places[which], &frame);

		if (r == -EBADMSG || r == -EIO)
			continue;
		if (r < 0 || frame->size != LEN || memcmp(frame->data, contents[which], LEN) != 0)
			return argument; /* not NULL: wrong */
		vt_frame_unref(frame);
	}
	return NULL;
}

START_TEST(many_threads_get_right_bytes_or_errors_from_a_slow_and_faulty_source)
{
	pthread_t threads[8];
	struct vt_block_source *source;
	struct vt_lru_stats used;

	set_up(model_dictionary(1));
	ck_assert_int_eq(vt_block_source_fault(rig.source, 13, 0, &source, NULL), 0);
	ck_assert_int_eq(vt_block_source_fault(source, 17, EIO, &source, NULL), 0);
	ck_assert_int_eq(vt_block_source_delayed(source, 1, 0, &source, NULL), 0);
	rig.source = source;
	rig_open(&rig, 300000); /* a third of the frames */
	for (uint64_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, get_at_random,
						(void *) (uintptr_t) (i + 1)),
				 0);
	for (int i = 0; i < 8; i++) {
		void *wrong;

		(void) pthread_join(threads[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
	ck_assert_uint_gt(stats().damaged, 0);
	ck_assert_uint_gt(stats().failed, 0);
	ck_assert_uint_gt(stats().reads, FRAMES);
	vt_lru_get_stats(rig.lru, &used);
	ck_assert_uint_le(used.used, 300000);
	ck_assert_uint_gt(used.evictions, 0);
	rig_done(&rig);
}
END_TEST

VT_SUITE(frame_cache, a_frame_is_read_once_and_then_found, all_who_ask_at_a_time_share_one_read,
	 all_who_wait_are_told_of_a_failure_and_the_next_tries_again,
	 reads_wait_their_turn_when_the_limit_is_reached,
	 a_shard_that_hangs_holds_up_no_other_at_the_limit,
	 one_read_goes_on_even_when_everything_is_pinned, damage_is_refused_and_not_kept,
	 a_damaged_frame_is_logged_once_however_often_it_is_asked_for,
	 so_many_failures_are_named_and_one_line_says_that_there_are_more,
	 a_location_that_leads_to_no_frame_is_damage, a_dictionary_is_looked_up_once,
	 a_dictionary_that_is_not_found_is_an_error,
	 many_threads_get_right_bytes_or_errors_from_a_slow_and_faulty_source)
