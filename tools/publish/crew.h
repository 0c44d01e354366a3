/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Threads that run jobs from one bounded queue. Ordinary jobs come from the outside and wait for
 * room; urgent ones are made by jobs themselves, go first and never wait, so that a job may make
 * more work, and may help with it while it has to wait. The first failure stops the crew: jobs that
 * are left still run, so that they can free themselves, and should look at vt_crew_stopped().
 *
 * Thread-safe.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_crew;

/* Embedded in what the job is about. `run` frees it. `thread` is below the crew's count. */
struct vt_crew_job {
	void (*run)(struct vt_crew_job *job, unsigned thread);
	struct vt_crew_job *next; /* guarded by the crew's lock */
};

#define VT_CREW_MAX 64u /* threads */

/* `cancel` may be NULL; when it becomes true the crew stops with -EINTR. */
int vt_crew_new(unsigned threads, const atomic_bool *cancel, struct vt_crew **out,
		struct vt_error *err);
void vt_crew_free(struct vt_crew *crew); /* runs what is queued; NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_crew, vt_crew_free);

void vt_crew_submit(struct vt_crew *crew,
		    struct vt_crew_job *job); /* waits while the queue is full */
void vt_crew_submit_urgent(struct vt_crew *crew, struct vt_crew_job *job);
/* Runs one urgent job, if there is any, as thread `thread`. */
bool vt_crew_help(struct vt_crew *crew, unsigned thread);

/* Stops the crew; the first call counts. */
void vt_crew_fail(struct vt_crew *crew, int r, const struct vt_error *why);
bool vt_crew_stopped(struct vt_crew *crew);
/* 0, or the first failure. */
int vt_crew_result(struct vt_crew *crew, struct vt_error *err);
/* Waits until nothing is queued or running. 0, or the first failure. */
int vt_crew_drain(struct vt_crew *crew, struct vt_error *err);
