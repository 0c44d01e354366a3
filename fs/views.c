/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See views.h. The exhibit of a view is VIEW | generation << SLOT_BITS | slot. A slot is taken by
 * making its kind 0, raising its generation, writing the rest and setting its kind, in this order:
 * a successor takes no half-written one for a view, and no old id leads to a new one. A slot whose
 * generations are used up keeps its last view, and counts as its user's for good.
 *
 * Sets of files are dropped when a user's take more than HITS_PER_USER, or all more than
 * HITS_BYTES, those of views that were looked at longest ago first: they are asked for again.
 *
 * Which ids of a view the kernel may hold stands in a bitmap of its slot, a bit per position, which
 * is cleared when the slot is taken: ids of what stood there before are not known any more.
 *
 * Lock order: `lock`, then that of exhibits.
 */
#include "fs/views.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "fs/node.h"
#include "fs/session_state.h"
#include "index/base/error.h"
#include "index/catalog.h"

#define VIEW           0xc0000000u
#define SLOT_BITS      10u
#define SLOT_MASK      ((1u << SLOT_BITS) - 1)
#define GENERATION_MAX ((1u << 20) - 1)
#define HITS_BYTES     (64u << 20)
#define HITS_PER_USER  (16u << 20)
#define NOTES_PER_USER (64u << 20)
#define PROBLEMS       64u
#define WORD_BITS      64u

_Static_assert(VT_SESSION_VIEWS == 1u << SLOT_BITS, "a slot fits into an exhibit");

struct problem {
	uint32_t uid, serial;
	uint64_t turn; /* 0: none */
	char text[VT_VIEW_PROBLEM_MAX];
};

struct vt_views {
	struct vt_session_state *state;
	struct vt_exhibits *exhibits;
	pthread_mutex_t lock;                    /* guards all below */
	struct vt_view *views[VT_SESSION_VIEWS]; /* what was resolved so far; a reference */
	uint64_t used[VT_SESSION_VIEWS];         /* turn of the last look */
	uint64_t *noted[VT_SESSION_VIEWS];       /* maps of the bitmaps, or NULL */
	uint64_t turn;
	struct problem problems[PROBLEMS];
};

struct vt_view *vt_view_ref(struct vt_view *view)
{
	atomic_fetch_add(&view->refs, 1);
	return view;
}

void vt_view_unref(struct vt_view *view)
{
	if (!view || atomic_fetch_sub(&view->refs, 1) != 1)
		return;
	vt_hits_unref(view->hits);
	free(view);
}

bool vt_view_has_id(uint64_t id)
{
	return (vt_node_exhibit(id) & VIEW) == VIEW;
}

static struct vt_view_slot *slot_at(struct vt_views *views, uint32_t slot)
{
	return &views->state->views[slot];
}

/* ---- which ids the kernel may hold; under the lock ------------------------------------------- */

static size_t words_for(uint32_t positions)
{
	return ((size_t) positions + WORD_BITS - 1) / WORD_BITS;
}

static size_t bytes_of_notes(struct vt_views *views, uint32_t slot)
{
	return words_for(slot_at(views, slot)->room) * sizeof(uint64_t);
}

static void unmap_notes(struct vt_views *views, uint32_t slot)
{
	if (views->noted[slot])
		(void) munmap(views->noted[slot], bytes_of_notes(views, slot));
	views->noted[slot] = NULL;
}

/* The bitmap of a slot, with room for so many positions; NULL: it cannot be had. */
static uint64_t *notes_of(struct vt_views *views, uint32_t slot, uint32_t positions)
{
	struct vt_view_slot *at = slot_at(views, slot);
	void *map;

	if (at->room < positions) {
		unmap_notes(views, slot);
		at->room = 0; /* before the offset: a successor maps no more than there is */
		at->offset = vt_session_state_extend(views->state,
						     words_for(positions) * sizeof(uint64_t));
		at->room = at->offset ? positions : 0;
	}
	if (!at->offset || at->room == 0)
		return NULL;
	if (!views->noted[slot]) {
		map = mmap(NULL, bytes_of_notes(views, slot), PROT_READ | PROT_WRITE, MAP_SHARED,
			   views->state->fd, (off_t) at->offset);
		views->noted[slot] = map == MAP_FAILED ? NULL : map;
	}
	return views->noted[slot];
}

