/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a directory lists (node.h has the contract). A directory of a version is read through a
 * cursor. The others are short: their names are collected when the listing begins, those that the
 * viewer may see, and each is looked up as its turn comes; one that went away is left out.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/document.h"
#include "fs/node.h"
#include "fs/service.h"
#include "fs/view.h"
#include "fs/view_folder.h"
#include "fs/views.h"
#include "fs/visible.h"
#include "index/base/error.h"
#include "index/descend.h"
#include "index/import.h"

struct vt_listing {
	const struct vt_viewer *viewer;   /* borrowed */
	const struct vt_shown *directory; /* borrowed */
	struct vt_dir_cursor cursor;      /* tree */
	struct vt_hits *hits;             /* tree, in a view: what it shows */
	const struct vt_version *base;    /* tree: whose ids its files have; a reference */
	char **names;                     /* the others */
	size_t count, next;
	struct vt_shown current;
	bool has_current;
};

static int add_name(struct vt_listing *listing, const char *name, size_t len)
{
	char **names = reallocarray(listing->names, listing->count + 1, sizeof *names);

	if (!names)
		return -ENOMEM;
	listing->names = names;
	names[listing->count] = strndup(name, len);
	if (!names[listing->count])
		return -ENOMEM;
	listing->count++;
	return 0;
}

/* Datasets of a space, or (space NULL) spaces and datasets without one. They come in byte order. */
static int add_datasets(struct vt_listing *listing, const char *space, bool nowait)
{
	const struct vt_dataset **list;
	size_t count, len = space ? strlen(space) : 0;
	int r = vt_catalog_datasets(listing->viewer->service->index->catalog, &list, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r == 0; i++) {
		const char *name = list[i]->name, *slash = strchr(name, '/');
		size_t first = slash ? (size_t) (slash - name) : strlen(name);
		const char *last = listing->count ? listing->names[listing->count - 1] : "";

		bool here = space ? slash && first == len && memcmp(name, space, len) == 0
				  : strlen(last) != first || memcmp(last, name, first) != 0;

		if (!here)
			continue;
		r = vt_visible_dataset(listing->viewer, list[i], nowait);
		if (r > 0)
			r = space ? add_name(listing, slash + 1, strlen(slash + 1))
				  : add_name(listing, name, first);
	}
	vt_datasets_free(list, count);
	return r;
}

/* Whether a version of that serial is shown; 0 also when there is none. */
static int shows(struct vt_listing *listing, uint32_t serial, bool nowait)
{
	vt_cleanup(vt_version_unrefp) const struct vt_version *version = NULL;

	if (vt_catalog_version(listing->viewer->service->index->catalog, serial, &version, NULL) <
	    0)
		return 0;
	return vt_visible_version(listing->viewer, version, nowait);
}

static int add_tags(struct vt_listing *listing, const struct vt_dataset *dataset, bool nowait)
{
	struct vt_tag *tags;
	size_t count;
	int r = vt_catalog_tags(listing->viewer->service->index->catalog, dataset->id, &tags,
				&count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r >= 0; i++) {
		r = shows(listing, tags[i].version, nowait);
		if (r > 0)
			r = add_name(listing, tags[i].name, strlen(tags[i].name));
	}
	vt_tags_free(tags, count);
	return r < 0 ? r : 0;
}

static int add_versions(struct vt_listing *listing, const struct vt_dataset *dataset, bool nowait)
{
	struct vt_catalog *catalog = listing->viewer->service->index->catalog;
	const struct vt_version **versions;
	size_t count;
	int r = vt_catalog_versions(catalog, dataset->id, &versions, &count);

	if (r < 0)
		return r;
	for (size_t i = 0; i < count && r >= 0; i++) {
		r = vt_visible_version(listing->viewer, versions[i], nowait);
		if (r > 0)
			r = add_name(listing, versions[i]->name, strlen(versions[i]->name));
	}
	vt_versions_free(versions, count);
	if (r >= 0 && dataset->latest)
		r = shows(listing, dataset->latest, nowait);
	if (r > 0 && dataset->latest)
		r = add_name(listing, "latest", 6);
	return r < 0 ? r : add_tags(listing, dataset, nowait);
}

static int add_view(void *context, const char *name, size_t len)
{
	return add_name(context, name, len);
}

static int collect_names(struct vt_listing *listing, bool nowait)
{
	const struct vt_shown *directory = listing->directory;
	const char *space;
	int r = 0;

	switch (directory->kind) {
	case VT_SHOWN_ROOT:
		return add_datasets(listing, NULL, nowait);
	case VT_SHOWN_SPACE:
		r = vt_catalog_space(listing->viewer->service->index->catalog, directory->number,
				     &space);
		return r < 0 ? r : add_datasets(listing, space, nowait);
	case VT_SHOWN_DATASET:
	case VT_SHOWN_DOCUMENTS:
	case VT_SHOWN_LABELS:
	case VT_SHOWN_QUERIES:
		return add_versions(listing, directory->dataset, nowait);
	case VT_SHOWN_VERSION_DOCUMENTS:
		for (int i = 0; i < VT_DOCUMENT_COUNT && r == 0; i++) {
			const char *name = vt_document_name((enum vt_document) i);

			r = add_name(listing, name, strlen(name));
		}
		return r;
	case VT_SHOWN_VERSION_LABELS:
	case VT_SHOWN_LABEL_KEY:
	case VT_SHOWN_VERSION_QUERIES:
		return vt_view_folder_list(listing->viewer, directory, nowait, add_view, listing,
					   NULL);
	case VT_SHOWN_CONTROL:
		if (VT_CONTROL_OF(directory->number) != VT_CONTROL_FOLDER)
			return -ENOTDIR;
		for (int i = VT_CONTROL_STATUS; i <= VT_CONTROL_METRICS && r == 0; i++)
			r = add_name(listing, vt_control_files[i], strlen(vt_control_files[i]));
		return r;
	default:
		return -ENOTDIR;
	}
}

