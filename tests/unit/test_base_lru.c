/* SPDX-License-Identifier: Apache-2.0 */
/* The floor: a bounded cache that keeps what is used, holds its limit, and loses no reference. */
#include "index/base/lru.h"
#include "index/base/cleanup.h"
#include "tests/unit/suite.h"

#include <pthread.h>
#include <stdint.h>

struct object {
	struct vt_lru_entry lru; /* first */
	uint64_t value;
};

static atomic_int living; /* objects not yet freed */

static void free_object(struct vt_lru_entry *entry)
{
	(void) atomic_fetch_sub(&living, 1);
	free(entry);
}

static struct vt_lru_key key(uint64_t number)
{
	return vt_lru_key(VT_LRU_OTHER, number, ~number);
}

static struct object *make(struct vt_lru *lru, uint64_t number, size_t charge)
{
	struct object *object = calloc(1, sizeof *object);

	ck_assert_ptr_nonnull(object);
	(void) atomic_fetch_add(&living, 1);
	vt_lru_entry_init(lru, &object->lru, key(number), charge, free_object);
	object->value = number;
	return object;
}

/* Makes, offers and lets go. */
static void keep(struct vt_lru *lru, uint64_t number, size_t charge)
{
	vt_lru_unref(vt_lru_put(lru, &make(lru, number, charge)->lru));
}

static bool has(struct vt_lru *lru, uint64_t number)
{
	struct vt_lru_entry *entry = vt_lru_get(lru, key(number));

	if (entry)
		ck_assert_uint_eq(((struct object *) entry)->value, number);
	vt_lru_unref(entry);
	return entry != NULL;
}

static size_t used(const struct vt_lru *lru)
{
	struct vt_lru_stats stats;

	vt_lru_get_stats(lru, &stats);
	return stats.used;
}

