/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See posting_sets.h. Rows of a new set are written in batches and not synced; the row that names
 * it comes last, in the same log. A set is dropped in the other order.
 */
#include "index/posting_sets.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/file_labels.h"
#include "index/idmap.h"
#include "index/record.h"

#define META_PREFIX     "postings."
#define META_PREFIX_LEN (sizeof META_PREFIX - 1)
#define META_KEY_LEN    (META_PREFIX_LEN + 4 + 8)
#define BATCH_BYTES     (1u << 20)
#define BATCH_ROWS      4096u

static const enum vt_family families[] = {VT_CF_POSTING, VT_CF_TERM};

static void meta_key(uint32_t dataset, uint64_t set, uint8_t key[META_KEY_LEN])
{
	memcpy(key, META_PREFIX, META_PREFIX_LEN);
	vt_key_u32(dataset, key + META_PREFIX_LEN);
	vt_key_u64(set, key + META_PREFIX_LEN + 4);
}

/* A damaged row comes without a value: what is said here can be made again. */
static int next_row(struct vt_iterator *it, struct vt_value *key, struct vt_value *value,
		    struct vt_error *err)
{
	int r = vt_iterator_next(it, key, value, err);

	return vt_is_damaged_row(r, key) ? 1 : r;
}

/* ---- listing --------------------------------------------------------------------------------- */

static bool read_meta(const struct vt_value *key, const struct vt_value *value,
		      struct vt_posting_set *out)
{
	struct vt_reader reader = vt_reader_over(value->data, value->len);

	if (key->len != META_KEY_LEN || value->len != 4)
		return false;
	out->id = vt_key_read_u64((const uint8_t *) key->data + META_PREFIX_LEN + 4);
	out->serial = vt_reader_le32(&reader);
	return true;
}

/* Ascending; the last ones stay in `out`. How many there are in all. */
static int list(struct vt_store *store, uint32_t dataset, struct vt_posting_set *out, size_t room,
		uint64_t *oldest, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	uint8_t from[META_KEY_LEN];
	int count = 0, r;

	meta_key(dataset, 0, from);
	r = vt_iterator_new(store, VT_CF_META, from, META_PREFIX_LEN + 4, NULL, 0, &it, err);
	while (r >= 0 && (r = next_row(it, &key, &value, err)) > 0) {
		struct vt_posting_set set;

		if (!value.data) /* as if there was no such set: another one is made */
			continue;
		if (!read_meta(&key, &value, &set))
			return vt_fail(err, EBADMSG, "the row of a set of postings is damaged");
		if (count == 0)
			*oldest = set.id;
		if ((size_t) count >= room)
			memmove(out, out + 1, (room - 1) * sizeof *out);
		out[(size_t) count < room ? (size_t) count : room - 1] = set;
		count++;
	}
	return r < 0 ? r : count;
}

int vt_posting_sets_list(struct vt_store *store, uint32_t dataset,
			 struct vt_posting_set out[VT_POSTING_SETS_KEPT], struct vt_error *err)
{
	struct vt_posting_set sets[VT_POSTING_SETS_KEPT];
	uint64_t oldest;
	int count = list(store, dataset, sets, VT_POSTING_SETS_KEPT, &oldest, err);
	int kept = count < (int) VT_POSTING_SETS_KEPT ? count : (int) VT_POSTING_SETS_KEPT;

	for (int i = 0; i < kept; i++)
		out[i] = sets[kept - 1 - i];
	return count < 0 ? count : kept;
}

/* ---- dropping -------------------------------------------------------------------------------- */

static int drop_rows(struct vt_store *store, enum vt_family family, uint64_t set,
		     struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct vt_value key, value;
	uint8_t prefix[8];
	unsigned rows = 0;
	int r;

	vt_key_u64(set, prefix);
	r = vt_iterator_new(store, family, prefix, sizeof prefix, NULL, 0, &it, err);
	while (r >= 0 && (r = next_row(it, &key, &value, err)) > 0) {
		vt_batch_delete(batch, store, family, key.data, key.len);
		if (++rows % BATCH_ROWS != 0)
			continue;
		r = vt_store_write(store, batch, false, err);
		vt_batch_free(batch);
		batch = vt_batch_new();
	}
	return r < 0 || rows % BATCH_ROWS == 0 ? r : vt_store_write(store, batch, false, err);
}

