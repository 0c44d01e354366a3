/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: listings. The tables are in the order that is asked for. */
#include "index/catalog_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* calloc() that also gives something for nothing. */
static void *list_new(size_t count, size_t size)
{
	return calloc(count ? count : 1, size);
}

int vt_catalog_datasets(struct vt_catalog *catalog, const struct vt_dataset ***out, size_t *count)
{
	const struct vt_table *table = &catalog->dataset_names;
	const struct vt_dataset **list;

	(void) pthread_rwlock_rdlock(&catalog->lock);
	list = list_new(table->count, sizeof *list);
	for (size_t i = 0; list && i < table->count; i++)
		list[i] = vt_dataset_ref(((const struct slot *) table->rows[i].value)->now);
	if (list) {
		*out = list;
		*count = table->count;
	}
	(void) pthread_rwlock_unlock(&catalog->lock);
	return list ? 0 : -ENOMEM;
}

void vt_datasets_free(const struct vt_dataset **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vt_dataset_unref(list[i]);
	free(list);
}

int vt_catalog_versions(struct vt_catalog *catalog, uint32_t dataset,
			const struct vt_version ***out, size_t *count)
{
	const struct vt_version **list;
	const struct slot *slot;
	size_t n;

	(void) pthread_rwlock_rdlock(&catalog->lock);
	slot = vt_catalog_slot(catalog, dataset);
	n = slot ? slot->serials.count : 0;
	list = list_new(n, sizeof *list);
	for (size_t i = 0; list && i < n; i++)
		list[i] = vt_version_ref(vt_catalog_find(catalog, slot->serials.rows[i].id));
	(void) pthread_rwlock_unlock(&catalog->lock);
	if (!list)
		return -ENOMEM;
	*out = list;
	*count = n;
	return 0;
}

void vt_versions_free(const struct vt_version **list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		vt_version_unref(list[i]);
	free(list);
}

/* One allocation: the array, then the names. */
int vt_catalog_tags(struct vt_catalog *catalog, uint32_t dataset, struct vt_tag **out,
		    size_t *count)
{
	const size_t room = VT_NAME_PART_MAX + 1;
	const struct slot *slot;
	struct vt_tag *list;
	size_t n;

	(void) pthread_rwlock_rdlock(&catalog->lock);
	slot = vt_catalog_slot(catalog, dataset);
	n = slot ? slot->tags.count : 0;
	list = list_new(n, sizeof *list + room);
	for (size_t i = 0; list && i < n; i++) {
		const struct tag_slot *tag = slot->tags.rows[i].value;
		char *name = (char *) (list + n) + i * room;

		strcpy(name, tag->name);
		list[i] = (struct vt_tag){name, tag->version, tag->link};
	}
	(void) pthread_rwlock_unlock(&catalog->lock);
	if (!list)
		return -ENOMEM;
	*out = list;
	*count = n;
	return 0;
}

void vt_tags_free(struct vt_tag *list, size_t count)
{
	free(list);
}

int vt_catalog_spaces(struct vt_catalog *catalog, uint32_t **ids, size_t *count)
{
	const struct vt_table *table = &catalog->space_names;
	uint32_t *list;
	size_t n = 0;

	(void) pthread_rwlock_rdlock(&catalog->lock);
	list = list_new(table->count, sizeof *list);
	for (size_t i = 0; list && i < table->count; i++) {
		const struct space *space = table->rows[i].value;

		if (space->datasets)
			list[n++] = space->id;
	}
	(void) pthread_rwlock_unlock(&catalog->lock);
	if (!list)
		return -ENOMEM;
	*ids = list;
	*count = n;
	return 0;
}
