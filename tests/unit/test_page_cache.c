/* SPDX-License-Identifier: Apache-2.0 */
/* Pages of a store are decoded once, shared, and never waited for against the caller's wish. */
#include "index/page_cache.h"
#include "tests/unit/fake_store.h"
#include "tests/unit/suite.h"

#include <pthread.h>

struct fixture {
	struct vt_store store;
	struct vt_lru *lru;
	struct vt_page_cache cache;
	struct vt_page_source source;
	struct vt_buf value;
};

/* A store with the page 5, one file named "a", and the page 6, which is damaged. */
static void set_up(struct fixture *f, size_t limit)
{
	struct vt_entry entry = {.type = VT_FILE, .name = "a", .name_len = 1};
	struct vt_page_builder builder;
	struct vt_digest digest;
	uint8_t key[VT_PAGE_KEY_LEN];

	*f = (struct fixture){.lru = vt_lru_new(limit)};
	vt_page_cache_init(&f->cache, &f->store, f->lru);
	f->source = vt_page_cache_source(&f->cache);
	vt_page_builder_init(&builder, VT_PAGE_FILES, 0);
	ck_assert_int_eq(vt_page_builder_add_entry(&builder, &entry, NULL), 0);
	ck_assert_int_eq(vt_page_builder_finish(&builder, &digest, NULL), 0);
	ck_assert_int_eq(vt_page_value_encode(&builder, &f->value), 0);
	vt_page_builder_done(&builder);
	vt_page_key(5, key);
	fake_put(&f->store, VT_CF_PAGE, key, sizeof key, f->value.data, f->value.len);
	vt_page_key(6, key);
	fake_put(&f->store, VT_CF_PAGE, key, sizeof key, f->value.data, f->value.len - 1);
}

static void tear_down(struct fixture *f)
{
	ck_assert_uint_eq(f->store.pinned, 0);
	vt_lru_free(f->lru);
	vt_buf_done(&f->value);
}

static int get(struct fixture *f, uint64_t id, bool nowait, struct vt_page **out)
{
	return f->source.get(f->source.context, id, nowait, out, NULL);
}

START_TEST(keys_are_big_endian)
{
	static const uint8_t expected[] = {1, 2, 3, 4, 5, 6, 7, 8};
	uint8_t key[VT_PAGE_KEY_LEN];

	vt_page_key(0x0102030405060708, key);
	ck_assert_mem_eq(key, expected, sizeof expected);
}
END_TEST

START_TEST(a_page_is_read_once_and_shared)
{
	struct vt_page *first, *second;
	struct fixture f;

	set_up(&f, 1 << 20);
	ck_assert_int_eq(get(&f, 5, false, &first), 0);
	ck_assert_int_eq(get(&f, 5, true, &second), 0);
	ck_assert_ptr_eq(first, second);
	ck_assert_uint_eq(first->id, 5);
	ck_assert_uint_eq(f.store.gets + f.store.scans, 1);
	vt_page_unref(first);
	vt_page_unref(second);
	tear_down(&f);
}
END_TEST

START_TEST(what_is_not_kept_is_not_waited_for)
{
	struct vt_page *page;
	struct fixture f;

	set_up(&f, 1 << 20);
	f.store.no_disk = true;
	ck_assert_int_eq(get(&f, 5, true, &page), -EAGAIN);
	ck_assert_int_eq(get(&f, 5, false, &page), 0);
	vt_page_unref(page);
	ck_assert_int_eq(get(&f, 5, true, &page), 0);
	vt_page_unref(page);
	tear_down(&f);
}
END_TEST

START_TEST(missing_and_damaged_pages_are_damage_and_not_kept)
{
	struct vt_page *page;
	struct fixture f;

	set_up(&f, 1 << 20);
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(get(&f, 4, false, &page), -EBADMSG);
		ck_assert_int_eq(get(&f, 6, false, &page), -EBADMSG);
	}
	ck_assert_uint_eq(f.store.gets, 4);
	tear_down(&f);
}
END_TEST

START_TEST(a_cache_without_room_still_gives_pages)
{
	struct vt_page *page;
	struct fixture f;

	set_up(&f, 1);
	for (int twice = 0; twice < 2; twice++) {
		ck_assert_int_eq(get(&f, 5, false, &page), 0);
		ck_assert_uint_eq(page->count, 1);
		vt_page_unref(page);
	}
	tear_down(&f);
}
END_TEST

static void *read_often(void *context)
{
	struct fixture *f = context;
	for (int i = 0; i < 5000; i++) {
		struct vt_page *page;

		if (get(f, 5, false, &page) < 0 || page->count != 1)
			return f;
		vt_page_unref(page);
		if (i % 64 == 0)
			vt_lru_drop(f->lru, vt_lru_key(VT_LRU_PAGE, 0, 5));
	}
	return NULL;
}

START_TEST(many_threads_read_while_the_page_is_dropped)
{
	pthread_t threads[4];
	struct fixture f;

	set_up(&f, 1 << 20);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, read_often, &f), 0);
	for (int i = 0; i < 4; i++) {
		void *problem;

		ck_assert_int_eq(pthread_join(threads[i], &problem), 0);
		ck_assert_ptr_null(problem);
	}
	tear_down(&f);
}
END_TEST