int vt_posting_sets_has(struct vt_store *store, uint32_t dataset, uint64_t set,
			struct vt_error *err)
{
	uint8_t key[META_KEY_LEN];
	struct vt_value value;
	int r;

	meta_key(dataset, set, key);
	r = vt_store_get(store, VT_CF_META, key, sizeof key, false, &value, err);
	if (r == 0)
		vt_value_done(&value);
	return r == -ENOENT ? 0 : r < 0 ? r : 1;
}

int vt_posting_sets_drop(struct vt_store *store, uint32_t dataset, uint64_t set,
			 struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint8_t key[META_KEY_LEN];
	int r;

	meta_key(dataset, set, key);
	vt_batch_delete(batch, store, VT_CF_META, key, sizeof key);
	r = vt_store_write(store, batch, false, err);
	VT_CRASHPOINT("postings-unlisted");
	for (size_t i = 0; r == 0 && i < sizeof families / sizeof *families; i++)
		r = drop_rows(store, families[i], set, err);
	return r;
}

static int drop_old(struct vt_store *store, uint32_t dataset, struct vt_error *err)
{
	struct vt_posting_set sets[VT_POSTING_SETS_KEPT];
	uint64_t oldest;
	int count;

	while ((count = list(store, dataset, sets, VT_POSTING_SETS_KEPT, &oldest, err)) >
	       (int) VT_POSTING_SETS_KEPT) {
		int r = vt_posting_sets_drop(store, dataset, oldest, err);

		if (r < 0)
			return r;
	}
	return count < 0 ? count : 0;
}

/* ---- making ---------------------------------------------------------------------------------- */

struct maker {
	struct vt_store *store;
	struct vt_batch *batch;
	size_t bytes;
};

static int put_row(void *context, enum vt_family family, const void *key, size_t key_len,
		   const void *value, size_t value_len, struct vt_error *err)
{
	struct maker *maker = context;
	int r;

	vt_batch_put(maker->batch, maker->store, family, key, key_len, value, value_len);
	maker->bytes += key_len + value_len;
	if (maker->bytes < BATCH_BYTES)
		return 0;
	r = vt_store_write(maker->store, maker->batch, false, err);
	vt_batch_free(maker->batch);
	maker->batch = vt_batch_new();
	maker->bytes = 0;
	return r;
}

static int build(struct vt_index *index, const struct vt_version *version,
		 const struct vt_cancel *cancel, uint64_t set, const struct vt_posting_sink *sink,
		 struct vt_error *err)
{
	const struct vt_labelled_files files = vt_labelled_files_of(index, version);
	const struct vt_posting_origin origin = {
		.files = version->tree.root.content,
		.labels = version->labels.content,
		.nodes = version->tree.root.nodes,
	};
	vt_cleanup(vt_posting_builder_freep) struct vt_posting_builder *builder = NULL;
	int r = vt_posting_builder_new(NULL, &builder, err);

	if (r == 0)
		r = vt_file_labels_post(&files, cancel, builder, err);
	return r < 0 ? r : vt_posting_builder_finish(builder, set, &origin, sink, err);
}

