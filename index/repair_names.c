/* SPDX-License-Identifier: Apache-2.0 */
/* See repair.h: which files show a content. */
#include "index/repair.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/tree.h"

struct naming {
	struct vt_index *index;
	const struct vt_digest *contents; /* sorted */
	size_t count;
	vt_shown_each *each;
	void *context;
};

static int compare(const void *a, const void *b)
{
	return memcmp(a, b, VT_DIGEST_LEN);
}

static bool is_wanted(const struct naming *naming, const struct vt_digest *content)
{
	return naming->count &&
	       bsearch(content, naming->contents, naming->count, sizeof *naming->contents, compare);
}

static int name_files(const struct naming *naming, const struct vt_dataset *dataset,
		      const struct vt_version *version, struct vt_error *err)
{
	vt_cleanup(vt_tree_walk_freep) struct vt_tree_walk *walk = NULL;
	struct vt_node node = {0};
	const char *path;
	size_t len;
	int r = vt_tree_walk_new(&naming->index->pages, &version->tree, 1, &walk, err);

	while (r >= 0 && (r = vt_tree_walk_next(walk, &node, &path, &len, err)) > 0) {
		if (node.entry.type == VT_FILE && is_wanted(naming, &node.entry.content))
			r = naming->each(naming->context, dataset, version, path, len,
					 &node.entry.content, err);
		vt_node_done(&node);
	}
	return r == -EBADMSG ? 0 : r; /* vt_verify_index() names damaged pages */
}

static int name_version(const struct naming *naming, const struct vt_dataset *dataset,
			const struct vt_version *version, struct vt_error *err)
{
	int r = 0;

	if (version->base != version->serial)
		return 0;
	if (!vt_digest_is_zero(&version->changes) && is_wanted(naming, &version->changes))
		r = naming->each(naming->context, dataset, version, NULL, 0, &version->changes,
				 err);
	return r < 0 ? r : name_files(naming, dataset, version, err);
}

static int name_dataset(const struct naming *naming, const struct vt_dataset *dataset,
			struct vt_error *err)
{
	const struct vt_version **versions;
	size_t count;
	int r = vt_catalog_versions(naming->index->catalog, dataset->id, &versions, &count);

	if (r < 0)
		return vt_fail(err, -r, "no memory for the versions of '%s'", dataset->name);
	for (size_t i = 0; r == 0 && i < count; i++)
		r = name_version(naming, dataset, versions[i], err);
	vt_versions_free(versions, count);
	return r;
}

int vt_repair_names(struct vt_index *index, struct vt_digest *contents, size_t count,
		    vt_shown_each *each, void *context, struct vt_error *err)
{
	struct naming naming = {index, contents, count, each, context};
	const struct vt_dataset **datasets;
	size_t datasets_count;
	int r;

	if (count)
		qsort(contents, count, sizeof *contents, compare);
	r = vt_catalog_datasets(index->catalog, &datasets, &datasets_count);
	if (r < 0)
		return vt_fail(err, -r, "no memory for the list of datasets");
	for (size_t i = 0; r == 0 && i < datasets_count; i++)
		r = name_dataset(&naming, datasets[i], err);
	vt_datasets_free(datasets, datasets_count);
	return r;
}
