/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See exhibits.h. A version gets a slot in the state when its first id is noted, and keeps it until
 * it is buried; then another version may get it. Slots are found through a table in memory and read
 * without a lock; the table is written last, so that who finds a slot finds it whole. What is taken
 * out of the table moves others in it: who looked meanwhile looks again. A slot's bitmaps are its
 * own for good, so that who is late and notes an id of the version before hits a bit of theirs,
 * which says too much and never too little.
 *
 * Base and bitmap change together, in one store: `current` is base | turn << 32, and the bitmap of
 * an exhibit is the one of its turn. A retirement first notes the old base in `retiring`, then
 * stores `current`; a successor that finds `retiring` equal to the base knows that the flip did not
 * happen, and repeats it. Burns are a log: a position's exhibit is the newest entry's, unless the
 * whole version was retired since, which the numbers tell (they only grow).
 *
 * Lock order: `lock` alone; nothing is called under it.
 */
#include "fs/exhibits.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>

#include "fs/node.h"
#include "fs/session_state.h"
#include "index/base/error.h"
#include "index/catalog.h"
#include "index/idmap.h"

#define OWN       0x80000000u /* exhibits of the session's own numbering */
#define WORD_BITS 64u
#define DOCUMENTS 32u

#define PLACES   (2 * VT_SESSION_VERSIONS)
#define ROOM_MIN 4096u /* bytes of a bitmap: a page of the file */

struct vt_exhibits {
	struct vt_session_state *state;
	_Atomic uint32_t places[PLACES]; /* by hash of the serial: slot + 1, 0: free */
	_Atomic uint32_t moves;          /* of entries of `places`; odd while one goes on */
	pthread_rwlock_t lock;
	struct vt_idmap burned;             /* guarded by lock: serial, position -> exhibit */
	uint32_t free[VT_SESSION_VERSIONS]; /* slots, as a stack; guarded by lock, as its height */
	uint32_t free_count;
};

static uint32_t base_of(uint64_t current)
{
	return (uint32_t) current;
}

static unsigned turn_of(uint64_t current)
{
	return current >> 32 & 1;
}

static size_t bitmap_bytes(uint32_t nodes)
{
	return ((size_t) nodes + WORD_BITS - 1) / WORD_BITS * sizeof(uint64_t);
}

/* ---- slots ----------------------------------------------------------------------------------- */

/* Serials are numbers in a row: spread (Knuth), so that they make no long run in the table. */
static uint32_t home_of(uint32_t serial)
{
	return serial * 2654435769u / (UINT32_MAX / PLACES + 1);
}

/* The place of a version's slot, or the free one where it belongs: there are twice as many. */
static uint32_t find_place(const struct vt_exhibits *exhibits, uint32_t serial)
{
	uint32_t at = home_of(serial), slot;

	while ((slot = exhibits->places[at]) &&
	       exhibits->state->versions[slot - 1].serial != serial)
		at = (at + 1) % PLACES;
	return at;
}

/* For who buries, or has the lock: nothing moves meanwhile. */
static struct vt_shown_slot *slot_of(const struct vt_exhibits *exhibits, uint32_t serial)
{
	uint32_t slot = exhibits->places[find_place(exhibits, serial)];

	return slot ? &exhibits->state->versions[slot - 1] : NULL;
}

/* For everybody; with what it has as `current`. */
static struct vt_shown_slot *look_up(const struct vt_exhibits *exhibits, uint32_t serial,
				     uint64_t *current)
{
	struct vt_shown_slot *slot;
	uint32_t moves;

	do {
		while ((moves = exhibits->moves) & 1)
			(void) sched_yield();
		slot = slot_of(exhibits, serial);
		*current = slot ? slot->current : 0;
	} while (exhibits->moves != moves);
	return slot;
}

/* What stands behind it, up to the first free place, moves up if else it would not be found. */
static void empty_place(struct vt_exhibits *exhibits, uint32_t at)
{
	uint32_t slot;

	exhibits->moves++;
	for (uint32_t i = (at + 1) % PLACES; (slot = exhibits->places[i]); i = (i + 1) % PLACES) {
		uint32_t home = home_of(exhibits->state->versions[slot - 1].serial);

		if ((i - home) % PLACES < (i - at) % PLACES)
			continue;
		exhibits->places[at] = slot;
		at = i;
	}
	exhibits->places[at] = 0;
	exhibits->moves++;
}

