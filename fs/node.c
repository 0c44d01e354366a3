/* SPDX-License-Identifier: Apache-2.0 */
/* See node.h: what an id stands for, and how it looks to stat. Names are view.c's business. */
#include "fs/node.h"

#include <errno.h>
#include <string.h>

#include "fs/document_read.h"
#include "fs/service.h"
#include "fs/session.h"
#include "fs/status.h"
#include "fs/views.h"
#include "index/base/clock.h"
#include "index/base/error.h"
#include "index/import.h"
#include "index/link.h"
#include "index/recent_leaves.h"
#include "policy/gate.h"

void vt_shown_done(struct vt_shown *shown)
{
	vt_node_done(&shown->node);
	vt_dataset_unref(shown->dataset);
	vt_version_unref(shown->version);
	vt_view_unref(shown->view);
	*shown = (struct vt_shown){0};
}

/* Something in exhibit 0 that is gone is as stale as a retired exhibit. */
static int gone(int r)
{
	return r == -ENOENT ? -ESTALE : r;
}

static int resolve_version(struct vt_catalog *catalog, uint32_t serial, struct vt_shown *out,
			   struct vt_error *err)
{
	int r = vt_catalog_version(catalog, serial, &out->version, err);

	if (r < 0)
		return r;
	return vt_catalog_dataset_by_id(catalog, out->version->dataset, &out->dataset, err);
}

static int resolve_changing(struct vt_catalog *catalog, struct vt_shown *shown,
			    struct vt_error *err)
{
	uint32_t dataset, version;
	const char *name;
	int r;

	switch (shown->kind) {
	case VT_SHOWN_ROOT:
		return shown->number == 1 ? 0 : -ENOENT;
	case VT_SHOWN_CONTROL:
		return VT_CONTROL_OF(shown->number) <= VT_CONTROL_METRICS ? 0 : -ENOENT;
	case VT_SHOWN_SPACE:
		return vt_catalog_space(catalog, shown->number, &name);
	case VT_SHOWN_DATASET:
	case VT_SHOWN_DOCUMENTS:
	case VT_SHOWN_LABELS:
	case VT_SHOWN_QUERIES:
		return vt_catalog_dataset_by_id(catalog, shown->number, &shown->dataset, err);
	case VT_SHOWN_LATEST:
		return resolve_version(catalog, shown->number, shown, err);
	case VT_SHOWN_TAG:
		r = vt_catalog_tag_link(catalog, shown->number, &dataset, &version);
		return r < 0 ? r : resolve_version(catalog, version, shown, err);
	default:
		return -ENOENT;
	}
}

/* Folders of views are those of their version. */
static int resolve_version_of(const struct vt_viewer *viewer, struct vt_shown *shown)
{
	struct vt_catalog *catalog = viewer->service->index->catalog;

	if (vt_view_has_id(shown->id))
		return vt_views_resolve(viewer->session->views, catalog, shown->id, &shown->view,
					&shown->version);
	return vt_exhibits_version(viewer->session->exhibits, catalog, shown->id, &shown->version);
}

/* The folders of a version that are not in its tree. False: it is none of them. */
static bool resolve_folder(struct vt_shown *shown)
{
	switch (vt_node_position(shown->id)) {
	case VT_POSITION_DOCUMENTS:
		shown->kind = VT_SHOWN_VERSION_DOCUMENTS;
		return true;
	case VT_POSITION_LABELS:
		shown->kind = VT_SHOWN_VERSION_LABELS;
		return true;
	case VT_POSITION_QUERIES:
		shown->kind = VT_SHOWN_VERSION_QUERIES;
		return true;
	default:
		return false;
	}
}

/* An id of a version: in its tree, or among its documents. */
static int resolve_in_version(const struct vt_viewer *viewer, struct vt_shown *shown, bool nowait,
			      struct vt_error *err)
{
	struct vt_catalog *catalog = viewer->service->index->catalog;
	uint32_t position = vt_node_position(shown->id);
	int r = resolve_version_of(viewer, shown);

	if (r == 0)
		r = vt_catalog_dataset_by_id(catalog, shown->version->dataset, &shown->dataset,
					     err);
	if (r < 0)
		return r;
	if (shown->view && shown->view->kind == VT_VIEW_KEY) {
		shown->kind = VT_SHOWN_LABEL_KEY;
		return position == 0 ? 0 : -ENOENT;
	}
	if (!shown->view && resolve_folder(shown))
		return 0;
	if (!shown->view && position > VT_POSITION_DOCUMENTS) {
		shown->kind = VT_SHOWN_DOCUMENT;
		shown->document = (enum vt_document)(position - VT_POSITION_OF_DOCUMENT(0));
		return shown->document < VT_DOCUMENT_COUNT ? 0 : -ENOENT;
	}
	shown->kind = VT_SHOWN_TREE;
	r = vt_recent_leaves_at(viewer->service->recent, &viewer->service->index->pages, nowait,
				&shown->version->tree, position, &shown->node, err);
	if (r == 0 && (shown->version->revision || shown->view) &&
	    shown->node.entry.type != VT_DIRECTORY)
		return -ENOENT; /* files of revisions and views have the ids of their base */
	return r;
}

