/* SPDX-License-Identifier: Apache-2.0 */
/* See mount_search.h. */
#include "tools/mount_search.h"

#include <stdlib.h>
#include <string.h>

#include "fs/mount_table.h"
#include "fs/rows.h"
#include "index/base/cleanup.h"
#include "index/base/error.h"

struct search {
	const char *store, *point;
	json_t *found;
};

static int collect(void *context, const struct vt_mounted *mounted)
{
	struct search *search = context;
	json_t *row;

	if ((search->store && strcmp(mounted->source, search->store) != 0) ||
	    (search->point && strcmp(mounted->point, search->point) != 0))
		return 0;
	row = json_object();
	(void) vt_json_set_text(row, "point", mounted->point, strlen(mounted->point));
	(void) vt_json_set_text(row, "store", mounted->source, strlen(mounted->source));
	(void) json_array_append_new(search->found, row);
	return 0;
}

int vt_mount_search(const char *store, const char *point, json_t **out, struct vt_error *err)
{
	vt_autofree char *resolved = store ? realpath(store, NULL) : NULL;
	struct search search = {resolved ? resolved : store, point, json_array()};
	int r = vt_mounted_list(collect, &search, err);

	if (r < 0) {
		json_decref(search.found);
		return r;
	}
	*out = search.found;
	return 0;
}
