/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See import.h: beginning, asking, taking in, giving up. The commit is in import_commit.c, what is
 * done after a crash in recover.c; the protocol as a whole in index/schema.md, "Imports".
 *
 * Rows that an import had taken in before it was given up stay: nothing refers to them, and gc
 * collects them.
 */
#include "index/import_private.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/gc_gate.h"
#include "index/page_store.h"
#include "index/record.h"
#include "index/repair.h"

#define SWEEP_WAIT_NS (30 * VT_NS_PER_SEC) /* for a gc to end */
#define PAGE_RUN      1024u
#define TAKE_MAX      (1u << 24) /* numbers at once */
#define CONTENTS_MAX  64u
#define RECIPE_CACHE  (1u << 20) /* bytes */

/* ---- paths ---------------------------------------------------------------------------------- */

int vt_index_adopt(const struct vt_index *index, const char *path, struct vt_error *err)
{
	struct stat store;

	if (geteuid() != 0)
		return 0;
	if (stat(index->dir, &store) < 0 || lchown(path, store.st_uid, store.st_gid) < 0)
		return vt_fail(err, errno, "cannot give '%s' to the store's owner: %m", path);
	return 0;
}

void vt_meta_dictionary_key(uint32_t dataset, uint8_t key[VT_META_DICTIONARY_KEY])
{
	memcpy(key, VT_META_DICTIONARY, VT_META_DICTIONARY_KEY - 4);
	vt_key_u32(dataset, key + VT_META_DICTIONARY_KEY - 4);
}

/* ---- beginning ------------------------------------------------------------------------------ */

static int newest_dictionary(const struct vt_import *import, uint32_t *out, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[VT_META_DICTIONARY_KEY];
	struct vt_reader reader;
	int r;

	vt_meta_dictionary_key(import->dataset, key);
	r = vt_store_get(import->index->store, VT_CF_META, key, sizeof key, false, &value, err);
	*out = 0;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	reader = vt_reader_over(value.data, value.len);
	*out = vt_reader_le32(&reader);
	return reader.failed ? vt_fail(err, EBADMSG, "a dictionary's row is damaged") : 0;
}

/* The dataset of that name, made if there is none. */
static int provide_dataset(struct vt_catalog *catalog, const char *name, uint32_t owner_uid,
			   const struct vt_dataset **out, struct vt_error *err)
{
	uint32_t id;
	int r = vt_catalog_dataset(catalog, name, out, err);

	if (r != -ENOENT)
		return r;
	r = vt_catalog_create_dataset(catalog, name, owner_uid, &id, err);
	VT_CRASHPOINT("import-dataset-made");
	if (r == -EEXIST && vt_catalog_dataset(catalog, name, out, NULL) == 0)
		return 0; /* another import made it meanwhile; else the name clashes */
	return r < 0 ? r : vt_catalog_dataset(catalog, name, out, err);
}

static int check_as(struct vt_import *import, const char *as, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *taken = NULL;
	int r;

	if (!as)
		return 0;
	r = vt_version_name_check(as, err);
	if (r < 0)
		return r;
	if (vt_catalog_resolve(import->index->catalog, import->dataset, as, &taken, NULL) == 0)
		return vt_fail(err, EEXIST, "'%s' names version '%s' already", as, taken->name);
	strcpy(import->as_text, as); /* the name check bounds it */
	import->as = import->as_text;
	return 0;
}

/* Before any number is taken or folder made. */
static int begin_dataset(struct vt_import *import, const char *name, const char *as,
			 uint32_t owner_uid, struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	int r = vt_dataset_name_check(name, err);

	if (r == 0 && as)
		r = vt_version_name_check(as, err);
	if (r == 0)
		r = provide_dataset(import->index->catalog, name, owner_uid, &dataset, err);
	if (r < 0)
		return r;
	import->dataset = dataset->id;
	import->domain = dataset->domain;
	import->parent = dataset->latest;
	return check_as(import, as, err);
}

