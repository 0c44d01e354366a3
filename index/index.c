/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See index.h. Its facts are written last when a store is made: a folder without them is no store.
 */
#include "index/index.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/gc_gate.h"
#include "index/import_private.h"
#include "index/page_cache.h"
#include "index/record.h"
#include "index/store_facts.h"

#define NOTE_FILE        "committed"
#define ACCEPT_CACHE     (8u << 20)
#define ROOM_BYTES       (8u << 20)
#define BLOCK_CACHE_PART 4 /* a quarter of the cache is RocksDB's, the rest decoded objects' */

/* ---- making --------------------------------------------------------------------------------- */

static int refuse_entry(void *context, const char *name, struct vt_error *err)
{
	return vt_fail(err, EEXIST,
		       "'%s' is not empty: it holds '%s'; a store is made in a new folder, or an "
		       "empty one",
		       (const char *) context, name);
}

/* The folder itself: new, or empty. */
static int claim(const char *dir, struct vt_error *err)
{
	int r = vt_folder_make(dir, 0711, err);

	if (r != -EEXIST)
		return r;
	r = vt_folder_each(dir, refuse_entry, (void *) dir, err);
	if (r < 0)
		return r;
	return chmod(dir, 0711) < 0 ? vt_fail(err, errno, "cannot set the mode of '%s': %m", dir)
				    : 0;
}

static int make_parts(const char *dir, struct vt_error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} parts[] = {
		{"index", 0700}, {"shards", 0700}, {"tmp", 0700}, {"stamps", 0700},
		{"audit", 0700}, {"keys", 0700},   {"run", 0711},
	};
	char path[VT_PATH];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof parts / sizeof *parts; i++) {
		r = vt_path(path, err, "%s/%s", dir, parts[i].name);
		if (r == 0)
			r = vt_folder_make(path, parts[i].mode, err);
	}
	return r;
}

static int remove_part(void *context, const char *name, struct vt_error *err)
{
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/%s", (const char *) context, name);

	return r < 0 ? r : vt_folder_remove(path, err);
}

/* The folder's own name is the one thing that nothing in it makes durable. */
static int sync_name(const char *dir, struct vt_error *err)
{
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/..", dir);

	if (r == 0)
		r = vt_folder_sync(path, err);
	return r == -EACCES ? 0 : r; /* the folder around is not ours to read: as it was found */
}

int vt_index_create(const char *dir, struct vt_error *err)
{
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/index", dir);

	if (r == 0)
		r = claim(dir, err);
	if (r == 0)
		r = sync_name(dir, err);
	if (r < 0)
		return r;
	r = make_parts(dir, err);
	VT_CRASHPOINT("create-parts-made");
	if (r == -EEXIST) /* somebody else makes a store here at the same time */
		return r;
	if (r == 0)
		r = vt_store_create(path, err);
	VT_CRASHPOINT("create-indexed");
	if (r == 0)
		r = vt_store_facts_write(dir, err);
	if (r < 0) /* it was empty: so it shall be again */
		(void) vt_folder_each(dir, remove_part, (void *) dir, NULL);
	return r;
}

/* ---- opening -------------------------------------------------------------------------------- */

struct opened {
	struct vt_index index; /* first */
	struct vt_page_cache pages;
	char dir[];
};

static int open_parts(struct opened *opened, size_t cache_bytes, bool accept_loss,
		      struct vt_error *err)
{
	struct vt_index *index = &opened->index;
	char path[VT_PATH], note[VT_PATH];
	struct vt_store_options options = {.cache_bytes = cache_bytes / BLOCK_CACHE_PART,
					   .note = note,
					   .accept_loss = accept_loss};
	int r = vt_path(path, err, "%s/index", index->dir);

	index->lru = vt_lru_new(cache_bytes - options.cache_bytes);
	index->gc_gate = vt_gc_gate_new();
	if (!index->lru || !index->gc_gate)
		return vt_fail(err, ENOMEM, "no memory to open the store");
	if (r == 0)
		r = vt_path(note, err, "%s/" NOTE_FILE, index->dir);
	if (r == 0)
		r = vt_store_open(path, &options, &index->store, err);
	if (r == 0)
		r = vt_catalog_load(index->store, &index->catalog, err);
	vt_page_cache_init(&opened->pages, index->store, index->lru);
	index->page_cache = &opened->pages;
	index->pages = index->label_pages = vt_page_cache_source(&opened->pages);
	index->label_pages.kind = VT_PAGE_LABELS;
	return r;
}

static int cannot_open(const char *dir, int r, struct vt_error *err)
{
	struct vt_error reason = err ? *err : (struct vt_error){""};

	return vt_fail(err, -r, "cannot open the store '%s': %s%s", dir, reason.text,
		       r == -EBADMSG ? " (vitrine-store(7) says what to do \"When a disk is "
				       "damaged\")"
				     : "");
}

