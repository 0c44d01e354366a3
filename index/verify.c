/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See verify.h. Pages and contents that several versions share are looked at once, under the name
 * of the first; versions and shards each for themselves.
 */
#include "index/verify.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/gc_gate.h"
#include "index/idmap.h"
#include "index/import_private.h"
#include "index/link.h"
#include "index/page_walk.h"
#include "index/record.h"

#define RECIPE_CACHE  (4u << 20)           /* bytes */
#define SWEEP_WAIT_NS (30 * VT_NS_PER_SEC) /* for a gc to end */

struct verify {
	struct vt_index *index;
	vt_verify_each *each;
	void *context;
	int findings;

	struct vt_page_walk *walk;
	struct vt_lru *lru; /* of recipes; what readers have in theirs may be lost in the index */
	struct vt_idmap shards; /* looked up so far: serial -> has a record */
	char what[VT_DATASET_NAME_MAX + VT_NAME_PART_MAX + 2]; /* DATASET@VERSION at work */
	uint32_t domain;
};

__attribute__((format(printf, 3, 4))) static void find(struct verify *v, const char *what,
						       const char *format, ...)
{
	char problem[1024];
	va_list ap;

	va_start(ap, format);
	(void) vsnprintf(problem, sizeof problem, format, ap);
	va_end(ap);
	v->findings++;
	v->each(v->context, what, problem);
}

/* ---- contents ------------------------------------------------------------------------------- */

/* Was nothing found, or something that cannot be read? check_rows() names the row. */
static bool is_lost(int r)
{
	return r == -ENOENT || r == -EBADMSG;
}

/* 1: it has a record; 0: not. */
static int has_shard(struct verify *v, uint32_t serial, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint64_t known;
	uint8_t key[4];
	int r;

	if (vt_idmap_find(&v->shards, serial, &known))
		return known != 0;
	vt_key_u32(serial, key);
	r = vt_store_get(v->index->store, VT_CF_SHARD, key, sizeof key, false, &value, err);
	if (r < 0 && !is_lost(r))
		return r;
	if (vt_idmap_add(&v->shards, serial, r == 0) < 0)
		return vt_fail(err, ENOMEM, "no memory to verify");
	return r == 0;
}

static int check_location(struct verify *v, const char *hex, uint32_t shard, struct vt_error *err)
{
	int r = has_shard(v, shard, err);

	if (r == 0)
		find(v, v->what, "content %s lies in shard %u, which is none", hex, shard);
	return r < 0 ? r : 0;
}

static int check_recipe(struct verify *v, const struct vt_digest *content, uint64_t size,
			const char *hex, struct vt_error *err)
{
	uint64_t offset = 0;

	while (offset < size) {
		vt_cleanup(vt_recipe_part_unrefp) struct vt_recipe_part *part = NULL;
		struct vt_error reason = {""};
		int r = vt_recipe_find(v->index->store, v->lru, v->domain, content, offset, false,
				       &part, &reason);

		if (is_lost(r)) {
			find(v, v->what, "content %s has no bytes from %llu on: %s", hex,
			     (unsigned long long) offset, reason.text);
			return 0;
		}
		for (size_t i = 0; r == 0 && i < part->count; i++)
			if (part->extents[i].at.shard)
				r = check_location(v, hex, part->extents[i].at.shard, err);
		if (r < 0)
			return vt_fail(err, -r, "content %s: %s", hex, reason.text);
		offset = part->end;
	}
	if (offset != size)
		find(v, v->what, "content %s has %llu bytes, not %llu", hex,
		     (unsigned long long) offset, (unsigned long long) size);
	return 0;
}

static int check_content(struct verify *v, const struct vt_digest *content, uint64_t size,
			 struct vt_error *err)
{
	char hex[VT_DIGEST_HEX];
	struct vt_location at;
	uint32_t length;
	int r;

	if (size == 0)
		return 0;
	vt_digest_format(content, hex);
	r = vt_chunk_find(v->index->store, v->domain, content, false, &at, &length, err);
	if (r == -ENOENT)
		return check_recipe(v, content, size, hex, err);
	if (r == -EBADMSG) {
		find(v, v->what, "content %s: %s", hex, err ? err->text : "damaged");
		return 0;
	}
	if (r < 0)
		return r;
	if (length != size)
		find(v, v->what, "content %s has %u bytes, not %llu", hex, length,
		     (unsigned long long) size);
	return check_location(v, hex, at.shard, err);
}