static int write_record(struct vt_import *import, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[8];

	if (vt_import_encode(import->dataset, vt_clock_realtime_ns(), &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of an import");
	vt_key_u64(import->id, key);
	vt_batch_put(batch, import->index->store, VT_CF_IMPORT, key, sizeof key, record.data,
		     record.len);
	return vt_store_write(import->index->store, batch, true, err);
}

static int make_folder(struct vt_import *import, struct vt_error *err)
{
	int r = vt_store_take(import->index->store, VT_COUNTER_IMPORT, 1, &import->id, err);

	VT_CRASHPOINT("import-numbered");
	if (r == 0)
		r = vt_path(import->dir, err, "%s/tmp/import-%llu", import->index->dir,
			    (unsigned long long) import->id);
	if (r == 0)
		r = write_record(import, err);
	VT_CRASHPOINT("import-recorded");
	if (r == 0)
		r = vt_folder_make(import->dir, 0700, err);
	VT_CRASHPOINT("import-folder-made");
	if (r == 0)
		r = vt_index_adopt(import->index, import->dir, err);
	VT_CRASHPOINT("import-begun");
	return r;
}

/* From the dataset to the record that says that it is needed, nobody may find it unneeded. */
static pthread_mutex_t datasets_lock = PTHREAD_MUTEX_INITIALIZER;

static int begin_at(struct vt_import *import, const char *dataset, const char *as,
		    uint32_t owner_uid, uint32_t *dictionary, struct vt_error *err)
{
	int r;

	(void) pthread_mutex_lock(&datasets_lock);
	r = begin_dataset(import, dataset, as, owner_uid, err);
	if (r == 0)
		r = newest_dictionary(import, dictionary, err);
	if (r == 0)
		r = make_folder(import, err);
	(void) pthread_mutex_unlock(&datasets_lock);
	return r;
}

static void fill_info(const struct vt_import *import, uint32_t dictionary,
		      struct vt_import_info *info)
{
	*info = (struct vt_import_info){
		.id = import->id,
		.dataset = import->dataset,
		.domain = import->domain,
		.parent = import->parent,
		.base = import->base,
		.dictionary = dictionary,
		.page_chunk = PAGE_RUN,
	};
	strcpy(info->dir, import->dir);
}

/* Inside the gate of gc, which freeing it leaves. */
static int new_import(struct vt_index *index, struct vt_import **out, struct vt_error *err)
{
	struct vt_import *import;
	int r = vt_gc_gate_enter(index->gc_gate, SWEEP_WAIT_NS, err);

	if (r < 0)
		return r;
	import = calloc(1, sizeof *import);
	if (!import) {
		vt_gc_gate_leave(index->gc_gate);
		return vt_fail(err, ENOMEM, "no memory for an import");
	}
	import->index = index;
	*out = import;
	return 0;
}

int vt_import_begin(struct vt_index *index, const char *dataset, const char *as, uint32_t owner_uid,
		    struct vt_import **out, struct vt_import_info *info, struct vt_error *err)
{
	vt_cleanup(vt_import_freep) struct vt_import *import = NULL;
	uint32_t dictionary = 0;
	int r = new_import(index, &import, err);

	if (r == 0)
		r = begin_at(import, dataset, as, owner_uid, &dictionary, err);
	if (r < 0)
		return r;
	fill_info(import, dictionary, info);
	*out = vt_steal(&import);
	return 0;
}

/* Of a dataset that is there, or of none. Takes the import when it began. */
static int begin_without_dictionary(struct vt_import **import, struct vt_import **out,
				    struct vt_import_info *info, struct vt_error *err)
{
	int r = make_folder(*import, err);

	if (r < 0)
		return r;
	fill_info(*import, 0, info);
	*out = vt_steal(import);
	return 0;
}

int vt_import_revise(struct vt_index *index, uint32_t version, struct vt_import **out,
		     struct vt_import_info *info, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *newest = NULL;
	vt_cleanup(vt_import_freep) struct vt_import *import = NULL;
	int r = new_import(index, &import, err);

	if (r == 0)
		r = vt_catalog_newest(index->catalog, version, &newest, NULL);
	if (r == -ENOENT)
		return vt_fail(err, ESTALE, "the version was withdrawn or removed");
	if (r < 0)
		return r;
	import->dataset = newest->dataset;
	import->domain = newest->domain;
	import->parent = newest->serial;
	import->base = newest->base;
	return begin_without_dictionary(&import, out, info, err);
}

int vt_repair_begin(struct vt_index *index, struct vt_import **out, struct vt_import_info *info,
		    struct vt_error *err)
{
	vt_cleanup(vt_import_freep) struct vt_import *import = NULL;
	int r = new_import(index, &import, err);

	if (r < 0)
		return r;
	import->domain = VT_DOMAIN_PLAIN;
	return begin_without_dictionary(&import, out, info, err);
}

/* ---- asking --------------------------------------------------------------------------------- */

int vt_import_shard(struct vt_import *import, uint32_t *serial, char uuid[37], char path[4096],
		    struct vt_error *err)
{
	vt_autofree struct import_shard *shard = calloc(1, sizeof *shard);
	char text[VT_UUID_TEXT], where[VT_PATH];
	uint64_t first;
	int r;

	if (!shard || vt_table_reserve(&import->shards, 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for a shard");
	r = vt_uuid_make(shard->uuid, err);
	if (r < 0)
		return r;
	vt_uuid_format(shard->uuid, text);
	r = vt_path(where, err, "%s/%s.vsh", import->dir, text);
	if (r == 0)
		r = vt_store_take(import->index->store, VT_COUNTER_SHARD, 1, &first, err);
	if (r < 0)
		return r;
	shard->serial = (uint32_t) first; /* the counter's bound is below 2^32 */
	*serial = shard->serial;
	strcpy(uuid, text);
	strcpy(path, where);
	vt_table_put(&import->shards, (struct vt_row){.id = shard->serial, .value = shard});
	(void) vt_steal(&shard);
	return 0;
}

int vt_import_take(struct vt_import *import, enum vt_counter counter, uint64_t count,
		   uint64_t *first, struct vt_error *err)
{
	if (counter != VT_COUNTER_PAGE && counter != VT_COUNTER_LINK_TABLE &&
	    counter != VT_COUNTER_OUTLINE)
		return vt_fail(err, EPERM, "an import takes no numbers of that kind");
	if (count > TAKE_MAX)
		return vt_fail(err, EINVAL, "more than %u numbers at once", TAKE_MAX);
	return vt_store_take(import->index->store, counter, count, first, err);
}

int vt_import_pages(struct vt_import *import, const struct vt_digest *digests, size_t count,
		    uint64_t *ids, struct vt_error *err)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		bool lost;

		r = vt_page_store_find(import->index->store, import->domain, &digests[i], &ids[i],
				       &lost, err);
		if (lost)
			ids[i] |= VT_PAGE_LOST;
	}
	return r;
}

/* Has that shard a record, or is it one of this import's own? */
static int is_trusted(struct vt_import *import, uint32_t serial, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	const struct vt_row *row = vt_table_find(&import->trusted, serial);
	uint8_t key[4];
	int r;

	if (row)
		return row->value != NULL;
	if (vt_table_find(&import->shards, serial))
		return true;
	vt_key_u32(serial, key);
	r = vt_store_get(import->index->store, VT_CF_SHARD, key, sizeof key, false, &value, err);
	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return r;
	if (vt_table_reserve(&import->trusted, 1) < 0)
		return vt_fail(err, ENOMEM, "no memory for an import");
	vt_table_put(&import->trusted,
		     (struct vt_row){.id = serial, .value = r == 0 ? import : NULL});
	return r == 0;
}

/* 1 when every extent of the recipe lies in a shard that is there; 0: not, or no sound recipe. */
static int has_whole_recipe(struct vt_import *import, const struct vt_digest *content,
			    struct vt_error *err)
{
	uint64_t offset = 0;
	int r;

	if (!import->recipes)
		import->recipes = vt_lru_new(RECIPE_CACHE);
	if (!import->recipes)
		return vt_fail(err, ENOMEM, "no memory for an import");
	for (;;) {
		vt_cleanup(vt_recipe_part_unrefp) struct vt_recipe_part *part = NULL;

		r = vt_recipe_find(import->index->store, import->recipes, import->domain, content,
				   offset, false, &part, err);
		if (r == -ENOENT) /* no recipe, or past its end */
			return offset > 0;
		if (r == -EBADMSG)
			return 0;
		for (size_t i = 0; r == 0 && i < part->count; i++) {
			uint32_t shard = part->extents[i].at.shard;
			int trusted = shard ? is_trusted(import, shard, err) : 1;

			if (trusted <= 0)
				return trusted;
		}
		if (r < 0)
			return r;
		offset = part->end;
	}
}

/* A damaged row is none: what is stored instead brings a new one. */
static int find_known(struct vt_import *import, const struct vt_digest *content,
		      struct vt_known *out, struct vt_error *err)
{
	int r = vt_chunk_find(import->index->store, import->domain, content, false, &out->at,
			      &out->length, err);

	if (r == 0) {
		r = is_trusted(import, out->at.shard, err);
		out->kind = r > 0 ? 1 : 0;
	} else if (r == -ENOENT || r == -EBADMSG) {
		r = has_whole_recipe(import, content, err);
		out->kind = r > 0 ? 2 : 0;
	}
	if (out->kind == 0)
		*out = (struct vt_known){0};
	return r < 0 ? r : 0;
}

int vt_import_known(struct vt_import *import, const struct vt_digest *contents, size_t count,
		    struct vt_known *out, struct vt_error *err)
{
	memset(out, 0, count * sizeof *out);
	for (size_t i = 0; i < count; i++) {
		int r = find_known(import, &contents[i], &out[i], err);

		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- taking in ------------------------------------------------------------------------------ */

static bool is_importable(enum vt_family family)
{
	return family == VT_CF_PAGE || family == VT_CF_PAGE_DIGEST || family == VT_CF_LINK ||
	       family == VT_CF_OUTLINE || family == VT_CF_CHUNK || family == VT_CF_RECIPE ||
	       family == VT_CF_DICTIONARY;
}

/*
 * Where contents lie is taken in by the commit: such a row may take the place of one that others
 * read by, so the shard it names must be there to stay.
 */
static int defer_contents(struct vt_import *import, enum vt_family family, const char *path,
			  struct vt_error *err)
{
	struct import_rows *rows;

	if (import->contents_count >= CONTENTS_MAX)
		return vt_fail(err, EINVAL, "an import takes in at most %u files of contents",
			       CONTENTS_MAX);
	rows = reallocarray(import->contents, import->contents_count + 1, sizeof *rows);
	if (!rows)
		return vt_fail(err, ENOMEM, "no memory to take in '%s'", path);
	import->contents = rows;
	rows[import->contents_count].family = family;
	strcpy(rows[import->contents_count++].path, path); /* as long: vt_path() made it */
	return 0;
}

/*
 * The rows themselves are not looked at: RocksDB's C interface reads no SST file outside a store.
 * Who can write into the folder (0700, the store's owner) can write into the index as well; when
 * others may publish, their rows must be checked before this.
 */
int vt_import_ingest(struct vt_import *import, enum vt_family family, const char *file,
		     struct vt_error *err)
{
	char path[VT_PATH];
	struct stat st;
	int r;

	if (!is_importable(family))
		return vt_fail(err, EPERM, "an import does not write that family");
	if (strchr(file, '/') || file[0] == '.' || file[0] == '\0')
		return vt_fail(err, EINVAL, "'%s' is no bare file name", file);
	r = vt_path(path, err, "%s/%s", import->dir, file);
	if (r < 0)
		return r;
	if (lstat(path, &st) < 0)
		return vt_fail(err, errno, "cannot take in '%s': %m", path);
	if (!S_ISREG(st.st_mode))
		return vt_fail(err, EINVAL, "cannot take in '%s': it is no regular file", path);
	r = vt_index_adopt(import->index, path, err);
	if (r < 0)
		return r;
	r = family == VT_CF_CHUNK || family == VT_CF_RECIPE
		    ? defer_contents(import, family, path, err)
		    : vt_store_ingest(import->index->store, family, path, err);
	VT_CRASHPOINT("import-ingested");
	if (r == 0)
		vt_import_add_index_bytes(import, (uint64_t) st.st_size);
	return r;
}

void vt_import_add_index_bytes(struct vt_import *import, uint64_t bytes)
{
	import->index_bytes += bytes;
}

uint64_t vt_import_index_bytes(const struct vt_import *import)
{
	return import->index_bytes;
}

/* ---- giving up ------------------------------------------------------------------------------ */

static int is_imported_into(struct vt_index *index, uint32_t dataset, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(index->store, VT_CF_IMPORT, NULL, 0, NULL, 0, &it, err);

	while (r >= 0 && (r = vt_iterator_next(it, &key, &value, err)) > 0) {
		uint64_t begun;
		uint32_t into = 0;

		r = vt_import_decode(value.data, value.len, &into, &begun, err);
		if (r == 0 && into == dataset)
			return true;
	}
	return r;
}

int vt_index_drop_unpublished(struct vt_index *index, uint32_t dataset, struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *found = NULL;
	vt_autofree uint32_t *retired = NULL;
	size_t count;
	int r = vt_catalog_dataset_by_id(index->catalog, dataset, &found, err);

	if (r < 0 || found->next_number > 1)
		return r;
	r = is_imported_into(index, dataset, err);
	if (r != 0)
		return r < 0 ? r : 0;
	return vt_catalog_remove_dataset(index->catalog, dataset, 0, &retired, &count, err);
}

/* What fails here is left to vt_import_recover(). */
static void abandon(struct vt_import *import)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint8_t key[8];

	if (vt_folder_remove(import->dir, NULL) < 0)
		return;
	VT_CRASHPOINT("import-folder-removed");
	vt_key_u64(import->id, key);
	vt_batch_delete(batch, import->index->store, VT_CF_IMPORT, key, sizeof key);
	(void) pthread_mutex_lock(&datasets_lock);
	if (vt_store_write(import->index->store, batch, false, NULL) == 0) {
		VT_CRASHPOINT("import-given-up");
		(void) vt_index_drop_unpublished(import->index, import->dataset, NULL);
	}
	(void) pthread_mutex_unlock(&datasets_lock);
}

void vt_import_free(struct vt_import *import)
{
	if (!import)
		return;
	if (!import->committed && import->dir[0])
		abandon(import);
	for (size_t i = 0; i < import->shards.count; i++)
		free((void *) import->shards.rows[i].value);
	vt_table_done(&import->shards);
	vt_table_done(&import->trusted);
	vt_lru_free(import->recipes);
	free(import->contents);
	vt_gc_gate_leave(import->index->gc_gate);
	free(import);
}
