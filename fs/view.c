/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names: how datasets become directories, one name at a time (node.h has the contract; listing.c
 * for whole directories).
 *
 *     MNT/[SPACE/]DATASET/v1 v2 …        versions, live ones
 *     MNT/…/DATASET/latest, TAG          symlinks to versions
 *     MNT/…/DATASET/.vitrine/V/          documents of a version; reachable, not listed
 *     MNT/…/DATASET/.labels/V/KEY/VALUE/ views of a version (view_folder.c); likewise
 *     MNT/…/DATASET/.query/V/EXPRESSION/
 *     MNT/.vitrine/status.json, metrics  likewise
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/document.h"
#include "fs/node.h"
#include "fs/service.h"
#include "fs/session.h"
#include "fs/trail.h"
#include "fs/view.h"
#include "fs/view_folder.h"
#include "fs/views.h"
#include "fs/visible.h"
#include "index/base/error.h"
#include "index/import.h"
#include "index/link.h"
#include "index/recent_leaves.h"
#include "policy/gate.h"

static const char control_name[] = ".vitrine", labels_name[] = ".labels", query_name[] = ".query";
const char *const vt_control_files[] = {
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

/* Absent, and why goes to the audit log. */
static int conceal(const struct vt_viewer *viewer, struct vt_place place, bool nowait)
{
	struct vt_decision decision = {.reason = VT_REASON_OTHER_MOUNT};
	int r = 0;

	if (viewer->session->plan->kind == VT_MOUNT_PRIVATE)
		r = vt_gate_decide(viewer->service->gate, viewer->subject, VT_RIGHT_BROWSE, place,
				   nowait, &decision);
	if (r < 0)
		return r;
	if (!decision.allowed && viewer->request)
		vt_trail_denial(viewer->request, VT_RIGHT_BROWSE, place, &decision);
	return -ENOENT;
}

static int absent_unless(int visible, const struct vt_viewer *viewer, struct vt_place place,
			 bool nowait)
{
	return visible < 0 ? visible : visible ? 0 : conceal(viewer, place, nowait);
}

static int show_dataset(const struct vt_viewer *viewer, const char *full_name, bool nowait,
			struct vt_shown *out, struct vt_error *err)
{
	const struct vt_dataset *dataset;
	int r = vt_catalog_dataset(viewer->service->index->catalog, full_name, &dataset, err);

	if (r < 0)
		return r;
	if (vt_is_locked_out(viewer, dataset->id, 0))
		r = -ENOENT;
	else if (conceals(viewer))
		r = absent_unless(vt_visible_dataset(viewer, dataset, nowait), viewer,
				  (struct vt_place){dataset->id, 0}, nowait);
	if (r < 0) {
		vt_dataset_unref(dataset);
		return r;
	}
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
		if (strcmp(name, vt_control_files[i]) == 0) {
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

/* A version below DATASET, or its folder below DATASET/.vitrine, .labels or .query. */
static void show_version(const struct vt_viewer *viewer, enum vt_shown_kind parent,
			 const struct vt_version *version, struct vt_shown *shown)
{
	uint32_t position = 0;

	switch (parent) {
	case VT_SHOWN_DOCUMENTS:
		shown->kind = VT_SHOWN_VERSION_DOCUMENTS;
		position = VT_POSITION_DOCUMENTS;
		break;
	case VT_SHOWN_LABELS:
		shown->kind = VT_SHOWN_VERSION_LABELS;
		position = VT_POSITION_LABELS;
		break;
	case VT_SHOWN_QUERIES:
		shown->kind = VT_SHOWN_VERSION_QUERIES;
		position = VT_POSITION_QUERIES;
		break;
	default:
		shown->kind = VT_SHOWN_TREE;
		shown->node.entry = version->tree.root;
		break;
	}
	shown->id = vt_exhibits_id(viewer->session->exhibits, version, position);
}

/* What a version's name, a tag or `latest` shows below DATASET (or below DATASET/.vitrine). */
static int lookup_version(const struct vt_viewer *viewer, const struct vt_shown *parent,
			  const char *name, bool nowait, struct vt_shown *out, struct vt_error *err)
{
	struct vt_catalog *catalog = viewer->service->index->catalog;
	struct vt_shown shown = {0};
	const struct vt_version *version;
	uint32_t link;
	int r = vt_catalog_resolve(catalog, parent->dataset->id, name, &version, err);

	if (r < 0)
		return r;
	if (!version->exhibit /* withdrawn */ ||
	    vt_is_locked_out(viewer, version->dataset, version->serial))
		r = -ENOENT;
	else if (conceals(viewer))
		r = absent_unless(vt_visible_version(viewer, version, nowait), viewer,
				  (struct vt_place){version->dataset, version->serial}, nowait);
	if (r < 0) {
		vt_version_unref(version);
		return r;
	}
	if (strcmp(name, "latest") == 0) {
		shown = changing(VT_SHOWN_LATEST, version->serial);
	} else if (strcmp(name, version->name) != 0) {
		r = find_tag(catalog, parent->dataset->id, name, &link);
		shown = changing(VT_SHOWN_TAG, r < 0 ? 0 : link);
	} else {
		show_version(viewer, parent->kind, version, &shown);
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
				 VT_POSITION_OF_DOCUMENT(document));
	inherit(out, parent);
	return 0;
}

int vt_view_identify(const struct vt_viewer *viewer, struct vt_shown *shown, bool nowait,
		     struct vt_error *err)
{
	const struct vt_version *version = shown->version;
	struct vt_link link = {.primary = shown->node.position};
	int r = 0;

	if (shown->node.entry.linked)
		r = vt_link_find(viewer->service->index->store, version->tree.links,
				 shown->node.position, nowait, &link, err);
	shown->kind = VT_SHOWN_TREE;
	shown->id = shown->view ? vt_node_id(shown->view->exhibit, shown->node.position)
				: vt_exhibits_id(viewer->session->exhibits, version, link.primary);
	return r;
}

/* Does the view show such a node? */
static int check_in_view(const struct vt_viewer *viewer, const struct vt_shown *parent,
			 const struct vt_node *node, bool nowait, struct vt_error *err)
{
	vt_cleanup(vt_hits_unrefp) struct vt_hits *hits = NULL;
	int r = vt_view_folder_hits(viewer, parent, nowait, &hits, err);

	if (r < 0)
		return r;
	return vt_hits_any(hits, node->position, node->entry.nodes) ? 0 : -ENOENT;
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
	vt_recent_leaves_note(viewer->service->recent, &parent->version->tree, &shown.node);
	shown.dataset = vt_dataset_ref(parent->dataset);
	if (shown.node.entry.type == VT_DIRECTORY) {
		shown.version = vt_version_ref(parent->version);
		shown.view = parent->view ? vt_view_ref(parent->view) : NULL;
	} else { /* revisions and views show the files of their base */
		r = vt_catalog_version(viewer->service->index->catalog, parent->version->base,
				       &shown.version, err);
	}
	if (r == 0 && parent->view)
		r = check_in_view(viewer, parent, &shown.node, nowait, err);
	if (r == 0)
		r = vt_view_identify(viewer, &shown, nowait, err);
	if (r < 0) {
		vt_shown_done(&shown);
		return r;
	}
	*out = shown;
	return 0;
}

/* What a dataset has besides its versions: reachable, not listed. */
static bool lookup_hidden(const struct vt_shown *dataset, const char *name, struct vt_shown *out)
{
	static const struct {
		const char *name;
		enum vt_shown_kind kind;
	} folders[] = {{control_name, VT_SHOWN_DOCUMENTS},
		       {labels_name, VT_SHOWN_LABELS},
		       {query_name, VT_SHOWN_QUERIES}};

	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++)
		if (strcmp(name, folders[i].name) == 0) {
			*out = changing(folders[i].kind, dataset->number);
			out->dataset = vt_dataset_ref(dataset->dataset);
			return true;
		}
	return false;
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
		if (lookup_hidden(parent, name, out))
			return 0;
		return lookup_version(viewer, parent, name, nowait, out, err);
	case VT_SHOWN_VERSION_LABELS:
	case VT_SHOWN_LABEL_KEY:
	case VT_SHOWN_VERSION_QUERIES:
		return vt_view_folder_lookup(viewer, parent, name, nowait, out, err);
	case VT_SHOWN_DOCUMENTS:
	case VT_SHOWN_LABELS:
	case VT_SHOWN_QUERIES:
		return lookup_version(viewer, parent, name, nowait, out, err);
	case VT_SHOWN_VERSION_DOCUMENTS:
		return lookup_document(viewer, parent, name, out);
	case VT_SHOWN_TREE:
		return lookup_in_tree(viewer, parent, name, nowait, out, err);
	default:
		return -ENOTDIR;
	}
}
