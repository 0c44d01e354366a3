/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: loading, finding, and the tables that changes are swapped into. */
#include "index/catalog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"

/* ---- the tables ---------------------------------------------------------------------------- */

static const void *value_of(const struct vt_row *row)
{
	return row ? row->value : NULL;
}

struct slot *vt_catalog_slot(const struct vt_catalog *catalog, uint32_t dataset)
{
	return (struct slot *) value_of(vt_table_find(&catalog->datasets, dataset));
}

const struct vt_version *vt_catalog_find(const struct vt_catalog *catalog, uint32_t serial)
{
	return value_of(vt_table_find(&catalog->versions, serial));
}

const struct vt_version *vt_catalog_find_name(const struct vt_catalog *catalog,
					      const struct slot *slot, const char *name)
{
	const struct vt_row *row;

	if (!name || strcmp(name, "latest") == 0)
		return vt_catalog_find(catalog, slot->now->latest);
	row = vt_table_find_name(&slot->names, name);
	if (row)
		return vt_catalog_find(catalog, row->id);
	row = vt_table_find_name(&slot->tags, name);
	return row ? vt_catalog_find(catalog, row->id) : NULL;
}

bool vt_catalog_space_of(const char *dataset_name, char space[VT_NAME_PART_MAX + 1])
{
	const char *slash = strchr(dataset_name, '/');

	if (!slash)
		return false;
	(void) snprintf(space, VT_NAME_PART_MAX + 1, "%.*s", (int) (slash - dataset_name),
			dataset_name);
	return true;
}

static bool has_room(struct vt_catalog *catalog, struct slot *slot)
{
	struct vt_table *const tables[] = {
		&catalog->datasets, &catalog->dataset_names, &catalog->versions, &catalog->exhibits,
		&catalog->links,    &slot->serials,          &slot->names,       &slot->tags,
	};

	for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
		if (vt_table_reserve(tables[i], 1) < 0)
			return false;
	return true;
}

int vt_catalog_reserve(struct vt_catalog *catalog, struct slot *slot, struct vt_error *err)
{
	bool room;

	(void) pthread_rwlock_wrlock(&catalog->lock); /* the arrays may move */
	room = has_room(catalog, slot);
	(void) pthread_rwlock_unlock(&catalog->lock);
	return room ? 0 : vt_fail(err, ENOMEM, "no memory for the catalog");
}

struct space *vt_catalog_put_space(struct vt_catalog *catalog, uint32_t id, const char *name,
				   struct vt_error *err)
{
	struct space *space = calloc(1, sizeof *space);

	if (!space || vt_table_reserve(&catalog->spaces, 1) < 0 ||
	    vt_table_reserve(&catalog->space_names, 1) < 0) {
		free(space);
		(void) vt_fail(err, ENOMEM, "no memory for the catalog");
		return NULL;
	}
	space->id = id;
	(void) snprintf(space->name, sizeof space->name, "%s", name);
	vt_table_put(&catalog->spaces, (struct vt_row){.id = id, .value = space});
	vt_table_put(&catalog->space_names, (struct vt_row){.name = space->name, .value = space});
	return space;
}

void vt_catalog_put_dataset(struct vt_catalog *catalog, struct slot *slot,
			    const struct vt_dataset *now)
{
	const struct vt_dataset *before = slot->now;

	slot->now = now;
	vt_table_put(&catalog->datasets, (struct vt_row){.id = now->id, .value = slot});
	vt_table_put(&catalog->dataset_names, (struct vt_row){.name = now->name, .value = slot});
	if (!before && slot->space)
		slot->space->datasets++;
	vt_dataset_unref(before);
}

