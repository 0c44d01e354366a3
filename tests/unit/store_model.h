/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A whole store in a scratch folder, and publishes of one file "file" with given bytes (and a
 * subfolder "sub" with the same file), made by hand: for the tests of import, gc and verify.
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>

#include "index/base/error.h"
#include "index/gc_gate.h"
#include "index/index.h"
#include "index/page_cache.h"
#include "index/record.h"
#include "tests/unit/scratch.h"

static struct vt_error err;
static struct vt_index *idx;

/* An assertion that shows the sentence of the last failure. */
#define must(condition) ck_assert_msg(condition, "%s: %s", #condition, err.text)

static inline void index_open(void)
{
	must(vt_index_open(vt_scratch_dir, 4 << 20, &idx, &err) == 0);
}

static inline void index_set_up(void)
{
	must(vt_index_create(vt_scratch(), &err) == 0);
	index_open();
}

static inline void index_tear_down(void)
{
	vt_index_close(idx);
	vt_scratch_done();
}

static inline void index_reopen(void)
{
	vt_index_close(idx);
	index_open();
}

/* A table of one row, in a file of the store's `tmp`. */
static inline void make_table(char path[256])
{
	struct vt_error why;
	struct vt_sst *sst;
	uint64_t rows;

	strcpy(path, vt_scratch_path("tmp/row.sst"));
	ck_assert_int_eq(vt_sst_new(path, &sst, &why), 0);
	ck_assert_int_eq(vt_sst_put(sst, "key", 3, "value", 5, &why), 0);
	ck_assert_int_eq(vt_sst_finish(sst, &rows, &why), 0);
	vt_sst_free(sst);
}

static inline void write_file(const char *name, const char *text)
{
	FILE *file = fopen(vt_scratch_path(name), "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	ck_assert_int_eq(fclose(file), 0);
}

static size_t counted;

static inline int count_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	/* The folder itself and the shards/ab ones are not counted, everything else is. */
	counted += ftw->level > 0 && !(type == FTW_D && strstr(path, "/shards/"));
	return 0;
}

static inline size_t count_files(const char *folder)
{
	counted = 0;
	ck_assert_int_eq(nftw(vt_scratch_path(folder), count_entry, 16, FTW_PHYS), 0);
	return counted;
}

static inline size_t count_rows(enum vt_family family)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	size_t count = 0;

	must(vt_iterator_new(idx->store, family, NULL, 0, NULL, 0, &it, &err) == 0);
	while (vt_iterator_next(it, &key, &value, &err) > 0)
		count++;
	return count;
}

static inline const struct vt_digest *content_of(const char *text)
{
	static struct vt_digest digest;

	vt_digest_of(text, strlen(text), &digest);
	return &digest;
}

/* ---- publishing by hand --------------------------------------------------------------------- */

struct publish {
	struct vt_import *import;
	struct vt_import_info info;
	struct vt_new_shard shard;
	char shard_path[4096];
	struct vt_version version;
	unsigned files; /* SST files made */
};

static struct vt_digest last_root_digest;

static inline void publish_begin(struct publish *p, const char *dataset, const char *as)
{
	*p = (struct publish){0};
	must(vt_import_begin(idx, dataset, as, 1000, &p->import, &p->info, &err) == 0);
}

/* One row into a family, through a file of its own. */
static inline void publish_row(struct publish *p, enum vt_family family, const void *key,
			       size_t key_len, const void *value, size_t value_len)
{
	struct vt_sst *sst = NULL;
	char name[32], path[4200];
	uint64_t rows;

	snprintf(name, sizeof name, "rows-%u.sst", p->files++);
	snprintf(path, sizeof path, "%s/%s", p->info.dir, name);
	must(vt_sst_new(path, &sst, &err) == 0);
	must(vt_sst_put(sst, key, key_len, value, value_len, &err) == 0);
	must(vt_sst_finish(sst, &rows, &err) == 0);
	vt_sst_free(sst);
	must(vt_import_ingest(p->import, family, name, &err) == 0);
}

static inline void publish_chunk(struct publish *p, const char *text)
{
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;
	struct vt_location at = {p->shard.serial, 16, 100, 0};
	uint8_t key[36];

	vt_chunk_key(p->info.domain, content_of(text), key);
	vt_chunk_value(&at, (uint32_t) strlen(text), &value);
	publish_row(p, VT_CF_CHUNK, key, sizeof key, value.data, value.len);
}

