/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See gc.h. Mark: the pages of every version that is kept, and from their entries the contents.
 * Sweep: rows that were not marked, then the files of shards in which no marked content lies.
 *
 * The order of the sweep is what makes a crash harmless at any point (the write-ahead log keeps
 * it): first the tombstones, then rows by which others are found, then those others; shard records
 * are durably gone before their files. What is left is found again by the next gc, or for files by
 * vt_import_recover().
 *
 * Memory: 16 to 32 bytes a page and 20 a content met: 10 million contents take 200 MB.
 */
#include "index/gc.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/dataset_gate.h"
#include "index/folder.h"
#include "index/gc_gate.h"
#include "index/idmap.h"
#include "index/import_private.h"
#include "index/page_walk.h"
#include "index/posting_sets.h"
#include "index/record.h"

#define META_LAST_GC "gc.last" /* row of VT_CF_META: when, ns, u64 little-endian */
#define BATCH_ROWS   4096      /* dropped by one write */
#define RECIPE_CACHE (4u << 20)

/* A marked content: domain and first half of the id, as its keys begin. */
#define MARK_LEN 20

struct gc {
	struct vt_index *index;
	bool dry_run;
	uint64_t min_age_ns;
	struct vt_gc_report *report;

	/* Not the readers': what is cached there may name the shard of an older copy. */
	struct vt_lru *lru;
	struct vt_page_walk *walk;
	uint32_t domain;        /* of the version being marked */
	struct vt_buf contents; /* MARK_LEN bytes each; sorted after marking */
	struct vt_idmap links, outlines;
	struct vt_idmap shards, dictionaries; /* found live during the sweep */

	struct vt_batch *batch;
	size_t batched;
	struct vt_buf doomed; /* uuids of shards whose files go last */
};

/* ---- mark ----------------------------------------------------------------------------------- */

static void mark_content(struct gc *gc, const struct vt_digest *content)
{
	vt_buf_put_be32(&gc->contents, gc->domain);
	vt_buf_put(&gc->contents, content->bytes, MARK_LEN - 4);
}

static int mark_entry(void *context, const struct vt_entry *entry, struct vt_error *err)
{
	struct gc *gc = context;

	if (entry->type == VT_FILE)
		mark_content(gc, &entry->content);
	return vt_buf_failed(&gc->contents) ? vt_fail(err, ENOMEM, "no memory to mark contents")
					    : 0;
}

static int mark_version(struct gc *gc, const struct vt_version *version, struct vt_error *err)
{
	int r;

	gc->domain = version->domain;
	if (!vt_digest_is_zero(&version->changes))
		mark_content(gc, &version->changes);
	if ((version->tree.links && vt_idmap_add(&gc->links, version->tree.links, 0) < 0) ||
	    (version->outline && vt_idmap_add(&gc->outlines, version->outline, 0) < 0))
		return vt_fail(err, ENOMEM, "no memory to mark a version");
	r = vt_page_walk_tree(gc->walk, &version->tree, err);
	return r < 0 ? r : vt_page_walk_labels(gc->walk, &version->labels, err);
}

static int flush(struct gc *gc, bool sync, struct vt_error *err)
{
	int r = gc->dry_run ? 0 : vt_store_write(gc->index->store, gc->batch, sync, err);

	VT_CRASHPOINT("gc-batch-written");
	vt_batch_free(gc->batch);
	gc->batch = vt_batch_new();
	gc->batched = 0;
	return r;
}

static int drop_row(struct gc *gc, enum vt_family family, const struct vt_value *key,
		    struct vt_error *err)
{
	vt_batch_delete(gc->batch, gc->index->store, family, key->data, key->len);
	return ++gc->batched < BATCH_ROWS ? 0 : flush(gc, false, err);
}

/* Is a version removed that long ago? A clock that was set back makes it younger. */
static bool is_past(const struct gc *gc, uint64_t removed_ns)
{
	uint64_t now = vt_clock_realtime_ns();

	return gc->min_age_ns == 0 || (now >= removed_ns && now - removed_ns >= gc->min_age_ns);
}

