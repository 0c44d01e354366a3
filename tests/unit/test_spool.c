/* SPDX-License-Identifier: Apache-2.0 */
/* The external sort gives what a sort in memory gives, however small its memory is. */
#include "index/base/buf.h"
#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tools/publish/item.h"
#include "tools/publish/spool.h"

#include <string.h>

#define COUNT 20000u

struct pair {
	char key[40];
	size_t key_len;
	uint32_t value; /* order of adding */
};

static struct pair pairs[COUNT];

static void make_pairs(void)
{
	uint64_t seed = 1;

	for (uint32_t i = 0; i < COUNT; i++) {
		pairs[i].value = i;
		seed = seed * 6364136223846793005u + 1442695040888963407u;
		pairs[i].key_len = (seed >> 40) % 5 ? (seed >> 33) % 4 : (seed >> 33) % 40;
		for (size_t j = 0; j < pairs[i].key_len; j++)
			pairs[i].key[j] = (char) (seed >> (j % 8 * 7));
	}
}

static int compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;
	size_t len = x->key_len < y->key_len ? x->key_len : y->key_len;
	int order = memcmp(x->key, y->key, len);

	if (order == 0)
		order = (x->key_len > y->key_len) - (x->key_len < y->key_len);
	return order ? order : (x->value > y->value) - (x->value < y->value);
}

static struct vt_spool *filled(size_t memory, size_t count)
{
	struct vt_spool *spool;

	ck_assert_int_eq(vt_spool_new("/tmp", memory, &spool, NULL), 0);
	for (size_t i = 0; i < count; i++)
		ck_assert_int_eq(vt_spool_add(spool, pairs[i].key, pairs[i].key_len,
					      &pairs[i].value, sizeof pairs[i].value, NULL),
				 0);
	return spool;
}

static void check_sorted(struct vt_spool *spool, size_t count)
{
	struct vt_spool_record record;

	ck_assert_int_eq(vt_spool_sort(spool, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(vt_spool_next(spool, &record, NULL), 1);
		ck_assert_uint_eq(record.key_len, pairs[i].key_len);
		ck_assert_int_eq(memcmp(record.key, pairs[i].key, record.key_len), 0);
		ck_assert_uint_eq(record.value_len, sizeof pairs[i].value);
		ck_assert_int_eq(memcmp(record.value, &pairs[i].value, record.value_len), 0);
	}
	ck_assert_int_eq(vt_spool_next(spool, &record, NULL), 0);
}

/* 200 bytes make more runs than are merged at once; 0 bytes a run for every record. */
START_TEST(any_memory_gives_the_same_order_and_equal_keys_keep_theirs)
{
	static const size_t memories[] = {200, 5000, 100000, 32 << 20};
	static struct pair unsorted[COUNT];

	make_pairs();
	memcpy(unsorted, pairs, sizeof pairs);
	for (size_t i = 0; i < sizeof memories / sizeof *memories; i++) {
		struct vt_spool *spool;

		memcpy(pairs, unsorted, sizeof pairs);
		spool = filled(memories[i], COUNT);
		qsort(pairs, COUNT, sizeof *pairs, compare);
		check_sorted(spool, COUNT);
		check_sorted(spool, COUNT); /* rewound */
		vt_spool_free(spool);
	}
}
END_TEST

START_TEST(no_memory_at_all_is_one_record_a_run)
{
	struct vt_spool *spool;

	make_pairs();
	spool = filled(0, 300);
	qsort(pairs, 300, sizeof *pairs, compare);
	check_sorted(spool, 300);
	vt_spool_free(spool);
}
END_TEST

START_TEST(an_empty_spool_has_no_records)
{
	struct vt_spool *spool = filled(100, 0);

	check_sorted(spool, 0);
	vt_spool_free(spool);
}
END_TEST

START_TEST(a_record_may_be_longer_than_the_memory)
{
	static uint8_t value[1 << 20];
	struct vt_spool_record record;
	struct vt_spool *spool;

	memset(value, 'v', sizeof value);
	make_pairs();
	spool = filled(1000, 50);
	ck_assert_int_eq(vt_spool_add(spool, "\xff\xff", 2, value, sizeof value, NULL), 0);
	ck_assert_int_eq(vt_spool_add(spool, "\xff\xff\xff", 3, value, 10, NULL), 0);
	ck_assert_int_eq(vt_spool_sort(spool, NULL), 0);
	do
		ck_assert_int_eq(vt_spool_next(spool, &record, NULL), 1);
	while (record.value_len != sizeof value);
	ck_assert_int_eq(memcmp(record.value, value, sizeof value), 0);
	vt_spool_free(spool);
}
END_TEST

START_TEST(an_absurd_record_is_refused)
{
	struct vt_spool *spool = filled(100, 0);

	ck_assert_int_eq(vt_spool_add(spool, "k", 1, "v", VT_SPOOL_RECORD_MAX, NULL), -EFBIG);
	vt_spool_free(spool);
}
END_TEST

START_TEST(a_folder_that_is_not_there_is_an_error)
{
	struct vt_spool *spool;
	struct vt_error err = {""};
	int r = 0;

	ck_assert_int_eq(vt_spool_new("/no/such/folder", 10, &spool, &err), 0);
	for (int i = 0; r == 0 && i < 3; i++)
		r = vt_spool_add(spool, "key", 3, "value", 5, &err);
	ck_assert_int_eq(r, -ENOENT);
	ck_assert_ptr_nonnull(strstr(err.text, "/no/such/folder"));
	vt_spool_free(spool);
}
END_TEST

/* A directory's descendants come right behind it, siblings in byte order of names. */
START_TEST(walk_keys_sort_as_a_depth_first_walk)
{
	static const char *const walk[] = {"a",     "a/z", "a/z/z", "a\x01", "a!",  "a-b",
					   "a-b/c", "a.",  "aa",    "b",     "\xff"};
	vt_cleanup(vt_buf_done) struct vt_buf key = VT_BUF_INIT;
	size_t count = sizeof walk / sizeof *walk;
	struct vt_spool_record record;
	struct vt_spool *spool;

	ck_assert_int_eq(vt_spool_new("/tmp", 64, &spool, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		const char *path = walk[i * 7 % count];

		vt_buf_reset(&key);
		vt_item_key(path, strlen(path), &key);
		ck_assert_int_eq(vt_spool_add(spool, key.data, key.len, path, strlen(path), NULL),
				 0);
	}
	ck_assert_int_eq(vt_spool_sort(spool, NULL), 0);
	for (size_t i = 0; i < count; i++) {
		ck_assert_int_eq(vt_spool_next(spool, &record, NULL), 1);
		ck_assert_int_eq(record.value_len, strlen(walk[i]));
		ck_assert_int_eq(memcmp(record.value, walk[i], record.value_len), 0);
	}
	vt_spool_free(spool);
}
END_TEST

VT_SUITE(spool, any_memory_gives_the_same_order_and_equal_keys_keep_theirs,
	 no_memory_at_all_is_one_record_a_run, an_empty_spool_has_no_records,
	 a_record_may_be_longer_than_the_memory, an_absurd_record_is_refused,
	 a_folder_that_is_not_there_is_an_error, walk_keys_sort_as_a_depth_first_walk)