/* Doubled, so that what a version leaves is enough for the next one of a dataset that grows. */
static size_t room_for(size_t bytes)
{
	size_t room = ROOM_MIN;

	while (room < bytes)
		room *= 2;
	return room;
}

static int make_slot(struct vt_exhibits *exhibits, size_t bytes, uint32_t *out)
{
	struct vt_session_record *record = exhibits->state->record;
	struct vt_shown_slot *slot = &exhibits->state->versions[record->version_count];

	if (record->version_count == VT_SESSION_VERSIONS)
		return -ENFILE;
	slot->room = room_for(bytes);
	for (int turn = 0; turn < 2; turn++) {
		slot->offset[turn] = vt_session_state_extend(exhibits->state, slot->room);
		if (!slot->offset[turn])
			return -ENFILE;
	}
	*out = record->version_count++;
	return 0;
}

/* A free slot whose bitmaps have room for so many bytes. */
static int take_slot(struct vt_exhibits *exhibits, size_t bytes, uint32_t *out)
{
	for (uint32_t i = exhibits->free_count; i-- > 0;)
		if (exhibits->state->versions[exhibits->free[i]].room >= bytes) {
			*out = exhibits->free[i];
			exhibits->free[i] = exhibits->free[--exhibits->free_count];
			return 0;
		}
	return make_slot(exhibits, bytes, out);
}

/* Under the lock, for writing. */
static int add_slot(struct vt_exhibits *exhibits, const struct vt_version *version)
{
	struct vt_shown_slot *slot;
	uint32_t number;
	int r = take_slot(exhibits, bitmap_bytes(version->tree.root.nodes), &number);

	if (r < 0)
		return r;
	slot = &exhibits->state->versions[number];
	slot->nodes = version->tree.root.nodes;
	slot->current = version->exhibit;
	slot->serial = version->serial; /* from here on a successor finds it */
	exhibits->places[find_place(exhibits, version->serial)] = number + 1;
	return 0;
}

/* The bitmap of a slot and turn; NULL when there is none. */
static _Atomic uint64_t *bitmap(const struct vt_exhibits *exhibits,
				const struct vt_shown_slot *slot, unsigned turn)
{
	return vt_session_state_at(exhibits->state, slot->offset[turn], bitmap_bytes(slot->nodes));
}

/* ---- opening --------------------------------------------------------------------------------- */

static uint64_t burn_key(uint32_t serial, uint32_t position)
{
	return (uint64_t) serial << 32 | position;
}

static int read_burns(struct vt_exhibits *exhibits)
{
	const struct vt_session_state *state = exhibits->state;

	for (uint32_t i = 0; i < state->record->burn_count; i++) {
		const struct vt_burn *burn = &state->burns[i];

		if (vt_idmap_put(&exhibits->burned, burn_key(burn->serial, burn->position),
				 burn->to) < 0)
			return -ENOMEM;
	}
	return 0;
}

static void find_slots(struct vt_exhibits *exhibits)
{
	for (uint32_t i = 0; i < exhibits->state->record->version_count; i++) {
		uint32_t serial = exhibits->state->versions[i].serial;

		if (serial)
			exhibits->places[find_place(exhibits, serial)] = i + 1;
		else
			exhibits->free[exhibits->free_count++] = i;
	}
}

/* Retirements that were noted and did not happen. */
static void repeat_flips(struct vt_exhibits *exhibits);

int vt_exhibits_open(struct vt_session_state *state, struct vt_exhibits **out, struct vt_error *err)
{
	struct vt_exhibits *exhibits = calloc(1, sizeof *exhibits);

	if (!exhibits)
		return vt_fail(err, ENOMEM, "no memory for a session");
	exhibits->state = state;
	(void) pthread_rwlock_init(&exhibits->lock, NULL);
	if (read_burns(exhibits) < 0) {
		vt_exhibits_close(exhibits);
		return vt_fail(err, ENOMEM, "no memory for a session");
	}
	find_slots(exhibits);
	repeat_flips(exhibits);
	*out = exhibits;
	return 0;
}

