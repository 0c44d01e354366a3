/* SPDX-License-Identifier: Apache-2.0 */
/* Sources answer once, with the stored bytes or an error, and keep few files open. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/read_around.h"
#include "tests/unit/read_rig.h"

#define SHARDS 12u
#define LEN    2000u

static struct rig rig;
static struct vt_location places[SHARDS + 1];
static uint8_t stored[SHARDS + 1][LEN + 64];

/* Shards 1 to SHARDS with a raw frame each. */
static void set_up(unsigned max_open)
{
	rig_init(&rig, max_open);
	for (uint32_t i = 1; i <= SHARDS; i++) {
		struct vt_shard_writer *writer = rig_shard(&rig, i);
		vt_cleanup(vt_buf_done) struct vt_buf frame = VT_BUF_INIT;
		uint8_t data[LEN];

		model_noise(data, LEN, i);
		places[i] = model_add(writer, NULL, true, data, LEN, 1);
		ck_assert_int_eq(vt_encode_raw(data, LEN, &frame, NULL), 0);
		memcpy(stored[i], frame.data, frame.len);
		model_seal(writer, NULL);
	}
}

static unsigned open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned count = 0;

	while (readdir(dir))
		count++;
	(void) closedir(dir);
	return count;
}

static void reads_right(struct vt_block_source *source, uint32_t shard)
{
	uint8_t out[LEN + 64];

	ck_assert_int_eq(rig_read(source, &places[shard], out), 0);
	ck_assert_mem_eq(out, stored[shard], places[shard].frame_size);
}

START_TEST(local_files_give_what_is_stored_first_and_again)
{
	set_up(100);
	for (int round = 0; round < 3; round++)
		for (uint32_t i = 1; i <= SHARDS; i++)
			reads_right(rig.source, i);
	rig_done(&rig);
}
END_TEST

static void *read_at_random(void *argument)
{
	uint64_t state = (uint64_t) (uintptr_t) argument;
	uint8_t out[LEN + 64];

	for (int i = 0; i < 300; i++) {
		uint32_t shard = 1 + (uint32_t) (model_random(&state) % SHARDS);

		if (rig_read(rig.source, &places[shard], out) != 0 ||
		    memcmp(out, stored[shard], places[shard].frame_size) != 0)
			return argument; /* not NULL: wrong */
	}
	return NULL;
}

START_TEST(few_files_stay_open_however_many_threads_read)
{
	pthread_t threads[6];
	unsigned before;

	set_up(4);
	before = open_files();
	for (uint64_t i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_at_random,
						(void *) (uintptr_t) (i + 1)),
				 0);
	for (int i = 0; i < 6; i++) {
		void *wrong;

		(void) pthread_join(threads[i], &wrong);
		ck_assert_ptr_null(wrong);
	}
	vt_io_pool_free(rig.pool); /* so that no read holds a file any more */
	rig.pool = NULL;
	ck_assert_uint_le(open_files(), before + 4);
	ck_assert_uint_gt(open_files(), before);
	rig_done(&rig);
}
END_TEST

START_TEST(removed_files_are_closed_and_no_others)
{
	struct vt_block_source *outer;
	char name[16];
	uint8_t out[LEN + 64];
	unsigned open;

	set_up(100);
	ck_assert_int_eq(vt_block_source_fault(rig.source, 1000, EIO, &outer, NULL), 0);
	rig.source = outer; /* passes it on */
	for (uint32_t i = 1; i <= SHARDS; i++)
		reads_right(rig.source, i);
	open = open_files();
	vt_block_source_close_removed(rig.source);
	ck_assert_uint_eq(open_files(), open);
	for (uint32_t i = 3; i <= 5; i++) {
		(void) snprintf(name, sizeof name, "%u.vsh", i);
		ck_assert_int_eq(unlink(vt_scratch_path(name)), 0);
	}
	vt_block_source_close_removed(rig.source);
	ck_assert_uint_eq(open_files(), open - 3);
	for (uint32_t i = 1; i <= SHARDS; i++)
		if (i < 3 || i > 5)
			reads_right(rig.source, i);
		else
			ck_assert_int_eq(rig_read(rig.source, &places[i], out), -ENOENT);
	ck_assert_uint_eq(open_files(), open - 3);
	rig_done(&rig);
}
END_TEST

START_TEST(what_is_not_there_and_what_is_cut_short_are_told_apart)
{
	struct vt_location at = {.shard = 77, .frame_offset = 4096, .frame_size = 10};
	uint8_t out[LEN + 64];

	set_up(4);
	ck_assert_int_eq(rig_read(rig.source, &at, out), -ENOENT);
	at = places[1];
	for (int again = 0; again < 2; again++) { /* when opened, and when it is open */
		at.frame_offset = 1u << 30;
		ck_assert_int_eq(rig_read(rig.source, &at, out), -EBADMSG);
	}
	rig_done(&rig);
}
END_TEST

