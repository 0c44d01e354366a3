/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the publish tests stand on: a folder with a store and sources in it, a publish from there,
 * and reading back what became of it, straight from the shards.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "fs/codec.h"
#include "tests/unit/publish_direct.h"
#include "tests/unit/suite.h"

struct world {
	char dir[64];
	struct direct direct;
	struct vt_publish_options options;
	struct vt_publish_progress progress;
	struct vt_publish_result result;
	struct vt_error err;
	char warning[1024];
	unsigned warnings;
	const char *dataset; /* "birds" */
};

static inline const char *world_path(const struct world *w, const char *name)
{
	static char paths[8][8192];
	static unsigned next;
	char *path = paths[next++ % 8];

	(void) snprintf(path, sizeof paths[0], "%s/%s", w->dir, name);
	return path;
}

static inline void world_open(struct world *w)
{
	ck_assert_msg(vt_index_open(world_path(w, "store"), 16 << 20, &w->direct.index, &w->err) ==
			      0,
		      "%s", w->err.text);
}

/* The folder, with an empty `src` in it. */
static inline void world_make_folder(struct world *w)
{
	memset(w, 0, sizeof *w);
	w->dataset = "birds";
	strcpy(w->dir, "/tmp/vitrine-publish.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(w->dir));
	ck_assert_int_eq(mkdir(world_path(w, "src"), 0755), 0);
}

/* An empty store, which is then open. */
static inline void world_make_store(struct world *w)
{
	ck_assert_msg(vt_index_create(world_path(w, "store"), &w->err) == 0, "%s", w->err.text);
	world_open(w);
}

static inline void world_init(struct world *w)
{
	world_make_folder(w);
	world_make_store(w);
}

static inline void world_done(struct world *w)
{
	vt_index_close(w->direct.index);
	direct_remove_all(w->dir);
	vt_clock_set_realtime_ns(0);
}

/* A test in a world of its own, the file's `static struct world w`. */
#define TEST(name)                                                                                 \
	static void body_##name(void);                                                             \
	START_TEST(name)                                                                           \
	{                                                                                          \
		world_init(&w);                                                                    \
		body_##name();                                                                     \
		world_done(&w);                                                                    \
	}                                                                                          \
	END_TEST                                                                                   \
	static void body_##name(void)

static inline void world_warn(void *context, const char *sentence)
{
	struct world *w = context;

	w->warnings++;
	(void) snprintf(w->warning, sizeof w->warning, "%s", sentence);
}

static inline int world_publish_many(struct world *w, const char *const *sources, size_t count)
{
	struct direct *direct = &w->direct;
	int r = vt_import_begin(direct->index, w->dataset, NULL, 1000, &direct->import, &direct->info,
				&w->err);

	ck_assert_msg(r == 0, "%s", w->err.text);
	direct->shards = direct->known_calls = 0;
	w->options.sources = sources;
	w->options.source_count = count;
	w->options.progress = &w->progress;
	w->options.warn = world_warn;
	w->options.warn_context = w;
	memset(&w->progress, 0, sizeof w->progress);
	w->err.text[0] = '\0';
	r = vt_publish(direct_backend(direct), &direct->info, w->dataset, NULL, &w->options,
		       &w->result, &w->err);
	vt_import_free(direct->import);
	direct->import = NULL;
	return r;
}

static inline int world_publish(struct world *w, const char *name)
{
	const char *const sources[] = {world_path(w, name)};

	return world_publish_many(w, sources, 1);
}

static inline void world_refuse(struct world *w, int code, const char *name, const char *word)
{
	ck_assert_int_eq(world_publish(w, name), code);
	ck_assert_msg(strstr(w->err.text, word), "'%s' not in '%s'", word, w->err.text);
}

#define ck_published(w, call) ck_assert_msg((call) == 0, "%s", (w)->err.text)

/* Files */

/* By the shell, in the world's folder. */
static inline void world_run(const struct world *w, const char *command)
{
	char line[1024];

	(void) snprintf(line, sizeof line, "cd '%s' && %s", w->dir, command);
	ck_assert_int_eq(system(line), 0);
}

static inline void world_put(const struct world *w, const char *name, const void *data, size_t len)
{
	vt_autoclose int fd = open(world_path(w, name), O_WRONLY | O_CREAT | O_TRUNC, 0644);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, data, len), (ssize_t) len);
}

static inline void world_put_text(const struct world *w, const char *name, const char *text)
{
	world_put(w, name, text, strlen(text));
}