START_TEST(what_was_kept_is_found)
{
	struct vt_lru *lru = vt_lru_new(1 << 20);
	struct vt_lru_stats stats;

	ck_assert(!has(lru, 1));
	keep(lru, 1, 10);
	ck_assert(has(lru, 1));
	ck_assert(!has(lru, 2));
	vt_lru_get_stats(lru, &stats);
	ck_assert_uint_eq(stats.hits, 1);
	ck_assert_uint_eq(stats.misses, 2);
	ck_assert_uint_eq(stats.kinds[VT_LRU_OTHER].hits, 1);
	ck_assert_uint_eq(stats.kinds[VT_LRU_OTHER].misses, 2);
	ck_assert_uint_eq(stats.kinds[VT_LRU_FRAME].misses, 0);
	ck_assert_uint_eq(stats.used, 10);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(kinds_do_not_collide)
{
	struct vt_lru_key page = vt_lru_key(VT_LRU_PAGE, UINT64_MAX, 5);
	struct vt_lru_key frame = vt_lru_key(VT_LRU_FRAME, UINT64_MAX, 5);

	ck_assert_uint_ne(page.hi, frame.hi);
	ck_assert_uint_eq(page.hi >> 56, VT_LRU_PAGE);
}
END_TEST

START_TEST(the_first_of_two_equal_ones_is_used_by_both)
{
	struct vt_lru *lru = vt_lru_new(1 << 20);
	struct vt_lru_entry *first = vt_lru_put(lru, &make(lru, 1, 10)->lru);
	struct vt_lru_entry *second = vt_lru_put(lru, &make(lru, 1, 10)->lru);

	ck_assert_ptr_eq(first, second);
	ck_assert_int_eq(living, 1);
	ck_assert_uint_eq(used(lru), 10);
	vt_lru_unref(first);
	vt_lru_unref(second);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

/* Ten objects a shard on average, so that the one that is used always has an older neighbour. */
START_TEST(what_was_used_stays_and_what_was_not_goes)
{
	struct vt_lru *lru = vt_lru_new(160 * 100);
	struct vt_lru_stats stats;

	keep(lru, 0, 100);
	keep(lru, 1, 100);
	for (uint64_t i = 2; i < 2000; i++) {
		keep(lru, i, 100);
		ck_assert(has(lru, 0));
	}
	ck_assert(!has(lru, 1));
	vt_lru_get_stats(lru, &stats);
	ck_assert_uint_eq(stats.evictions, 2000 - 160);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

static void keep_of(struct vt_lru *lru, enum vt_lru_kind kind, uint64_t number)
{
	struct object *object = make(lru, number, 100);

	object->lru.key = vt_lru_key(kind, number, 0);
	vt_lru_unref(vt_lru_put(lru, &object->lru));
}

static unsigned left_of(struct vt_lru *lru, enum vt_lru_kind kind, uint64_t count)
{
	unsigned left = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct vt_lru_entry *entry = vt_lru_get(lru, vt_lru_key(kind, i, 0));

		left += entry != NULL;
		vt_lru_unref(entry);
	}
	return left;
}

START_TEST(pages_stay_while_frames_come_and_go_and_have_no_more_than_half)
{
	struct vt_lru *lru = vt_lru_new(160 * 100);

	for (uint64_t i = 0; i < 40; i++)
		keep_of(lru, i % 2 ? VT_LRU_PAGE : VT_LRU_RECIPE, i);
	for (uint64_t i = 0; i < 2000; i++)
		keep_of(lru, VT_LRU_FRAME, i);
	ck_assert_uint_eq(left_of(lru, VT_LRU_PAGE, 40) + left_of(lru, VT_LRU_RECIPE, 40), 40);
	ck_assert_uint_eq(left_of(lru, VT_LRU_FRAME, 2000), 120);
	for (uint64_t i = 40; i < 2000; i++)
		keep_of(lru, VT_LRU_PAGE, i);
	ck_assert_uint_ge(left_of(lru, VT_LRU_FRAME, 2000), 79); /* the half that is theirs */
	vt_lru_free(lru);
	lru = vt_lru_new(160 * 100);
	for (uint64_t i = 0; i < 2000; i++) /* where there are no frames they have all */
		keep_of(lru, VT_LRU_PAGE, i);
	ck_assert_uint_eq(left_of(lru, VT_LRU_PAGE, 2000), 160);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(the_limit_is_hard_whatever_comes)
{
	struct vt_lru *lru = vt_lru_new(10000);

	for (uint64_t i = 0; i < 5000; i++) {
		keep(lru, i, 1 + i * 7919 % 900);
		ck_assert_uint_le(used(lru), 10000);
	}
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(what_a_reader_holds_is_not_evicted_and_not_freed)
{
	struct vt_lru *lru = vt_lru_new(1000);
	struct vt_lru_entry *held = vt_lru_put(lru, &make(lru, 1, 400)->lru);

	for (uint64_t i = 2; i < 200; i++)
		keep(lru, i, 300);
	ck_assert(has(lru, 1));
	ck_assert_uint_eq(((struct object *) held)->value, 1);
	vt_lru_unref(held);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(with_everything_pinned_an_object_serves_its_maker_only)
{
	struct vt_lru *lru = vt_lru_new(100);
	struct vt_lru_entry *pinned = vt_lru_put(lru, &make(lru, 1, 100)->lru);
	struct vt_lru_entry *extra = vt_lru_put(lru, &make(lru, 2, 50)->lru);

	ck_assert_uint_eq(((struct object *) extra)->value, 2);
	ck_assert(!has(lru, 2));
	vt_lru_unref(extra);
	ck_assert_int_eq(living, 1);
	vt_lru_unref(pinned);
	ck_assert(has(lru, 1));
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(dropping_leaves_it_to_those_who_hold_it)
{
	struct vt_lru *lru = vt_lru_new(1000);
	struct vt_lru_entry *held = vt_lru_put(lru, &make(lru, 1, 100)->lru);

	vt_lru_drop(lru, key(1));
	vt_lru_drop(lru, key(1)); /* nothing there any more */
	ck_assert(!has(lru, 1));
	ck_assert_uint_eq(((struct object *) held)->value, 1);
	ck_assert_uint_eq(used(lru), 100);
	vt_lru_unref(held);
	ck_assert_uint_eq(used(lru), 0);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(reserving_makes_room_or_says_no)
{
	struct vt_lru *lru = vt_lru_new(1000);
	struct vt_lru_entry *pinned;

	keep(lru, 1, 600);
	ck_assert(!vt_lru_reserve(lru, 1001));
	ck_assert(has(lru, 1)); /* for what could never be nothing goes */
	ck_assert(vt_lru_reserve(lru, 500));
	ck_assert(!has(lru, 1));
	pinned = vt_lru_put(lru, &make(lru, 2, 500)->lru);
	ck_assert(!vt_lru_reserve(lru, 1));
	ck_assert_uint_eq(used(lru), 1000); /* a refusal costs nothing */
	vt_lru_release(lru, 500);
	ck_assert(vt_lru_reserve(lru, 500));
	vt_lru_release(lru, 500);
	vt_lru_unref(pinned);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

START_TEST(thousands_are_found_after_the_tables_grew)
{
	struct vt_lru *lru = vt_lru_new(SIZE_MAX / 2);

	for (uint64_t i = 0; i < 20000; i++)
		keep(lru, i, 1);
	for (uint64_t i = 0; i < 20000; i++)
		ck_assert(has(lru, i));
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

#define CHARGE  100
#define THREADS 8

struct crowd {
	struct vt_lru *lru;
	uint64_t seed;
	atomic_bool *wrong;
};

/* Looks up, makes what is missing, drops, reserves: as readers do, on few keys so that they meet.
 */
static void *work(void *context)
{
	struct crowd *crowd = context;
	uint64_t state = crowd->seed;

	for (int i = 0; i < 20000; i++) {
		struct vt_lru_entry *entry;
		uint64_t number;

		state = state * 6364136223846793005ull + 1442695040888963407ull;
		number = (state >> 33) % 64;
		entry = vt_lru_get(crowd->lru, key(number));
		if (!entry)
			entry = vt_lru_put(crowd->lru, &make(crowd->lru, number, CHARGE)->lru);
		if (((struct object *) entry)->value != number)
			*crowd->wrong = true;
		if (state >> 60 == 0)
			vt_lru_drop(crowd->lru, key(number));
		if (state >> 60 == 1 && vt_lru_reserve(crowd->lru, CHARGE))
			vt_lru_release(crowd->lru, CHARGE);
		vt_lru_unref(entry);
	}
	return NULL;
}

/* Room for three at a time is reserved by eight. */
static void *reserve(void *context)
{
	struct crowd *crowd = context;

	for (int i = 0; i < 20000; i++) {
		bool reserved = vt_lru_reserve(crowd->lru, CHARGE);

		if (used(crowd->lru) > 3 * CHARGE)
			*crowd->wrong = true;
		if (reserved)
			vt_lru_release(crowd->lru, CHARGE);
	}
	return NULL;
}

static void crowd_around(struct vt_lru *lru, void *(*run)(void *) )
{
	struct crowd crowds[THREADS];
	pthread_t threads[THREADS];
	atomic_bool wrong = false;

	for (uint64_t i = 0; i < THREADS; i++) {
		crowds[i] = (struct crowd){lru, i + 1, &wrong};
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run, &crowds[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		(void) pthread_join(threads[i], NULL);
	ck_assert(!wrong);
}

START_TEST(many_who_reserve_stay_within_the_limit)
{
	struct vt_lru *lru = vt_lru_new(3 * CHARGE);

	crowd_around(lru, reserve);
	ck_assert_uint_eq(used(lru), 0);
	vt_lru_free(lru);
}
END_TEST

START_TEST(a_crowd_of_threads_loses_nothing)
{
	struct vt_lru *lru = vt_lru_new(20 * CHARGE);

	crowd_around(lru, work);
	/* Nobody pins or reserves any more: one more object brings it back to the limit. */
	keep(lru, 1000, 0);
	ck_assert_uint_le(used(lru), 20 * CHARGE);
	ck_assert_uint_eq(used(lru) % CHARGE, 0);
	vt_lru_free(lru);
	ck_assert_int_eq(living, 0);
}
END_TEST

VT_SUITE(base_lru, what_was_kept_is_found, kinds_do_not_collide,
	 the_first_of_two_equal_ones_is_used_by_both, what_was_used_stays_and_what_was_not_goes,
	 pages_stay_while_frames_come_and_go_and_have_no_more_than_half,
	 the_limit_is_hard_whatever_comes, what_a_reader_holds_is_not_evicted_and_not_freed,
	 with_everything_pinned_an_object_serves_its_maker_only,
	 dropping_leaves_it_to_those_who_hold_it, reserving_makes_room_or_says_no,
	 thousands_are_found_after_the_tables_grew, many_who_reserve_stay_within_the_limit,
	 a_crowd_of_threads_loses_nothing)
