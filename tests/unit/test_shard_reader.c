/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shard reads back as it was written, and no byte of it can change unnoticed: every bit of a
 * small shard is flipped in turn, and fields are rewritten with their digests made right again, as
 * an adversary would, to reach the checks behind the digests.
 */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <sys/stat.h>

#include "fs/shard_format.h"
#include "fs/shard_reader.h"
#include "index/base/error.h"
#include "tests/unit/scratch.h"
#include "tests/unit/shard_model.h"

#define TEXT_LEN  3000u
#define NOISE_LEN 700u

static const char *path;
static uint8_t *file; /* of the small shard: text in three items, noise in one */
static size_t file_len;
static struct vt_sealed_shard sealed;

static void set_up(void)
{
	struct vt_shard_writer *writer;
	uint8_t data[TEXT_LEN];

	(void) vt_scratch();
	path = vt_scratch_path("a.vsh");
	writer = model_shard(path, 3, NULL);
	model_text(data, TEXT_LEN, 1);
	(void) model_add(writer, NULL, false, data, TEXT_LEN, 3);
	model_noise(data, NOISE_LEN, 1);
	(void) model_add(writer, NULL, true, data, NOISE_LEN, 1);
	model_seal(writer, &sealed);
	file = model_slurp(path, &file_len);
}

static void tear_down(void)
{
	free(file);
	vt_scratch_done();
}

/* Reads all there is to read; 0 when every frame is sound. */
static int read_all(const struct vt_dictionary *dictionary, struct vt_error *err)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	struct vt_shard_frame frame;
	struct vt_shard_facts facts;
	int r = vt_shard_reader_open(path, &reader, &facts, err);

	if (r < 0)
		return r;
	while ((r = vt_shard_reader_next(reader, &frame, err)) > 0) {
		r = vt_shard_reader_check(reader, &frame, dictionary, err);
		if (r < 0)
			return r;
	}
	return r;
}

static void digest_of_file(struct vt_digest *out)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	struct vt_shard_facts facts;

	ck_assert_int_eq(vt_shard_reader_open(path, &reader, &facts, NULL), 0);
	ck_assert_int_eq(vt_shard_reader_digest(reader, out, NULL), 0);
}

static void refused(int code, const char *words)
{
	struct vt_error err = {0};

	model_spill(path, file, file_len);
	ck_assert_int_eq(read_all(NULL, &err), -code);
	ck_assert_msg(strstr(err.text, words) != NULL, "'%s' does not say '%s'", err.text, words);
}

static struct vt_shard_header *header(void)
{
	return (struct vt_shard_header *) file;
}

/* Makes the header's digest right for what it says now. */
static void sign_header(void)
{
	struct vt_digest digest;

	vt_digest_of(file, offsetof(struct vt_shard_header, digest), &digest);
	memcpy(header()->digest, digest.bytes, VT_DIGEST_LEN);
}

#define SEEK_LEN  (VT_SKIPPABLE_SIZE + 4 * VT_SEEK_ENTRY + VT_SEEK_FOOTER_SIZE)
#define INDEX_LEN (8u + 2 * 12 + 4 * 40)

static uint8_t *seek_table(void)
{
	return file + file_len - SEEK_LEN;
}

static uint8_t *index_content(void)
{
	return seek_table() - VT_DIGEST_LEN - INDEX_LEN;
}

static void sign_index(void)
{
	struct vt_digest digest;

	vt_digest_of(index_content(), INDEX_LEN, &digest);
	memcpy(index_content() + INDEX_LEN, digest.bytes, VT_DIGEST_LEN);
}

static void put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof value);
}