int vt_listing_new(const struct vt_viewer *viewer, const struct vt_shown *directory, uint64_t from,
		   bool nowait, struct vt_listing **out, struct vt_error *err)
{
	vt_cleanup(vt_listing_freep) struct vt_listing *listing = calloc(1, sizeof *listing);
	int r;

	if (!listing)
		return vt_fail(err, ENOMEM, "no memory for a listing");
	listing->viewer = viewer;
	listing->directory = directory;
	if (directory->kind == VT_SHOWN_TREE) {
		if (directory->node.entry.type != VT_DIRECTORY)
			return -ENOTDIR;
		r = vt_catalog_version(viewer->service->index->catalog, directory->version->base,
				       &listing->base, err);
		if (r == 0 && directory->view)
			r = vt_view_folder_hits(viewer, directory, nowait, &listing->hits, err);
		if (r < 0)
			return r;
		vt_dir_cursor_init(&listing->cursor, vt_node_dir(&directory->node),
				   from > UINT32_MAX ? UINT32_MAX : (uint32_t) from);
	} else {
		r = collect_names(listing, nowait);
		if (r < 0)
			return vt_fail(err, -r, "cannot list: %m");
		listing->next = from < listing->count ? (size_t) from : listing->count;
	}
	*out = vt_steal(&listing);
	return 0;
}

/* In a tree the references are the directory's, not the child's own. */
static void drop_current(struct vt_listing *listing)
{
	if (!listing->has_current)
		return;
	if (listing->directory->kind == VT_SHOWN_TREE)
		vt_node_done(&listing->current.node);
	else
		vt_shown_done(&listing->current);
	listing->has_current = false;
}

void vt_listing_free(struct vt_listing *listing)
{
	if (!listing)
		return;
	drop_current(listing);
	if (listing->directory->kind == VT_SHOWN_TREE)
		vt_dir_cursor_done(&listing->cursor);
	vt_version_unref(listing->base);
	vt_hits_unref(listing->hits);
	for (size_t i = 0; i < listing->count; i++)
		free(listing->names[i]);
	free(listing->names);
	free(listing);
}

/*
 * Goes to the entry with the next file that the view shows, unless the current one has one: 1; 0:
 * there is none behind it in this directory.
 */
static int seek_hit(struct vt_listing *listing, bool nowait, struct vt_node *node,
		    struct vt_error *err)
{
	const struct vt_node *directory = &listing->directory->node;
	uint32_t end = directory->position + directory->entry.nodes;
	uint32_t next = vt_hits_next(listing->hits, node->position);
	int r;

	if (next == VT_HITS_NONE || next >= end)
		return 0;
	if (next - node->position < node->entry.nodes)
		return 1;
	vt_node_done(node);
	r = vt_descend_position(&listing->viewer->service->index->pages, nowait, directory, next,
				node, err);
	if (r < 0)
		return r;
	vt_dir_cursor_done(&listing->cursor);
	vt_dir_cursor_init(&listing->cursor, vt_node_dir(directory), node->ordinal + 1);
	return 1;
}

static int next_in_tree(struct vt_listing *listing, bool nowait, struct vt_error *err)
{
	const struct vt_shown *directory = listing->directory;
	struct vt_shown *child = &listing->current;
	int r;

	*child = (struct vt_shown){.version = directory->version, .dataset = directory->dataset};
	r = vt_dir_cursor_next(&listing->cursor, &listing->viewer->service->index->pages, nowait,
			       &child->node, err);
	if (r <= 0)
		return r;
	listing->has_current = true;
	if (listing->hits) {
		r = seek_hit(listing, nowait, &child->node, err);
		if (r <= 0)
			return r;
		child->view = child->node.entry.type == VT_DIRECTORY ? directory->view : NULL;
	}
	if (child->node.entry.type != VT_DIRECTORY)
		child->version = listing->base;
	r = vt_view_identify(listing->viewer, child, nowait, err);
	return r < 0 ? r : 1;
}

/* There is room for few views: what is only listed takes none. */
static bool names_views(enum vt_shown_kind kind)
{
	return kind == VT_SHOWN_VERSION_LABELS || kind == VT_SHOWN_LABEL_KEY;
}

uint64_t vt_listing_tell(const struct vt_listing *listing)
{
	return listing->directory->kind == VT_SHOWN_TREE ? listing->cursor.next : listing->next;
}

int vt_listing_next(struct vt_listing *listing, bool nowait, const char **name, size_t *name_len,
		    struct vt_shown *out, struct vt_error *err)
{
	int r;

	drop_current(listing);
	if (listing->directory->kind == VT_SHOWN_TREE) {
		r = next_in_tree(listing, nowait, err);
		if (r <= 0)
			return r;
		*name = listing->current.node.entry.name;
		*name_len = listing->current.node.entry.name_len;
		*out = listing->current;
		return 1;
	}
	while (listing->next < listing->count) {
		*name = listing->names[listing->next++];
		*name_len = strlen(*name);
		if (names_views(listing->directory->kind)) {
			*out = (struct vt_shown){.kind = VT_SHOWN_NAME};
			return 1;
		}
		r = vt_shown_lookup(listing->viewer, listing->directory, *name, nowait,
				    &listing->current, err);
		if (r == -ENOENT)
			continue;
		if (r < 0)
			return r;
		listing->has_current = true;
		*out = listing->current;
		return 1;
	}
	return 0;
}
