/* SPDX-License-Identifier: Apache-2.0 */
/* Sums are exact whoever adds, tables stay bounded, and a time is in the bucket it belongs to. */
#include "fs/counters.h"

#include <pthread.h>

#include "fs/usage.h"
#include "tests/unit/suite.h"

enum { THREADS = 8, ROUNDS = 20000, READERS = 3 };

static struct vt_counters *counters;
static struct vt_counted counted;

static void begin(void)
{
	counters = vt_counters_new();
	ck_assert_ptr_nonnull(counters);
}

static void sum(void)
{
	vt_counters_sum(counters, &counted);
}

/* ---- rows ---- */

struct found {
	unsigned rows;
	struct vt_usage_row all, wanted, others;
};

static void look(void *context, const struct vt_usage_row *row)
{
	struct found *found = context;

	found->rows += !row->others;
	for (unsigned i = 0; i < VT_USAGE_SUMS; i++)
		found->all.sums[i] += row->sums[i];
	if (row->others)
		found->others = *row;
	else if (row->number == found->wanted.number)
		found->wanted = *row;
}

static struct found find(const struct vt_usage *usage, uint32_t number)
{
	struct found found = {.wanted.number = number};

	vt_usage_each(usage, look, &found);
	return found;
}

/* ---- many threads ---- */

static void *count_all(void *context)
{
	for (uint32_t i = 0; i < ROUNDS; i++) {
		uint32_t uid = i % READERS;

		vt_count_message(counters, 15);
		vt_count_error(counters, 2);
		vt_count_answer(counters, VT_OP_READ, uid, 1000ull << (i % 4));
		vt_count_open(counters, uid, 7);
		vt_count_read(counters, uid, 7, 3);
	}
	return context;
}

static void count_in_threads(void)
{
	pthread_t threads[THREADS];

	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, count_all, NULL), 0);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
	sum();
}

START_TEST(what_many_threads_add_is_all_there)
{
	const struct vt_latency *latency = &counted.latency[VT_OP_READ];
	const uint64_t all = (uint64_t) THREADS * ROUNDS;

	begin();
	count_in_threads();
	ck_assert_uint_eq(counted.messages[15], all);
	ck_assert_uint_eq(counted.errors[2], all);
	ck_assert_uint_eq(counted.opens, all);
	ck_assert_uint_eq(counted.bytes, 3 * all);
	ck_assert_uint_eq(latency->sum_ns, all / 4 * (1000 + 2000 + 4000 + 8000));
	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++)
		ck_assert_uint_eq(latency->within[i], i < 4 ? all / 4 : 0);
	ck_assert_uint_eq(latency->beyond, 0);
	vt_counters_free(counters);
}
END_TEST

START_TEST(rows_of_many_threads_are_exact)
{
	const uint64_t first = (uint64_t) THREADS * (ROUNDS / READERS + 1); /* 20000 = 3n + 2 */
	struct found reader, dataset;

	begin();
	count_in_threads();
	reader = find(vt_counters_readers(counters), 0);
	dataset = find(vt_counters_datasets(counters), 7);
	ck_assert_uint_eq(reader.rows, READERS);
	ck_assert_uint_eq(reader.wanted.sums[VT_USAGE_REQUESTS], first);
	ck_assert_uint_eq(reader.wanted.sums[VT_USAGE_OPENS], first);
	ck_assert_uint_eq(reader.wanted.sums[VT_USAGE_BYTES], 3 * first);
	ck_assert_uint_eq(dataset.rows, 1);
	ck_assert_uint_eq(dataset.wanted.sums[VT_USAGE_REQUESTS], 0);
	ck_assert_uint_eq(dataset.wanted.sums[VT_USAGE_OPENS], counted.opens);
	ck_assert_uint_eq(dataset.wanted.sums[VT_USAGE_BYTES], counted.bytes);
	vt_counters_free(counters);
}
END_TEST