START_TEST(a_shard_reads_back_as_it_was_written)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	struct vt_shard_frame frame;
	struct vt_shard_facts facts;
	struct vt_digest digest;

	set_up();
	ck_assert_int_eq(vt_shard_reader_open(path, &reader, &facts, NULL), 0);
	ck_assert_str_eq(facts.uuid, MODEL_UUID);
	ck_assert_uint_eq(facts.serial, 3);
	ck_assert_uint_eq(facts.domain, 7);
	ck_assert_uint_eq(facts.dictionary, 0);
	ck_assert_uint_eq(facts.frames, 2);
	ck_assert_uint_eq(facts.size, file_len);
	ck_assert_uint_eq(facts.content_size, TEXT_LEN + NOISE_LEN);

	ck_assert_int_eq(vt_shard_reader_next(reader, &frame, NULL), 1);
	ck_assert_uint_eq(frame.at.shard, 3);
	ck_assert_uint_eq(frame.at.frame_offset, VT_SHARD_HEADER);
	ck_assert_uint_eq(frame.content_size, TEXT_LEN);
	ck_assert_uint_eq(frame.count, 3);
	ck_assert_uint_eq(frame.items[2].skip, 2000);
	ck_assert_int_eq(vt_shard_reader_check(reader, &frame, NULL, NULL), 0);
	ck_assert_int_eq(vt_shard_reader_next(reader, &frame, NULL), 1);
	ck_assert_uint_eq(frame.count, 1);
	ck_assert_int_eq(vt_shard_reader_check(reader, &frame, NULL, NULL), 0);
	ck_assert_int_eq(vt_shard_reader_next(reader, &frame, NULL), 0);
	ck_assert_int_eq(vt_shard_reader_next(reader, &frame, NULL), 0);

	ck_assert_int_eq(vt_shard_reader_digest(reader, &digest, NULL), 0);
	ck_assert(vt_digest_equal(&digest, &sealed.digest));
	tear_down();
}
END_TEST

START_TEST(raw_bytes_of_a_frame_are_appended_as_stored)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;
	struct vt_shard_frame frame;
	struct vt_shard_facts facts;

	set_up();
	vt_buf_put_u8(&out, 'x');
	ck_assert_int_eq(vt_shard_reader_open(path, &reader, &facts, NULL), 0);
	ck_assert_int_eq(vt_shard_reader_next(reader, &frame, NULL), 1);
	ck_assert_int_eq(vt_shard_reader_raw(reader, &frame, &out, NULL), 0);
	ck_assert_uint_eq(out.len, 1 + frame.at.frame_size);
	ck_assert_mem_eq(out.data + 1, file + VT_SHARD_HEADER, frame.at.frame_size);
	tear_down();
}
END_TEST

START_TEST(a_shard_without_frames_is_a_shard)
{
	(void) vt_scratch();
	path = vt_scratch_path("empty.vsh");
	model_seal(model_shard(path, 1, NULL), NULL);
	ck_assert_int_eq(read_all(NULL, NULL), 0);
	vt_scratch_done();
}
END_TEST

/*
 * Only within a frame may a bit mean nothing: zstd's formats have a few, and the items' digests say
 * that the content is right all the same. Then the digest of the file tells. The padding of 3,848
 * zeros is sampled.
 */
START_TEST(no_bit_of_the_file_changes_unnoticed)
{
	size_t padding = offsetof(struct vt_shard_header, padding);
	size_t end = padding + sizeof header()->padding;
	struct vt_digest digest;

	set_up();
	for (size_t at = 0; at < file_len; at += at >= padding && at + 97 < end ? 97 : 1)
		for (int bit = 0; bit < 8; bit++) {
			file[at] ^= (uint8_t) (1 << bit);
			model_spill(path, file, file_len);
			if (read_all(NULL, NULL) == 0) {
				ck_assert_uint_ge(at, VT_SHARD_HEADER);
				ck_assert(file + at < index_content() - VT_SKIPPABLE_SIZE);
				digest_of_file(&digest);
				ck_assert(!vt_digest_equal(&digest, &sealed.digest));
			}
			file[at] ^= (uint8_t) (1 << bit);
		}
	tear_down();
}
END_TEST

START_TEST(no_length_but_its_own_is_accepted)
{
	size_t whole;

	set_up();
	whole = file_len;
	for (file_len = 0; file_len < whole; file_len += file_len < 4000 ? 499 : 1) {
		model_spill(path, file, file_len);
		ck_assert_int_eq(read_all(NULL, NULL), -EBADMSG);
	}
	file = realloc(file, whole + 1);
	file[whole] = 0;
	file_len = whole + 1;
	refused(EBADMSG, "no seek table at its end");
	tear_down();
}
END_TEST

