/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A store whose shard is damaged, read as a mount reads it: whatever byte is wrong, a file gives
 * its bytes or an error, and files that the byte is none of give their bytes. VT_DAMAGE_STEP: of
 * how many bytes of frames one is damaged, of how many lengths one is tried. VT_DAMAGE_FLIPS:
 * random ones.
 */
#include <stdlib.h>

#include "fs/block_source.h"
#include "fs/file_reader.h"
#include "fs/io_pool.h"
#include "index/base/file.h"
#include "tests/unit/publish_world.h"

#define FILES      8u
#define FRAMES_MAX 64u
#define FILE_MAX   200000u
#define HEADER     4096u

struct file {
	char name[16];
	uint8_t *data;
	size_t len;
	struct vt_content content;
	struct {
		uint64_t begin, end;
	} frames[FRAMES_MAX];
	size_t frame_count;
};

static struct world w;
static struct file files[FILES];
static char shard[4096];
static uint8_t *whole; /* the shard's bytes */
static size_t whole_len;
static int fd; /* of it, for writing */
static uint64_t frames_end;

static struct {
	struct vt_io_pool *pool;
	struct vt_block_source *source;
	struct vt_lru *lru;
	struct vt_frame_cache *frames;
	struct vt_file_reader *reader;
} rig;

static size_t setting(const char *name, size_t otherwise)
{
	const char *text = getenv(name);

	return text ? (size_t) atol(text) : otherwise;
}

/* ---- the store ------------------------------------------------------------------------------- */

/* Packs, small files, a long one in pieces that shrink, one in pieces that do not. */
static void make_files(void)
{
	static const size_t lengths[FILES] = {40, 900, 3000, 5000, 30000, 9000, 150000, 140000};
	char path[sizeof files->name + 8];

	for (unsigned i = 0; i < FILES; i++) {
		struct file *file = &files[i];

		(void) snprintf(file->name, sizeof file->name, "f%u", i);
		file->len = lengths[i];
		file->data = malloc(FILE_MAX);
		fill_random(file->data, file->len, i + 1);
		for (size_t at = 0; i != 5 && i != 7 && at + 16 < file->len; at += 16)
			(void) snprintf((char *) file->data + at, 16, "%07zu,%u,bird\n",
					at % 4096 / 16 * (i + 1), i);
		(void) snprintf(path, sizeof path, "src/f%u", i);
		world_put(&w, path, file->data, file->len);
	}
}

static void add_frame(struct file *file, const struct vt_location *at)
{
	ck_assert_uint_lt(file->frame_count, FRAMES_MAX);
	file->frames[file->frame_count].begin = at->frame_offset;
	file->frames[file->frame_count++].end = at->frame_offset + at->frame_size;
	if (at->frame_offset + at->frame_size > frames_end)
		frames_end = at->frame_offset + at->frame_size;
}

static void find_frames(struct file *file)
{
	struct vt_index *index = w.direct.index;
	struct vt_node node = {0};
	struct vt_location at;
	uint32_t length;

	ck_published(&w, world_find(&w, file->name, &node));
	file->content = (struct vt_content){.domain = VT_DOMAIN_PLAIN,
					    .id = node.entry.content,
					    .size = node.entry.size,
					    .hint = node.entry.hint};
	vt_node_done(&node);
	if (vt_chunk_find(index->store, VT_DOMAIN_PLAIN, &file->content.id, false, &at, &length,
			  NULL) == 0) {
		add_frame(file, &at);
		return;
	}
	for (uint64_t offset = 0; offset < file->len;) {
		struct vt_recipe_part *part;

		ck_published(&w, vt_recipe_find(index->store, index->lru, VT_DOMAIN_PLAIN,
						&file->content.id, offset, false, &part, &w.err));
		for (size_t i = 0; i < part->count; i++)
			add_frame(file, &part->extents[i].at);
		offset = part->end;
		vt_lru_unref(&part->lru);
	}
}