void vt_catalog_put_version(struct vt_catalog *catalog, struct slot *slot,
			    const struct vt_version *now)
{
	const struct vt_version *before = vt_catalog_find(catalog, now->serial);

	vt_table_put(&catalog->versions, (struct vt_row){.id = now->serial, .value = now});
	vt_table_put(&slot->serials, (struct vt_row){.id = now->serial});
	vt_table_put(&slot->names, (struct vt_row){.name = now->name, .id = now->serial});
	if (before && before->exhibit)
		vt_table_remove(&catalog->exhibits,
				vt_table_find(&catalog->exhibits, before->exhibit));
	if (now->exhibit)
		vt_table_put(&catalog->exhibits, (struct vt_row){.id = now->exhibit, .value = now});
	vt_version_unref(before);
}

void vt_catalog_drop_version(struct vt_catalog *catalog, struct slot *slot, uint32_t serial)
{
	const struct vt_version *before = vt_catalog_find(catalog, serial);

	vt_table_remove(&slot->serials, vt_table_find(&slot->serials, serial));
	vt_table_remove(&slot->names, vt_table_find_name(&slot->names, before->name));
	if (before->exhibit)
		vt_table_remove(&catalog->exhibits,
				vt_table_find(&catalog->exhibits, before->exhibit));
	vt_table_remove(&catalog->versions, vt_table_find(&catalog->versions, serial));
	vt_version_unref(before);
}

void vt_catalog_drop_tag(struct vt_catalog *catalog, struct slot *slot, const char *name)
{
	struct vt_row *row = vt_table_find_name(&slot->tags, name);
	struct tag_slot *tag = (struct tag_slot *) value_of(row);

	if (!tag)
		return;
	vt_table_remove(&catalog->links, vt_table_find(&catalog->links, tag->link));
	vt_table_remove(&slot->tags, row);
	free(tag);
}

void vt_catalog_put_tag(struct vt_catalog *catalog, struct slot *slot, struct tag_slot *tag)
{
	vt_catalog_drop_tag(catalog, slot, tag->name);
	vt_table_put(&slot->tags,
		     (struct vt_row){.name = tag->name, .id = tag->version, .value = tag});
	vt_table_put(&catalog->links, (struct vt_row){.id = tag->link, .value = tag});
}

void vt_catalog_free_slot(struct slot *slot)
{
	if (!slot)
		return;
	for (size_t i = 0; i < slot->tags.count; i++)
		free((void *) slot->tags.rows[i].value);
	vt_table_done(&slot->serials);
	vt_table_done(&slot->names);
	vt_table_done(&slot->tags);
	vt_dataset_unref(slot->now);
	free(slot);
}

void vt_catalog_drop_dataset(struct vt_catalog *catalog, struct slot *slot)
{
	while (slot->tags.count)
		vt_catalog_drop_tag(catalog, slot, slot->tags.rows[0].name);
	while (slot->serials.count)
		vt_catalog_drop_version(catalog, slot,
					slot->serials.rows[slot->serials.count - 1].id);
	vt_table_remove(&catalog->datasets, vt_table_find(&catalog->datasets, slot->now->id));
	vt_table_remove(&catalog->dataset_names,
			vt_table_find_name(&catalog->dataset_names, slot->now->name));
	if (slot->space)
		slot->space->datasets--;
	vt_catalog_free_slot(slot);
}

/* ---- loading ------------------------------------------------------------------------------- */

/* Takes one row into the tables. */
typedef int load_row(struct vt_catalog *catalog, const struct vt_value *key,
		     const struct vt_value *value, struct vt_error *err);

static int damaged(struct vt_error *err, const char *what)
{
	return vt_fail(err, EBADMSG, "the index has a damaged row: %s", what);
}

static int load_space(struct vt_catalog *catalog, const struct vt_value *key,
		      const struct vt_value *value, struct vt_error *err)
{
	char name[VT_NAME_PART_MAX + 1] = "";
	uint32_t id;
	int r = vt_space_decode(value->data, value->len, &id, err);

	if (r < 0)
		return r;
	if (key->len == 0 || key->len >= sizeof name)
		return damaged(err, "a space's name");
	memcpy(name, key->data, key->len);
	if (vt_table_find(&catalog->spaces, id) || strlen(name) != key->len)
		return damaged(err, "a space");
	return vt_catalog_put_space(catalog, id, name, err) ? 0 : -ENOMEM;
}

