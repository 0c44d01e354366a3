/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: changes of datasets. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/catalog_edit.h"

static int check_new_dataset(const struct vt_edit *edit, const char *name, const char *space,
			     struct vt_error *err)
{
	const struct vt_row *row;

	if (vt_table_find_name(&edit->catalog->dataset_names, name))
		return vt_fail(err, EEXIST, "there is a dataset '%s' already", name);
	if (space && vt_table_find_name(&edit->catalog->dataset_names, space))
		return vt_fail(err, EEXIST, "'%s' is a dataset and cannot be a space", space);
	row = space ? NULL : vt_table_find_name(&edit->catalog->space_names, name);
	if (row && ((const struct space *) row->value)->datasets)
		return vt_fail(err, EEXIST, "'%s' is a space and cannot be a dataset", name);
	return 0;
}

/* The space of that name; a new one is written at once: alone it is not to be seen. */
static int provide_space(struct vt_edit *edit, const char *name, struct space **out,
			 struct vt_error *err)
{
	struct vt_catalog *catalog = edit->catalog;
	const struct vt_row *row = vt_table_find_name(&catalog->space_names, name);
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	uint32_t id = 0;
	int r;

	if (row) {
		*out = (struct space *) row->value;
		return 0;
	}
	r = vt_edit_take(edit, VT_COUNTER_SPACE, &id, err);
	if (r < 0)
		return r;
	if (vt_space_encode(id, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of a space");
	vt_batch_put(batch, catalog->store, VT_CF_SPACE, name, strlen(name), record.data,
		     record.len);
	r = vt_store_write(catalog->store, batch, true, err);
	VT_CRASHPOINT("space-made");
	if (r < 0)
		return r;
	(void) pthread_rwlock_wrlock(&catalog->lock);
	*out = vt_catalog_put_space(catalog, id, name, err);
	(void) pthread_rwlock_unlock(&catalog->lock);
	return *out ? 0 : -ENOMEM;
}

static int create_dataset(struct vt_edit *edit, const char *name, uint32_t owner_uid,
			  struct slot *slot, uint32_t *id, struct vt_error *err)
{
	char text[VT_NAME_PART_MAX + 1];
	const char *space = vt_dataset_space(name, text);
	struct vt_dataset dataset = {
		.domain = VT_DOMAIN_PLAIN,
		.name = name,
		.next_number = 1,
		.owner_uid = owner_uid,
		.created_ns = vt_clock_realtime_ns(),
	};
	int r = check_new_dataset(edit, name, space, err);

	if (r == 0 && space)
		r = provide_space(edit, space, &slot->space, err);
	if (r == 0)
		r = vt_edit_take(edit, VT_COUNTER_DATASET, &dataset.id, err);
	if (r == 0)
		r = vt_catalog_reserve(edit->catalog, slot, err);
	if (r == 0)
		r = vt_edit_put_dataset(edit, &dataset, err);
	if (r == 0)
		r = vt_edit_write(edit, err);
	if (r == 0)
		*id = dataset.id;
	return r;
}

int vt_catalog_create_dataset(struct vt_catalog *catalog, const char *name, uint32_t owner_uid,
			      uint32_t *id, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	vt_cleanup(vt_catalog_free_slotp) struct slot *slot = calloc(1, sizeof *slot);
	int r = vt_dataset_name_check(name, err);

	if (r == 0 && !slot)
		r = vt_fail(err, ENOMEM, "no memory for a dataset");
	if (r == 0)
		r = create_dataset(&edit, name, owner_uid, slot, id, err);
	if (r < 0)
		return r;
	edit.slot = vt_steal(&slot);
	vt_edit_swap_begin(&edit);
	vt_edit_swap_end(&edit);
	return 0;
}

static int stage_remove_dataset(struct vt_edit *edit, uint32_t *retired, size_t *count,
				struct vt_error *err)
{
	const struct slot *slot = edit->slot;

	for (size_t i = 0; i < slot->serials.count; i++) {
		const struct vt_version *version =
			vt_catalog_find(edit->catalog, slot->serials.rows[i].id);
		int r = vt_edit_bury_version(edit, version, err);

		if (r < 0)
			return r;
		if (version->exhibit)
			retired[(*count)++] = version->exhibit;
	}
	for (size_t i = 0; i < slot->tags.count; i++)
		vt_edit_drop_tag(edit, slot->tags.rows[i].name);
	vt_edit_drop_dataset(edit);
	return 0;
}

int vt_catalog_remove_dataset(struct vt_catalog *catalog, uint32_t dataset, uint32_t by_uid,
			      uint32_t **retired, size_t *count, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	vt_autofree uint32_t *list = NULL;
	size_t n = 0;
	int r = vt_edit_find_dataset(&edit, dataset, err);

	if (r < 0)
		return r;
	list = calloc(edit.slot->serials.count + 1, sizeof *list);
	if (!list)
		return vt_fail(err, ENOMEM, "no memory to remove a dataset");
	r = stage_remove_dataset(&edit, list, &n, err);
	if (r == 0 && edit.slot->now->next_number > 1) /* else nobody ever saw anything of it */
		r = vt_edit_record(&edit, "rm", NULL, by_uid, NULL, err);
	if (r == 0)
		r = vt_edit_write(&edit, err);
	if (r < 0)
		return r;
	vt_edit_swap_begin(&edit);
	vt_catalog_drop_dataset(catalog, edit.slot);
	vt_edit_swap_end(&edit);
	*retired = vt_steal(&list);
	*count = n;
	return 0;
}

int vt_catalog_set_latest(struct vt_catalog *catalog, uint32_t dataset, uint32_t version,
			  struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	const struct vt_version *target;
	struct vt_dataset next;
	int r = vt_edit_find_live(&edit, dataset, version, &target, err);

	if (r < 0)
		return r;
	next = *edit.slot->now;
	next.latest = version;
	r = vt_edit_put_dataset(&edit, &next, err);
	return r < 0 ? r : vt_edit_finish(&edit, err);
}