static void rename_shard(const char *from, const char *to)
{
	char old[4096];

	(void) snprintf(old, sizeof old, "%s", vt_scratch_path(from));
	ck_assert_int_eq(rename(old, vt_scratch_path(to)), 0);
}

static void flip_byte(const char *name, off_t at)
{
	int fd = open(vt_scratch_path(name), O_RDWR | O_CLOEXEC);
	uint8_t byte;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
	byte ^= 1;
	ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
	(void) close(fd);
}

START_TEST(shards_that_changed_places_are_not_read)
{
	uint8_t out[LEN + 64];

	set_up(4); /* frames of the same size at the same offset, with sound checksums */
	rename_shard("1.vsh", "x.vsh");
	rename_shard("2.vsh", "1.vsh");
	rename_shard("x.vsh", "2.vsh");
	for (uint32_t i = 1; i <= 2; i++)
		ck_assert_int_eq(rig_read(rig.source, &places[i], out), -EBADMSG);
	reads_right(rig.source, 3);
	rig_done(&rig);
}
END_TEST

START_TEST(a_damaged_header_does_not_keep_sound_frames_from_being_read)
{
	set_up(4);
	ck_assert_int_eq(chmod(vt_scratch_path("1.vsh"), 0600), 0);
	flip_byte("1.vsh", 8);   /* the magic */
	flip_byte("1.vsh", 24);  /* the uuid */
	flip_byte("1.vsh", 100); /* padding */
	reads_right(rig.source, 1);
	rig_done(&rig);
}
END_TEST

START_TEST(a_delayed_shard_holds_up_no_other)
{
	struct vt_block_source *delayed;
	struct rig_wait wait;
	uint8_t out[LEN + 64];

	set_up(4);
	rig_wait_init(&wait);
	ck_assert_int_eq(vt_block_source_delayed(rig.source, 2, 3600 * 1000, &delayed, NULL), 0);
	rig.source = delayed;
	ck_assert_int_eq(vt_block_read(delayed, &places[2], out, rig_block_done, &wait), 0);
	reads_right(delayed, 1);
	reads_right(delayed, 3);
	ck_assert_int_eq(wait.r, 1); /* not answered yet */
	vt_block_source_free(delayed);
	rig.source = NULL;
	ck_assert_int_eq(rig_wait_for(&wait), -EIO);
	rig_done(&rig);
}
END_TEST

START_TEST(delayed_reads_are_answered_and_in_order)
{
	struct vt_block_source *delayed;
	struct rig_wait wait[5];
	uint8_t out[5][LEN + 64];

	set_up(4);
	ck_assert_int_eq(vt_block_source_delayed(rig.source, 0, 1, &delayed, NULL), 0);
	rig.source = delayed;
	for (uint32_t i = 0; i < 5; i++) {
		rig_wait_init(&wait[i]);
		ck_assert_int_eq(
			vt_block_read(delayed, &places[i + 1], out[i], rig_block_done, &wait[i]),
			0);
	}
	for (uint32_t i = 0; i < 5; i++) {
		ck_assert_int_eq(rig_wait_for(&wait[i]), 0);
		ck_assert_mem_eq(out[i], stored[i + 1], places[i + 1].frame_size);
	}
	rig_done(&rig);
}
END_TEST

START_TEST(every_third_read_fails_as_told)
{
	struct vt_block_source *fault;
	uint8_t out[LEN + 64];

	set_up(4);
	ck_assert_int_eq(vt_block_source_fault(rig.source, 3, ETIMEDOUT, &fault, NULL), 0);
	rig.source = fault;
	for (int i = 1; i <= 9; i++)
		ck_assert_int_eq(rig_read(fault, &places[1], out), i % 3 ? 0 : -ETIMEDOUT);
	rig_done(&rig);
}
END_TEST

static unsigned bits_apart(const uint8_t *a, const uint8_t *b, size_t len)
{
	unsigned count = 0;

	for (size_t i = 0; i < len; i++)
		count += (unsigned) __builtin_popcount(a[i] ^ b[i]);
	return count;
}

START_TEST(every_second_read_has_one_bit_flipped)
{
	struct vt_block_source *fault;
	uint8_t out[LEN + 64];

	set_up(4);
	ck_assert_int_eq(vt_block_source_fault(rig.source, 2, 0, &fault, NULL), 0);
	rig.source = fault;
	for (unsigned i = 1; i <= 8; i++) {
		ck_assert_int_eq(rig_read(fault, &places[1], out), 0);
		ck_assert_uint_eq(bits_apart(out, stored[1], places[1].frame_size), 1 - i % 2);
	}
	rig_done(&rig);
}
END_TEST

