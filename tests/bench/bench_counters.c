/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What counting costs: all that is counted for one READ and for one OPEN, by one thread and by
 * several at once on the same sums; and one shared number, for comparison. A line per case.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "fs/counters.h"
#include "index/base/clock.h"
#include "tests/bench/bench.h"

enum { REQUESTS = 20000000 };

static struct vt_counters *counters;
static atomic_uint_fast64_t shared;

/* As transport.c, request.c and ops_file.c count, with the second look at the clock. */
static void *count_reads(void *context)
{
	for (int i = 0; i < REQUESTS; i++) {
		uint64_t begun_ns = vt_clock_monotonic_ns();

		vt_count_message(counters, 15);
		vt_count_read(counters, 1000, 1, 4096);
		vt_count_answer(counters, VT_OP_READ, 1000, vt_clock_monotonic_ns() - begun_ns);
	}
	return context;
}

static void *count_opens(void *context)
{
	for (int i = 0; i < REQUESTS; i++) {
		vt_count_message(counters, 14);
		vt_count_open(counters, 1000, 1);
		vt_count_answer(counters, VT_OP_OPEN, 1000, 5000);
	}
	return context;
}

static void *count_shared(void *context)
{
	for (int i = 0; i < REQUESTS; i++)
		(void) atomic_fetch_add_explicit(&shared, 1, memory_order_relaxed);
	return context;
}

static void measure(const char *name, void *(*count)(void *), size_t threads)
{
	uint64_t since = bench_cpu_ns();
	pthread_t thread[8];

	for (size_t i = 0; i < threads; i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, count, NULL), 0);
	for (size_t i = 0; i < threads; i++)
		ck_assert_int_eq(pthread_join(thread[i], NULL), 0);
	printf("%-36s %12.1f ns of processor a request\n", name,
	       (double) (bench_cpu_ns() - since) / ((double) threads * REQUESTS));
}

START_TEST(all_cases)
{
	counters = vt_counters_new();
	ck_assert_ptr_nonnull(counters);
	measure("READ with two looks at the clock, 1", count_reads, 1);
	measure("READ with two looks at the clock, 2", count_reads, 2);
	measure("OPEN, 1 thread", count_opens, 1);
	measure("OPEN, 2 threads", count_opens, 2);
	measure("one shared number, 1 thread", count_shared, 1);
	measure("one shared number, 2 threads", count_shared, 2);
	vt_counters_free(counters);
}
END_TEST

int main(void)
{
	return bench_run(all_cases);
}