START_TEST(texts_about_the_mount_are_of_no_dataset)
{
	begin();
	vt_count_read(counters, 5, 0, 100);
	sum();
	ck_assert_uint_eq(counted.bytes, 100);
	ck_assert_uint_eq(find(vt_counters_readers(counters), 5).wanted.sums[VT_USAGE_BYTES], 100);
	ck_assert_uint_eq(find(vt_counters_datasets(counters), 0).all.sums[VT_USAGE_BYTES], 0);
	vt_counters_free(counters);
}
END_TEST

/* ---- bounds ---- */

/* The bucket of a time: VT_LATENCY_BOUNDS is the one beyond. */
static unsigned bucket_of(uint64_t ns)
{
	const struct vt_latency *latency = &counted.latency[VT_OP_OTHER];
	unsigned bucket = VT_LATENCY_BOUNDS;

	begin();
	vt_count_answer(counters, VT_OP_OTHER, 0, ns);
	sum();
	ck_assert_uint_eq(latency->sum_ns, ns);
	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++)
		if (latency->within[i])
			bucket = i;
	ck_assert_uint_eq(latency->beyond, bucket == VT_LATENCY_BOUNDS);
	vt_counters_free(counters);
	return bucket;
}

START_TEST(a_time_is_within_the_first_bound_that_is_not_below_it)
{
	ck_assert_uint_eq(bucket_of(0), 0);
	for (unsigned i = 0; i < VT_LATENCY_BOUNDS; i++) {
		uint64_t bound = vt_latency_bound_us(i) * 1000;

		ck_assert_uint_eq(bucket_of(bound), i);
		ck_assert_uint_eq(bucket_of(bound - 1), i);
		ck_assert_uint_eq(bucket_of(bound + 1), i + 1);
	}
	ck_assert_uint_eq(bucket_of(UINT64_MAX / 2), VT_LATENCY_BOUNDS);
	ck_assert_uint_gt(vt_latency_bound_us(VT_LATENCY_BOUNDS - 1), 30000000);
}
END_TEST

START_TEST(numbers_beyond_the_tables_are_counted_as_unknown)
{
	begin();
	vt_count_message(counters, VT_COUNTERS_OPCODES - 1);
	vt_count_message(counters, VT_COUNTERS_OPCODES);
	vt_count_message(counters, UINT32_MAX);
	vt_count_error(counters, VT_COUNTERS_ERRORS);
	vt_count_error(counters, -1);
	sum();
	ck_assert_uint_eq(counted.messages[VT_COUNTERS_OPCODES - 1], 1);
	ck_assert_uint_eq(counted.messages[0], 2);
	ck_assert_uint_eq(counted.errors[0], 2);
	vt_counters_free(counters);
}
END_TEST

START_TEST(a_table_that_is_full_keeps_its_rows_and_counts_the_rest_together)
{
	struct vt_usage *usage = vt_usage_new();
	const uint32_t many = 4 * VT_USAGE_ROWS;
	struct found found;

	ck_assert_ptr_nonnull(usage);
	for (uint32_t round = 0; round < 2; round++)
		for (uint32_t i = 0; i < many; i++)
			vt_usage_add(usage, UINT32_MAX - i, VT_USAGE_OPENS, 1);
	found = find(usage, UINT32_MAX);
	ck_assert_uint_le(found.rows, VT_USAGE_ROWS);
	ck_assert_uint_ge(found.rows, VT_USAGE_ROWS / 2);
	ck_assert_uint_eq(found.wanted.sums[VT_USAGE_OPENS], 2);
	ck_assert_uint_eq(found.others.sums[VT_USAGE_OPENS], 2ull * (many - found.rows));
	ck_assert_uint_eq(found.all.sums[VT_USAGE_OPENS], 2ull * many);
	vt_usage_free(usage);
}
END_TEST

VT_SUITE(counters, what_many_threads_add_is_all_there, rows_of_many_threads_are_exact,
	 texts_about_the_mount_are_of_no_dataset,
	 a_time_is_within_the_first_bound_that_is_not_below_it,
	 numbers_beyond_the_tables_are_counted_as_unknown,
	 a_table_that_is_full_keeps_its_rows_and_counts_the_rest_together)
