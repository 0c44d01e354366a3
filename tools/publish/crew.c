/* SPDX-License-Identifier: Apache-2.0 */
/* See crew.h. One lock; jobs are long enough (a good part of a megabyte) for it to be idle. */
#include "tools/publish/crew.h"

#include <pthread.h>

#include "index/base/error.h"

struct queue {
	struct vt_crew_job *first, **last;
	unsigned length;
};

struct vt_crew {
	pthread_mutex_t lock;
	pthread_cond_t work, room, idle;
	const atomic_bool *cancel;
	unsigned limit; /* ordinary jobs queued */
	atomic_int failure;
	/* guarded by lock */
	struct queue ordinary, urgent;
	unsigned running;
	bool ending;
	struct vt_error why;
	/* constant after creation */
	unsigned count;
	struct worker {
		struct vt_crew *crew;
		unsigned number;
		pthread_t thread;
	} workers[VT_CREW_MAX];
};

static void push(struct queue *queue, struct vt_crew_job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
	queue->length++;
}

static struct vt_crew_job *pop(struct queue *queue)
{
	struct vt_crew_job *job = queue->first;

	if (!job)
		return NULL;
	queue->first = job->next;
	if (!queue->first)
		queue->last = &queue->first;
	queue->length--;
	return job;
}

static struct vt_crew_job *take(struct vt_crew *crew)
{
	struct vt_crew_job *job = pop(&crew->urgent);

	if (!job)
		job = pop(&crew->ordinary);
	if (job)
		crew->running++;
	return job;
}

/* Called with the lock held; runs without it. */
static void run(struct vt_crew *crew, struct vt_crew_job *job, unsigned thread)
{
	(void) pthread_cond_signal(&crew->room);
	(void) pthread_mutex_unlock(&crew->lock);
	job->run(job, thread);
	(void) pthread_mutex_lock(&crew->lock);
	crew->running--;
	if (crew->running == 0 && !crew->urgent.first && !crew->ordinary.first)
		(void) pthread_cond_broadcast(&crew->idle);
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct vt_crew *crew = worker->crew;

	(void) pthread_mutex_lock(&crew->lock);
	for (;;) {
		struct vt_crew_job *job = take(crew);

		if (job)
			run(crew, job, worker->number);
		else if (crew->ending)
			break;
		else
			(void) pthread_cond_wait(&crew->work, &crew->lock);
	}
	(void) pthread_mutex_unlock(&crew->lock);
	return NULL;
}

int vt_crew_new(unsigned threads, const atomic_bool *cancel, struct vt_crew **out,
		struct vt_error *err)
{
	struct vt_crew *crew = calloc(1, sizeof *crew);

	if (!crew)
		return vt_fail(err, ENOMEM, "no memory for threads");
	(void) pthread_mutex_init(&crew->lock, NULL);
	(void) pthread_cond_init(&crew->work, NULL);
	(void) pthread_cond_init(&crew->room, NULL);
	(void) pthread_cond_init(&crew->idle, NULL);
	crew->cancel = cancel;
	crew->limit = 2 * threads;
	crew->ordinary.last = &crew->ordinary.first;
	crew->urgent.last = &crew->urgent.first;
	for (; crew->count < threads && crew->count < VT_CREW_MAX; crew->count++) {
		struct worker *worker = &crew->workers[crew->count];
		int failed;

		*worker = (struct worker){.crew = crew, .number = crew->count};
		failed = pthread_create(&worker->thread, NULL, work, worker);
		if (failed) {
			vt_crew_free(crew);
			return vt_fail(err, failed, "cannot start a thread: %m");
		}
	}
	*out = crew;
	return 0;
}

void vt_crew_free(struct vt_crew *crew)
{
	if (!crew)
		return;
	(void) pthread_mutex_lock(&crew->lock);
	crew->ending = true;
	(void) pthread_cond_broadcast(&crew->work);
	(void) pthread_mutex_unlock(&crew->lock);
	for (unsigned i = 0; i < crew->count; i++)
		(void) pthread_join(crew->workers[i].thread, NULL);
	(void) pthread_cond_destroy(&crew->idle);
	(void) pthread_cond_destroy(&crew->room);
	(void) pthread_cond_destroy(&crew->work);
	(void) pthread_mutex_destroy(&crew->lock);
	free(crew);
}

void vt_crew_submit(struct vt_crew *crew, struct vt_crew_job *job)
{
	(void) pthread_mutex_lock(&crew->lock);
	while (crew->ordinary.length >= crew->limit)
		(void) pthread_cond_wait(&crew->room, &crew->lock);
	push(&crew->ordinary, job);
	(void) pthread_cond_signal(&crew->work);
	(void) pthread_mutex_unlock(&crew->lock);
}

void vt_crew_submit_urgent(struct vt_crew *crew, struct vt_crew_job *job)
{
	(void) pthread_mutex_lock(&crew->lock);
	push(&crew->urgent, job);
	(void) pthread_cond_signal(&crew->work);
	(void) pthread_mutex_unlock(&crew->lock);
}

bool vt_crew_help(struct vt_crew *crew, unsigned thread)
{
	struct vt_crew_job *job;

	(void) pthread_mutex_lock(&crew->lock);
	job = pop(&crew->urgent);
	if (job) {
		crew->running++;
		run(crew, job, thread);
	}
	(void) pthread_mutex_unlock(&crew->lock);
	return job;
}

void vt_crew_fail(struct vt_crew *crew, int r, const struct vt_error *why)
{
	(void) pthread_mutex_lock(&crew->lock);
	if (atomic_load(&crew->failure) == 0) {
		crew->why = *why;
		atomic_store(&crew->failure, r);
	}
	(void) pthread_mutex_unlock(&crew->lock);
}

bool vt_crew_stopped(struct vt_crew *crew)
{
	if (crew->cancel && atomic_load(crew->cancel)) {
		struct vt_error why;

		vt_crew_fail(crew, vt_fail(&why, EINTR, "cancelled"), &why);
	}
	return atomic_load(&crew->failure) != 0;
}

int vt_crew_result(struct vt_crew *crew, struct vt_error *err)
{
	int r = vt_crew_stopped(crew) ? atomic_load(&crew->failure) : 0;

	if (r < 0 && err) {
		(void) pthread_mutex_lock(&crew->lock);
		*err = crew->why;
		(void) pthread_mutex_unlock(&crew->lock);
	}
	return r;
}

int vt_crew_drain(struct vt_crew *crew, struct vt_error *err)
{
	(void) pthread_mutex_lock(&crew->lock);
	while (crew->running || crew->urgent.first || crew->ordinary.first)
		(void) pthread_cond_wait(&crew->idle, &crew->lock);
	(void) pthread_mutex_unlock(&crew->lock);
	return vt_crew_result(crew, err);
}
