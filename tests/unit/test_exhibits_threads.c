/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Eight threads tell the kernel ids while one burns and retires. As in fs/session_narrow.c: the
 * flip waits for nobody; then requests that were admitted before are drained, and every id that any
 * of them told and that is not live any more must be among the dead.
 */
#include <pthread.h>

#include "index/idmap.h"
#include "tests/unit/session_model.h"

#define THREADS   8
#define VERSIONS  3u
#define POSITIONS 16u
#define ROUNDS    200
#define PER_ROUND 100u /* ids told, at least, by all of them */

static struct vt_version versions[VERSIONS];
static _Atomic uint32_t least[VERSIONS][POSITIONS]; /* exhibit: all below is dead */
static pthread_rwlock_t requests;                   /* read: one is under way */
static struct vt_idmap told[THREADS]; /* id -> version; read: by its thread, write: all */
static _Atomic unsigned wrong_ids, failures, tellings;
static atomic_bool over;

static uint32_t dice(uint64_t *seed, uint32_t sides)
{
	*seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t) (*seed >> 33) % sides;
}

/* Numbers only grow, so that an id below the least one of its position is dead. */
static void tell(uint64_t *seed, struct vt_idmap *mine)
{
	uint32_t v = dice(seed, VERSIONS), position = dice(seed, POSITIONS);
	uint32_t bound = least[v][position];
	uint64_t id = vt_exhibits_id(exhibits, &versions[v], position);

	wrong_ids += vt_node_exhibit(id) < bound;
	tellings++;
	failures +=
		vt_exhibits_note(exhibits, &versions[v], id) < 0 || vt_idmap_put(mine, id, v) < 0;
}

static void *answer_requests(void *argument)
{
	size_t which = (size_t) argument;
	uint64_t seed = which + 1;

	while (!over) {
		(void) pthread_rwlock_rdlock(&requests);
		for (int i = 0; i < 4; i++)
			tell(&seed, &told[which]);
		(void) pthread_rwlock_unlock(&requests);
		(void) sched_yield(); /* else the others starve on few processors */
	}
	return NULL;
}

static void raise_least(uint32_t v)
{
	for (uint32_t position = 0; position < POSITIONS; position++)
		least[v][position] =
			vt_node_exhibit(vt_exhibits_id(exhibits, &versions[v], position));
}

static void flip_some(uint64_t *seed)
{
	uint32_t v = dice(seed, VERSIONS);
	uint32_t burned[] = {dice(seed, POSITIONS / 2), POSITIONS / 2};

	ck_assert_int_eq(vt_exhibits_burn(exhibits, versions[v].serial, burned, 2), 0);
	raise_least(v);
	if (dice(seed, 3) == 0) {
		ck_assert_int_eq(vt_exhibits_retire(exhibits, versions[v].serial), 0);
		raise_least(v);
	}
}

static void add_dead(void *context, uint64_t id)
{
	ck_assert_int_eq(vt_idmap_put(context, id, 1), 0);
}

/* What a thread told is live, or dropped now and forgotten. */
static void check_told(struct vt_idmap *mine, const struct vt_idmap *dead)
{
	struct vt_idmap left = {0};

	for (size_t i = 0; i < mine->room; i++) {
		const struct vt_idmap_slot *slot = &mine->slots[i];
		bool live;

		if (!slot->id)
			continue;
		live = vt_exhibits_id(exhibits, &versions[slot->value],
				      vt_node_position(slot->id)) == slot->id;
		ck_assert_int_eq(vt_idmap_find(dead, slot->id, NULL), !live);
		if (live)
			ck_assert_int_eq(vt_idmap_put(&left, slot->id, slot->value), 0);
	}
	vt_idmap_done(mine);
	*mine = left;
}