int vt_shown_resolve(const struct vt_viewer *viewer, uint64_t id, bool nowait, struct vt_shown *out,
		     struct vt_error *err)
{
	struct vt_shown shown = {.id = id};
	int r;

	if (vt_node_exhibit(id)) {
		r = resolve_in_version(viewer, &shown, nowait, err);
	} else {
		shown.kind = (enum vt_shown_kind)(vt_node_position(id) >> 28);
		shown.number = vt_node_position(id) & VT_NUMBER_MASK;
		r = resolve_changing(viewer->service->index->catalog, &shown, err);
	}
	if (r < 0) {
		vt_shown_done(&shown);
		return gone(r);
	}
	*out = shown;
	return 0;
}

int vt_shown_target(const struct vt_shown *shown, const char **target, size_t *len)
{
	if (shown->kind == VT_SHOWN_LATEST || shown->kind == VT_SHOWN_TAG) {
		*target = shown->version->name;
		*len = strlen(shown->version->name);
		return 0;
	}
	if (shown->kind == VT_SHOWN_TREE && shown->node.entry.type == VT_SYMLINK) {
		*target = shown->node.entry.target;
		*len = shown->node.entry.target_len;
		return 0;
	}
	return -EINVAL;
}

struct vt_place vt_shown_place(const struct vt_shown *shown)
{
	return (struct vt_place){
		.dataset = shown->dataset ? shown->dataset->id : 0,
		.version = shown->version ? shown->version->serial : 0,
	};
}

/* ---- stat ------------------------------------------------------------------------------------ */

static void set_times(struct stat *st, uint64_t ns)
{
	st->st_mtim.tv_sec = (time_t) (ns / VT_NS_PER_SEC);
	st->st_mtim.tv_nsec = (long) (ns % VT_NS_PER_SEC);
}

/* Inside a version everybody who entered may read: stored bits, read for all, search likewise. */
static mode_t shown_mode(const struct vt_entry *entry)
{
	switch (entry->type) {
	case VT_DIRECTORY:
		return S_IFDIR | entry->mode | 0555;
	case VT_SYMLINK:
		return S_IFLNK | 0777;
	case VT_FILE:
	case VT_LABELLED: /* in no tree of files */
		break;
	}
	return S_IFREG | entry->mode | 0444 | (entry->mode & 0100 ? 0111 : 0);
}

static int stat_tree(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		     struct stat *st, struct vt_error *err)
{
	const struct vt_entry *entry = &shown->node.entry;
	uint32_t position = vt_node_position(shown->id);
	struct vt_link link;
	int r;

	st->st_mode = shown_mode(entry);
	st->st_size = (off_t) entry->size;
	st->st_mtim = (struct timespec){(time_t) entry->mtime_sec, (long) entry->mtime_nsec};
	if (!entry->linked)
		return 0;
	r = vt_link_find(viewer->service->index->store, shown->version->tree.links, position,
			 nowait, &link, err);
	if (r < 0)
		return r;
	st->st_nlink = link.count;
	return 0;
}

static int stat_document(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
			 struct stat *st, struct vt_error *err)
{
	uint64_t size;
	int r = vt_document_size(viewer->service, shown->dataset, shown->version, shown->document,
				 nowait, &size, err);

	if (r == 0)
		st->st_size = (off_t) size;
	return r;
}

static int stat_control(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
			struct stat *st)
{
	struct vt_buf text = VT_BUF_INIT;
	int r;

	if (VT_CONTROL_OF(shown->number) == VT_CONTROL_FOLDER)
		return 0;
	st->st_mode = S_IFREG | 0444;
	if (viewer->session && !vt_session_checks_open(viewer->session))
		r = vt_status_text_of(viewer, VT_CONTROL_OF(shown->number), VT_KEPT_LOOKED_UP,
				      shown->number, nowait, &text);
	else
		r = vt_status_text(viewer, VT_CONTROL_OF(shown->number), nowait, &text);
	st->st_size = (off_t) text.len;
	vt_buf_done(&text);
	return r;
}

static int stat_by_kind(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
			struct stat *st, struct vt_error *err)
{
	switch (shown->kind) {
	case VT_SHOWN_TREE:
		return stat_tree(viewer, shown, nowait, st, err);
	case VT_SHOWN_LATEST:
	case VT_SHOWN_TAG:
		st->st_ino = (ino_t) shown->id;
		st->st_mode = S_IFLNK | 0777;
		st->st_size = (off_t) strlen(shown->version->name);
		return 0;
	case VT_SHOWN_DOCUMENT:
		st->st_mode = S_IFREG | 0444;
		return stat_document(viewer, shown, nowait, st, err);
	case VT_SHOWN_CONTROL:
		return stat_control(viewer, shown, nowait, st);
	default:
		return 0;
	}
}

/* ---- who enters ------------------------------------------------------------------------------ */

