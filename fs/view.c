/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: how datasets become directories (node.h has the contract).
 *
 *     MNT/[SPACE/]DATASET/v1 v2 …        versions, live ones
 *     MNT/…/DATASET/latest, TAG          symlinks to versions
 *     MNT/…/DATASET/.vitrine/V/          documents of a version; reachable, not listed
 *     MNT/.vitrine/status.json, metrics  likewise
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/document.h"
#include "fs/node.h"
#include "fs/service.h"
#include "fs/session.h"
#include "fs/visible.h"
#include "index/base/error.h"
#include "index/import.h"
#include "index/link.h"

static const char control_name[] = ".vitrine";
static const char *const control_files[] = {
	[VT_CONTROL_STATUS] = "status.json", [VT_CONTROL_METRICS] = "metrics"};

/* ---- one name -------------------------------------------------------------------------------- */

static struct vt_shown changing(enum vt_shown_kind kind, uint32_t number)
{
	return (struct vt_shown){.id = vt_node_id_of(kind, number), .kind = kind, .number = number};
}

/*
 * On a shared mount names are there for everybody who knows them, and the boundary refuses. On the
 * other kinds what may not be seen is absent.
 */
static bool conceals(const struct vt_viewer *viewer)
{
	return viewer->session->plan->kind != VT_MOUNT_SHARED;
}

static int absent_unless(int visible)
{
	return visible < 0 ? visible : visible ? 0 : -ENOENT;
}

static int show_dataset(const struct vt_viewer *viewer, const char *full_name, bool nowait,
			struct vt_shown *out, struct vt_error *err)
{
	const struct vt_dataset *dataset;
	int r = vt_catalog_dataset(viewer->service->index->catalog, full_name, &dataset, err);

	if (r == 0 && conceals(viewer)) {
		r = absent_unless(vt_visible_dataset(viewer, dataset, nowait));
		if (r < 0)
			vt_dataset_unref(dataset);
	}
	if (r < 0)
		return r;
	*out = changing(VT_SHOWN_DATASET, dataset->id);
	out->dataset = dataset;
	return 0;
}

static int lookup_in_root(const struct vt_viewer *viewer, const char *name, bool nowait,
			  struct vt_shown *out, struct vt_error *err)
{
	struct vt_catalog *catalog = viewer->service->index->catalog;
	uint32_t space;

	if (strcmp(name, control_name) == 0) {
		*out = changing(VT_SHOWN_CONTROL, VT_CONTROL_FOLDER);
		return 0;
	}
	if (vt_catalog_space_by_name(catalog, name, &space) == 0) {
		*out = changing(VT_SHOWN_SPACE, space);
		return 0;
	}
	return show_dataset(viewer, name, nowait, out, err);
}

static int lookup_in_space(const struct vt_viewer *viewer, uint32_t space, const char *name,
			   bool nowait, struct vt_shown *out, struct vt_error *err)
{
	struct vt_catalog *catalog = viewer->service->index->catalog;
	char full[VT_DATASET_NAME_MAX + 1];
	const char *space_name;
	size_t a, b = strlen(name);
	int r = vt_catalog_space(catalog, space, &space_name);

	if (r < 0)
		return r;
	a = strlen(space_name);
	if (a + 1 + b >= sizeof full)
		return -ENOENT;
	memcpy(full, space_name, a);
	full[a] = '/';
	memcpy(full + a + 1, name, b + 1);
	return show_dataset(viewer, full, nowait, out, err);
}

static int lookup_control(const struct vt_viewer *viewer, const struct vt_shown *parent,
			  const char *name, struct vt_shown *out)
{
	static atomic_uint turns;
	uint32_t turn = conceals(viewer) ? (turns++ << VT_CONTROL_BITS) & VT_NUMBER_MASK : 0;

	if (VT_CONTROL_OF(parent->number) != VT_CONTROL_FOLDER)
		return -ENOTDIR;
	for (uint32_t i = VT_CONTROL_STATUS; i <= VT_CONTROL_METRICS; i++)
		if (strcmp(name, control_files[i]) == 0) {
			*out = changing(VT_SHOWN_CONTROL, turn | i);
			return 0;
		}
	return -ENOENT;
}