static void narrow_once(uint64_t *seed)
{
	struct vt_idmap dead = {0};
	unsigned before = tellings;

	while (tellings - before < PER_ROUND)
		(void) sched_yield();
	flip_some(seed);
	(void) pthread_rwlock_wrlock(&requests); /* drained, and nobody goes on while we look */
	vt_exhibits_each_dead(exhibits, add_dead, &dead);
	for (int i = 0; i < THREADS; i++)
		check_told(&told[i], &dead);
	(void) pthread_rwlock_unlock(&requests);
	vt_exhibits_done(exhibits);
	vt_idmap_done(&dead);
}

/* Else eight readers keep the one that drains out for ever. */
static void init_requests(void)
{
	pthread_rwlockattr_t attributes;

	(void) pthread_rwlockattr_init(&attributes);
	(void) pthread_rwlockattr_setkind_np(&attributes,
					     PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	(void) pthread_rwlock_init(&requests, &attributes);
	(void) pthread_rwlockattr_destroy(&attributes);
}

START_TEST(what_is_told_while_ids_die_is_live_or_dropped)
{
	pthread_t threads[THREADS];
	uint64_t seed = 77;

	init_requests();
	for (uint32_t v = 0; v < VERSIONS; v++)
		versions[v] = shown_version(7 + v, 64 * (v + 1));
	session_begin();
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, answer_requests, (void *) i), 0);
	for (int round = 0; round < ROUNDS; round++)
		narrow_once(&seed);
	over = true;
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		vt_idmap_done(&told[i]);
	}
	ck_assert_uint_eq(wrong_ids, 0);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_gt(state->record->exhibit_count, ROUNDS);
	session_end();
	(void) pthread_rwlock_destroy(&requests);
}
END_TEST

/* ---- while others come and go ---------------------------------------------------------------- */

#define STAYING 64u
#define COMING  20000u
#define AT_ONCE 50u

static struct vt_version staying[STAYING];
static uint64_t ids[STAYING]; /* of their position 3 */
static _Atomic uint32_t newest;

/* Of those that stay each is found wherever it stands; of one that goes, an id of its own. */
static void *look_up_all(void *argument)
{
	uint64_t seed = (size_t) argument + 1;

	while (!over) {
		uint32_t i = dice(&seed, STAYING), late = newest - dice(&seed, 2 * AT_ONCE);
		const struct vt_version going = shown_version(late, 10);
		uint32_t exhibit = vt_node_exhibit(vt_exhibits_id(exhibits, &going, 3));

		wrong_ids += vt_exhibits_id(exhibits, &staying[i], 3) != ids[i];
		failures += vt_exhibits_note(exhibits, &staying[i], ids[i]) < 0;
		/* Buried it has that of its record; retired, one of the session's. */
		wrong_ids += exhibit != 1000 + late && exhibit < 0x80000000;
		tellings++;
	}
	return NULL;
}

static void come_and_go(uint32_t serial)
{
	const struct vt_version version = shown_version(serial, 10);

	(void) note(&version, 3);
	newest = serial;
	if (serial < 1000 + AT_ONCE)
		return;
	ck_assert_int_eq(vt_exhibits_retire(exhibits, serial - AT_ONCE), 0);
	vt_exhibits_done(exhibits);
	vt_exhibits_bury(exhibits, serial - AT_ONCE);
}

START_TEST(what_stays_is_found_while_others_are_buried)
{
	pthread_t threads[THREADS];

	session_begin();
	newest = 1000;
	for (uint32_t i = 0; i < STAYING; i++) {
		staying[i] = shown_version(i + 1, 10);
		ids[i] = note(&staying[i], 3);
	}
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, look_up_all, (void *) i), 0);
	for (uint32_t serial = 1000; serial < 1000 + COMING || tellings < COMING; serial++)
		come_and_go(serial);
	over = true;
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(wrong_ids, 0);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(state->record->version_count, STAYING + AT_ONCE + 1);
	session_end();
}
END_TEST

VT_SUITE(exhibits_threads, what_is_told_while_ids_die_is_live_or_dropped,
	 what_stays_is_found_while_others_are_buried)
