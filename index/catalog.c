/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: finding, and the tables that changes are swapped into. */
#include "index/catalog_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"

/* ---- the tables ---------------------------------------------------------------------------- */

struct slot *vt_catalog_slot(const struct vt_catalog *catalog, uint32_t dataset)
{
	return (struct slot *) vt_row_value(vt_table_find(&catalog->datasets, dataset));
}

const struct vt_version *vt_catalog_find(const struct vt_catalog *catalog, uint32_t serial)
{
	return vt_row_value(vt_table_find(&catalog->versions, serial));
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

const char *vt_dataset_space(const char *dataset_name, char space[VT_NAME_PART_MAX + 1])
{
	const char *slash = strchr(dataset_name, '/');

	if (!slash)
		return NULL;
	(void) snprintf(space, VT_NAME_PART_MAX + 1, "%.*s", (int) (slash - dataset_name),
			dataset_name);
	return space;
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
	struct tag_slot *tag = (struct tag_slot *) vt_row_value(row);

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

struct vt_catalog *vt_catalog_new(struct vt_store *store)
{
	struct vt_catalog *catalog = calloc(1, sizeof *catalog);
	pthread_rwlockattr_t attributes;

	if (!catalog)
		return NULL;
	catalog->store = store;
	atomic_init(&catalog->generation, 1);
	(void) pthread_mutex_init(&catalog->writer, NULL);
	/* Readers come without pause on a busy mount; a change must still get its turn. */
	(void) pthread_rwlockattr_init(&attributes);
	(void) pthread_rwlockattr_setkind_np(&attributes,
					     PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void) pthread_rwlock_init(&catalog->lock, &attributes);
	(void) pthread_rwlockattr_destroy(&attributes);
	return catalog;
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
	slot = vt_row_value(vt_table_find_name(&catalog->dataset_names, name));
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
	version = vt_row_value(vt_table_find(&catalog->exhibits, exhibit));
	if (version)
		*out = vt_version_ref(version);
	unlock(catalog);
	return version ? 0 : vt_fail(err, ESTALE, "exhibit %u is over", exhibit);
}

int vt_catalog_space(struct vt_catalog *catalog, uint32_t id, const char **name)
{
	const struct space *space;

	read_lock(catalog);
	space = vt_row_value(vt_table_find(&catalog->spaces, id));
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
	space = vt_row_value(vt_table_find_name(&catalog->space_names, name));
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
	tag = vt_row_value(vt_table_find(&catalog->links, link));
	if (tag) {
		*dataset = tag->dataset;
		*version = tag->version;
	}
	unlock(catalog);
	return tag ? 0 : -ENOENT;
}