/* Extents of one byte in `shard`; extent number `bad`, if not 0, lies in a shard that is none. */
static inline void publish_recipe(struct publish *p, const char *text, uint32_t shard, size_t count,
				  size_t bad)
{
	struct vt_extent extents[VT_RECIPE_SEGMENT];
	uint64_t starts[8];
	size_t segments = 0;
	uint8_t key[40];
	vt_cleanup(vt_buf_done) struct vt_buf value = VT_BUF_INIT;

	for (size_t at = 0; at < count; at += VT_RECIPE_SEGMENT) {
		size_t n = count - at < VT_RECIPE_SEGMENT ? count - at : VT_RECIPE_SEGMENT;

		for (size_t i = 0; i < n; i++)
			extents[i] = (struct vt_extent){
				1, {bad && at + i == bad ? 4000000 : shard, 16, 100, 0}};
		starts[segments++] = at;
		vt_buf_reset(&value);
		vt_recipe_segment_value(extents, n, &value);
		vt_recipe_key(p->info.domain, content_of(text), (uint32_t) segments, key);
		publish_row(p, VT_CF_RECIPE, key, sizeof key, value.data, value.len);
	}
	vt_buf_reset(&value);
	vt_recipe_head_value(starts, segments, count, &value);
	vt_recipe_key(p->info.domain, content_of(text), 0, key);
	publish_row(p, VT_CF_RECIPE, key, sizeof key, value.data, value.len);
}

static inline void publish_dictionary(struct publish *p, uint32_t id, const char *bytes)
{
	uint8_t key[8];

	vt_dictionary_key(p->info.domain, id, key);
	publish_row(p, VT_CF_DICTIONARY, key, sizeof key, bytes, strlen(bytes));
	p->shard.dictionary = id;
}

/* Takes the pages in as they come. */
static inline int publish_pages(void *context, struct vt_new_page *pages, size_t count,
				struct vt_error *e)
{
	struct publish *p = context;

	for (size_t i = 0; i < count; i++) {
		uint8_t key[VT_PAGE_KEY_LEN], digest_key[VT_PAGE_DIGEST_KEY];
		uint64_t id;

		must(vt_import_pages(p->import, &pages[i].digest, 1, &pages[i].id, &err) == 0);
		if (pages[i].id)
			continue;
		must(vt_import_take(p->import, VT_COUNTER_PAGE, 1, &pages[i].id, &err) == 0);
		vt_page_key(pages[i].id, key);
		publish_row(p, VT_CF_PAGE, key, sizeof key, pages[i].value.data,
			    pages[i].value.len);
		vt_page_digest_key(p->info.domain, &pages[i].digest, digest_key);
		id = htole64(pages[i].id);
		publish_row(p, VT_CF_PAGE_DIGEST, digest_key, sizeof digest_key, &id, sizeof id);
	}
	return 0;
}

static inline void publish_tree(struct publish *p, const char *text)
{
	struct vt_page_sink sink = {.put = publish_pages, .context = p};
	struct vt_tree_builder *builder = NULL;
	struct vt_entry root = {.type = VT_DIRECTORY, .mode = 0755};
	struct vt_entry sub = {.type = VT_DIRECTORY, .mode = 0755, .name = "sub", .name_len = 3};
	struct vt_entry file = {.type = VT_FILE,
				.mode = 0644,
				.name = "file",
				.name_len = 4,
				.size = strlen(text),
				.content = *content_of(text),
				.nodes = 1};

	must(vt_tree_builder_new(&sink, &builder, &err) == 0);
	must(vt_tree_builder_add(builder, &file, &err) == 0);
	must(vt_tree_builder_enter(builder, &sub, &err) == 0);
	must(vt_tree_builder_add(builder, &file, &err) == 0);
	must(vt_tree_builder_leave(builder, &err) == 0);
	must(vt_tree_builder_finish(builder, &root, &p->version.tree, &err) == 0);
	vt_tree_builder_free(builder);
	last_root_digest = p->version.tree.root.content;
}

static inline void publish_shard(struct publish *p)
{
	char uuid[37];
	FILE *file;

	must(vt_import_shard(p->import, &p->shard.serial, uuid, p->shard_path, &err) == 0);
	file = fopen(p->shard_path, "w");
	ck_assert_ptr_nonnull(file);
	fputs("........VTRSHRD1 and so on", file);
	p->shard.size = (uint64_t) ftell(file);
	p->shard.content_size = 10;
	p->shard.frames = 1;
	ck_assert_int_eq(fclose(file), 0);
}

/* All but the commit. */
static inline void publish_build(struct publish *p, const char *text)
{
	char path[4200];
	FILE *file;

	publish_shard(p);
	publish_chunk(p, text);
	publish_tree(p, text);
	must(vt_tree_digest(&p->version.tree, &p->version.tree_digest, &err) == 0);
	p->version.counts = (struct vt_counts){.files = 2, .directories = 1};
	p->version.author = "ada";
	p->version.message = p->version.licence = "";
	snprintf(path, sizeof path, "%s/stamps", p->info.dir);
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fclose(file);
}

/* Gives the version's serial. */
static inline uint32_t publish_commit(struct publish *p)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *out = NULL;

	must(vt_import_commit(p->import, &p->shard, 1, &p->version, "stamps", &out, &err) == 0);
	vt_import_free(p->import);
	return out->serial;
}

static inline uint32_t publish(const char *dataset, const char *as, const char *text)
{
	struct publish p;

	publish_begin(&p, dataset, as);
	publish_build(&p, text);
	return publish_commit(&p);
}