static void clear_notes(struct vt_views *views, uint32_t slot)
{
	const struct vt_view_slot *at = slot_at(views, slot);

	if (at->offset)
		vt_session_state_punch(views->state, at->offset, bytes_of_notes(views, slot));
}

int vt_views_open(struct vt_session_state *state, struct vt_exhibits *exhibits,
		  struct vt_views **out, struct vt_error *err)
{
	struct vt_views *views = calloc(1, sizeof *views);

	if (!views)
		return vt_fail(err, ENOMEM, "no memory for a session");
	views->state = state;
	views->exhibits = exhibits;
	(void) pthread_mutex_init(&views->lock, NULL);
	*out = views;
	return 0;
}

void vt_views_close(struct vt_views *views)
{
	if (!views)
		return;
	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++) {
		unmap_notes(views, i);
		vt_view_unref(views->views[i]);
	}
	(void) pthread_mutex_destroy(&views->lock);
	free(views);
}

/* ---- slots; under the lock ------------------------------------------------------------------- */

static uint32_t exhibit_of(struct vt_views *views, uint32_t slot)
{
	return VIEW | slot_at(views, slot)->generation << SLOT_BITS | slot;
}

static void forget_hits(struct vt_view *view)
{
	vt_hits_unref(view->hits);
	view->hits = NULL;
}

static void forget(struct vt_views *views, uint32_t slot)
{
	struct vt_view *view = views->views[slot];

	if (!view)
		return;
	forget_hits(view);
	views->views[slot] = NULL;
	vt_view_unref(view);
}

/* The view in a slot, without a reference; NULL: no memory. */
static struct vt_view *view_in(struct vt_views *views, uint32_t slot)
{
	const struct vt_view_slot *at = slot_at(views, slot);
	struct vt_view *view = views->views[slot];

	views->used[slot] = ++views->turn;
	if (view)
		return view;
	view = calloc(1, sizeof *view);
	if (!view)
		return NULL;
	view->refs = 1;
	view->exhibit = exhibit_of(views, slot);
	view->serial = at->serial;
	view->folder = at->folder;
	view->kind = at->kind;
	memcpy(view->text, at->text, sizeof view->text);
	view->text[VT_VIEW_TEXT_MAX] = 0;
	return views->views[slot] = view;
}

static bool is_usable(struct vt_views *views, uint32_t slot)
{
	return slot_at(views, slot)->generation < GENERATION_MAX;
}

static bool is_older(const struct vt_views *views, uint32_t slot, uint32_t than)
{
	return than == VT_SESSION_VIEWS || views->used[slot] < views->used[than];
}

/* Slots of a user. */
struct places {
	uint32_t taken;   /* those included that are used up */
	uint32_t used_up; /* his for good */
	uint32_t oldest;  /* of the others: the one that was looked at longest ago */
	size_t notes;     /* bytes that their bitmaps may take */
};

static struct places places_of(struct vt_views *views, uint32_t uid)
{
	struct places places = {.oldest = VT_SESSION_VIEWS};

	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++) {
		bool usable = is_usable(views, i);

		if (slot_at(views, i)->uid != uid || (!slot_at(views, i)->kind && usable))
			continue;
		places.taken++;
		places.notes += bytes_of_notes(views, i);
		if (!usable)
			places.used_up++;
		else if (is_older(views, i, places.oldest))
			places.oldest = i;
	}
	return places;
}

static uint32_t empty_slot(struct vt_views *views)
{
	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++)
		if (!slot_at(views, i)->kind && is_usable(views, i))
			return i;
	return VT_SESSION_VIEWS;
}

/* Of all, or of those who have more than they are sure of, the one looked at longest ago. */
static uint32_t oldest_slot(struct vt_views *views, bool of_all)
{
	uint32_t oldest = VT_SESSION_VIEWS;

	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++)
		if (is_usable(views, i) && is_older(views, i, oldest) &&
		    (of_all || places_of(views, slot_at(views, i)->uid).taken > VT_VIEWS_PER_USER))
			oldest = i;
	return oldest;
}