static int check_entry(void *context, const struct vt_entry *entry, struct vt_error *err)
{
	if (entry->type != VT_FILE)
		return 0;
	return check_content(context, &entry->content, entry->size, err);
}

static void page_problem(void *context, uint64_t page, const char *problem)
{
	struct verify *v = context;

	find(v, v->what, "page %llu: %s", (unsigned long long) page, problem);
}

/* ---- versions ------------------------------------------------------------------------------- */

static int hash_links(struct verify *v, const struct vt_tree *tree, struct vt_link_hasher *hasher,
		      uint32_t *count, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	uint8_t prefix[8];
	int r;

	vt_key_u64(tree->links, prefix);
	r = vt_iterator_new(v->index->store, VT_CF_LINK, prefix, sizeof prefix, NULL, 0, &it, err);
	if (r < 0)
		return r;
	for (*count = 0; (r = vt_iterator_next(it, &key, &value, err)) > 0; (*count)++) {
		struct vt_link link;

		if (key.len != VT_LINK_KEY_LEN)
			return vt_fail(err, EBADMSG, "a link's key is damaged");
		r = vt_link_find(v->index->store, tree->links,
				 vt_key_read_u32((const uint8_t *) key.data + 8), false, &link,
				 err);
		if (r == 0)
			r = vt_link_hasher_add(hasher, &link, err);
		if (r < 0)
			return r;
	}
	return r;
}

static int check_links(struct verify *v, const struct vt_tree *tree, struct vt_error *err)
{
	vt_cleanup(vt_link_hasher_freep) struct vt_link_hasher *hasher = NULL;
	struct vt_error reason = {""};
	struct vt_digest digest;
	uint32_t count;
	int r;

	if (tree->link_count == 0)
		return 0;
	r = vt_link_hasher_new(&hasher, err);
	if (r < 0)
		return r;
	r = hash_links(v, tree, hasher, &count, &reason);
	if (r < 0 && r != -EBADMSG && r != -EINVAL)
		return vt_fail(err, -r, "%s", reason.text);
	if (r < 0) {
		find(v, v->what, "its link table: %s", reason.text);
		return 0;
	}
	vt_link_hasher_final(hasher, &digest);
	if (count != tree->link_count || !vt_digest_equal(&digest, &tree->link_digest))
		find(v, v->what, "its link table is not the one that was published");
	return 0;
}

/* Versions go meanwhile; the record says so in the same commit as that of the exhibit. */
static int is_live_still(struct verify *v, const struct vt_version *version, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *now = NULL;
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[8];
	int r;

	vt_key_u32(version->dataset, key);
	vt_key_u32(version->serial, key + 4);
	r = vt_store_get(v->index->store, VT_CF_VERSION, key, sizeof key, false, &value, err);
	if (is_lost(r))
		return false;
	if (r == 0)
		r = vt_version_decode(version->dataset, version->serial, value.data, value.len,
				      &now, NULL, err);
	return r < 0 ? r : now->state == VT_VERSION_LIVE;
}

static int check_exhibit(struct verify *v, const struct vt_version *version, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	enum vt_exhibit_state state;
	uint32_t serial;
	uint8_t key[4];
	int r;

	if (!version->exhibit)
		return 0;
	vt_key_u32(version->exhibit, key);
	r = vt_store_get(v->index->store, VT_CF_EXHIBIT, key, sizeof key, false, &value, err);
	if (r < 0 && !is_lost(r))
		return r;
	if (r == 0 && vt_exhibit_decode(value.data, value.len, &serial, &state, NULL) == 0 &&
	    serial == version->serial && state == VT_EXHIBIT_LIVE)
		return 0;
	r = is_live_still(v, version, err);
	if (r > 0)
		find(v, v->what, "the record of its exhibit %u does not agree", version->exhibit);
	return r < 0 ? r : 0;
}

/* What a digest came to, `r` or the digest itself. A lack of memory is no damage. */
static int compare_digest(struct verify *v, int r, const struct vt_digest *digest,
			  const struct vt_digest *recorded, const char *problem)
{
	if (r == -ENOMEM)
		return r;
	if (r < 0 || !vt_digest_equal(digest, recorded))
		find(v, v->what, "%s", problem);
	return 0;
}