START_TEST(the_environment_chooses_a_source_or_is_refused)
{
	const char *bad[] = {"", "delay", "fault:0:5", "delay:x:1"};
	struct vt_block_source *source, *inner;
	uint8_t out[LEN + 64];

	set_up(4);
	(void) unsetenv("VITRINE_TEST_SOURCE");
	ck_assert_int_eq(vt_block_source_from_env(rig.source, &source, NULL), 0);
	ck_assert_ptr_eq(source, rig.source);
	(void) setenv("VITRINE_TEST_SOURCE", "fault:1:5", 1);
	ck_assert_int_eq(vt_block_source_from_env(rig.source, &source, NULL), 0);
	rig.source = source;
	ck_assert_int_eq(rig_read(source, &places[1], out), -EIO);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		ck_assert_int_eq(vt_block_source_local(rig.pool, 1, rig_path, NULL, &inner, NULL),
				 0);
		(void) setenv("VITRINE_TEST_SOURCE", bad[i], 1);
		ck_assert_int_eq(vt_block_source_from_env(inner, &source, NULL), -EINVAL);
	}
	rig_done(&rig);
}
END_TEST

#define BESIDE 2000u /* frames in one shard, 4 MB */

/* Asked of a mapping: a read that may not wait would bring what it does not find. */
static bool is_in_memory(const uint8_t *file, const struct vt_location *at)
{
	uint64_t page = (uint64_t) sysconf(_SC_PAGESIZE);
	uint8_t *begin = (uint8_t *) (uintptr_t) file + at->frame_offset / page * page;
	uint8_t there;

	ck_assert_int_eq(mincore(begin, 1, &there), 0);
	return there & 1;
}

/* The other block of the 128 KiB is counted as used when one of its frames is read. */
static void check_used(const struct vt_location *at)
{
	uint64_t other = at[BESIDE / 2].frame_offset / VT_AROUND_BLOCK ^ 1;
	struct vt_block_source_stats stats;
	uint8_t out[LEN + 64];
	unsigned i = 0;

	vt_block_source_get_stats(rig.source, &stats);
	ck_assert_uint_eq(stats.around, VT_AROUND_BLOCK);
	ck_assert_uint_eq(stats.around_used, 0);
	while (at[i].frame_offset / VT_AROUND_BLOCK != other)
		i++;
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(rig_read(rig.source, &at[i + 3], out), 0);
		vt_block_source_get_stats(rig.source, &stats);
		ck_assert_uint_eq(stats.around, VT_AROUND_BLOCK);
		ck_assert_uint_eq(stats.around_used, VT_AROUND_BLOCK);
	}
}

START_TEST(what_lies_beside_a_missing_frame_is_brought_with_it)
{
	static struct vt_location at[BESIDE];
	struct vt_shard_writer *writer;
	uint8_t data[LEN], out[LEN + 64];
	const uint8_t *file;
	int fd;

	rig_init(&rig, 4);
	writer = rig_shard(&rig, 1);
	for (uint32_t i = 0; i < BESIDE; i++) {
		model_noise(data, LEN, i);
		at[i] = model_add(writer, NULL, true, data, LEN, 1);
	}
	model_seal(writer, NULL);
	fd = open(vt_scratch_path("1.vsh"), O_RDONLY | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	file = mmap(NULL, at[BESIDE - 1].frame_offset + 1, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	ck_assert_int_eq(syncfs(fd), 0); /* fsync() does nothing here: no_sync.c */
	ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	if (!is_in_memory(file, &at[BESIDE / 2])) { /* else the file system has no other place */
		ck_assert_int_eq(rig_read(rig.source, &at[BESIDE / 2], out), 0);
		for (int i = 0; i < 500 && !is_in_memory(file, &at[BESIDE / 2 + 5]); i++)
			(void) usleep(10000);
		ck_assert(is_in_memory(file, &at[BESIDE / 2 + 5]));
		check_used(at);
		ck_assert(!is_in_memory(file, &at[0]));
		ck_assert(!is_in_memory(file, &at[BESIDE - 1]));
	}
	(void) munmap((void *) (uintptr_t) file, at[BESIDE - 1].frame_offset + 1);
	(void) close(fd);
	rig_done(&rig);
}
END_TEST

VT_SUITE(block_source, local_files_give_what_is_stored_first_and_again,
	 few_files_stay_open_however_many_threads_read, removed_files_are_closed_and_no_others,
	 what_is_not_there_and_what_is_cut_short_are_told_apart,
	 shards_that_changed_places_are_not_read,
	 a_damaged_header_does_not_keep_sound_frames_from_being_read,
	 a_delayed_shard_holds_up_no_other, delayed_reads_are_answered_and_in_order,
	 every_third_read_fails_as_told, every_second_read_has_one_bit_flipped,
	 the_environment_chooses_a_source_or_is_refused,
	 what_lies_beside_a_missing_frame_is_brought_with_it)
