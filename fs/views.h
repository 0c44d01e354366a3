/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The views that a session shows: folders below `.labels/V` and `.query/V`. A view is what one name
 * there means: the files that an expression is true of, or the values of a key. Its folders have
 * ids of an exhibit of its own; its files are those of the version, with their ids.
 *
 * Which views there are stands in the session's state: a successor knows them by their names and
 * asks again which files they show. There is a place for VT_SESSION_VIEWS of them. A user takes as
 * many as are free; when none is, who has VT_VIEWS_PER_USER or more loses, for one more, the one of
 * his own that was looked at longest ago, and who has less gets the place of one of those who have
 * more, or, when nobody has, of any. What the kernel knows of them takes memory: a user whose views
 * take too much of it has no more than VT_VIEWS_PER_USER.
 *
 * An id of a view that is gone answers ESTALE for ever, and the kernel looks the name up again; but
 * not where a program has the folder open or stands in it. Places have many ids, and not without
 * end: who uses up those of VT_VIEWS_PER_USER places makes no more views on this mount, and takes
 * no place from others.
 *
 * A view dies with the ids of its version's folder (exhibits.h): whatever retires these, retires
 * it.
 *
 * Thread-safe.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/exhibits.h"
#include "fs/hits.h"

struct vt_views;

#define VT_VIEWS_PER_USER 64u
#define VT_VIEW_TEXT_MAX  384u /* bytes: a key, a '/' and a name */

enum vt_view_kind {
	VT_VIEW_KEY = 1,   /* .labels/V/KEY: the values of a key; text: KEY */
	VT_VIEW_VALUE = 2, /* .labels/V/KEY/NAME; text: KEY/NAME */
	VT_VIEW_QUERY = 3, /* .query/V/NAME; text: NAME */
};

/* Counted. */
struct vt_view {
	atomic_uint refs;
	/* constant */
	uint32_t exhibit; /* of its folders */
	uint32_t serial;  /* of the version */
	uint64_t folder;  /* id of the version's folder that it is below */
	enum vt_view_kind kind;
	char text[VT_VIEW_TEXT_MAX + 1];
	/* vt_views_hits(), vt_views_set_hits() */
	struct vt_hits *hits; /* guarded by the views' lock */
};
struct vt_view *vt_view_ref(struct vt_view *view);
void vt_view_unref(struct vt_view *view); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_view, vt_view_unref);

/* Is it an id in a view? */
bool vt_view_has_id(uint64_t id);

/* Both are borrowed. */
int vt_views_open(struct vt_session_state *state, struct vt_exhibits *exhibits,
		  struct vt_views **out, struct vt_error *err);
void vt_views_close(struct vt_views *views);

/*
 * What is looked up. `folder` is the id that the version's folder had when it was resolved: when it
 * was retired since, the view is born dead.
 */
struct vt_view_key {
	uint32_t serial;
	enum vt_view_kind kind;
	uint64_t folder;
	const char *text;
};

/* What such a name stands for, if it was asked for before: a reference; else NULL. */
struct vt_view *vt_views_find(struct vt_views *views, const struct vt_view_key *key);
/*
 * The same, made if need be. `hits` (may be NULL) are the files it shows; a reference is taken.
 * -ENAMETOOLONG; -ENFILE: no place for another.
 */
int vt_views_make(struct vt_views *views, const struct vt_view_key *key, struct vt_hits *hits,
		  uint32_t uid, struct vt_view **out);

/* The view that an id is in, with its version; references. -ESTALE. */
int vt_views_resolve(struct vt_views *views, struct vt_catalog *catalog, uint64_t id,
		     struct vt_view **out, const struct vt_version **version);

/* The files it shows, a reference; NULL: that must be asked again, and told with set_hits(). */
struct vt_hits *vt_views_hits(struct vt_views *views, struct vt_view *view);
void vt_views_set_hits(struct vt_views *views, struct vt_view *view, struct vt_hits *hits);

/*
 * The kernel may learn of an id in a view of a version with that many nodes. -ESTALE: the view is
 * gone; -ENFILE: the id must not be told.
 */
int vt_views_note(struct vt_views *views, const struct vt_view *view, uint32_t nodes, uint64_t id);
/*
 * The ids that were noted of views that died with their version's folder, in each's order. Then
 * these views have no place any more. Of a view that lost its place to another nothing is known.
 */
void vt_views_drop_dead(struct vt_views *views, void (*each)(void *context, uint64_t id),
			void *context);

/* Calls `each` with the id of the folder of every view of a version. */
void vt_views_each(struct vt_views *views, uint32_t serial,
		   void (*each)(void *context, uint64_t id), void *context);

/*
 * What was wrong with the last expression that a user looked up. note() keeps one for each of the
 * last users that had one; find() copies it, and gives false when there is none.
 */
#define VT_VIEW_PROBLEM_MAX 512u
void vt_views_note_problem(struct vt_views *views, uint32_t uid, uint32_t serial,
			   const char *problem);
bool vt_views_problem(struct vt_views *views, uint32_t uid, uint32_t serial,
		      char out[VT_VIEW_PROBLEM_MAX]);