static int check_digests(struct verify *v, const struct vt_version *version, const char *dataset,
			 struct vt_error *err)
{
	struct vt_digest digest;
	int r = vt_tree_digest(&version->tree, &digest, err);

	r = compare_digest(v, r, &digest, &version->tree_digest,
			   "its tree digest is not that of its tree");
	if (r < 0)
		return r;
	r = vt_version_digest(version, dataset, &digest, err);
	return compare_digest(v, r, &digest, &version->digest,
			      "its digest is not that of its record");
}

/* Labels are of files that the version has, with the contents it has. */
static int check_labelled(struct verify *v, const struct vt_version *version, const char *path,
			  size_t len, const struct vt_entry *labelled, struct vt_error *err)
{
	struct vt_error reason = {""};
	struct vt_node node = {0};
	int r = vt_tree_find(&v->index->pages, &version->tree, path, len, &node, &reason);

	if (r == -ENOENT || r == -ENOTDIR ||
	    (r == 0 && (node.entry.type != VT_FILE ||
			!vt_digest_equal(&node.entry.content, &labelled->content))))
		find(v, v->what, "'%.*s' has labels, and is no file with that content", (int) len,
		     path);
	else if (r < 0 && r != -EBADMSG) /* damage is found by the walk over pages */
		return vt_fail(err, -r, "%s", reason.text);
	vt_node_done(&node);
	return 0;
}

static int check_labels(struct verify *v, const struct vt_version *version, struct vt_error *err)
{
	const struct vt_tree root = vt_label_tree_root(&version->labels);
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_error reason = {""};
	vt_cleanup(vt_node_done) struct vt_node node = {0};
	uint64_t files = 0, labels = 0;
	const char *path;
	size_t len;
	int r;

	if (version->labels.labels == 0)
		return 0;
	r = vt_tree_walk_new(&v->index->label_pages, &root, 1, &walk, &reason);
	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, &reason)) > 0) {
		if (node.entry.type == VT_LABELLED) {
			files++;
			labels += node.entry.labels;
			r = check_labelled(v, version, path, len, &node.entry, err);
			if (r < 0)
				return r;
		}
		vt_node_done(&node);
	}
	if (r < 0 && r != -EBADMSG)
		return vt_fail(err, -r, "%s", reason.text);
	if (r == 0 && (files != version->labels.files || labels != version->labels.labels))
		find(v, v->what, "it has %llu labels of %llu files, not as many as it says",
		     (unsigned long long) labels, (unsigned long long) files);
	return 0;
}

static int check_version(struct verify *v, const struct vt_version *version, const char *dataset,
			 struct vt_error *err)
{
	int r;

	(void) snprintf(v->what, sizeof v->what, "%s@%s", dataset, version->name);
	v->domain = version->domain;
	r = check_digests(v, version, dataset, err);
	if (r == 0)
		r = check_exhibit(v, version, err);
	if (r == 0)
		r = check_links(v, &version->tree, err);
	if (r == 0 && !vt_digest_is_zero(&version->changes))
		r = check_content(v, &version->changes, version->document_body[VT_DOCUMENT_CHANGES],
				  err);
	if (r == 0)
		r = vt_page_walk_tree(v->walk, &version->tree, err);
	if (r == 0)
		r = vt_page_walk_labels(v->walk, &version->labels, err);
	return r < 0 ? r : check_labels(v, version, err);
}

static int check_dataset(struct verify *v, const struct vt_dataset *dataset, struct vt_error *err)
{
	const struct vt_version **versions;
	size_t count;
	int r = vt_catalog_versions(v->index->catalog, dataset->id, &versions, &count);

	if (r < 0)
		return vt_fail(err, -r, "no memory to verify '%s'", dataset->name);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_version(v, versions[i], dataset->name, err);
	vt_versions_free(versions, count);
	return r;
}

static int check_datasets(struct verify *v, struct vt_error *err)
{
	const struct vt_dataset **datasets;
	size_t count;
	int r = vt_catalog_datasets(v->index->catalog, &datasets, &count);

	if (r < 0)
		return vt_fail(err, -r, "no memory to verify");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_dataset(v, datasets[i], err);
	vt_datasets_free(datasets, count);
	return r;
}

