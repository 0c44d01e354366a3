/* SPDX-License-Identifier: Apache-2.0 */
/* Dictionaries are found once, shared, bounded in number, and stay while they are used. */
#include "fs/dictionaries.h"

#include <errno.h>
#include <pthread.h>

#include "tests/unit/shard_model.h"
#include "tests/unit/suite.h"

#define MANY    (2 * VT_DICTIONARIES_MAX)
#define THREADS 4u

static uint8_t bytes[VT_DICTIONARY_MAX]; /* of one; others have another id in it */
static size_t len;
static _Atomic unsigned finds;
static _Atomic unsigned wrong;
static struct vt_dictionaries *all;
static struct vt_error err;

/* Shards below 1000 have a dictionary of their own, the others that of number 7; 5000 has none. */
static uint32_t id_of(uint32_t shard)
{
	return 40000 + (shard < 1000 ? shard : 7);
}

static int find(void *context, uint32_t shard, uint32_t id, struct vt_dictionary **out,
		struct vt_error *e)
{
	vt_autofree uint8_t *copy = malloc(len);

	(void) context;
	if (shard == 5000)
		return vt_fail(e, ENOENT, "none");
	ck_assert_uint_eq(id, id_of(shard));
	memcpy(copy, bytes, len);
	memcpy(copy + 4, &id, sizeof id); /* behind the magic number */
	finds++;
	return vt_dictionary_new(copy, len, NULL, out, e);
}

static void set_up(void)
{
	struct vt_dictionary *model = model_dictionary(1);
	const void *data = vt_dictionary_data(model, &len);

	memcpy(bytes, data, len);
	vt_dictionary_free(model);
	finds = 0;
	ck_assert_int_eq(vt_dictionaries_new(find, NULL, &all, &err), 0);
}

static struct vt_used_dictionary *get(uint32_t shard)
{
	struct vt_used_dictionary *used = NULL;

	ck_assert_int_eq(vt_dictionaries_get(all, shard, id_of(shard), false, &used, &err), 0);
	ck_assert_uint_eq(vt_dictionary_id(used->dictionary), id_of(shard));
	return used;
}

static void touch(uint32_t from, uint32_t to)
{
	for (uint32_t shard = from; shard < to; shard++)
		vt_dictionaries_put(get(shard));
}

START_TEST(each_is_found_once_and_shared)
{
	struct vt_used_dictionary *seven, *other;

	set_up();
	seven = get(7);
	other = get(1007);
	ck_assert_ptr_eq(other, seven);
	touch(7, 8);
	touch(1007, 1008);
	ck_assert_uint_eq(finds, 2);
	vt_dictionaries_put(seven);
	vt_dictionaries_put(other);
	vt_dictionaries_free(all);
}
END_TEST

START_TEST(who_may_not_wait_gets_what_is_known)
{
	struct vt_used_dictionary *used;

	set_up();
	ck_assert_int_eq(vt_dictionaries_get(all, 1, id_of(1), true, &used, &err), -EAGAIN);
	ck_assert_uint_eq(finds, 0);
	touch(1, 2);
	ck_assert_int_eq(vt_dictionaries_get(all, 1, id_of(1), true, &used, &err), 0);
	vt_dictionaries_put(used);
	ck_assert_int_eq(vt_dictionaries_get(all, 5000, 1, false, &used, &err), -ENOENT);
	vt_dictionaries_free(all);
}
END_TEST

START_TEST(those_used_last_stay)
{
	set_up();
	touch(1, 1 + VT_DICTIONARIES_MAX);
	ck_assert_uint_eq(finds, VT_DICTIONARIES_MAX);
	touch(1, 1 + VT_DICTIONARIES_MAX);
	ck_assert_uint_eq(finds, VT_DICTIONARIES_MAX);
	touch(1, 2);
	touch(500, 501); /* in place of 2 */
	touch(1, 2);
	touch(3, 1 + VT_DICTIONARIES_MAX);
	ck_assert_uint_eq(finds, VT_DICTIONARIES_MAX + 1);
	touch(2, 3);
	ck_assert_uint_eq(finds, VT_DICTIONARIES_MAX + 2);
	vt_dictionaries_free(all);
}
END_TEST

START_TEST(what_is_used_stays)
{
	struct vt_used_dictionary *used;

	set_up();
	used = get(1);
	touch(2, 2 + MANY);
	finds = 0;
	ck_assert_ptr_eq(get(1), used);
	ck_assert_uint_eq(finds, 0);
	ck_assert_uint_eq(vt_dictionary_id(used->dictionary), id_of(1));
	vt_dictionaries_put(used);
	vt_dictionaries_put(used);
	touch(2, 2 + MANY);
	finds = 0;
	touch(1, 2);
	ck_assert_uint_eq(finds, 1);
	vt_dictionaries_free(all);
}
END_TEST

/* Shards come and go, and the dictionary is theirs all the time. */
START_TEST(any_number_of_shards_may_have_one)
{
	set_up();
	touch(1000, 5000);
	touch(6000, 40000);
	ck_assert_uint_eq(finds, 38000);
	touch(39990, 40000);
	ck_assert_uint_eq(finds, 38000);
	vt_dictionaries_free(all);
}
END_TEST

static void *use_at_random(void *argument)
{
	uint64_t dice = (uint64_t) (uintptr_t) argument;

	for (int i = 0; i < 3000; i++) {
		struct vt_used_dictionary *used;
		uint32_t shard;

		dice = dice * 6364136223846793005ull + 1442695040888963407ull;
		shard = 1 + (uint32_t) (dice >> 33) % MANY;
		if (vt_dictionaries_get(all, shard, id_of(shard), false, &used, NULL) < 0 ||
		    vt_dictionary_id(used->dictionary) != id_of(shard)) {
			wrong++;
			continue;
		}
		(void) sched_yield();
		wrong += vt_dictionary_id(used->dictionary) != id_of(shard);
		vt_dictionaries_put(used);
	}
	return NULL;
}

START_TEST(threads_get_what_they_asked_for)
{
	pthread_t threads[THREADS];

	set_up();
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, use_at_random, (void *) (i + 1)),
				 0);
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	ck_assert_uint_eq(wrong, 0);
	ck_assert_uint_gt(finds, MANY);
	vt_dictionaries_free(all);
}
END_TEST

VT_SUITE(dictionaries, each_is_found_once_and_shared, who_may_not_wait_gets_what_is_known,
	 those_used_last_stay, what_is_used_stays, any_number_of_shards_may_have_one,
	 threads_get_what_they_asked_for)
