/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the writer makes is an ordinary zstd file: the `zstd` command decodes it, with a dictionary
 * too, and a reader of the seekable format finds its frames. And what is not sealed is not there.
 */
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "fs/shard_format.h"
#include "index/base/error.h"
#include "tests/unit/scratch.h"
#include "tests/unit/shard_model.h"

#define TEXT_LEN  70000u
#define NOISE_LEN 300000u
#define TINY      1000u

static const char *path;

static bool exists(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0;
}

/* Runs a command; its standard output goes to the file "out". */
static int shell(const char *format, const char *a, const char *b)
{
	char command[1024];
	size_t n = (size_t) snprintf(command, sizeof command, format, a, b);

	(void) snprintf(command + n, sizeof command - n, " > '%s' 2>&1", vt_scratch_path("out"));
	return system(command);
}

/* Two frames, and all their content in `data`. */
static void write_two(const struct vt_dictionary *dictionary, uint8_t *data,
		      struct vt_sealed_shard *sealed)
{
	struct vt_shard_writer *writer = model_shard(path, 1, dictionary);

	model_text(data, TEXT_LEN, 1);
	model_noise(data + TEXT_LEN, NOISE_LEN, 1);
	(void) model_add(writer, dictionary, false, data, TEXT_LEN, 5);
	(void) model_add(writer, dictionary, false, data + TEXT_LEN, NOISE_LEN, 1);
	model_seal(writer, sealed);
}

static void zstd_decodes(const char *dictionary, const uint8_t *data)
{
	size_t len;
	uint8_t *out;

	ck_assert_int_eq(shell(dictionary ? "zstd -q -dc '%s' -D '%s'" : "zstd -q -dc '%s'", path,
			       dictionary),
			 0);
	out = model_slurp(vt_scratch_path("out"), &len);
	ck_assert_uint_eq(len, TEXT_LEN + NOISE_LEN);
	ck_assert_mem_eq(out, data, len);
	free(out);
}

static void set_up(void)
{
	(void) vt_scratch();
	path = vt_scratch_path("a.vsh");
}

START_TEST(the_zstd_command_decodes_a_shard)
{
	vt_autofree uint8_t *data = malloc(TEXT_LEN + NOISE_LEN);

	set_up();
	write_two(NULL, data, NULL);
	zstd_decodes(NULL, data);
	vt_scratch_done();
}
END_TEST

START_TEST(the_zstd_command_decodes_a_shard_with_its_dictionary)
{
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = model_dictionary(1);
	vt_autofree uint8_t *data = malloc(TEXT_LEN + NOISE_LEN);
	const char *name;
	const void *bytes;
	size_t len;

	set_up();
	name = vt_scratch_path("dictionary");
	bytes = vt_dictionary_data(dictionary, &len);
	model_spill(name, bytes, len);
	write_two(dictionary, data, NULL);
	zstd_decodes(name, data);
	ck_assert_int_ne(shell("zstd -q -dc '%s'", path, NULL), 0);
	vt_scratch_done();
}
END_TEST

START_TEST(a_seekable_reader_finds_the_frames)
{
	vt_autofree uint8_t *data = malloc(TEXT_LEN + NOISE_LEN);
	char expected[200];
	size_t len;
	uint8_t *out;
	unsigned offset, stored, content;

	set_up();
	write_two(NULL, data, NULL);
	ck_assert_int_eq(shell("python3 '%s/seek_frames.py' '%s'", getenv("VT_TEST_TOOLS"), path),
			 0);
	out = model_slurp(vt_scratch_path("out"), &len);
	out[len] = 0;
	(void) snprintf(expected, sizeof expected, "0 %u 0 skippable\n%u ", VT_SHARD_HEADER,
			VT_SHARD_HEADER);
	ck_assert_int_eq(strncmp((char *) out, expected, strlen(expected)), 0);
	ck_assert_int_eq(sscanf((char *) out + strlen(expected), "%u %u frame\n%u", &stored,
				&content, &offset),
			 3);
	ck_assert_uint_eq(content, TEXT_LEN);
	ck_assert_uint_eq(offset, VT_SHARD_HEADER + stored);
	(void) snprintf(expected, sizeof expected, "%u %u frame\n", NOISE_LEN + 9 + 3 * 3 + 4,
			NOISE_LEN);
	ck_assert_ptr_nonnull(strstr((char *) out, expected));
	free(out);
	vt_scratch_done();
}
END_TEST

START_TEST(a_sealed_shard_is_as_it_was_said)
{
	vt_autofree uint8_t *data = malloc(TEXT_LEN + NOISE_LEN);
	struct vt_sealed_shard sealed;
	struct vt_digest digest;
	struct stat st;
	uint8_t *file;
	size_t len;

	set_up();
	write_two(NULL, data, &sealed);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0400);
	file = model_slurp(path, &len);
	vt_digest_of(file, len, &digest);
	ck_assert_uint_eq(sealed.size, len);
	ck_assert_uint_eq(sealed.content_size, TEXT_LEN + NOISE_LEN);
	ck_assert_uint_eq(sealed.frames, 2);
	ck_assert(vt_digest_equal(&digest, &sealed.digest));
	free(file);
	vt_scratch_done();
}
END_TEST

