/* SPDX-License-Identifier: Apache-2.0 */
/* See catalog.h: changes of tags. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/catalog_edit.h"

int vt_catalog_tag(struct vt_catalog *catalog, uint32_t dataset, const char *name, uint32_t version,
		   struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	vt_autofree struct tag_slot *tag = calloc(1, sizeof *tag);
	const struct vt_version *target;
	const struct vt_row *row;
	int r = tag ? vt_version_name_check(name, err) : vt_fail(err, ENOMEM, "no memory");

	if (r == 0)
		r = vt_edit_find_live(&edit, dataset, version, &target, err);
	if (r < 0)
		return r;
	if (vt_table_find_name(&edit.slot->names, name))
		return vt_fail(err, EEXIST, "'%s' has a version named '%s'", edit.slot->now->name,
			       name);
	row = vt_table_find_name(&edit.slot->tags, name);
	if (row && row->id == version)
		return 0;

	tag->dataset = dataset;
	tag->version = version;
	strcpy(tag->name, name); /* the name check bounds it */
	r = vt_edit_take(&edit, VT_COUNTER_TAG_LINK, &tag->link, err);
	if (r == 0)
		r = vt_edit_put_tag(&edit, tag, err);
	if (r == 0)
		r = vt_catalog_reserve(catalog, edit.slot, err);
	if (r == 0)
		r = vt_edit_write(&edit, err);
	if (r < 0)
		return r;
	vt_edit_swap_begin(&edit);
	vt_catalog_put_tag(catalog, edit.slot, vt_steal(&tag));
	vt_edit_swap_end(&edit);
	return 0;
}

int vt_catalog_untag(struct vt_catalog *catalog, uint32_t dataset, const char *name,
		     struct vt_error *err)
{
	vt_cleanup(vt_edit_end) struct vt_edit edit = vt_edit_begin(catalog);
	int r = vt_edit_find_dataset(&edit, dataset, err);

	if (r < 0)
		return r;
	if (!vt_table_find_name(&edit.slot->tags, name))
		return vt_fail(err, ENOENT, "'%s' has no tag '%s'", edit.slot->now->name, name);
	vt_edit_drop_tag(&edit, name);
	r = vt_edit_write(&edit, err);
	if (r < 0)
		return r;
	vt_edit_swap_begin(&edit);
	vt_catalog_drop_tag(catalog, edit.slot, name);
	vt_edit_swap_end(&edit);
	return 0;
}
