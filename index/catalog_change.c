/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See catalog.h: changes. Each is one function in one order: look (under `writer`), make the new
 * snapshots and the batch, make room, write synced, swap (under `lock`). Nothing can fail after the
 * write.
 */
#include "index/catalog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/error.h"

/* What a change has made so far. */
struct change {
	struct vt_catalog *catalog;
	struct slot *slot;
	struct vt_batch *batch;
	const struct vt_dataset *dataset; /* new snapshots; NULL: unchanged */
	const struct vt_version *version;
};

/* Takes the writer's lock; change_end() gives it back and frees what was not swapped in. */
static struct change change_begin(struct vt_catalog *catalog)
{
	(void) pthread_mutex_lock(&catalog->writer);
	return (struct change){.catalog = catalog, .batch = vt_batch_new()};
}

static void change_end(struct change *change)
{
	vt_batch_free(change->batch);
	vt_dataset_unref(change->dataset);
	vt_version_unref(change->version);
	(void) pthread_mutex_unlock(&change->catalog->writer);
}

static int find_slot(struct change *change, uint32_t dataset, struct vt_error *err)
{
	change->slot = vt_catalog_slot(change->catalog, dataset);
	if (!change->slot)
		return vt_fail(err, ENOENT, "there is no dataset with id %u", dataset);
	return 0;
}

/* The version, and its dataset as change->slot. */
static int find_version(struct change *change, uint32_t serial, const struct vt_version **out,
			struct vt_error *err)
{
	*out = vt_catalog_find(change->catalog, serial);
	if (!*out)
		return vt_fail(err, ENOENT, "there is no version with serial %u", serial);
	return find_slot(change, (*out)->dataset, err);
}

static int find_live_version(struct change *change, uint32_t dataset, uint32_t serial,
			     const struct vt_version **out, struct vt_error *err)
{
	int r = find_version(change, serial, out, err);

	if (r < 0)
		return r;
	if ((*out)->dataset != dataset)
		return vt_fail(err, EINVAL, "version '%s' is of another dataset, '%s'",
			       (*out)->name, change->slot->now->name);
	if ((*out)->state != VT_VERSION_LIVE)
		return vt_fail(err, ESTALE, "version '%s' of '%s' was withdrawn: %s", (*out)->name,
			       change->slot->now->name, (*out)->reason);
	return 0;
}

/* ---- staging: into the batch, and as a snapshot --------------------------------------------- */

static int stage_dataset(struct change *change, const struct vt_dataset *dataset,
			 struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[4];
	int r = vt_dataset_encode(dataset, &record, err);

	if (r < 0)
		return r;
	vt_key_u32(dataset->id, key);
	vt_batch_put(change->batch, change->catalog->store, VT_CF_DATASET, key, sizeof key,
		     record.data, record.len);
	return vt_dataset_decode(dataset->id, record.data, record.len, &change->dataset, err);
}

/* Into the batch alone; `snapshot` may be NULL. */
static int put_version(struct change *change, const struct vt_version *version, uint64_t removed_ns,
		       const struct vt_version **snapshot, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[8];
	int r = vt_version_encode(version, removed_ns, &record, err);

	if (r < 0)
		return r;
	vt_key_u32_u32(version->dataset, version->serial, key);
	vt_batch_put(change->batch, change->catalog->store, VT_CF_VERSION, key, sizeof key,
		     record.data, record.len);
	if (!snapshot)
		return 0;
	return vt_version_decode(version->dataset, version->serial, record.data, record.len,
				 snapshot, NULL, err);
}