START_TEST(locations_say_where_frames_lie)
{
	struct vt_shard_writer *writer;
	struct vt_location first, second;
	uint8_t data[1000];

	set_up();
	writer = model_shard(path, 9, NULL);
	model_noise(data, sizeof data, 1);
	first = model_add(writer, NULL, true, data, sizeof data, 2);
	second = model_add(writer, NULL, true, data, 10, 1);
	ck_assert_uint_eq(first.shard, 9);
	ck_assert_uint_eq(first.frame_offset, VT_SHARD_HEADER);
	ck_assert_uint_eq(first.frame_size, 9 + 3 + sizeof data + 4);
	ck_assert_uint_eq(first.skip, 0);
	ck_assert_uint_eq(second.frame_offset, first.frame_offset + first.frame_size);
	ck_assert_uint_eq(vt_shard_writer_size(writer), second.frame_offset + second.frame_size);
	vt_shard_writer_free(writer);
	vt_scratch_done();
}
END_TEST

START_TEST(what_is_not_sealed_is_removed)
{
	struct vt_shard_writer *writer;

	set_up();
	writer = model_shard(path, 1, NULL);
	ck_assert(exists(path));
	vt_shard_writer_free(writer);
	ck_assert(!exists(path));
	vt_shard_writer_free(NULL);
	vt_scratch_done();
}
END_TEST

START_TEST(a_file_that_is_there_is_left_alone)
{
	struct vt_shard_writer_info info = {.serial = 1, .uuid = MODEL_UUID};
	struct vt_shard_writer *writer = NULL;
	struct vt_error err;

	set_up();
	info.path = path;
	model_spill(path, "precious", 8);
	ck_assert_int_eq(vt_shard_writer_new(&info, &writer, &err), -EEXIST);
	ck_assert_ptr_nonnull(strstr(err.text, path));
	ck_assert(exists(path));
	info.path = vt_scratch_path("no/such/folder");
	ck_assert_int_eq(vt_shard_writer_new(&info, &writer, &err), -ENOENT);
	info.path = vt_scratch_path("b.vsh");
	strcpy(info.uuid, "no uuid");
	ck_assert_int_eq(vt_shard_writer_new(&info, &writer, &err), -EINVAL);
	ck_assert(!exists(info.path));
	vt_scratch_done();
}
END_TEST

START_TEST(items_must_fill_their_frame)
{
	struct vt_shard_item items[2] = {{.skip = 0, .length = 60}, {.skip = 60, .length = 40}};
	struct vt_shard_writer *writer;
	struct vt_sealed_shard sealed;
	struct vt_location at;
	uint64_t before;

	set_up();
	writer = model_shard(path, 1, NULL);
	before = vt_shard_writer_size(writer);
	ck_assert_int_eq(vt_shard_writer_add(writer, "f", 1, 101, items, 2, &at, NULL), -EINVAL);
	ck_assert_int_eq(vt_shard_writer_add(writer, "f", 1, 60, items, 0, &at, NULL), -EINVAL);
	items[1].skip = 61;
	ck_assert_int_eq(vt_shard_writer_add(writer, "f", 1, 101, items, 2, &at, NULL), -EINVAL);
	ck_assert_uint_eq(vt_shard_writer_size(writer), before);
	ck_assert_int_eq(vt_shard_writer_seal(writer, &sealed, NULL), 0); /* as if never asked */
	ck_assert_uint_eq(sealed.frames, 0);
	vt_shard_writer_free(writer);
	vt_scratch_done();
}
END_TEST

/* A full disk, played by the limit on a file's size. */
START_TEST(nothing_is_sealed_after_a_failed_write)
{
	const struct rlimit small = {1u << 20, 1u << 20};
	struct vt_shard_item item = {.length = VT_FRAME_MAX};
	vt_autofree uint8_t *data = calloc(1, VT_FRAME_MAX);
	struct vt_shard_writer *writer;
	struct vt_sealed_shard sealed;
	struct vt_location at;
	int r = 0;

	set_up();
	writer = model_shard(path, 1, NULL);
	(void) signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	for (int i = 0; i < 4 && r == 0; i++)
		r = vt_shard_writer_add(writer, data, VT_FRAME_MAX, VT_FRAME_MAX, &item, 1, &at,
					NULL);
	ck_assert_int_eq(r, -EFBIG);
	ck_assert_int_eq(vt_shard_writer_seal(writer, &sealed, NULL), -EIO);
	vt_shard_writer_free(writer);
	ck_assert(!exists(path));
	vt_scratch_done();
}
END_TEST

/* Many tiny contents make an index that is far larger than their frames. */
START_TEST(a_shard_is_full_when_its_index_is_large)
{
	static uint8_t data[TINY];
	static struct vt_shard_item items[TINY];
	struct vt_shard_writer *writer;
	struct vt_location at;
	uint64_t count = 0;

	set_up();
	for (uint32_t i = 0; i < TINY; i++)
		items[i] = (struct vt_shard_item){.skip = i, .length = 1};
	writer = model_shard(path, 1, NULL);
	while (!vt_shard_writer_is_full(writer)) {
		ck_assert_uint_lt(vt_shard_writer_size(writer), VT_SHARD_TARGET / 8);
		ck_assert_int_eq(vt_shard_writer_add(writer, data, sizeof data, TINY, items, TINY,
						     &at, NULL),
				 0);
		count += TINY;
	}
	ck_assert_uint_gt(count, 700000);
	vt_shard_writer_free(writer);
	vt_scratch_done();
}
END_TEST

VT_SUITE(shard_writer, the_zstd_command_decodes_a_shard,
	 the_zstd_command_decodes_a_shard_with_its_dictionary, a_seekable_reader_finds_the_frames,
	 a_sealed_shard_is_as_it_was_said, locations_say_where_frames_lie,
	 what_is_not_sealed_is_removed, a_file_that_is_there_is_left_alone,
	 items_must_fill_their_frame, a_shard_is_full_when_its_index_is_large,
	 nothing_is_sealed_after_a_failed_write)