void vt_exhibits_close(struct vt_exhibits *exhibits)
{
	if (!exhibits)
		return;
	vt_idmap_done(&exhibits->burned);
	(void) pthread_rwlock_destroy(&exhibits->lock);
	free(exhibits);
}

/* ---- ids ------------------------------------------------------------------------------------- */

/* `otherwise`: the exhibit of the version's record, for one that was never noted. */
static uint32_t exhibit_of(struct vt_exhibits *exhibits, uint32_t serial, uint32_t position,
			   uint32_t otherwise)
{
	uint64_t current, burned = 0;
	uint32_t base = look_up(exhibits, serial, &current) ? base_of(current) : otherwise;

	if (exhibits->state->record->burn_count == 0)
		return base;
	(void) pthread_rwlock_rdlock(&exhibits->lock);
	(void) vt_idmap_find(&exhibits->burned, burn_key(serial, position), &burned);
	(void) pthread_rwlock_unlock(&exhibits->lock);
	return burned > base ? (uint32_t) burned : base;
}

uint64_t vt_exhibits_id(struct vt_exhibits *exhibits, const struct vt_version *version,
			uint32_t position)
{
	return vt_node_id(exhibit_of(exhibits, version->serial, position, version->exhibit),
			  position);
}

static int find_version(struct vt_exhibits *exhibits, struct vt_catalog *catalog, uint32_t exhibit,
			const struct vt_version **out)
{
	uint32_t own = exhibit & ~OWN;

	if (!(exhibit & OWN))
		return vt_catalog_exhibit(catalog, exhibit, out, NULL);
	if (own >= exhibits->state->record->exhibit_count)
		return -ESTALE;
	return vt_catalog_version(catalog, exhibits->state->exhibits[own], out, NULL);
}

int vt_exhibits_version(struct vt_exhibits *exhibits, struct vt_catalog *catalog, uint64_t id,
			const struct vt_version **out)
{
	const struct vt_version *version;
	int r = find_version(exhibits, catalog, vt_node_exhibit(id), &version);

	if (r < 0)
		return r == -ENOENT ? -ESTALE : r;
	if (version->state != VT_VERSION_LIVE ||
	    vt_exhibits_id(exhibits, version, vt_node_position(id)) != id) {
		vt_version_unref(version);
		return -ESTALE;
	}
	*out = version;
	return 0;
}

/* ---- noting ---------------------------------------------------------------------------------- */

/* -ESTALE: it was buried meanwhile. */
static int slot_for(struct vt_exhibits *exhibits, const struct vt_version *version,
		    struct vt_shown_slot **out, uint64_t *current)
{
	int r = 0;

	*out = look_up(exhibits, version->serial, current);
	if (*out)
		return 0;
	(void) pthread_rwlock_wrlock(&exhibits->lock);
	if (!slot_of(exhibits, version->serial))
		r = add_slot(exhibits, version);
	(void) pthread_rwlock_unlock(&exhibits->lock);
	if (r < 0)
		return r;
	*out = look_up(exhibits, version->serial, current);
	return *out ? 0 : -ESTALE;
}

static int note(struct vt_exhibits *exhibits, struct vt_shown_slot *slot, unsigned turn,
		uint32_t position)
{
	_Atomic uint64_t *word;
	uint64_t bit = 1ull << position % WORD_BITS;

	if (position >= VT_POSITION_DOCUMENTS) {
		(void) atomic_fetch_or(&slot->documents[turn],
				       1u << (position - VT_POSITION_DOCUMENTS));
		return 0;
	}
	if (position >= slot->nodes)
		return -ESTALE;
	word = bitmap(exhibits, slot, turn);
	if (!word)
		return -ENFILE;
	word += position / WORD_BITS;
	/* Most are noted already: look before locking the cache line. */
	if (!(atomic_load_explicit(word, memory_order_relaxed) & bit))
		(void) atomic_fetch_or(word, bit);
	return 0;
}