static int make(struct vt_index *index, const struct vt_version *version,
		const struct vt_cancel *cancel, uint64_t *set, struct vt_error *err)
{
	struct maker maker = {.store = index->store, .batch = vt_batch_new()};
	const struct vt_posting_sink sink = {.put = put_row, .context = &maker};
	uint32_t serial = htole32(version->serial);
	uint8_t key[META_KEY_LEN];
	int r = vt_store_take(index->store, VT_COUNTER_POSTINGS, 1, set, err);

	if (r == 0)
		r = build(index, version, cancel, *set, &sink, err);
	VT_CRASHPOINT("postings-built");
	if (r == 0) {
		meta_key(version->dataset, *set, key);
		vt_batch_put(maker.batch, index->store, VT_CF_META, key, sizeof key, &serial,
			     sizeof serial);
		r = vt_store_write(index->store, maker.batch, false, err);
	}
	VT_CRASHPOINT("postings-made");
	vt_batch_free(maker.batch);
	return r < 0 ? r : drop_old(index->store, version->dataset, err);
}

int vt_posting_sets_make(struct vt_index *index, const struct vt_version *version,
			 const struct vt_cancel *cancel, uint64_t *set, struct vt_error *err)
{
	int r;

	atomic_fetch_add(&index->posting_makings, 1); /* before it has a number: see the sweep */
	r = make(index, version, cancel, set, err);
	atomic_fetch_sub(&index->posting_makings, 1);
	return r;
}

/* ---- sweeping -------------------------------------------------------------------------------- */

/* Sets that are named; those of datasets that are gone are dropped. */
static int sweep_named(struct vt_index *index, struct vt_idmap *named, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	int r = vt_iterator_new(index->store, VT_CF_META, META_PREFIX, META_PREFIX_LEN, NULL, 0,
				&it, err);

	while (r >= 0 && (r = next_row(it, &key, &value, err)) > 0) {
		vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *dataset = NULL;
		struct vt_posting_set set;
		uint32_t id;

		if (!value.data) { /* the set is then one that nothing names */
			vt_batch_delete(batch, index->store, VT_CF_META, key.data, key.len);
			continue;
		}
		if (!read_meta(&key, &value, &set))
			return vt_fail(err, EBADMSG, "the row of a set of postings is damaged");
		id = vt_key_read_u32((const uint8_t *) key.data + META_PREFIX_LEN);
		if (vt_catalog_dataset_by_id(index->catalog, id, &dataset, NULL) < 0)
			r = vt_posting_sets_drop(index->store, id, set.id, err);
		else if (vt_idmap_add(named, set.id, 1) < 0)
			r = vt_fail(err, ENOMEM, "no memory to look through postings");
	}
	return r < 0 ? r : vt_store_write(index->store, batch, false, err);
}

/* A set below `end` that is not named was not finished, or not dropped to its end. */
static int sweep_family(struct vt_index *index, enum vt_family family, const struct vt_idmap *named,
			uint64_t end, struct vt_error *err)
{
	uint64_t from = 0;
	int r;

	for (;;) {
		vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
		struct vt_value key, value;
		uint8_t first[8];
		uint64_t set;

		vt_key_u64(from, first);
		r = vt_iterator_new(index->store, family, NULL, 0, first, sizeof first, &it, err);
		if (r == 0)
			r = next_row(it, &key, &value, err);
		if (r <= 0)
			return r;
		if (key.len < sizeof first)
			return vt_fail(err, EBADMSG, "a row of postings is damaged");
		set = vt_key_read_u64(key.data);
		if (set >= end)
			return 0;
		r = vt_idmap_find(named, set, NULL) ? 0 : drop_rows(index->store, family, set, err);
		if (r < 0)
			return r;
		from = set + 1;
	}
}

/*
 * A set with a number below `end` that is made now was begun before that number was taken: when
 * none is being made after that, all of them are finished, and named.
 */
int vt_posting_sets_sweep(struct vt_index *index, struct vt_error *err)
{
	struct vt_idmap named = {0};
	uint64_t end;
	int r = vt_store_take(index->store, VT_COUNTER_POSTINGS, 1, &end, err);

	if (r == 0 && index->posting_makings > 0)
		end = 0;
	if (r == 0)
		r = sweep_named(index, &named, err);
	for (size_t i = 0; r == 0 && i < sizeof families / sizeof *families; i++)
		r = sweep_family(index, families[i], &named, end, err);
	vt_idmap_done(&named);
	return r;
}