/* ---- shards --------------------------------------------------------------------------------- */

static int check_shard_file(struct verify *v, const struct vt_shard_record *shard,
			    struct vt_error *err)
{
	char path[VT_PATH];
	struct stat st;
	int r = vt_index_shard_file(v->index, shard->uuid, path, err);

	if (r < 0)
		return r;
	if (lstat(path, &st) < 0)
		find(v, path, "the shard is not there: %s", strerror(errno));
	else if (!S_ISREG(st.st_mode) || (uint64_t) st.st_size != shard->size)
		find(v, path, "the shard has %lld bytes, not %llu", (long long) st.st_size,
		     (unsigned long long) shard->size);
	return 0;
}

static int check_shards(struct verify *v, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(v->index->store, VT_CF_SHARD, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0 || vt_is_damaged_row(r, &key)) {
		struct vt_shard_record shard;
		struct vt_error reason = {""};

		if (r < 0) /* check_rows() names it */
			continue;
		r = vt_shard_decode(value.data, value.len, &shard, &reason);
		if (r < 0)
			find(v, "shard", "%s", reason.text);
		else
			r = check_shard_file(v, &shard, err);
		if (r < 0 && r != -EBADMSG)
			return r;
	}
	return r;
}

/* ---- tables --------------------------------------------------------------------------------- */

static void table_problem(void *context, const char *table, const char *problem)
{
	char what[VT_PATH];

	(void) snprintf(what, sizeof what, "index/%s", table);
	find(context, what, "%s", problem);
}

/* Also those parts that no row is read from. */
static int check_tables(struct verify *v, struct vt_error *err)
{
	char dir[VT_PATH];
	int r = vt_path(dir, err, "%s/index", v->index->dir);

	if (r == 0)
		r = vt_store_check_tables(v->index->store, dir, table_problem, v, err);
	return r < 0 ? r : 0;
}

/* ---- rows ----------------------------------------------------------------------------------- */

#define KEY_SHOWN 40u /* bytes of a key that are named */

static void find_row(struct verify *v, const struct vt_value *key, const char *problem)
{
	char hex[2 * KEY_SHOWN + 1] = "";

	for (size_t i = 0; i < key->len && i < KEY_SHOWN; i++)
		(void) sprintf(hex + 2 * i, "%02x", ((const uint8_t *) key->data)[i]);
	find(v, "index", "%s, its key is %s", problem, hex);
}

static int check_family(struct verify *v, enum vt_family family, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_error reason = {""};
	struct vt_value key, value;
	int r = vt_iterator_new(v->index->store, family, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, &reason)) > 0 || vt_is_damaged_row(r, &key))
		if (r < 0)
			find_row(v, &key, reason.text);
	if (r == -EBADMSG)
		find(v, "index", "%s", reason.text);
	else if (r < 0)
		return vt_fail(err, -r, "%s", reason.text);
	return 0;
}

/* Every row, also those that nothing leads to from a version. */
static int check_rows(struct verify *v, struct vt_error *err)
{
	int r = 0;

	for (unsigned family = 0; r == 0 && family < VT_CF_COUNT; family++)
		r = check_family(v, (enum vt_family) family, err);
	return r;
}

int vt_verify_index(struct vt_index *index, vt_verify_each *each, void *context,
		    struct vt_error *err)
{
	static const struct vt_page_walk_ops ops = {check_entry, page_problem};
	struct verify v = {.index = index, .each = each, .context = context};
	int r = vt_gc_gate_enter(index->gc_gate, SWEEP_WAIT_NS, err);

	if (r < 0)
		return r;
	v.lru = vt_lru_new(RECIPE_CACHE);
	r = !v.lru ? vt_fail(err, ENOMEM, "no memory to verify")
		   : vt_page_walk_new(index->store, true, &ops, &v, &v.walk, err);
	if (r == 0)
		r = check_datasets(&v, err);
	if (r == 0)
		r = check_shards(&v, err);
	if (r == 0)
		r = check_rows(&v, err);
	if (r == 0)
		r = check_tables(&v, err);
	vt_gc_gate_leave(index->gc_gate);
	vt_page_walk_free(v.walk);
	vt_lru_free(v.lru);
	vt_idmap_done(&v.shards);
	return r < 0 ? vt_fail_in(err, r, "cannot verify the index") : v.findings;
}
