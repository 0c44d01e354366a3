/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pool runs everything once, keeps a lane's order where one thread serves it, and above all: a
 * lane that is stuck stops no other.
 */
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

#include "fs/io_pool.h"
#include "tests/unit/suite.h"

struct probe {
	struct vt_io_task task;  /* first */
	sem_t *begun, *may_end;  /* NULL: does not wait */
	atomic_uint *now, *most; /* running at a time */
	unsigned number;
};

static unsigned order[1000];
static atomic_uint done;

static void run_probe(struct vt_io_task *task)
{
	struct probe *probe = (struct probe *) task;
	unsigned now = probe->now ? atomic_fetch_add(probe->now, 1) + 1 : 0;

	if (probe->most && now > *probe->most)
		*probe->most = now;
	if (probe->begun)
		(void) sem_post(probe->begun);
	if (probe->may_end)
		(void) sem_wait(probe->may_end);
	if (probe->now)
		(*probe->now)--;
	order[atomic_fetch_add(&done, 1)] = probe->number;
}

static struct vt_io_pool *new_pool(unsigned threads, unsigned per_lane)
{
	struct vt_io_pool *pool = NULL;

	ck_assert_int_eq(vt_io_pool_new(threads, per_lane, &pool, NULL), 0);
	return pool;
}

static void submit(struct vt_io_pool *pool, struct probe *probe, uint64_t lane)
{
	probe->task.run = run_probe;
	probe->task.lane = lane;
	vt_io_pool_submit(pool, &probe->task);
}

static void wait_for(sem_t *sem, unsigned times)
{
	while (times-- > 0)
		while (sem_wait(sem) != 0)
			;
}

static void post(sem_t *sem, unsigned times)
{
	while (times-- > 0)
		(void) sem_post(sem);
}

START_TEST(tasks_of_a_lane_with_one_thread_run_in_order)
{
	static struct probe probes[200];
	struct vt_io_pool *pool = new_pool(4, 1);

	for (unsigned i = 0; i < 200; i++) {
		probes[i].number = i;
		submit(pool, &probes[i], 5);
	}
	vt_io_pool_free(pool);
	ck_assert_uint_eq(done, 200);
	for (unsigned i = 0; i < 200; i++)
		ck_assert_uint_eq(order[i], i);
}
END_TEST

START_TEST(a_stuck_lane_holds_up_no_other_and_no_more_threads_than_it_may)
{
	static struct probe stuck[10], free_ones[50];
	struct vt_io_pool *pool = new_pool(4, 2);
	atomic_uint now = 0, most = 0;
	sem_t begun, gate, through;

	(void) sem_init(&begun, 0, 0);
	(void) sem_init(&gate, 0, 0);
	(void) sem_init(&through, 0, 0);
	for (unsigned i = 0; i < 10; i++) {
		stuck[i] = (struct probe){
			.begun = &begun, .may_end = &gate, .now = &now, .most = &most};
		submit(pool, &stuck[i], 1);
	}
	wait_for(&begun, 2);
	for (unsigned i = 0; i < 50; i++) {
		free_ones[i] = (struct probe){.begun = &through};
		submit(pool, &free_ones[i], 2 + i % 3);
	}
	wait_for(&through, 50); /* would wait for ever */
	ck_assert_uint_eq(now, 2);
	post(&gate, 10);
	vt_io_pool_free(pool);
	ck_assert_uint_eq(done, 60);
	ck_assert_uint_eq(most, 2);
}
END_TEST

/* One thread idles when both come: it must not be counted on for both. */
START_TEST(a_task_is_not_left_behind_one_that_is_stuck)
{
	sem_t begun, gate, through;

	(void) sem_init(&begun, 0, 0);
	(void) sem_init(&gate, 0, 0);
	(void) sem_init(&through, 0, 0);
	for (int round = 0; round < 200; round++) {
		struct vt_io_pool *pool = new_pool(2, 1);
		struct probe warm = {.begun = &begun};
		struct probe stuck = {.begun = &begun, .may_end = &gate};
		struct probe other = {.begun = &through};

		done = 0;
		submit(pool, &warm, 1);
		wait_for(&begun, 1);
		submit(pool, &stuck, 2);
		submit(pool, &other, 3);
		wait_for(&through, 1); /* would wait for ever */
		post(&gate, 1);
		wait_for(&begun, 1);
		vt_io_pool_free(pool);
		ck_assert_uint_eq(done, 3);
	}
}
END_TEST