/* The link id of a tag. */
static int find_tag(struct vt_catalog *catalog, uint32_t dataset, const char *name, uint32_t *link)
{
	struct vt_tag *tags;
	size_t count;
	int r = vt_catalog_tags(catalog, dataset, &tags, &count);

	if (r < 0)
		return r;
	r = -ENOENT;
	for (size_t i = 0; i < count && r < 0; i++)
		if (strcmp(tags[i].name, name) == 0) {
			*link = tags[i].link;
			r = 0;
		}
	vt_tags_free(tags, count);
	return r;
}

/* What a version's name, a tag or `latest` shows below DATASET (or below DATASET/.vitrine). */
static int lookup_version(const struct vt_viewer *viewer, const struct vt_shown *parent,
			  const char *name, bool nowait, struct vt_shown *out,
			  struct vt_error *err)
{
	struct vt_catalog *catalog = viewer->service->index->catalog;
	bool documents = parent->kind == VT_SHOWN_DOCUMENTS;
	struct vt_shown shown = {0};
	const struct vt_version *version;
	uint32_t link;
	int r = vt_catalog_resolve(catalog, parent->dataset->id, name, &version, err);

	if (r < 0)
		return r;
	if (!version->exhibit) /* withdrawn */
		r = -ENOENT;
	else if (conceals(viewer))
		r = absent_unless(vt_visible_version(viewer, version, nowait));
	if (r < 0) {
		vt_version_unref(version);
		return r;
	}
	if (strcmp(name, "latest") == 0) {
		shown = changing(VT_SHOWN_LATEST, version->serial);
	} else if (strcmp(name, version->name) != 0) {
		r = find_tag(catalog, parent->dataset->id, name, &link);
		shown = changing(VT_SHOWN_TAG, r < 0 ? 0 : link);
	} else if (documents) {
		shown.kind = VT_SHOWN_VERSION_DOCUMENTS;
		shown.id = vt_exhibits_id(viewer->session->exhibits, version,
					  VT_POSITION_DOCUMENTS);
	} else {
		shown.kind = VT_SHOWN_TREE;
		shown.id = vt_exhibits_id(viewer->session->exhibits, version, 0);
		shown.node.entry = version->tree.root;
	}
	if (r == 0)
		r = vt_catalog_dataset_by_id(catalog, version->dataset, &shown.dataset, err);
	if (r < 0) {
		vt_version_unref(version);
		return r;
	}
	shown.version = version;
	*out = shown;
	return 0;
}

/* A child inside a version keeps the references of its parent. */
static void inherit(struct vt_shown *child, const struct vt_shown *parent)
{
	child->dataset = vt_dataset_ref(parent->dataset);
	child->version = vt_version_ref(parent->version);
}

static int lookup_document(const struct vt_viewer *viewer, const struct vt_shown *parent,
			   const char *name, struct vt_shown *out)
{
	int document = vt_document_by_name(name, strlen(name));

	if (document < 0)
		return -ENOENT;
	*out = (struct vt_shown){.kind = VT_SHOWN_DOCUMENT,
				 .document = (enum vt_document) document};
	out->id = vt_exhibits_id(viewer->session->exhibits, parent->version,
				 VT_POSITION_DOCUMENTS + 1 + (uint32_t) document);
	inherit(out, parent);
	return 0;
}

/* The id of a node in a tree: a hard link has the id of its first position. */
static int identify(const struct vt_viewer *viewer, const struct vt_version *version,
		    struct vt_shown *shown, bool nowait, struct vt_error *err)
{
	struct vt_link link = {.primary = shown->node.position};
	int r = 0;

	if (shown->node.entry.linked)
		r = vt_link_find(viewer->service->index->store, version->tree.links,
				 shown->node.position, nowait, &link, err);
	shown->kind = VT_SHOWN_TREE;
	shown->id = vt_exhibits_id(viewer->session->exhibits, version, link.primary);
	return r;
}

