/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See catalog.h: loading. Rows that do not fit together are damage, and stop it: a catalog that is
 * half there would show half of what exists.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/catalog_private.h"

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
	if (vt_dataset_space(now->name, space)) {
		slot->space = (struct space *) vt_row_value(
			vt_table_find_name(&catalog->space_names, space));
		if (!slot->space)
			return damaged(err, "a dataset in an unknown space");
	}
	vt_catalog_put_dataset(catalog, vt_steal(&slot), vt_steal(&now));
	return 0;
}

/* A revision stands behind its base, in order of serials, and is live only while that is. */
static bool has_base(const struct vt_catalog *catalog, const struct vt_version *version)
{
	const struct vt_version *base;

	if (version->base == version->serial)
		return true;
	base = vt_catalog_find(catalog, version->base);
	return base && base->dataset == version->dataset && base->base == base->serial &&
	       (base->state == VT_VERSION_LIVE || version->state != VT_VERSION_LIVE);
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
	if (!has_base(catalog, now))
		return damaged(err, "a revision of no version");
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
	vt_cleanup(vt_catalog_freep) struct vt_catalog *catalog = vt_catalog_new(store);
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