START_TEST(a_lane_uses_as_many_threads_as_it_may)
{
	static struct probe probes[3];
	struct vt_io_pool *pool = new_pool(8, 3);
	sem_t begun, gate;

	(void) sem_init(&begun, 0, 0);
	(void) sem_init(&gate, 0, 0);
	for (unsigned i = 0; i < 3; i++) {
		probes[i] = (struct probe){.begun = &begun, .may_end = &gate};
		submit(pool, &probes[i], 1);
	}
	wait_for(&begun, 3); /* all at a time, or for ever */
	ck_assert_uint_eq(vt_io_pool_depth(pool), 3);
	post(&gate, 3);
	vt_io_pool_free(pool);
}
END_TEST

START_TEST(lanes_are_served_in_turn)
{
	static struct probe first, many[20], one;
	struct vt_io_pool *pool = new_pool(1, 1);
	sem_t begun, gate;
	unsigned at = 0;

	(void) sem_init(&begun, 0, 0);
	(void) sem_init(&gate, 0, 0);
	first = (struct probe){.begun = &begun, .may_end = &gate};
	submit(pool, &first, 1);
	wait_for(&begun, 1);
	for (unsigned i = 0; i < 20; i++)
		submit(pool, &many[i], 2);
	one.number = 77;
	submit(pool, &one, 3);
	post(&gate, 1);
	vt_io_pool_free(pool);
	while (order[at] != 77)
		at++;
	ck_assert_uint_le(at, 2); /* first, one of the many, and then it */
}
END_TEST

START_TEST(what_is_queued_when_the_pool_is_freed_still_runs)
{
	static struct probe probes[100];
	struct vt_io_pool *pool = new_pool(2, 2);
	sem_t begun, gate;

	(void) sem_init(&begun, 0, 0);
	(void) sem_init(&gate, 0, 0);
	probes[0] = (struct probe){.begun = &begun, .may_end = &gate};
	submit(pool, &probes[0], 0);
	wait_for(&begun, 1);
	for (unsigned i = 1; i < 100; i++)
		submit(pool, &probes[i], i % 7);
	post(&gate, 1);
	vt_io_pool_free(pool);
	ck_assert_uint_eq(done, 100);
	vt_io_pool_free(NULL);
}
END_TEST

struct relay {
	struct vt_io_task task; /* first */
	struct vt_io_pool *pool;
	unsigned left;
};

static void run_relay(struct vt_io_task *task)
{
	struct relay *relay = (struct relay *) task;

	done++;
	if (relay->left-- > 0) {
		relay->task.lane = relay->left % 3;
		vt_io_pool_submit(relay->pool, &relay->task);
	}
}

START_TEST(a_task_may_submit_itself_again_even_while_the_pool_is_freed)
{
	struct relay relay = {.pool = new_pool(3, 1), .left = 500};

	relay.task = (struct vt_io_task){.run = run_relay, .lane = 0};
	vt_io_pool_submit(relay.pool, &relay.task);
	vt_io_pool_free(relay.pool);
	ck_assert_uint_eq(done, 501);
}
END_TEST

static void *submit_many(void *argument)
{
	struct vt_io_pool *pool = argument;
	struct probe *probes = calloc(200, sizeof *probes);

	for (unsigned i = 0; i < 200; i++)
		submit(pool, &probes[i], i % 11);
	return probes;
}

START_TEST(many_threads_submit_at_a_time)
{
	struct vt_io_pool *pool = new_pool(6, 2);
	pthread_t threads[5];
	void *probes[5];

	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, submit_many, pool), 0);
	for (int i = 0; i < 5; i++)
		(void) pthread_join(threads[i], &probes[i]);
	vt_io_pool_free(pool);
	ck_assert_uint_eq(done, 1000);
	for (int i = 0; i < 5; i++)
		free(probes[i]);
}
END_TEST

VT_SUITE(io_pool, tasks_of_a_lane_with_one_thread_run_in_order,
	 a_stuck_lane_holds_up_no_other_and_no_more_threads_than_it_may,
	 a_task_is_not_left_behind_one_that_is_stuck, a_lane_uses_as_many_threads_as_it_may,
	 lanes_are_served_in_turn, what_is_queued_when_the_pool_is_freed_still_runs,
	 a_task_may_submit_itself_again_even_while_the_pool_is_freed, many_threads_submit_at_a_time)