START_TEST(what_is_no_shard_is_refused_by_name)
{
	struct vt_shard_reader *reader;
	struct vt_shard_facts facts;
	struct vt_error err;

	set_up();
	ck_assert_int_eq(vt_shard_reader_open(vt_scratch_path("none"), &reader, &facts, &err),
			 -ENOENT);
	ck_assert_int_eq(vt_shard_reader_open(vt_scratch_dir, &reader, &facts, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "not a file"));
	memcpy(header()->magic, "RIFF....", 8);
	refused(EBADMSG, "not a shard");
	tear_down();
}
END_TEST

START_TEST(a_newer_format_is_refused_as_such)
{
	set_up();
	header()->version = htole32(VT_SHARD_VERSION + 1);
	sign_header();
	refused(ENOTSUP, "made by a newer vitrine: format 2");
	header()->version = htole32(VT_SHARD_VERSION);
	header()->flags = htole32(4);
	sign_header();
	refused(ENOTSUP, "made by a newer vitrine: flags 0x4");
	header()->flags = 0;
	header()->wrapped_key[127] = 1;
	sign_header();
	refused(ENOTSUP, "encrypted");
	tear_down();
}
END_TEST

START_TEST(a_damaged_version_is_damage_not_news)
{
	set_up();
	header()->version = htole32(VT_SHARD_VERSION + 1);
	refused(EBADMSG, "the header is damaged");
	header()->version = 0;
	sign_header();
	refused(EBADMSG, "format 0");
	tear_down();
}
END_TEST

START_TEST(a_header_that_says_nonsense_is_refused)
{
	set_up();
	header()->padding[3847] = 1;
	sign_header();
	refused(EBADMSG, "where zeros belong");
	header()->padding[3847] = 0;
	header()->serial = 0;
	sign_header();
	refused(EBADMSG, "no serial");
	header()->serial = htole32(3);
	header()->dictionary = htole32(9);
	sign_header();
	refused(EBADMSG, "half a dictionary");
	tear_down();
}
END_TEST

/* Entries: header, two frames, index. */
START_TEST(a_seek_table_that_does_not_add_up_is_refused)
{
	uint8_t *entry, saved[8];
	struct {
		size_t at;
		uint32_t value;
	} bad[] = {{0, 4095}, {4, 1},         {8, 0},  {8, 0xffffffff},
		   {12, 0},   {12, 2u << 20}, {24, 8}, {28, 1}};

	set_up();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		entry = seek_table() + VT_SKIPPABLE_SIZE + bad[i].at;
		memcpy(saved, entry, 4);
		put32(entry, bad[i].value);
		refused(EBADMSG, "seek table is damaged");
		memcpy(entry, saved, 4);
	}
	put32(file + file_len - VT_SEEK_FOOTER_SIZE, 0xffffffff);
	refused(EBADMSG, "seek table is damaged: 4294967295 entries");
	put32(file + file_len - VT_SEEK_FOOTER_SIZE, 1);
	refused(EBADMSG, "seek table is damaged: 1 entries");
	put32(file + file_len - VT_SEEK_FOOTER_SIZE, 3);
	refused(EBADMSG, "seek table is damaged");
	tear_down();
}
END_TEST

/* Offsets in the index: frames 0, items 4; first frame 8 (stored, content, items), its items 20. */
START_TEST(an_index_that_contradicts_itself_is_refused)
{
	struct {
		size_t at;
		uint32_t value;
		const char *words;
	} bad[] = {
		{0, 3, "the seek table has 2 frames"},
		{4, 3, "more items than there are"},
		{4, 5, "something is left over"},
		{8, 77, "other sizes"},
		{12, 77, "other sizes"},
		{16, 0xffffffff, "more items"},
		{16, 2, "do not fill it"},
		{20 + 32, 1, "do not fill it"},
		{20 + 36, 0, "do not fill it"},
		{20 + 36, 0xffffffff, "do not fill it"},
		{20 + 40 + 32, 999, "do not fill it"},
		{20 + 80 + 36, 999, "do not fill it"},
	};
	uint8_t saved[4];

	set_up();
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		memcpy(saved, index_content() + bad[i].at, 4);
		put32(index_content() + bad[i].at, bad[i].value);
		sign_index();
		refused(EBADMSG, bad[i].words);
		memcpy(index_content() + bad[i].at, saved, 4);
	}
	tear_down();
}
END_TEST

