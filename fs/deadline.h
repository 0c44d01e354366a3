/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Condition variables that wait by the monotonic clock, which nobody sets. */
#include <pthread.h>
#include <time.h>

static inline void vt_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	(void) pthread_condattr_init(&attr);
	(void) pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void) pthread_cond_init(cond, &attr);
	(void) pthread_condattr_destroy(&attr);
}

/* The moment `ms` from now, for pthread_cond_timedwait(). */
static inline struct timespec vt_deadline_in(unsigned ms)
{
	struct timespec at;

	(void) clock_gettime(CLOCK_MONOTONIC, &at);
	at.tv_sec += ms / 1000;
	at.tv_nsec += (long) (ms % 1000) * 1000000;
	if (at.tv_nsec >= 1000000000) {
		at.tv_sec++;
		at.tv_nsec -= 1000000000;
	}
	return at;
}