/* From the records, not the catalog: removed versions have records only. */
static int mark_versions(struct gc *gc, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(gc->index->store, VT_CF_VERSION, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0) {
		vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;
		uint64_t removed_ns;

		r = vt_version_decode(0, 0, value.data, value.len, &version, &removed_ns, err);
		if (r < 0)
			return r;
		if (version->state == VT_VERSION_REMOVED && is_past(gc, removed_ns))
			vt_batch_delete(gc->batch, gc->index->store, VT_CF_VERSION, key.data,
					key.len);
		else
			r = mark_version(gc, version, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int compare_marks(const void *a, const void *b)
{
	return memcmp(a, b, MARK_LEN);
}

/* ---- sweep: which rows stay ------------------------------------------------------------------ */

/* 1: stays, 0: goes. */
typedef int keep_row(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		     struct vt_error *err);

static int bad_row(struct vt_error *err, const char *what)
{
	return vt_fail(err, EBADMSG, "the index has a damaged row: %s", what);
}

static int keep_page(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		     struct vt_error *err)
{
	if (key->len != 8)
		return bad_row(err, "a page's key");
	return vt_page_walk_has_seen(gc->walk, vt_key_read_u64(key->data));
}

static int keep_page_digest(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
			    struct vt_error *err)
{
	struct vt_reader reader = vt_reader_over(value->data, value->len);
	uint64_t id = vt_reader_le64(&reader);

	/* Without such a row a page is merely not found by the next one that is equal to it. */
	return !reader.failed && vt_page_walk_has_seen(gc->walk, id);
}

static int keep_link(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		     struct vt_error *err)
{
	return key->len >= 8 && vt_idmap_find(&gc->links, vt_key_read_u64(key->data), NULL);
}

static int keep_outline(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
			struct vt_error *err)
{
	return key->len >= 8 && vt_idmap_find(&gc->outlines, vt_key_read_u64(key->data), NULL);
}

static bool is_marked(const struct gc *gc, const struct vt_value *key)
{
	return key->len >= MARK_LEN && gc->contents.len &&
	       bsearch(key->data, gc->contents.data, gc->contents.len / MARK_LEN, MARK_LEN,
		       compare_marks);
}

static int mark_shard(struct gc *gc, uint32_t shard, struct vt_error *err)
{
	if (shard && vt_idmap_add(&gc->shards, shard, 0) < 0)
		return vt_fail(err, ENOMEM, "no memory to mark a shard");
	return 0;
}

static void read_content(const struct vt_value *key, uint32_t *domain, struct vt_digest *content)
{
	*domain = vt_key_read_u32(key->data);
	memcpy(content->bytes, (const uint8_t *) key->data + 4, VT_DIGEST_LEN);
}

static int keep_chunk(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		      struct vt_error *err)
{
	struct vt_location at;
	struct vt_digest content;
	uint32_t domain, length;
	int r;

	if (key->len != 36)
		return bad_row(err, "a chunk's key");
	if (!is_marked(gc, key))
		return 0;
	read_content(key, &domain, &content);
	r = vt_chunk_find(gc->index->store, domain, &content, false, &at, &length, err);
	if (r == 0)
		r = mark_shard(gc, at.shard, err);
	return r < 0 ? r : 1;
}

static int mark_recipe(struct gc *gc, uint32_t domain, const struct vt_digest *content,
		       struct vt_error *err)
{
	uint64_t offset = 0;

	for (;;) {
		vt_cleanup(vt_recipe_part_unrefp) struct vt_recipe_part *part = NULL;
		int r = vt_recipe_find(gc->index->store, gc->lru, domain, content, offset, false,
				       &part, err);

		if (r == -ENOENT)
			return 0;
		for (size_t i = 0; r == 0 && i < part->count; i++)
			r = mark_shard(gc, part->extents[i].at.shard, err);
		if (r < 0)
			return r;
		offset = part->end;
	}
}

static int keep_recipe(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		       struct vt_error *err)
{
	struct vt_digest content;
	uint32_t domain, segment;
	int r = 0;

	if (key->len != 40)
		return bad_row(err, "a recipe's key");
	read_content(key, &domain, &content);
	segment = vt_key_read_u32((const uint8_t *) key->data + 36);
	if (segment == 0) /* readers shall not go to shards that this sweep drops */
		vt_recipe_forget(gc->index->lru, domain, &content);
	if (!is_marked(gc, key)) {
		gc->report->recipes += segment == 0;
		return 0;
	}
	if (segment == 0)
		r = mark_recipe(gc, domain, &content, err);
	return r < 0 ? r : 1;
}

static uint64_t dictionary_id(uint32_t domain, uint32_t id)
{
	return (uint64_t) domain << 32 | id;
}

static int doom_shard(struct gc *gc, const struct vt_shard_record *shard, struct vt_error *err)
{
	gc->report->shard_bytes += shard->size;
	vt_buf_put(&gc->doomed, shard->uuid, sizeof shard->uuid);
	return vt_buf_failed(&gc->doomed) ? vt_fail(err, ENOMEM, "no memory for a shard") : 0;
}

static int keep_shard(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		      struct vt_error *err)
{
	struct vt_shard_record shard;
	int r = vt_shard_decode(value->data, value->len, &shard, err);

	if (r < 0)
		return r;
	if (key->len != 4)
		return bad_row(err, "a shard's key");
	if (!vt_idmap_find(&gc->shards, vt_key_read_u32(key->data), NULL))
		return doom_shard(gc, &shard, err);
	gc->report->kept_shards++;
	gc->report->kept_bytes += shard.size;
	if (shard.dictionary &&
	    vt_idmap_add(&gc->dictionaries, dictionary_id(shard.domain, shard.dictionary), 0) < 0)
		return vt_fail(err, ENOMEM, "no memory to mark a dictionary");
	return 1;
}

/* The note of a dataset's newest dictionary, which the next publish will want. */
static int keep_meta(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
		     struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	struct vt_reader reader = vt_reader_over(value->data, value->len);
	uint32_t id;

	if (vt_dataset_gate_is_key(key->data, key->len, &id))
		return vt_catalog_dataset_by_id(gc->index->catalog, id, &dataset, NULL) == 0;
	if (key->len != VT_META_DICTIONARY_KEY ||
	    memcmp(key->data, VT_META_DICTIONARY, VT_META_DICTIONARY_KEY - 4) != 0)
		return 1;
	id = vt_key_read_u32((const uint8_t *) key->data + VT_META_DICTIONARY_KEY - 4);
	if (vt_catalog_dataset_by_id(gc->index->catalog, id, &dataset, NULL) < 0)
		return 0;
	id = vt_reader_le32(&reader);
	if (reader.failed)
		return bad_row(err, "the note of a dictionary");
	if (vt_idmap_add(&gc->dictionaries, dictionary_id(dataset->domain, id), 0) < 0)
		return vt_fail(err, ENOMEM, "no memory to mark a dictionary");
	return 1;
}

static int keep_dictionary(struct gc *gc, const struct vt_value *key, const struct vt_value *value,
			   struct vt_error *err)
{
	return key->len == 8 && vt_idmap_find(&gc->dictionaries, vt_key_read_u64(key->data), NULL);
}

/* ---- sweep ---------------------------------------------------------------------------------- */

static int sweep_family(struct gc *gc, enum vt_family family, keep_row *keep, uint64_t *dropped,
			struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(gc->index->store, family, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0 || vt_is_damaged_row(r, &key)) {
		r = keep(gc, &key, &value, err);
		if (r == 0) {
			(*dropped)++;
			r = drop_row(gc, family, &key, err);
		}
		if (r < 0)
			return r;
	}
	return r < 0 ? r : flush(gc, false, err);
}

static int sweep_rows(struct gc *gc, struct vt_error *err)
{
	uint64_t uncounted = 0;
	const struct {
		enum vt_family family;
		keep_row *keep;
		uint64_t *dropped;
	} families[] = {
		{VT_CF_PAGE_DIGEST, keep_page_digest, &uncounted},
		{VT_CF_PAGE, keep_page, &gc->report->pages},
		{VT_CF_LINK, keep_link, &uncounted},
		{VT_CF_OUTLINE, keep_outline, &uncounted},
		{VT_CF_CHUNK, keep_chunk, &gc->report->chunks},
		{VT_CF_RECIPE, keep_recipe, &uncounted}, /* counts contents, not rows */
		{VT_CF_SHARD, keep_shard, &gc->report->shards},
		{VT_CF_META, keep_meta, &uncounted},
		{VT_CF_DICTIONARY, keep_dictionary, &uncounted},
	};
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof families / sizeof *families; i++)
		r = sweep_family(gc, families[i].family, families[i].keep, families[i].dropped,
				 err);
	return r;
}

static int sweep_files(struct gc *gc, struct vt_error *err)
{
	for (size_t at = 0; at < gc->doomed.len; at += 16) {
		char path[VT_PATH];
		int r = vt_index_shard_file(gc->index, gc->doomed.data + at, path, err);

		if (r == 0)
			r = vt_folder_remove(path, err);
		VT_CRASHPOINT("gc-shard-removed");
		if (r < 0)
			return r;
	}
	return 0;
}

/* Stamp files are named by dataset id. */
static int sweep_stamps(void *context, const char *name, struct vt_error *err)
{
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
	struct gc *gc = context;
	char path[VT_PATH];
	uint32_t id = (uint32_t) strtoul(name, NULL, 10);
	int r;

	if (vt_catalog_dataset_by_id(gc->index->catalog, id, &dataset, NULL) == 0)
		return 0;
	vt_index_stamps_path(gc->index, id, path);
	r = vt_folder_remove(path, err);
	VT_CRASHPOINT("gc-stamps-removed");
	return r;
}

/* One more row, synced: what was written before is durable with it. */
static int write_end(struct gc *gc, struct vt_error *err)
{
	uint64_t now = htole64(vt_clock_realtime_ns());

	vt_batch_put(gc->batch, gc->index->store, VT_CF_META, META_LAST_GC, strlen(META_LAST_GC),
		     &now, sizeof now);
	return flush(gc, true, err);
}

static int sweep(struct gc *gc, struct vt_error *err)
{
	char stamps[VT_PATH];
	int r = flush(gc, true, err); /* the tombstones */

	VT_CRASHPOINT("gc-tombstones-dropped");
	if (r == 0)
		r = sweep_rows(gc, err);
	VT_CRASHPOINT("gc-rows-dropped");
	if (r == 0 && !gc->dry_run)
		r = vt_posting_sets_sweep(gc->index, err);
	VT_CRASHPOINT("gc-postings-swept");
	if (r == 0)
		r = write_end(gc, err);
	VT_CRASHPOINT("gc-ended");
	if (r < 0 || gc->dry_run)
		return r;
	r = sweep_files(gc, err);
	VT_CRASHPOINT("gc-files-removed");
	if (r == 0)
		r = vt_path(stamps, err, "%s/stamps", gc->index->dir);
	return r < 0 ? r : vt_folder_each(stamps, sweep_stamps, gc, err);
}

static int collect(struct gc *gc, struct vt_error *err)
{
	static const struct vt_page_walk_ops ops = {.entry = mark_entry};
	int r = vt_page_walk_new(gc->index->store, false, &ops, gc, &gc->walk, err);

	gc->lru = vt_lru_new(RECIPE_CACHE);
	if (r == 0 && !gc->lru)
		r = vt_fail(err, ENOMEM, "no memory for gc");
	if (r == 0)
		r = mark_versions(gc, err);
	if (r < 0)
		return vt_fail_in(err, r, "nothing was dropped");
	if (gc->contents.len)
		qsort(gc->contents.data, gc->contents.len / MARK_LEN, MARK_LEN, compare_marks);
	VT_CRASHPOINT("gc-marked");
	return sweep(gc, err);
}

static void gc_done(struct gc *gc)
{
	vt_page_walk_free(gc->walk);
	vt_lru_free(gc->lru);
	vt_buf_done(&gc->contents);
	vt_buf_done(&gc->doomed);
	vt_idmap_done(&gc->links);
	vt_idmap_done(&gc->outlines);
	vt_idmap_done(&gc->shards);
	vt_idmap_done(&gc->dictionaries);
	vt_batch_free(gc->batch);
}

int vt_gc(struct vt_index *index, bool dry_run, uint64_t min_age_ns, struct vt_gc_report *out,
	  struct vt_error *err)
{
	struct vt_gc_report report = {0};
	struct gc gc = {
		.index = index,
		.dry_run = dry_run,
		.min_age_ns = min_age_ns,
		.report = &report,
		.batch = vt_batch_new(),
	};
	int r = vt_gc_gate_enter_alone(index->gc_gate, err);

	if (r == 0) {
		r = collect(&gc, err);
		vt_gc_gate_leave_alone(index->gc_gate);
	}
	gc_done(&gc);
	if (r == 0)
		*out = report;
	return r;
}