static uint32_t choose(struct vt_views *views, uint32_t uid)
{
	struct places own = places_of(views, uid);
	uint32_t slot;

	if (own.used_up >= VT_VIEWS_PER_USER)
		return VT_SESSION_VIEWS;
	if (own.taken >= VT_VIEWS_PER_USER && own.notes > NOTES_PER_USER)
		return own.oldest;
	slot = empty_slot(views);
	if (slot == VT_SESSION_VIEWS && own.taken >= VT_VIEWS_PER_USER)
		return own.oldest;
	if (slot == VT_SESSION_VIEWS)
		slot = oldest_slot(views, false);
	return slot < VT_SESSION_VIEWS ? slot : oldest_slot(views, true);
}

static void take(struct vt_views *views, uint32_t slot, const struct vt_view_key *key, uint32_t uid)
{
	struct vt_view_slot *at = slot_at(views, slot);

	forget(views, slot);
	at->kind = 0;
	at->generation++;
	clear_notes(views, slot);
	at->serial = key->serial;
	at->folder = key->folder;
	at->uid = uid;
	(void) snprintf(at->text, sizeof at->text, "%s", key->text);
	at->kind = key->kind;
}

static bool is_of(const struct vt_view_slot *slot, const struct vt_view_key *key)
{
	return slot->kind == key->kind && slot->serial == key->serial &&
	       slot->folder == key->folder && strcmp(slot->text, key->text) == 0;
}

static uint32_t find_slot(struct vt_views *views, const struct vt_view_key *key)
{
	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++)
		if (is_of(slot_at(views, i), key))
			return i;
	return VT_SESSION_VIEWS;
}

/* ---- sets of files; under the lock ----------------------------------------------------------- */

/*
 * The set that was looked at longest ago, but for one, of a user's or of all (`uid` NULL), and how
 * many bytes these take with that one. VT_SESSION_VIEWS: there is none.
 */
static uint32_t oldest_set(struct vt_views *views, const struct vt_view *but, const uint32_t *uid,
			   size_t *bytes)
{
	uint32_t oldest = VT_SESSION_VIEWS;

	*bytes = 0;
	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++) {
		const struct vt_view *view = views->views[i];

		if (!view || !view->hits || (uid && slot_at(views, i)->uid != *uid))
			continue;
		*bytes += view->hits->bytes;
		if (view != but && is_older(views, i, oldest))
			oldest = i;
	}
	return oldest;
}

static void bound_sets(struct vt_views *views, const struct vt_view *but, const uint32_t *uid,
		       size_t most)
{
	uint32_t oldest;
	size_t bytes;

	while ((oldest = oldest_set(views, but, uid, &bytes)) < VT_SESSION_VIEWS && bytes > most)
		forget_hits(views->views[oldest]);
}

static void keep_hits(struct vt_views *views, struct vt_view *view, struct vt_hits *hits)
{
	if (!hits || view->hits)
		return;
	view->hits = vt_hits_ref(hits);
	bound_sets(views, view, &slot_at(views, view->exhibit & SLOT_MASK)->uid, HITS_PER_USER);
	bound_sets(views, view, NULL, HITS_BYTES);
}

/* Is the view still the one of its slot, so that what it keeps is counted? */
static bool is_kept(const struct vt_views *views, const struct vt_view *view)
{
	return views->views[view->exhibit & SLOT_MASK] == view;
}

/* ---- from outside ---------------------------------------------------------------------------- */

struct vt_view *vt_views_find(struct vt_views *views, const struct vt_view_key *key)
{
	struct vt_view *view = NULL;
	uint32_t slot;

	(void) pthread_mutex_lock(&views->lock);
	slot = find_slot(views, key);
	if (slot < VT_SESSION_VIEWS)
		view = view_in(views, slot);
	if (view)
		(void) vt_view_ref(view);
	(void) pthread_mutex_unlock(&views->lock);
	return view;
}