bool vt_shown_is_boundary(const struct vt_shown *shown)
{
	switch (shown->kind) {
	case VT_SHOWN_DATASET:
	case VT_SHOWN_DOCUMENTS:
	case VT_SHOWN_VERSION_DOCUMENTS:
	case VT_SHOWN_LABELS:
	case VT_SHOWN_VERSION_LABELS:
	case VT_SHOWN_LABEL_KEY:
	case VT_SHOWN_QUERIES:
	case VT_SHOWN_VERSION_QUERIES:
		return true;
	case VT_SHOWN_TREE:
		return vt_node_position(shown->id) == 0;
	default:
		return false;
	}
}

int vt_shown_boundary(const struct vt_viewer *viewer, const struct vt_shown *shown,
		      struct vt_boundary *out, struct vt_error *err)
{
	return vt_gate_boundary(viewer->service->gate, vt_shown_place(shown), out, err);
}

static mode_t boundary_mode(const struct vt_boundary *boundary, bool lists)
{
	switch (boundary->class) {
	case VT_BOUNDARY_OPEN:
		return 0555;
	case VT_BOUNDARY_NOBODY:
		return 0;
	case VT_BOUNDARY_USER:
		return 0500;
	case VT_BOUNDARY_GROUP:
		return 0550;
	case VT_BOUNDARY_LIST:
		break;
	}
	if (!lists || boundary->list_count == 0)
		return 0555; /* OPEN and OPENDIR alone refuse */
	/* The group's bits are the list's mask. */
	return boundary->others ? 0555 : 0550;
}

static int stat_boundary(const struct vt_viewer *viewer, const struct vt_shown *shown,
			 struct stat *st, struct vt_error *err)
{
	struct vt_boundary boundary;
	int r = vt_shown_boundary(viewer, shown, &boundary, err);

	if (r < 0)
		return r;
	st->st_uid = boundary.uid;
	st->st_gid = boundary.gid == VT_NO_GID ? 0 : boundary.gid;
	st->st_mode = S_IFDIR | boundary_mode(&boundary, viewer->session->plan->lists);
	vt_boundary_done(&boundary);
	return 0;
}

/* The kernel lets no capability open an inode of this group: it has none in any namespace. */
#define UNMAPPED_GID ((gid_t) -1)

/*
 * A private mount is its user's, to the last file: whoever else gets there, by a bind mount say, is
 * refused by the kernel. OPEN is not asked there, so that the kernel must refuse root too, and with
 * it programs that run as root for others: it would give them the pages it has. Folders root may
 * walk, to bind them elsewhere. The mount that is itself the credential is everybody's who gets
 * there.
 */
static void make_private(const struct vt_mount_plan *plan, struct stat *st)
{
	st->st_uid = plan->user;
	if (plan->any_uid)
		st->st_mode |= (st->st_mode & S_IFMT) == S_IFDIR ? 0555 : 0;
	else if ((st->st_mode & S_IFMT) != S_IFLNK)
		st->st_mode &= (mode_t) ~077;
	if (!plan->any_uid && (st->st_mode & S_IFMT) == S_IFREG)
		st->st_gid = UNMAPPED_GID;
}

/* With lists the root's own would be asked for at every walk, unless its group has no bits. */
static void make_root(const struct vt_mount_plan *plan, struct stat *st)
{
	if (!plan->lists)
		return;
	st->st_mode = S_IFDIR | 0505;
	st->st_gid = VT_NO_GID;
}

static int set_owner(const struct vt_viewer *viewer, const struct vt_shown *shown, struct stat *st,
		     struct vt_error *err)
{
	const struct vt_mount_plan *plan = viewer->session->plan;
	int r = 0;

	if (plan->kind == VT_MOUNT_PRIVATE)
		make_private(plan, st);
	else if (shown->kind == VT_SHOWN_ROOT)
		make_root(plan, st);
	else if (plan->kind == VT_MOUNT_SHARED && vt_shown_is_boundary(shown))
		r = stat_boundary(viewer, shown, st, err);
	return r;
}

int vt_shown_stat(const struct vt_viewer *viewer, const struct vt_shown *shown, bool nowait,
		  struct stat *out, struct vt_error *err)
{
	struct stat st = {.st_nlink = 1};
	int r;

	st.st_uid = shown->dataset ? shown->dataset->owner_uid : viewer->service->owner_uid;
	st.st_mode = S_IFDIR | 0555;
	st.st_ino = shown->version && !shown->view
			    ? (ino_t) shown->version->serial << 32 | vt_node_position(shown->id)
			    : (ino_t) shown->id;
	set_times(&st, shown->version   ? shown->version->created_ns
		       : shown->dataset ? shown->dataset->created_ns
					: viewer->service->created_ns);
	r = stat_by_kind(viewer, shown, nowait, &st, err);
	if (r == 0)
		r = set_owner(viewer, shown, &st, err);
	if (r < 0)
		return r;
	st.st_blocks = (st.st_size + 511) / 512;
	st.st_atim = st.st_ctim = st.st_mtim;
	*out = st;
	return 0;
}