static int shard_path(void *context, uint32_t serial, char path[4096], struct vt_error *err)
{
	return vt_index_shard_path(context, serial, path, err);
}

static int find_dictionary(void *context, uint32_t serial, uint32_t id, struct vt_dictionary **out,
			   struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	int r = vt_index_dictionary(context, serial, id, &bytes, err);

	return r < 0 ? r : vt_dictionary_new(bytes.data, bytes.len, 0, out, err);
}

/* A reader that keeps nothing: every read is of the file as it is. */
static void open_rig(void)
{
	struct vt_index *index = w.direct.index;

	rig.lru = vt_lru_new(1);
	ck_published(&w, vt_io_pool_new(2, 1, &rig.pool, &w.err));
	ck_published(&w,
		     vt_block_source_local(rig.pool, 0, shard_path, index, &rig.source, &w.err));
	ck_published(&w, vt_frame_cache_new(rig.lru, rig.source, rig.pool, find_dictionary, index,
					    &rig.frames, &w.err));
	ck_published(&w, vt_file_reader_new(index->store, rig.lru, rig.frames, rig.pool,
					    &rig.reader, &w.err));
}

static void set_up(void)
{
	world_init(&w);
	make_files();
	ck_published(&w, world_publish(&w, "src"));
	frames_end = 0;
	for (unsigned i = 0; i < FILES; i++)
		find_frames(&files[i]);
	ck_published(&w, vt_index_shard_path(w.direct.index, files[0].content.hint.shard, shard,
					     &w.err));
	ck_assert_int_eq(chmod(shard, 0600), 0);
	fd = open(shard, O_RDWR | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	whole_len = (size_t) lseek(fd, 0, SEEK_END);
	whole = malloc(whole_len);
	ck_assert_int_eq(vt_file_read_at(fd, whole, whole_len, 0), (ssize_t) whole_len);
	ck_assert_int_ge(dup2(open("/dev/null", O_WRONLY), 2), 0); /* damage is logged */
	open_rig();
}

static void tear_down(void)
{
	vt_io_pool_free(rig.pool);
	vt_file_reader_free(rig.reader);
	vt_frame_cache_free(rig.frames);
	vt_block_source_free(rig.source);
	vt_lru_free(rig.lru);
	(void) close(fd);
	free(whole);
	for (unsigned i = 0; i < FILES; i++)
		free(files[i].data);
	world_done(&w);
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool has_byte_in(const struct file *file, uint64_t begin, uint64_t end)
{
	for (size_t i = 0; i < file->frame_count; i++)
		if (file->frames[i].begin < end && file->frames[i].end > begin)
			return true;
	return false;
}

/* True: it was refused. Wrong bytes end the test. */
static bool is_refused(const struct file *file, const char *what, uint64_t at)
{
	static uint8_t out[FILE_MAX];
	struct vt_error why;

	memset(out, 0, file->len);
	if (vt_file_reader_read_sync(rig.reader, &file->content, 0, file->len, out, &why) < 0)
		return true;
	ck_assert_msg(memcmp(out, file->data, file->len) == 0, "WRONG BYTES of %s: %s %llu",
		      file->name, what, (unsigned long long) at);
	return false;
}

/* Bytes from `begin` to `end` are wrong: how many files are refused, of those that have some. */
static unsigned read_all(const char *what, uint64_t begin, uint64_t end)
{
	unsigned refused = 0;

	for (unsigned i = 0; i < FILES; i++) {
		bool touched = has_byte_in(&files[i], begin, end);

		if (!is_refused(&files[i], what, begin))
			continue;
		refused++;
		ck_assert_msg(touched, "%s cannot be read, but it is not there: %s %llu",
			      files[i].name, what, (unsigned long long) begin);
	}
	return refused;
}

static unsigned flip(uint64_t at, uint8_t mask)
{
	uint8_t byte = whole[at] ^ mask;
	unsigned refused;

	ck_assert_int_eq(vt_file_write_at(fd, &byte, 1, at), 0);
	refused = read_all("a wrong byte at", at, at + 1);
	ck_assert_int_eq(vt_file_write_at(fd, &whole[at], 1, at), 0);
	return refused;
}

START_TEST(wrong_bytes_of_headers_and_tables_cost_no_file)
{
	set_up();
	ck_assert_uint_eq(frames_end < whole_len, true);
	for (uint64_t at = 0; at < HEADER; at++)
		ck_assert_uint_eq(flip(at, (uint8_t) (1u << at % 8)), 0);
	for (uint64_t at = frames_end; at < whole_len; at++)
		ck_assert_uint_eq(flip(at, 0xff), 0);
	tear_down();
}
END_TEST

START_TEST(wrong_bytes_of_frames_cost_those_files_only)
{
	size_t step = setting("VT_DAMAGE_STEP", 97), noticed = 0, tried = 0;

	set_up();
	for (uint64_t at = HEADER; at < frames_end; at += step, tried++)
		noticed += flip(at, (uint8_t) (1u << at / step % 8)) > 0;
	ck_assert_uint_ge(noticed * 1000, tried * 999); /* zstd passes over a bit here and there */
	tear_down();
}
END_TEST

START_TEST(random_flips_are_noticed)
{
	size_t flips = setting("VT_DAMAGE_FLIPS", 500), noticed = 0;
	uint64_t seed = 88172645463325252u;

	set_up();
	for (size_t i = 0; i < flips; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		noticed += flip(HEADER + (seed >> 33) % (frames_end - HEADER),
				(uint8_t) (1 + (seed >> 20) % 255)) > 0;
	}
	ck_assert_uint_ge(noticed * 1000, flips * 999);
	tear_down();
}
END_TEST

/* What lies before the cut is read, the rest refused. */
static void cut_to(uint64_t length)
{
	unsigned refused = 0;

	ck_assert_int_eq(ftruncate(fd, (off_t) length), 0);
	for (unsigned i = 0; i < FILES; i++) {
		bool gone = length < HEADER || has_byte_in(&files[i], length, whole_len);
		bool no = is_refused(&files[i], "cut to", length);

		refused += no;
		/* Of the header only the part that says which shard it is is needed. */
		if (length >= HEADER)
			ck_assert_msg(no == gone, "%s, cut to %llu", files[i].name,
				      (unsigned long long) length);
		else
			ck_assert(no);
	}
	ck_assert_int_eq(vt_file_write_at(fd, whole + length, whole_len - length, length), 0);
}

START_TEST(a_shard_that_is_cut_short_gives_what_it_has)
{
	size_t step = setting("VT_DAMAGE_STEP", 97);

	set_up();
	for (uint64_t length = 0; length < whole_len; length += length < frames_end ? step : 1)
		cut_to(length);
	for (unsigned i = 0; i < FILES; i++)
		ck_assert(!is_refused(&files[i], "whole", 0));
	tear_down();
}
END_TEST

START_TEST(a_missing_shard_is_an_error_and_read_again_when_it_is_back)
{
	char aside[sizeof shard + 8];

	set_up();
	(void) snprintf(aside, sizeof aside, "%s.aside", shard);
	ck_assert_int_eq(rename(shard, aside), 0);
	for (unsigned i = 0; i < FILES; i++)
		ck_assert(is_refused(&files[i], "missing", 0));
	ck_assert_int_eq(rename(aside, shard), 0);
	for (unsigned i = 0; i < FILES; i++)
		ck_assert(!is_refused(&files[i], "back", 0));
	tear_down();
}
END_TEST

VT_SUITE(damage, wrong_bytes_of_headers_and_tables_cost_no_file,
	 wrong_bytes_of_frames_cost_those_files_only, random_flips_are_noticed,
	 a_shard_that_is_cut_short_gives_what_it_has,
	 a_missing_shard_is_an_error_and_read_again_when_it_is_back)