static int put_exhibit(struct change *change, uint32_t exhibit, uint32_t version,
		       enum vt_exhibit_state state, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[4];

	if (vt_exhibit_encode(version, state, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of an exhibit");
	vt_key_u32(exhibit, key);
	vt_batch_put(change->batch, change->catalog->store, VT_CF_EXHIBIT, key, sizeof key,
		     record.data, record.len);
	return 0;
}

/* A record that stays for ever: an id of the exhibit must never be live again. */
static int retire_exhibit(struct change *change, const struct vt_version *version,
			  struct vt_error *err)
{
	if (!version->exhibit)
		return 0;
	return put_exhibit(change, version->exhibit, version->serial, VT_EXHIBIT_RETIRED, err);
}

static void tag_key(uint32_t dataset, const char *name, uint8_t key[4 + VT_NAME_PART_MAX],
		    size_t *len)
{
	vt_key_u32(dataset, key);
	*len = 4 + strlen(name);
	memcpy(key + 4, name, *len - 4);
}

static void stage_untag(struct change *change, const char *name)
{
	uint8_t key[4 + VT_NAME_PART_MAX];
	size_t len;

	tag_key(change->slot->now->id, name, key, &len);
	vt_batch_delete(change->batch, change->catalog->store, VT_CF_TAG, key, len);
}

/* The newest live version besides `without`, 0 for none. */
static uint32_t newest_live(const struct change *change, uint32_t without)
{
	const struct vt_table *serials = &change->slot->serials;

	for (size_t i = serials->count; i > 0; i--) {
		uint32_t serial = serials->rows[i - 1].id;

		if (serial != without &&
		    vt_catalog_find(change->catalog, serial)->state == VT_VERSION_LIVE)
			return serial;
	}
	return 0;
}

/* `latest` goes elsewhere when it names a version about to disappear. */
static int stage_latest_without(struct change *change, uint32_t serial, struct vt_error *err)
{
	struct vt_dataset dataset = *change->slot->now;

	if (dataset.latest != serial)
		return 0;
	dataset.latest = newest_live(change, serial);
	return stage_dataset(change, &dataset, err);
}

static int write_change(struct change *change, struct vt_error *err)
{
	return vt_store_write(change->catalog->store, change->batch, true, err);
}

static void swap_begin(struct change *change)
{
	(void) pthread_rwlock_wrlock(&change->catalog->lock);
	if (change->dataset)
		vt_catalog_put_dataset(change->catalog, change->slot, vt_steal(&change->dataset));
	if (change->version)
		vt_catalog_put_version(change->catalog, change->slot, vt_steal(&change->version));
}

static void swap_end(struct change *change)
{
	(void) atomic_fetch_add(&change->catalog->generation, 1);
	(void) pthread_rwlock_unlock(&change->catalog->lock);
}

static int take(struct change *change, enum vt_counter counter, uint32_t *out, struct vt_error *err)
{
	uint64_t first;
	int r = vt_store_take(change->catalog->store, counter, 1, &first, err);

	if (r == 0)
		*out = (uint32_t) first; /* the counter's bound is below 2^32 */
	return r;
}

/* ---- datasets ------------------------------------------------------------------------------- */

static int check_new_dataset(const struct change *change, const char *name, const char *space,
			     struct vt_error *err)
{
	const struct vt_row *row;

	if (vt_table_find_name(&change->catalog->dataset_names, name))
		return vt_fail(err, EEXIST, "there is a dataset '%s' already", name);
	if (space && vt_table_find_name(&change->catalog->dataset_names, space))
		return vt_fail(err, EEXIST, "'%s' is a dataset and cannot be a space", space);
	row = space ? NULL : vt_table_find_name(&change->catalog->space_names, name);
	if (row && ((const struct space *) row->value)->datasets)
		return vt_fail(err, EEXIST, "'%s' is a space and cannot be a dataset", name);
	return 0;
}

/* The space of that name; a new one is written at once: alone it is not to be seen. */
static int provide_space(struct change *change, const char *name, struct space **out,
			 struct vt_error *err)
{
	struct vt_catalog *catalog = change->catalog;
	const struct vt_row *row = vt_table_find_name(&catalog->space_names, name);
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint32_t id = 0;
	int r;

	if (row) {
		*out = (struct space *) row->value;
		return 0;
	}
	r = take(change, VT_COUNTER_SPACE, &id, err);
	if (r < 0)
		return r;
	if (vt_space_encode(id, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of a space");
	vt_batch_put(batch, catalog->store, VT_CF_SPACE, name, strlen(name), record.data,
		     record.len);
	r = vt_store_write(catalog->store, batch, true, err);
	if (r < 0)
		return r;
	(void) pthread_rwlock_wrlock(&catalog->lock);
	*out = vt_catalog_put_space(catalog, id, name, err);
	(void) pthread_rwlock_unlock(&catalog->lock);
	return *out ? 0 : -ENOMEM;
}

static int create_dataset(struct change *change, const char *name, uint32_t owner_uid,
			  struct slot *slot, uint32_t *id, struct vt_error *err)
{
	char space[VT_NAME_PART_MAX + 1];
	bool spaced = vt_catalog_space_of(name, space);
	struct vt_dataset dataset = {
		.domain = VT_DOMAIN_PLAIN,
		.name = name,
		.next_number = 1,
		.owner_uid = owner_uid,
		.created_ns = vt_clock_realtime_ns(),
	};
	int r = check_new_dataset(change, name, spaced ? space : NULL, err);

	if (r == 0 && spaced)
		r = provide_space(change, space, &slot->space, err);
	if (r == 0)
		r = take(change, VT_COUNTER_DATASET, &dataset.id, err);
	if (r == 0)
		r = vt_catalog_reserve(change->catalog, slot, err);
	if (r == 0)
		r = stage_dataset(change, &dataset, err);
	if (r == 0)
		r = write_change(change, err);
	if (r == 0)
		*id = dataset.id;
	return r;
}

int vt_catalog_create_dataset(struct vt_catalog *catalog, const char *name, uint32_t owner_uid,
			      uint32_t *id, struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	vt_cleanup(vt_catalog_free_slotp) struct slot *slot = calloc(1, sizeof *slot);
	int r = vt_dataset_name_check(name, err);

	if (r == 0 && !slot)
		r = vt_fail(err, ENOMEM, "no memory for a dataset");
	if (r == 0)
		r = create_dataset(&change, name, owner_uid, slot, id, err);
	if (r < 0)
		return r;
	change.slot = vt_steal(&slot);
	swap_begin(&change);
	swap_end(&change);
	return 0;
}

/* A row that gc reads the tree from, until what was removed may go. */
static int stage_tombstone(struct change *change, const struct vt_version *version,
			   struct vt_error *err)
{
	struct vt_version tombstone = *version;
	int r = retire_exhibit(change, version, err);

	if (r < 0)
		return r;
	tombstone.state = VT_VERSION_REMOVED;
	tombstone.exhibit = 0;
	return put_version(change, &tombstone, vt_clock_realtime_ns(), NULL, err);
}

static int stage_remove_dataset(struct change *change, uint32_t *retired, size_t *count,
				struct vt_error *err)
{
	const struct slot *slot = change->slot;
	uint8_t key[4];

	for (size_t i = 0; i < slot->serials.count; i++) {
		const struct vt_version *version =
			vt_catalog_find(change->catalog, slot->serials.rows[i].id);
		int r = stage_tombstone(change, version, err);

		if (r < 0)
			return r;
		if (version->exhibit)
			retired[(*count)++] = version->exhibit;
	}
	for (size_t i = 0; i < slot->tags.count; i++)
		stage_untag(change, slot->tags.rows[i].name);
	vt_key_u32(slot->now->id, key);
	vt_batch_delete(change->batch, change->catalog->store, VT_CF_DATASET, key, sizeof key);
	return 0;
}

int vt_catalog_remove_dataset(struct vt_catalog *catalog, uint32_t dataset, uint32_t **retired,
			      size_t *count, struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	vt_autofree uint32_t *list = NULL;
	size_t n = 0;
	int r = find_slot(&change, dataset, err);

	if (r < 0)
		return r;
	list = calloc(change.slot->serials.count + 1, sizeof *list);
	if (!list)
		return vt_fail(err, ENOMEM, "no memory to remove a dataset");
	r = stage_remove_dataset(&change, list, &n, err);
	if (r == 0)
		r = write_change(&change, err);
	if (r < 0)
		return r;
	swap_begin(&change);
	vt_catalog_drop_dataset(catalog, change.slot);
	swap_end(&change);
	*retired = vt_steal(&list);
	*count = n;
	return 0;
}

int vt_catalog_set_latest(struct vt_catalog *catalog, uint32_t dataset, uint32_t version,
			  struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	const struct vt_version *target;
	struct vt_dataset next;
	int r = find_live_version(&change, dataset, version, &target, err);

	if (r < 0)
		return r;
	next = *change.slot->now;
	next.latest = version;
	r = stage_dataset(&change, &next, err);
	if (r == 0)
		r = write_change(&change, err);
	if (r < 0)
		return r;
	swap_begin(&change);
	swap_end(&change);
	return 0;
}

/* ---- tags ----------------------------------------------------------------------------------- */

static int stage_tag(struct change *change, const struct tag_slot *tag, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint8_t key[4 + VT_NAME_PART_MAX];
	size_t len;

	if (vt_tag_encode(tag->version, tag->link, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of a tag");
	tag_key(tag->dataset, tag->name, key, &len);
	vt_batch_put(change->batch, change->catalog->store, VT_CF_TAG, key, len, record.data,
		     record.len);
	return vt_catalog_reserve(change->catalog, change->slot, err);
}

int vt_catalog_tag(struct vt_catalog *catalog, uint32_t dataset, const char *name, uint32_t version,
		   struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	vt_autofree struct tag_slot *tag = calloc(1, sizeof *tag);
	const struct vt_version *target;
	const struct vt_row *row;
	int r = tag ? vt_version_name_check(name, err) : vt_fail(err, ENOMEM, "no memory");

	if (r == 0)
		r = find_live_version(&change, dataset, version, &target, err);
	if (r < 0)
		return r;
	if (vt_table_find_name(&change.slot->names, name))
		return vt_fail(err, EEXIST, "'%s' has a version named '%s'", change.slot->now->name,
			       name);
	row = vt_table_find_name(&change.slot->tags, name);
	if (row && row->id == version)
		return 0;

	tag->dataset = dataset;
	tag->version = version;
	strcpy(tag->name, name); /* the name check bounds it */
	r = take(&change, VT_COUNTER_TAG_LINK, &tag->link, err);
	if (r == 0)
		r = stage_tag(&change, tag, err);
	if (r == 0)
		r = write_change(&change, err);
	if (r < 0)
		return r;
	swap_begin(&change);
	vt_catalog_put_tag(catalog, change.slot, vt_steal(&tag));
	swap_end(&change);
	return 0;
}

int vt_catalog_untag(struct vt_catalog *catalog, uint32_t dataset, const char *name,
		     struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	int r = find_slot(&change, dataset, err);

	if (r < 0)
		return r;
	if (!vt_table_find_name(&change.slot->tags, name))
		return vt_fail(err, ENOENT, "'%s' has no tag '%s'", change.slot->now->name, name);
	stage_untag(&change, name);
	r = write_change(&change, err);
	if (r < 0)
		return r;
	swap_begin(&change);
	vt_catalog_drop_tag(catalog, change.slot, name);
	swap_end(&change);
	return 0;
}

/* ---- versions ------------------------------------------------------------------------------- */

int vt_catalog_withdraw(struct vt_catalog *catalog, uint32_t version, const char *reason,
			uint32_t *retired, struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	const struct vt_version *before;
	struct vt_version next;
	uint32_t exhibit;
	int r = find_version(&change, version, &before, err);

	if (r < 0)
		return r;
	exhibit = before->exhibit;
	if (before->state == VT_VERSION_WITHDRAWN) { /* the first reason stands */
		*retired = 0;
		return 0;
	}
	next = *before;
	next.state = VT_VERSION_WITHDRAWN;
	next.reason = reason;
	next.exhibit = 0;
	r = put_version(&change, &next, 0, &change.version, err);
	if (r == 0)
		r = retire_exhibit(&change, before, err);
	if (r == 0)
		r = stage_latest_without(&change, version, err);
	if (r == 0)
		r = write_change(&change, err);
	if (r < 0)
		return r;
	swap_begin(&change);
	swap_end(&change);
	*retired = exhibit;
	return 0;
}

static const char *tag_of(const struct slot *slot, uint32_t version)
{
	for (size_t i = 0; i < slot->tags.count; i++)
		if (slot->tags.rows[i].id == version)
			return slot->tags.rows[i].name;
	return NULL;
}

int vt_catalog_remove(struct vt_catalog *catalog, uint32_t version, uint32_t *retired,
		      struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	const struct vt_version *before;
	const char *tag;
	uint32_t exhibit;
	int r = find_version(&change, version, &before, err);

	if (r < 0)
		return r;
	tag = tag_of(change.slot, version);
	if (tag)
		return vt_fail(err, EBUSY, "the tag '%s' names version '%s' of '%s'", tag,
			       before->name, change.slot->now->name);
	exhibit = before->exhibit;
	r = stage_tombstone(&change, before, err);
	if (r == 0)
		r = stage_latest_without(&change, version, err);
	if (r == 0)
		r = write_change(&change, err);
	if (r < 0)
		return r;
	swap_begin(&change);
	vt_catalog_drop_version(catalog, change.slot, version);
	swap_end(&change);
	*retired = exhibit;
	return 0;
}

/* `name` may be NULL: a number is never taken. */
static int check_new_version(const struct change *change, const char *name,
			     uint32_t expected_latest, struct vt_error *err)
{
	const struct slot *slot = change->slot;

	if (slot->now->latest != expected_latest)
		return vt_fail(err, ESTALE, "another version of '%s' became the latest meanwhile",
			       slot->now->name);
	if (slot->now->next_number == UINT32_MAX)
		return vt_fail(err, EOVERFLOW, "'%s' has no version numbers left", slot->now->name);
	if (name && vt_table_find_name(&slot->names, name))
		return vt_fail(err, EEXIST, "'%s' has a version named '%s' already",
			       slot->now->name, name);
	if (name && vt_table_find_name(&slot->tags, name))
		return vt_fail(err, EEXIST, "'%s' has a tag named '%s' already", slot->now->name,
			       name);
	return 0;
}

/* What the commit assigns. `name` is used when the version has none. */
static int assign(struct change *change, struct vt_version *version, const char *name,
		  struct vt_error *err)
{
	const struct vt_dataset *dataset = change->slot->now;
	const struct vt_version *parent = vt_catalog_find(change->catalog, dataset->latest);
	int r = take(change, VT_COUNTER_VERSION, &version->serial, err);

	if (r == 0)
		r = take(change, VT_COUNTER_EXHIBIT, &version->exhibit, err);
	if (r < 0)
		return r;
	version->domain = dataset->domain;
	version->number = dataset->next_number;
	version->name = name;
	version->state = VT_VERSION_LIVE;
	version->reason = "";
	version->parent = dataset->latest;
	version->parent_digest = parent ? parent->digest : (struct vt_digest){{0}};
	return vt_version_digest(version, dataset->name, &version->digest, err);
}

static int stage_version(struct change *change, const struct vt_version *version,
			 struct vt_error *err)
{
	struct vt_dataset dataset = *change->slot->now;
	int r = put_version(change, version, 0, &change->version, err);

	if (r == 0)
		r = put_exhibit(change, version->exhibit, version->serial, VT_EXHIBIT_LIVE, err);
	if (r < 0)
		return r;
	dataset.latest = version->serial;
	dataset.next_number++;
	return stage_dataset(change, &dataset, err);
}

static int commit(struct change *change, struct vt_version *version, uint32_t expected_latest,
		  struct vt_error *err)
{
	struct vt_version next = *version;
	char number[16];
	int r = find_slot(change, version->dataset, err);

	if (r == 0)
		r = check_new_version(change, version->name, expected_latest, err);
	if (r < 0)
		return r;
	(void) snprintf(number, sizeof number, "v%u", change->slot->now->next_number);
	r = assign(change, &next, version->name ? version->name : number, err);
	if (r == 0)
		r = stage_version(change, &next, err);
	if (r == 0)
		r = vt_catalog_reserve(change->catalog, change->slot, err);
	if (r == 0)
		r = write_change(change, err);
	return r;
}

int vt_catalog_check_commit(struct vt_catalog *catalog, uint32_t dataset, const char *name,
			    uint32_t expected_latest, struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	int r = find_slot(&change, dataset, err);

	return r < 0 ? r : check_new_version(&change, name, expected_latest, err);
}

int vt_catalog_commit(struct vt_catalog *catalog, struct vt_version *version,
		      uint32_t expected_latest, struct vt_batch *batch,
		      const struct vt_version **out, struct vt_error *err)
{
	vt_cleanup(change_end) struct change change = change_begin(catalog);
	struct vt_batch *own = change.batch;
	const struct vt_version *made;
	int r = version->name ? vt_version_name_check(version->name, err) : 0;

	if (r < 0)
		return r;
	if (batch) /* the caller's takes the place of the change's own until the write */
		change.batch = batch;
	r = commit(&change, version, expected_latest, err);
	change.batch = own;
	if (r < 0)
		return r;
	made = vt_version_ref(change.version);
	swap_begin(&change);
	swap_end(&change);
	*version = *made; /* its texts live as long as the caller's reference */
	*out = made;
	return 0;
}