static int load_dataset(struct vt_catalog *catalog, const struct vt_value *key,
			const struct vt_value *value, struct vt_error *err)
{
	vt_cleanup(vt_catalog_free_slotp) struct slot *slot = calloc(1, sizeof *slot);
	vt_cleanup(vt_dataset_unrefp) const struct vt_dataset *now = NULL;
	char space[VT_NAME_PART_MAX + 1];
	int r;

	if (!slot)
		return vt_fail(err, ENOMEM, "no memory for the catalog");
	if (key->len != 4)
		return damaged(err, "a dataset's key");
	r = vt_dataset_decode(vt_key_read_u32(key->data), value->data, value->len, &now, err);
	if (r == 0)
		r = vt_catalog_reserve(catalog, slot, err);
	if (r < 0)
		return r;
	if (vt_table_find_name(&catalog->dataset_names, now->name))
		return damaged(err, "two datasets have one name");
	if (vt_catalog_space_of(now->name, space)) {
		slot->space =
			(struct space *) value_of(vt_table_find_name(&catalog->space_names, space));
		if (!slot->space)
			return damaged(err, "a dataset in an unknown space");
	}
	vt_catalog_put_dataset(catalog, vt_steal(&slot), vt_steal(&now));
	return 0;
}

static int load_version(struct vt_catalog *catalog, const struct vt_value *key,
			const struct vt_value *value, struct vt_error *err)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *now = NULL;
	struct slot *slot;
	int r;

	if (key->len != 8)
		return damaged(err, "a version's key");
	r = vt_version_decode(vt_key_read_u32(key->data),
			      vt_key_read_u32((const uint8_t *) key->data + 4), value->data,
			      value->len, &now, NULL, err);
	if (r < 0 || now->state == VT_VERSION_REMOVED)
		return r;
	slot = vt_catalog_slot(catalog, now->dataset);
	if (!slot)
		return damaged(err, "a version of no dataset");
	if (vt_catalog_find(catalog, now->serial) || vt_table_find_name(&slot->names, now->name) ||
	    (now->exhibit && vt_table_find(&catalog->exhibits, now->exhibit)))
		return damaged(err, "two versions have one serial, name or exhibit");
	r = vt_catalog_reserve(catalog, slot, err);
	if (r < 0)
		return r;
	vt_catalog_put_version(catalog, slot, vt_steal(&now));
	return 0;
}

static int load_tag(struct vt_catalog *catalog, const struct vt_value *key,
		    const struct vt_value *value, struct vt_error *err)
{
	vt_autofree struct tag_slot *tag = calloc(1, sizeof *tag);
	const struct vt_version *version;
	struct slot *slot;
	int r;

	if (!tag)
		return vt_fail(err, ENOMEM, "no memory for the catalog");
	if (key->len <= 4 || key->len - 4 >= sizeof tag->name)
		return damaged(err, "a tag's key");
	r = vt_tag_decode(value->data, value->len, &tag->version, &tag->link, err);
	if (r < 0)
		return r;
	memcpy(tag->name, (const char *) key->data + 4, key->len - 4);
	tag->dataset = vt_key_read_u32(key->data);
	slot = vt_catalog_slot(catalog, tag->dataset);
	version = vt_catalog_find(catalog, tag->version);
	if (!slot || !version || version->dataset != tag->dataset)
		return damaged(err, "a tag of no version");
	if (vt_table_find(&catalog->links, tag->link))
		return damaged(err, "two tags have one link id");
	r = vt_catalog_reserve(catalog, slot, err);
	if (r < 0)
		return r;
	vt_catalog_put_tag(catalog, slot, vt_steal(&tag));
	return 0;
}

