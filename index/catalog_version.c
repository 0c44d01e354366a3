/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: changes of versions. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "index/catalog_edit.h"

/* The newest live version besides `without`, 0 for none. */
static uint32_t newest_live(const struct vt_edit *edit, uint32_t without)
{
	const struct vt_table *serials = &edit->slot->serials;

	for (size_t i = serials->count; i > 0; i--) {
		uint32_t serial = serials->rows[i - 1].id;

		if (serial != without &&
		    vt_catalog_find(edit->catalog, serial)->state == VT_VERSION_LIVE)
			return serial;
	}
	return 0;
}

/* `latest` goes elsewhere when it names a version about to disappear. */
static int stage_latest_without(struct vt_edit *edit, uint32_t serial, struct vt_error *err)
{
	struct vt_dataset dataset = *edit->slot->now;

	if (dataset.latest != serial)
		return 0;
	dataset.latest = newest_live(edit, serial);
	return vt_edit_put_dataset(edit, &dataset, err);
}

int vt_catalog_withdraw(struct vt_catalog *catalog, uint32_t version, const char *reason,
			uint32_t by_uid, uint32_t *retired, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	const struct vt_version *before;
	struct vt_version next;
	uint32_t exhibit;
	int r = vt_edit_find_version(&edit, version, &before, err);

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
	r = vt_edit_put_version(&edit, &next, err);
	if (r == 0)
		r = vt_edit_retire_version(&edit, before, err);
	if (r == 0)
		r = stage_latest_without(&edit, version, err);
	if (r == 0)
		r = vt_edit_record(&edit, "withdraw", before, by_uid, reason, err);
	if (r == 0)
		r = vt_edit_finish(&edit, err);
	if (r == 0)
		*retired = exhibit;
	return r;
}

static const char *tag_of(const struct slot *slot, uint32_t version)
{
	for (size_t i = 0; i < slot->tags.count; i++)
		if (slot->tags.rows[i].id == version)
			return slot->tags.rows[i].name;
	return NULL;
}

int vt_catalog_remove(struct vt_catalog *catalog, uint32_t version, uint32_t by_uid,
		      uint32_t *retired, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	const struct vt_version *before;
	const char *tag;
	uint32_t exhibit;
	int r = vt_edit_find_version(&edit, version, &before, err);

	if (r < 0)
		return r;
	tag = tag_of(edit.slot, version);
	if (tag)
		return vt_fail(err, EBUSY, "the tag '%s' names version '%s' of '%s'", tag,
			       before->name, edit.slot->now->name);
	exhibit = before->exhibit;
	r = vt_edit_bury_version(&edit, before, err);
	if (r == 0)
		r = stage_latest_without(&edit, version, err);
	if (r == 0)
		r = vt_edit_record(&edit, "rm", before, by_uid, NULL, err);
	if (r == 0)
		r = vt_edit_write(&edit, err);
	if (r < 0)
		return r;
	vt_edit_swap_begin(&edit);
	vt_catalog_drop_version(catalog, edit.slot, version);
	vt_edit_swap_end(&edit);
	*retired = exhibit;
	return 0;
}

/* `name` may be NULL: a number is never taken. */
static int check_new_version(const struct vt_edit *edit, const char *name, uint32_t expected_latest,
			     struct vt_error *err)
{
	const struct slot *slot = edit->slot;

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
static int assign(struct vt_edit *edit, struct vt_version *version, const char *name,
		  struct vt_error *err)
{
	const struct vt_dataset *dataset = edit->slot->now;
	const struct vt_version *parent = vt_catalog_find(edit->catalog, dataset->latest);
	int r = vt_edit_take(edit, VT_COUNTER_VERSION, &version->serial, err);

	if (r == 0)
		r = vt_edit_take(edit, VT_COUNTER_EXHIBIT, &version->exhibit, err);
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

static int stage_version(struct vt_edit *edit, const struct vt_version *version,
			 struct vt_error *err)
{
	struct vt_dataset dataset = *edit->slot->now;
	int r = vt_edit_put_version(edit, version, err);

	if (r == 0)
		r = vt_edit_show_version(edit, version, err);
	if (r < 0)
		return r;
	dataset.latest = version->serial;
	dataset.next_number++;
	return vt_edit_put_dataset(edit, &dataset, err);
}

static int commit(struct vt_edit *edit, struct vt_version *version, uint32_t expected_latest,
		  struct vt_error *err)
{
	struct vt_version next = *version;
	char number[16];
	int r = vt_edit_find_dataset(edit, version->dataset, err);

	if (r == 0)
		r = check_new_version(edit, version->name, expected_latest, err);
	if (r < 0)
		return r;
	(void) snprintf(number, sizeof number, "v%u", edit->slot->now->next_number);
	r = assign(edit, &next, version->name ? version->name : number, err);
	if (r == 0)
		r = stage_version(edit, &next, err);
	if (r == 0)
		r = vt_edit_record(edit, "publish", &next, next.author_uid, next.message, err);
	if (r == 0)
		r = vt_catalog_reserve(edit->catalog, edit->slot, err);
	if (r == 0)
		r = vt_edit_write(edit, err);
	return r;
}

int vt_catalog_check_commit(struct vt_catalog *catalog, uint32_t dataset, const char *name,
			    uint32_t expected_latest, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	int r = vt_edit_find_dataset(&edit, dataset, err);

	return r < 0 ? r : check_new_version(&edit, name, expected_latest, err);
}

int vt_catalog_commit(struct vt_catalog *catalog, struct vt_version *version,
		      uint32_t expected_latest, struct vt_batch *batch,
		      const struct vt_version **out, struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	const struct vt_version *made;
	int r = version->name ? vt_version_name_check(version->name, err) : 0;

	if (r < 0)
		return r;
	if (batch)
		edit.batch = batch;
	r = commit(&edit, version, expected_latest, err);
	if (r < 0)
		return r;
	made = vt_version_ref(edit.version);
	vt_edit_swap_begin(&edit);
	vt_edit_swap_end(&edit);
	*version = *made; /* its texts live as long as the caller's reference */
	*out = made;
	return 0;
}