static int open_index(const char *dir, size_t cache_bytes, bool accept_loss, struct vt_index **out,
		      struct vt_error *err)
{
	vt_cleanup(vt_index_closep) struct vt_index *index = NULL;
	struct vt_store_facts facts;
	struct opened *opened;
	int r = vt_store_facts_read(dir, &facts, err);

	if (r < 0)
		return r;
	opened = calloc(1, sizeof *opened + strlen(dir) + 1);
	if (!opened)
		return vt_fail(err, ENOMEM, "no memory to open the store");
	index = &opened->index;
	index->dir = strcpy(opened->dir, dir);
	r = open_parts(opened, cache_bytes, accept_loss, err);
	if (r == 0 && !accept_loss)
		r = vt_import_recover(index, err);
	if (r < 0)
		return cannot_open(dir, r, err);
	*out = vt_steal(&index);
	return 0;
}

int vt_index_open(const char *dir, size_t cache_bytes, struct vt_index **out, struct vt_error *err)
{
	return open_index(dir, cache_bytes, false, out, err);
}

int vt_index_accept_loss(const char *dir, struct vt_loss *out, struct vt_error *err)
{
	vt_cleanup(vt_index_closep) struct vt_index *index = NULL;
	struct vt_loss loss = {0};
	int r = open_index(dir, ACCEPT_CACHE, true, &index, err);

	if (r < 0)
		return r;
	loss.commits = vt_store_lost(index->store);
	if (loss.commits > 0)
		r = vt_import_set_aside(index, &loss.shards, err);
	if (r == 0 && loss.commits > 0)
		r = vt_store_accept_loss(index->store, err);
	if (r == 0)
		*out = loss;
	return r;
}

int vt_index_would_open(const struct vt_index *index, struct vt_error *err)
{
	char path[VT_PATH];
	struct statvfs fs;
	int r = vt_path(path, err, "%s/index", index->dir);

	if (r < 0)
		return r;
	if (statvfs(path, &fs) < 0 || (uint64_t) fs.f_bavail * fs.f_frsize < ROOM_BYTES)
		return vt_fail(err, ENOSPC, "the disk of the store is full");
	return vt_store_would_open(index->store, path, err);
}

void vt_index_close(struct vt_index *index)
{
	if (!index)
		return;
	vt_catalog_free(index->catalog);
	vt_store_close(index->store);
	vt_lru_free(index->lru);
	vt_gc_gate_free(index->gc_gate);
	free(index);
}

/* ---- where things are ----------------------------------------------------------------------- */

int vt_index_shard_folder(const struct vt_index *index, const uint8_t uuid[16], char path[VT_PATH],
			  struct vt_error *err)
{
	return vt_path(path, err, "%s/shards/%02x", index->dir, uuid[0]);
}

int vt_index_shard_file(const struct vt_index *index, const uint8_t uuid[16], char path[VT_PATH],
			struct vt_error *err)
{
	char text[VT_UUID_TEXT];

	vt_uuid_format(uuid, text);
	return vt_path(path, err, "%s/shards/%.2s/%s.vsh", index->dir, text, text);
}

static int find_shard(struct vt_index *index, uint32_t serial, struct vt_shard_record *out,
		      struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[4];
	int r;

	vt_key_u32(serial, key);
	r = vt_store_get(index->store, VT_CF_SHARD, key, sizeof key, false, &value, err);
	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "there is no shard %u", serial);
	return r < 0 ? r : vt_shard_decode(value.data, value.len, out, err);
}

int vt_index_shard_path(struct vt_index *index, uint32_t serial, char path[4096],
			struct vt_error *err)
{
	struct vt_shard_record shard;
	int r = find_shard(index, serial, &shard, err);

	return r < 0 ? r : vt_index_shard_file(index, shard.uuid, path, err);
}

int vt_index_dictionary(struct vt_index *index, uint32_t shard, uint32_t id, struct vt_buf *out,
			struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	struct vt_shard_record record;
	uint8_t key[8];
	int r = find_shard(index, shard, &record, err);

	if (r < 0)
		return r;
	vt_dictionary_key(record.domain, id, key);
	r = vt_store_get(index->store, VT_CF_DICTIONARY, key, sizeof key, false, &value, err);
	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "there is no dictionary %u for shard %u", id, shard);
	if (r < 0)
		return r;
	vt_buf_put(out, value.data, value.len);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a dictionary") : 0;
}

void vt_index_stamps_path(const struct vt_index *index, uint32_t dataset, char path[4096])
{
	(void) vt_path(path, NULL, "%s/stamps/%u", index->dir, dataset);
}