static int load_family(struct vt_catalog *catalog, enum vt_family family, load_row *load,
		       struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(catalog->store, family, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0) {
		r = load(catalog, &key, &value, err);
		if (r < 0)
			return r;
	}
	return r;
}

/* `latest` must be a live version of the dataset. */
static int check_latest(const struct vt_catalog *catalog, struct vt_error *err)
{
	for (size_t i = 0; i < catalog->datasets.count; i++) {
		const struct slot *slot = catalog->datasets.rows[i].value;
		const struct vt_version *latest;

		if (slot->now->latest == 0)
			continue;
		latest = vt_catalog_find(catalog, slot->now->latest);
		if (!latest || latest->dataset != slot->now->id || latest->state != VT_VERSION_LIVE)
			return damaged(err, "a dataset's latest version");
	}
	return 0;
}

static struct vt_catalog *catalog_new(struct vt_store *store)
{
	struct vt_catalog *catalog = calloc(1, sizeof *catalog);
	pthread_rwlockattr_t attributes;

	if (!catalog)
		return NULL;
	catalog->store = store;
	atomic_init(&catalog->generation, 1);
	(void) pthread_mutex_init(&catalog->totals_lock, NULL);
	(void) pthread_mutex_init(&catalog->writer, NULL);
	/* Readers come without pause on a busy mount; a change must still get its turn. */
	(void) pthread_rwlockattr_init(&attributes);
	(void) pthread_rwlockattr_setkind_np(&attributes,
					     PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void) pthread_rwlock_init(&catalog->lock, &attributes);
	(void) pthread_rwlockattr_destroy(&attributes);
	return catalog;
}

int vt_catalog_load(struct vt_store *store, struct vt_catalog **out, struct vt_error *err)
{
	static const struct {
		enum vt_family family;
		load_row *load;
	} parts[] = {
		{VT_CF_SPACE, load_space}, /* each needs those before it */
		{VT_CF_DATASET, load_dataset},
		{VT_CF_VERSION, load_version},
		{VT_CF_TAG, load_tag},
	};
	vt_cleanup(vt_catalog_freep) struct vt_catalog *catalog = catalog_new(store);
	int r = 0;

	if (!catalog)
		return vt_fail(err, ENOMEM, "no memory for the catalog");
	for (size_t i = 0; r == 0 && i < sizeof parts / sizeof *parts; i++)
		r = load_family(catalog, parts[i].family, parts[i].load, err);
	if (r == 0)
		r = check_latest(catalog, err);
	if (r < 0)
		return r;
	*out = vt_steal(&catalog);
	return 0;
}

void vt_catalog_free(struct vt_catalog *catalog)
{
	if (!catalog)
		return;
	while (catalog->datasets.count)
		vt_catalog_drop_dataset(
			catalog,
			(struct slot *) catalog->datasets.rows[catalog->datasets.count - 1].value);
	for (size_t i = 0; i < catalog->spaces.count; i++)
		free((void *) catalog->spaces.rows[i].value);
	vt_table_done(&catalog->datasets);
	vt_table_done(&catalog->dataset_names);
	vt_table_done(&catalog->versions);
	vt_table_done(&catalog->exhibits);
	vt_table_done(&catalog->links);
	vt_table_done(&catalog->spaces);
	vt_table_done(&catalog->space_names);
	(void) pthread_rwlock_destroy(&catalog->lock);
	(void) pthread_mutex_destroy(&catalog->writer);
	free(catalog);
}

/* ---- finding ------------------------------------------------------------------------------- */

uint64_t vt_catalog_generation(const struct vt_catalog *catalog)
{
	return atomic_load(&catalog->generation);
}

static void read_lock(struct vt_catalog *catalog)
{
	(void) pthread_rwlock_rdlock(&catalog->lock);
}

static void unlock(struct vt_catalog *catalog)
{
	(void) pthread_rwlock_unlock(&catalog->lock);
}

