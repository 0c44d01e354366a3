/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Allocation that fails once, at the n-th call from now. For programs linked with the dependency
 * `failing_malloc` of tests/unit/meson.build, which sends the calls here (ld's --wrap). One thread.
 */
#include <stdbool.h>
#include <stdlib.h>

static long allocations_left = -1; /* before the one that fails; negative: none does */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_reallocarray(void *old, size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_reallocarray(void *old, size_t count, size_t size);

static inline bool fails_now(void)
{
	return allocations_left >= 0 && allocations_left-- == 0;
}

void *__wrap_malloc(size_t size)
{
	return fails_now() ? NULL : __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
	return fails_now() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size)
{
	return fails_now() ? NULL : __real_realloc(old, size);
}

void *__wrap_reallocarray(void *old, size_t count, size_t size)
{
	return fails_now() ? NULL : __real_reallocarray(old, count, size);
}

/* Ends what was begun by setting allocations_left; did an allocation fail? */
static inline bool stop_failing(void)
{
	bool failed = allocations_left < 0;

	allocations_left = -1;
	return failed;
}