static uint64_t came_along(const struct fixture *f)
{
	struct vt_page_cache_stats stats;

	vt_page_cache_get_stats(&f->cache, &stats);
	return stats.around;
}

static uint64_t wanted_later(const struct fixture *f)
{
	struct vt_page_cache_stats stats;

	vt_page_cache_get_stats(&f->cache, &stats);
	return stats.used;
}

/* Takes no reference. */
static int look(struct fixture *f, uint64_t id, bool nowait)
{
	struct vt_page *page;
	int r = get(f, id, nowait, &page);

	if (r == 0)
		vt_page_unref(page);
	return r;
}

static void put(struct fixture *f, uint64_t id)
{
	uint8_t key[VT_PAGE_KEY_LEN];

	vt_page_key(id, key);
	fake_put(&f->store, VT_CF_PAGE, key, sizeof key, f->value.data, f->value.len);
}

/* Beside the page 6, which is damaged. */
START_TEST(neighbours_come_along)
{
	struct fixture f;

	set_up(&f, 64 << 20);
	for (uint64_t id = 7; id < 2 * VT_PAGES_AROUND_MAX && id < FAKE_ROWS_MAX; id++)
		put(&f, id);
	f.store.no_disk = true;
	ck_assert_int_eq(look(&f, 20, false), 0);
	ck_assert_uint_eq(came_along(&f), f.store.count - 2);
	for (uint64_t id = 7; id < FAKE_ROWS_MAX; id++)
		ck_assert_int_eq(look(&f, id, true), 0);
	ck_assert_int_eq(look(&f, 5, true), 0);
	ck_assert_int_eq(look(&f, 5, true), 0);
	ck_assert_uint_eq(wanted_later(&f), came_along(&f));
	ck_assert_uint_eq(f.store.scans, 1);
	ck_assert_int_eq(look(&f, 6, true), -EAGAIN);
	ck_assert_int_eq(look(&f, 6, false), -EBADMSG);
	tear_down(&f);
}
END_TEST

#define FAR VT_PAGES_AROUND_MAX

START_TEST(the_less_is_wanted_the_fewer_come_along)
{
	const uint64_t last = FAKE_ROWS_MAX / 2 - 1;
	struct fixture f;
	uint64_t came;

	set_up(&f, 64 << 20);
	for (uint64_t i = 1; i < last; i++) {
		put(&f, i * FAR);
		put(&f, i * FAR + FAR / 4);
	}
	for (uint64_t i = 1; i < last - 1; i++)
		ck_assert_int_eq(look(&f, i * FAR, false), 0);
	came = came_along(&f);
	ck_assert_uint_gt(came, 0);
	ck_assert_uint_lt(came, last - 3);
	for (uint64_t i = 1; i <= came; i++) /* the first misses had something to spend */
		ck_assert_int_eq(look(&f, i * FAR + FAR / 4, true), 0);
	ck_assert_uint_eq(wanted_later(&f), came);
	ck_assert_int_eq(look(&f, (last - 1) * FAR, false), 0);
	ck_assert_uint_eq(came_along(&f), came + 1); /* what was wanted earned it */
	tear_down(&f);
}
END_TEST

/* A walk of all that there is, often enough to earn any number of pages. */
static void walk_often(struct fixture *f)
{
	for (int again = 0; again < 200; again++) {
		for (uint64_t id = 7; id < FAKE_ROWS_MAX; id++)
			vt_lru_drop(f->lru, vt_lru_key(VT_LRU_PAGE, 0, id));
		for (uint64_t id = 7; id < FAKE_ROWS_MAX; id++)
			ck_assert_int_eq(look(f, id, false), 0);
	}
}

START_TEST(a_long_walk_is_soon_forgotten)
{
	struct fixture f;
	uint64_t came;

	set_up(&f, 64 << 20);
	for (uint64_t id = 7; id < FAKE_ROWS_MAX; id++)
		put(&f, id);
	walk_often(&f);
	for (uint64_t i = 1; i < 100; i++) /* where nothing comes along */
		ck_assert_int_eq(look(&f, i * FAR, false), -EBADMSG);
	came = came_along(&f);
	vt_lru_drop(f.lru, vt_lru_key(VT_LRU_PAGE, 0, 20));
	ck_assert_int_eq(look(&f, 20, false), 0);
	ck_assert_uint_lt(came_along(&f) - came, 8);
	tear_down(&f);
}
END_TEST

START_TEST(a_small_cache_takes_few_along)
{
	struct fixture f;

	set_up(&f, 1 << 20);
	for (uint64_t id = 7; id < FAKE_ROWS_MAX; id++)
		put(&f, id);
	ck_assert_int_eq(look(&f, 20, false), 0);
	ck_assert_uint_le(came_along(&f), 8);
	tear_down(&f);
}
END_TEST

VT_SUITE(page_cache, neighbours_come_along, the_less_is_wanted_the_fewer_come_along,
	 a_long_walk_is_soon_forgotten, a_small_cache_takes_few_along, keys_are_big_endian,
	 a_page_is_read_once_and_shared, what_is_not_kept_is_not_waited_for,
	 missing_and_damaged_pages_are_damage_and_not_kept, a_cache_without_room_still_gives_pages,
	 many_threads_read_while_the_page_is_dropped)