int vt_views_make(struct vt_views *views, const struct vt_view_key *key, struct vt_hits *hits,
		  uint32_t uid, struct vt_view **out)
{
	struct vt_view *view = NULL;
	uint32_t slot;

	if (strlen(key->text) > VT_VIEW_TEXT_MAX)
		return -ENAMETOOLONG;
	(void) pthread_mutex_lock(&views->lock);
	slot = find_slot(views, key);
	if (slot == VT_SESSION_VIEWS) {
		slot = choose(views, uid);
		if (slot < VT_SESSION_VIEWS)
			take(views, slot, key, uid);
	}
	if (slot < VT_SESSION_VIEWS)
		view = view_in(views, slot);
	if (view) {
		keep_hits(views, view, hits);
		(void) vt_view_ref(view);
	}
	(void) pthread_mutex_unlock(&views->lock);
	if (!view)
		return slot < VT_SESSION_VIEWS ? -ENOMEM : -ENFILE;
	*out = view;
	return 0;
}

/* The view of that exhibit, a reference; NULL when there is none any more. */
static struct vt_view *view_of(struct vt_views *views, uint32_t exhibit)
{
	uint32_t slot = exhibit & SLOT_MASK;
	struct vt_view *view = NULL;

	(void) pthread_mutex_lock(&views->lock);
	if (slot_at(views, slot)->kind && exhibit_of(views, slot) == exhibit)
		view = view_in(views, slot);
	if (view)
		(void) vt_view_ref(view);
	(void) pthread_mutex_unlock(&views->lock);
	return view;
}

int vt_views_resolve(struct vt_views *views, struct vt_catalog *catalog, uint64_t id,
		     struct vt_view **out, const struct vt_version **version)
{
	vt_cleanup(vt_view_unrefp) struct vt_view *view = view_of(views, vt_node_exhibit(id));
	const struct vt_version *found;

	if (!view || vt_catalog_version(catalog, view->serial, &found, NULL) < 0)
		return -ESTALE;
	if (found->state != VT_VERSION_LIVE ||
	    vt_exhibits_id(views->exhibits, found, 0) != view->folder) {
		vt_version_unref(found);
		return -ESTALE;
	}
	*version = found;
	*out = vt_steal(&view);
	return 0;
}

struct vt_hits *vt_views_hits(struct vt_views *views, struct vt_view *view)
{
	struct vt_hits *hits;

	(void) pthread_mutex_lock(&views->lock);
	hits = view->hits ? vt_hits_ref(view->hits) : NULL;
	(void) pthread_mutex_unlock(&views->lock);
	return hits;
}

void vt_views_set_hits(struct vt_views *views, struct vt_view *view, struct vt_hits *hits)
{
	(void) pthread_mutex_lock(&views->lock);
	if (is_kept(views, view))
		keep_hits(views, view, hits);
	(void) pthread_mutex_unlock(&views->lock);
}

int vt_views_note(struct vt_views *views, const struct vt_view *view, uint32_t nodes, uint64_t id)
{
	uint32_t slot = view->exhibit & SLOT_MASK, position = vt_node_position(id);
	uint64_t *notes;
	int r = 0;

	if (position >= nodes)
		return -ESTALE;
	(void) pthread_mutex_lock(&views->lock);
	notes = is_kept(views, view) ? notes_of(views, slot, nodes) : NULL;
	if (notes)
		notes[position / WORD_BITS] |= 1ull << position % WORD_BITS;
	else
		r = is_kept(views, view) ? -ENFILE : -ESTALE;
	(void) pthread_mutex_unlock(&views->lock);
	return r;
}

/* Folders of the same view one after the other, no lock held. */
static void give_noted(const uint64_t *notes, size_t words, uint32_t exhibit,
		       void (*each)(void *context, uint64_t id), void *context)
{
	each(context, vt_node_id(exhibit, 0));
	for (size_t i = 0; i < words; i++)
		for (uint64_t word = notes[i]; word; word &= word - 1)
			each(context,
			     vt_node_id(exhibit, (uint32_t) (i * WORD_BITS) +
							 (uint32_t) __builtin_ctzll(word)));
}