/* Bytes that do not compress, the same for the same seed. */
static inline void fill_random(void *data, size_t len, uint64_t seed)
{
	uint8_t *p = data;

	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		p[i] = (uint8_t) (seed >> 56);
	}
}

/* Makes stamps trusted: files older than the racy time. */
static inline void world_pass_time(void)
{
	vt_clock_set_realtime_ns(0);
	vt_clock_set_realtime_ns(vt_clock_realtime_ns() + 10 * VT_NS_PER_SEC);
}

/* Reading back */

static inline const struct vt_version *world_latest(struct world *w)
{
	const struct vt_dataset *dataset;
	const struct vt_version *version;

	ck_published(w, vt_catalog_dataset(w->direct.index->catalog, w->dataset, &dataset, &w->err));
	ck_published(w, vt_catalog_resolve(w->direct.index->catalog, dataset->id, NULL, &version,
					   &w->err));
	vt_dataset_unref(dataset);
	return version;
}

static inline int world_find(struct world *w, const char *path, struct vt_node *node)
{
	const struct vt_version *version = world_latest(w);
	int r = vt_tree_find(&w->direct.index->pages, &version->tree, path, strlen(path), node,
			     &w->err);

	vt_version_unref(version);
	return r;
}

static inline void world_read_piece(struct world *w, const struct vt_location *at, uint32_t length,
				    struct vt_buf *out)
{
	static uint8_t stored[VT_FRAME_STORED_MAX], content[VT_FRAME_MAX];
	vt_cleanup(vt_decoder_freep) struct vt_decoder *decoder = NULL;
	vt_cleanup(vt_dictionary_freep) struct vt_dictionary *dictionary = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct vt_frame_facts facts;
	char path[4096];
	vt_autoclose int fd = -1;

	ck_published(w, vt_index_shard_path(w->direct.index, at->shard, path, &w->err));
	fd = open(path, O_RDONLY);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, stored, at->frame_size, at->frame_offset), at->frame_size);
	ck_published(w, vt_frame_inspect(stored, at->frame_size, &facts, &w->err));
	ck_assert_uint_le(at->skip + length, facts.content_size);
	if (facts.dictionary) {
		ck_published(w, vt_index_dictionary(w->direct.index, at->shard, facts.dictionary,
						    &bytes, &w->err));
		ck_published(w, vt_dictionary_new(bytes.data, bytes.len, NULL, &dictionary, &w->err));
	}
	ck_published(w, vt_decoder_new(&decoder, &w->err));
	ck_published(w, vt_decode(decoder, dictionary, stored, at->frame_size, content,
				  facts.content_size, &w->err));
	vt_buf_put(out, content + at->skip, length);
}

/* The bytes of a content; `holes` counts the extents that are holes. */
static inline void world_read(struct world *w, const struct vt_digest *content, uint64_t size,
			      unsigned *holes, struct vt_buf *out)
{
	const struct vt_version *version = world_latest(w);
	struct vt_location at;
	uint32_t length;

	*holes = 0;
	if (size > 0 && vt_chunk_find(w->direct.index->store, version->domain, content, false, &at,
				      &length, &w->err) == 0) {
		world_read_piece(w, &at, length, out);
	} else {
		while (out->len < size) {
			struct vt_recipe_part *part;

			ck_published(w, vt_recipe_find(w->direct.index->store, w->direct.index->lru,
						       version->domain, content, out->len, false,
						       &part, &w->err));
			ck_assert_uint_eq(part->start, out->len);
			for (size_t i = 0; i < part->count; i++) {
				const struct vt_extent *extent = &part->extents[i];

				if (extent->at.shard == 0) {
					memset(vt_buf_grow(out, extent->length), 0, extent->length);
					++*holes;
				} else {
					world_read_piece(w, &extent->at, (uint32_t) extent->length,
							 out);
				}
			}
			vt_lru_unref(&part->lru);
		}
	}
	ck_assert_uint_eq(out->len, size);
	vt_version_unref(version);
}

/* The published file has these bytes, and their digest. Returns its number of holes. */
static inline unsigned world_check(struct world *w, const char *path, const void *data, size_t len)
{
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	struct vt_digest digest;
	struct vt_node node;
	unsigned holes;

	ck_published(w, world_find(w, path, &node));
	ck_assert_int_eq(node.entry.type, VT_FILE);
	ck_assert_uint_eq(node.entry.size, len);
	vt_digest_of(data, len, &digest);
	ck_assert(vt_digest_equal(&digest, &node.entry.content));
	world_read(w, &digest, len, &holes, &bytes);
	ck_assert(len == 0 || memcmp(bytes.data, data, len) == 0);
	vt_node_done(&node);
	return holes;
}