START_TEST(a_wrong_item_is_named)
{
	set_up();
	index_content()[20 + 40] ^= 1;
	sign_index();
	refused(EBADMSG, "item 1: its SHA-256 is");
	tear_down();
}
END_TEST

START_TEST(a_frame_of_another_size_than_the_index_says_is_refused)
{
	set_up();
	/* Seek table and index agree, the frame does not. */
	put32(seek_table() + VT_SKIPPABLE_SIZE + 12, TEXT_LEN + 1);
	put32(index_content() + 12, TEXT_LEN + 1);
	put32(index_content() + 20 + 80 + 36, 1001);
	sign_index();
	refused(EBADMSG, "a frame of 3000 bytes; the index says 3001");
	tear_down();
}
END_TEST

START_TEST(frames_of_lz4_are_read_where_the_header_tells_of_them)
{
	struct vt_shard_writer *writer;
	uint8_t data[TEXT_LEN];

	(void) vt_scratch();
	path = vt_scratch_path("l.vsh");
	model_compression.codec = VT_CODEC_LZ4;
	writer = model_shard(path, 3, NULL);
	model_text(data, TEXT_LEN, 9);
	(void) model_add(writer, NULL, false, data, TEXT_LEN, 2);
	model_seal(writer, &sealed);
	file = model_slurp(path, &file_len);
	ck_assert_int_eq(read_all(NULL, NULL), 0);
	header()->flags = 0;
	sign_header();
	refused(EBADMSG, "a frame of LZ4 in a shard that has none");
	header()->flags = htole32(2 | VT_SHARD_LZ4);
	sign_header();
	refused(ENOTSUP, "flags 0x2 are not known");
	model_compression.codec = VT_CODEC_ZSTD;
	tear_down();
}
END_TEST

START_TEST(a_dictionary_must_be_the_one_the_shard_names)
{
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *ours = model_dictionary(1);
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *other = model_dictionary(5000);
	struct vt_shard_writer *writer;
	struct vt_error err = {0};
	uint8_t data[TEXT_LEN];

	(void) vt_scratch();
	path = vt_scratch_path("d.vsh");
	writer = model_shard(path, 3, ours);
	model_text(data, TEXT_LEN, 9);
	(void) model_add(writer, ours, false, data, TEXT_LEN, 2);
	(void) model_add(writer, ours, false, data, 100, 1);
	model_noise(data, NOISE_LEN, 9);
	(void) model_add(writer, NULL, true, data, NOISE_LEN, 1); /* not every frame needs it */
	model_seal(writer, NULL);
	ck_assert_int_eq(read_all(ours, NULL), 0);
	ck_assert_int_eq(read_all(NULL, &err), -EINVAL);
	ck_assert_int_eq(read_all(other, &err), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(err.text, "not the dictionary"));
	vt_scratch_done();
}
END_TEST

VT_SUITE(shard_reader, a_shard_reads_back_as_it_was_written,
	 raw_bytes_of_a_frame_are_appended_as_stored, a_shard_without_frames_is_a_shard,
	 no_bit_of_the_file_changes_unnoticed, no_length_but_its_own_is_accepted,
	 what_is_no_shard_is_refused_by_name, a_newer_format_is_refused_as_such,
	 a_damaged_version_is_damage_not_news, a_header_that_says_nonsense_is_refused,
	 a_seek_table_that_does_not_add_up_is_refused, an_index_that_contradicts_itself_is_refused,
	 a_wrong_item_is_named, a_frame_of_another_size_than_the_index_says_is_refused,
	 frames_of_lz4_are_read_where_the_header_tells_of_them,
	 a_dictionary_must_be_the_one_the_shard_names)