static int lookup_in_tree(const struct vt_viewer *viewer, const struct vt_shown *parent,
			  const char *name, bool nowait, struct vt_shown *out, struct vt_error *err)
{
	struct vt_shown shown = {0};
	int r;

	if (parent->node.entry.type != VT_DIRECTORY)
		return -ENOTDIR;
	r = vt_tree_lookup(&viewer->service->index->pages, nowait, vt_node_dir(&parent->node), name,
			   strlen(name), &shown.node, err);
	if (r < 0)
		return r;
	r = identify(viewer, parent->version, &shown, nowait, err);
	if (r < 0) {
		vt_node_done(&shown.node);
		return r;
	}
	inherit(&shown, parent);
	*out = shown;
	return 0;
}

int vt_shown_lookup(const struct vt_viewer *viewer, const struct vt_shown *parent, const char *name,
		    bool nowait, struct vt_shown *out, struct vt_error *err)
{
	switch (parent->kind) {
	case VT_SHOWN_ROOT:
		return lookup_in_root(viewer, name, nowait, out, err);
	case VT_SHOWN_SPACE:
		return lookup_in_space(viewer, parent->number, name, nowait, out, err);
	case VT_SHOWN_CONTROL:
		return lookup_control(viewer, parent, name, out);
	case VT_SHOWN_DATASET:
		if (strcmp(name, control_name) == 0) {
			*out = changing(VT_SHOWN_DOCUMENTS, parent->number);
			out->dataset = vt_dataset_ref(parent->dataset);
			return 0;
		}
		return lookup_version(viewer, parent, name, nowait, out, err);
	case VT_SHOWN_DOCUMENTS:
		return lookup_version(viewer, parent, name, nowait, out, err);
	case VT_SHOWN_VERSION_DOCUMENTS:
		return lookup_document(viewer, parent, name, out);
	case VT_SHOWN_TREE:
		return lookup_in_tree(viewer, parent, name, nowait, out, err);
	default:
		return -ENOTDIR;
	}
}

/* ---- listings -------------------------------------------------------------------------------- */

/*
 * A directory of a version is read through a cursor. The others are short: their names are
 * collected when the listing begins and each is looked up as its turn comes; one that went away is
 * left out.
 */
struct vt_listing {
	const struct vt_viewer *viewer;   /* borrowed */
	const struct vt_shown *directory; /* borrowed */
	struct vt_dir_cursor cursor;      /* tree */
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

	if (vt_catalog_version(listing->viewer->service->index->catalog, serial, &version, NULL) < 0)
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

static int collect_names(struct vt_listing *listing, bool nowait)
{
	const struct vt_shown *directory = listing->directory;
	const char *space;
	int r = 0;

	switch (directory->kind) {
	case VT_SHOWN_ROOT:
		return add_datasets(listing, NULL, nowait);
	case VT_SHOWN_SPACE:
		r = vt_catalog_space(listing->viewer->service->index->catalog, directory->number, &space);
		return r < 0 ? r : add_datasets(listing, space, nowait);
	case VT_SHOWN_DATASET:
	case VT_SHOWN_DOCUMENTS:
		return add_versions(listing, directory->dataset, nowait);
	case VT_SHOWN_VERSION_DOCUMENTS:
		for (int i = 0; i < VT_DOCUMENT_SHOWN && r == 0; i++) {
			const char *name = vt_document_name((enum vt_document) i);

			r = add_name(listing, name, strlen(name));
		}
		return r;
	case VT_SHOWN_CONTROL:
		if (VT_CONTROL_OF(directory->number) != VT_CONTROL_FOLDER)
			return -ENOTDIR;
		for (int i = VT_CONTROL_STATUS; i <= VT_CONTROL_METRICS && r == 0; i++)
			r = add_name(listing, control_files[i], strlen(control_files[i]));
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
	for (size_t i = 0; i < listing->count; i++)
		free(listing->names[i]);
	free(listing->names);
	free(listing);
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
	r = identify(listing->viewer, directory->version, child, nowait, err);
	return r < 0 ? r : 1;
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