static bool is_dead(struct vt_views *views, uint32_t slot)
{
	const struct vt_view_slot *at = slot_at(views, slot);

	return at->kind &&
	       at->folder != vt_node_id(vt_exhibits_base(views->exhibits, at->serial), 0);
}

/* What a dead view had noted, a copy; then its slot is free. 1; 0: it is alive; -ENOMEM. */
static int take_notes(struct vt_views *views, uint32_t slot, uint32_t *exhibit, uint64_t **notes,
		      size_t *words)
{
	const uint64_t *there;
	int r = 0;

	(void) pthread_mutex_lock(&views->lock);
	if (is_dead(views, slot)) {
		*exhibit = exhibit_of(views, slot);
		there = notes_of(views, slot, 0);
		*words = there ? words_for(slot_at(views, slot)->room) : 0;
		*notes = calloc(*words + 1, sizeof **notes);
		r = *notes ? 1 : -ENOMEM;
	}
	if (r > 0 && *words > 0)
		memcpy(*notes, there, *words * sizeof **notes);
	(void) pthread_mutex_unlock(&views->lock);
	return r;
}

static void free_slot(struct vt_views *views, uint32_t slot, uint32_t exhibit)
{
	(void) pthread_mutex_lock(&views->lock);
	if (exhibit_of(views, slot) == exhibit) {
		forget(views, slot);
		slot_at(views, slot)->kind = 0;
	}
	(void) pthread_mutex_unlock(&views->lock);
}

void vt_views_drop_dead(struct vt_views *views, void (*each)(void *context, uint64_t id),
			void *context)
{
	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++) {
		vt_autofree uint64_t *notes = NULL;
		uint32_t exhibit;
		size_t words;

		if (take_notes(views, i, &exhibit, &notes, &words) <= 0)
			continue;
		give_noted(notes, words, exhibit, each, context);
		free_slot(views, i, exhibit); /* last: a successor drops them again */
	}
}

void vt_views_each(struct vt_views *views, uint32_t serial,
		   void (*each)(void *context, uint64_t id), void *context)
{
	uint64_t ids[VT_SESSION_VIEWS];
	size_t count = 0;

	(void) pthread_mutex_lock(&views->lock);
	for (uint32_t i = 0; i < VT_SESSION_VIEWS; i++)
		if (slot_at(views, i)->kind && slot_at(views, i)->serial == serial)
			ids[count++] = vt_node_id(exhibit_of(views, i), 0);
	(void) pthread_mutex_unlock(&views->lock);
	for (size_t i = 0; i < count; i++)
		each(context, ids[i]);
}

/* ---- problems -------------------------------------------------------------------------------- */

/* The user's place, or the one that was written longest ago. */
static struct problem *problem_of(struct vt_views *views, uint32_t uid)
{
	struct problem *oldest = &views->problems[0];

	for (size_t i = 0; i < PROBLEMS; i++) {
		if (views->problems[i].turn && views->problems[i].uid == uid)
			return &views->problems[i];
		if (views->problems[i].turn < oldest->turn)
			oldest = &views->problems[i];
	}
	return oldest;
}

void vt_views_note_problem(struct vt_views *views, uint32_t uid, uint32_t serial,
			   const char *problem)
{
	struct problem *place;

	(void) pthread_mutex_lock(&views->lock);
	place = problem_of(views, uid);
	*place = (struct problem){.uid = uid, .serial = serial, .turn = ++views->turn};
	(void) snprintf(place->text, sizeof place->text, "%s", problem);
	(void) pthread_mutex_unlock(&views->lock);
}

bool vt_views_problem(struct vt_views *views, uint32_t uid, uint32_t serial,
		      char out[VT_VIEW_PROBLEM_MAX])
{
	const struct problem *place;
	bool found;

	(void) pthread_mutex_lock(&views->lock);
	place = problem_of(views, uid);
	found = place->turn && place->uid == uid && place->serial == serial;
	if (found)
		memcpy(out, place->text, sizeof place->text);
	(void) pthread_mutex_unlock(&views->lock);
	return found;
}