int vt_catalog_dataset(struct vt_catalog *catalog, const char *name, const struct vt_dataset **out,
		       struct vt_error *err)
{
	const struct slot *slot;

	read_lock(catalog);
	slot = value_of(vt_table_find_name(&catalog->dataset_names, name));
	if (slot)
		*out = vt_dataset_ref(slot->now);
	unlock(catalog);
	return slot ? 0 : vt_fail(err, ENOENT, "there is no dataset '%s'", name);
}

int vt_catalog_dataset_by_id(struct vt_catalog *catalog, uint32_t id, const struct vt_dataset **out,
			     struct vt_error *err)
{
	const struct slot *slot;

	read_lock(catalog);
	slot = vt_catalog_slot(catalog, id);
	if (slot)
		*out = vt_dataset_ref(slot->now);
	unlock(catalog);
	return slot ? 0 : vt_fail(err, ENOENT, "there is no dataset with id %u", id);
}

int vt_catalog_version(struct vt_catalog *catalog, uint32_t serial, const struct vt_version **out,
		       struct vt_error *err)
{
	const struct vt_version *version;

	read_lock(catalog);
	version = vt_catalog_find(catalog, serial);
	if (version)
		*out = vt_version_ref(version);
	unlock(catalog);
	return version ? 0 : vt_fail(err, ENOENT, "there is no version with serial %u", serial);
}

int vt_catalog_resolve(struct vt_catalog *catalog, uint32_t dataset, const char *name,
		       const struct vt_version **out, struct vt_error *err)
{
	const struct vt_version *version = NULL;
	const struct slot *slot;
	int r = 0;

	read_lock(catalog);
	slot = vt_catalog_slot(catalog, dataset);
	if (slot)
		version = vt_catalog_find_name(catalog, slot, name);
	if (version)
		*out = vt_version_ref(version);
	else if (!slot)
		r = vt_fail(err, ENOENT, "there is no dataset with id %u", dataset);
	else if (!name || strcmp(name, "latest") == 0)
		r = vt_fail(err, ENOENT, "'%s' has no version to be read", slot->now->name);
	else
		r = vt_fail(err, ENOENT, "'%s' has no version or tag '%s'", slot->now->name, name);
	unlock(catalog);
	return r;
}

int vt_catalog_exhibit(struct vt_catalog *catalog, uint32_t exhibit, const struct vt_version **out,
		       struct vt_error *err)
{
	const struct vt_version *version;

	read_lock(catalog);
	version = value_of(vt_table_find(&catalog->exhibits, exhibit));
	if (version)
		*out = vt_version_ref(version);
	unlock(catalog);
	return version ? 0 : vt_fail(err, ESTALE, "exhibit %u is over", exhibit);
}

int vt_catalog_space(struct vt_catalog *catalog, uint32_t id, const char **name)
{
	const struct space *space;

	read_lock(catalog);
	space = value_of(vt_table_find(&catalog->spaces, id));
	unlock(catalog);
	if (!space)
		return -ENOENT;
	*name = space->name; /* a space and its name stay as long as the catalog */
	return 0;
}

int vt_catalog_space_by_name(struct vt_catalog *catalog, const char *name, uint32_t *id)
{
	const struct space *space;
	bool found;

	read_lock(catalog);
	space = value_of(vt_table_find_name(&catalog->space_names, name));
	found = space && space->datasets;
	if (found)
		*id = space->id;
	unlock(catalog);
	return found ? 0 : -ENOENT;
}

int vt_catalog_tag_link(struct vt_catalog *catalog, uint32_t link, uint32_t *dataset,
			uint32_t *version)
{
	const struct tag_slot *tag;

	read_lock(catalog);
	tag = value_of(vt_table_find(&catalog->links, link));
	if (tag) {
		*dataset = tag->dataset;
		*version = tag->version;
	}
	unlock(catalog);
	return tag ? 0 : -ENOENT;
}