int vt_exhibits_note(struct vt_exhibits *exhibits, const struct vt_version *version, uint64_t id)
{
	uint32_t exhibit = vt_node_exhibit(id);
	struct vt_shown_slot *slot;
	uint64_t current;
	int r = slot_for(exhibits, version, &slot, &current);

	if (r < 0)
		return r;
	if (exhibit == base_of(current))
		return note(exhibits, slot, turn_of(current), vt_node_position(id));
	if (exhibit == slot->retiring)
		return note(exhibits, slot, turn_of(current) ^ 1, vt_node_position(id));
	return 0; /* of burned positions the log knows */
}

void vt_exhibits_each(struct vt_exhibits *exhibits, void (*each)(void *context, uint32_t serial),
		      void *context)
{
	uint32_t count = exhibits->state->record->version_count;

	for (uint32_t i = 0; i < count; i++) {
		uint32_t serial = exhibits->state->versions[i].serial;

		if (serial)
			each(context, serial);
	}
}

/* Free for a successor first; whatever else happens to it then is of no meaning. */
static void give_back(struct vt_exhibits *exhibits, struct vt_shown_slot *slot)
{
	slot->serial = 0;
	for (int turn = 0; turn < 2; turn++) {
		vt_session_state_punch(exhibits->state, slot->offset[turn], slot->room);
		slot->documents[turn] = 0;
	}
	exhibits->free[exhibits->free_count++] = (uint32_t) (slot - exhibits->state->versions);
}

void vt_exhibits_bury(struct vt_exhibits *exhibits, uint32_t serial)
{
	struct vt_shown_slot *slot = slot_of(exhibits, serial);

	if (!slot || slot->retiring)
		return;
	(void) pthread_rwlock_wrlock(&exhibits->lock);
	empty_place(exhibits, find_place(exhibits, serial));
	give_back(exhibits, slot);
	(void) pthread_rwlock_unlock(&exhibits->lock);
}

uint32_t vt_exhibits_base(struct vt_exhibits *exhibits, uint32_t serial)
{
	uint64_t current;

	return look_up(exhibits, serial, &current) ? base_of(current) : 0;
}

/* ---- narrowing ------------------------------------------------------------------------------- */

/* A fresh exhibit of a version, 0 when there is none left. */
static uint32_t take_exhibit(struct vt_exhibits *exhibits, uint32_t serial)
{
	uint32_t own = exhibits->state->record->exhibit_count;

	if (own >= VT_SESSION_EXHIBITS)
		return 0;
	exhibits->state->exhibits[own] = serial;
	exhibits->state->record->exhibit_count = own + 1;
	return OWN | own;
}

static void flip(struct vt_exhibits *exhibits, struct vt_shown_slot *slot, uint32_t fresh)
{
	uint64_t current = slot->current;

	slot->retiring = base_of(current);
	slot->current = (uint64_t) (turn_of(current) ^ 1) << 32 | fresh;
}

static void repeat_flips(struct vt_exhibits *exhibits)
{
	for (uint32_t i = 0; i < exhibits->state->record->version_count; i++) {
		struct vt_shown_slot *slot = &exhibits->state->versions[i];
		uint32_t fresh;

		if (!slot->retiring || slot->retiring != base_of(slot->current))
			continue;
		fresh = take_exhibit(exhibits, slot->serial);
		if (fresh)
			flip(exhibits, slot, fresh);
	}
}

int vt_exhibits_retire(struct vt_exhibits *exhibits, uint32_t serial)
{
	struct vt_shown_slot *slot = slot_of(exhibits, serial);
	uint32_t fresh;

	if (!slot)
		return 0;
	if (slot->retiring)
		return -EBUSY;
	fresh = take_exhibit(exhibits, serial);
	if (!fresh)
		return -ENFILE;
	flip(exhibits, slot, fresh);
	return 0;
}

int vt_exhibits_burn(struct vt_exhibits *exhibits, uint32_t serial, const uint32_t *positions,
		     size_t count)
{
	struct vt_session_record *record = exhibits->state->record;
	struct vt_shown_slot *slot = slot_of(exhibits, serial);
	uint32_t fresh;
	int r = 0;

	if (!slot || count == 0)
		return 0;
	if (count > VT_SESSION_BURNS - record->burn_count)
		return -ENFILE;
	fresh = take_exhibit(exhibits, serial);
	if (!fresh)
		return -ENFILE;
	(void) pthread_rwlock_wrlock(&exhibits->lock);
	r = vt_idmap_reserve(&exhibits->burned, count);
	for (size_t i = 0; i < count && r == 0; i++) {
		uint64_t key = burn_key(serial, positions[i]), before = 0;
		uint32_t base = base_of(slot->current);

		(void) vt_idmap_find(&exhibits->burned, key, &before);
		exhibits->state->burns[record->burn_count] = (struct vt_burn){
			.serial = serial,
			.position = positions[i],
			.from = before > base ? (uint32_t) before : base,
			.to = fresh,
		};
		record->burn_count++; /* after the entry: a successor reads whole ones */
		(void) vt_idmap_put(&exhibits->burned, key, fresh);
	}
	(void) pthread_rwlock_unlock(&exhibits->lock);
	return r;
}

/* ---- what the kernel must drop --------------------------------------------------------------- */

bool vt_exhibits_pending(struct vt_exhibits *exhibits)
{
	const struct vt_session_state *state = exhibits->state;

	if (state->record->burns_done < state->record->burn_count)
		return true;
	for (uint32_t i = 0; i < state->record->version_count; i++)
		if (state->versions[i].retiring)
			return true;
	return false;
}

static void each_noted(struct vt_exhibits *exhibits, struct vt_shown_slot *slot,
		       void (*each)(void *context, uint64_t id), void *context)
{
	unsigned turn = turn_of(slot->current) ^ 1;
	_Atomic uint64_t *bits = bitmap(exhibits, slot, turn);

	each(context, vt_node_id(slot->retiring, 0)); /* the boundary first */
	for (uint32_t i = 0; i < DOCUMENTS; i++)
		if (slot->documents[turn] >> i & 1)
			each(context, vt_node_id(slot->retiring, VT_POSITION_DOCUMENTS + i));
	for (size_t i = 0; i < bitmap_bytes(slot->nodes) / sizeof(uint64_t); i++) {
		uint64_t word = bits ? bits[i] : ~0ull; /* not to be had: all of them */

		for (; word; word &= word - 1)
			each(context,
			     vt_node_id(slot->retiring, (uint32_t) (i * WORD_BITS) +
								(uint32_t) __builtin_ctzll(word)));
	}
}

/* Where burned positions stood when the whole version was retired. */
static void each_burned(const struct vt_exhibits *exhibits, const struct vt_shown_slot *slot,
			void (*each)(void *context, uint64_t id), void *context)
{
	const struct vt_session_state *state = exhibits->state;
	uint32_t base = base_of(slot->current);

	for (uint32_t i = 0; i < state->record->burn_count; i++) {
		const struct vt_burn *burn = &state->burns[i];

		if (burn->serial == slot->serial && burn->to > slot->retiring && burn->to < base)
			each(context, vt_node_id(burn->to, burn->position));
	}
}

void vt_exhibits_each_dead(struct vt_exhibits *exhibits, void (*each)(void *context, uint64_t id),
			   void *context)
{
	const struct vt_session_state *state = exhibits->state;

	for (uint32_t i = state->record->burns_done; i < state->record->burn_count; i++)
		each(context, vt_node_id(state->burns[i].from, state->burns[i].position));
	for (uint32_t i = 0; i < state->record->version_count; i++) {
		struct vt_shown_slot *slot = &state->versions[i];

		if (!slot->retiring)
			continue;
		each_burned(exhibits, slot, each, context);
		each_noted(exhibits, slot, each, context);
	}
}

void vt_exhibits_done(struct vt_exhibits *exhibits)
{
	struct vt_session_state *state = exhibits->state;

	state->record->burns_done = state->record->burn_count;
	for (uint32_t i = 0; i < state->record->version_count; i++) {
		struct vt_shown_slot *slot = &state->versions[i];
		unsigned turn = turn_of(slot->current) ^ 1;

		if (!slot->retiring)
			continue;
		vt_session_state_punch(state, slot->offset[turn], bitmap_bytes(slot->nodes));
		slot->documents[turn] = 0;
		slot->retiring = 0;
	}
}
