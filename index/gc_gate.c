/* SPDX-License-Identifier: Apache-2.0 */
/* See gc_gate.h. */
#include "index/gc_gate.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/error.h"

struct vt_gc_gate {
	pthread_mutex_t lock;
	pthread_cond_t swept;
	size_t imports; /* guarded by lock, as below */
	bool sweeping;
};

struct vt_gc_gate *vt_gc_gate_new(void)
{
	struct vt_gc_gate *gate = calloc(1, sizeof *gate);
	pthread_condattr_t attributes;

	if (!gate)
		return NULL;
	(void) pthread_mutex_init(&gate->lock, NULL);
	(void) pthread_condattr_init(&attributes);
	(void) pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	(void) pthread_cond_init(&gate->swept, &attributes);
	(void) pthread_condattr_destroy(&attributes);
	return gate;
}

void vt_gc_gate_free(struct vt_gc_gate *gate)
{
	if (!gate)
		return;
	(void) pthread_cond_destroy(&gate->swept);
	(void) pthread_mutex_destroy(&gate->lock);
	free(gate);
}

int vt_gc_gate_enter(struct vt_gc_gate *gate, uint64_t wait_ns, struct vt_error *err)
{
	uint64_t end = vt_clock_monotonic_ns() + wait_ns;
	struct timespec until = {.tv_sec = (time_t) (end / VT_NS_PER_SEC),
				 .tv_nsec = (long) (end % VT_NS_PER_SEC)};
	bool entered;
	int r = 0;

	(void) pthread_mutex_lock(&gate->lock);
	while (gate->sweeping && r == 0)
		r = pthread_cond_timedwait(&gate->swept, &gate->lock, &until);
	entered = !gate->sweeping;
	if (entered)
		gate->imports++;
	(void) pthread_mutex_unlock(&gate->lock);
	return entered ? 0 : vt_fail(err, EBUSY, "a gc is sweeping the store; try again later");
}

void vt_gc_gate_leave(struct vt_gc_gate *gate)
{
	(void) pthread_mutex_lock(&gate->lock);
	gate->imports--;
	(void) pthread_mutex_unlock(&gate->lock);
}

int vt_gc_gate_enter_alone(struct vt_gc_gate *gate, struct vt_error *err)
{
	size_t imports;
	bool free_to_go;

	(void) pthread_mutex_lock(&gate->lock);
	imports = gate->imports;
	free_to_go = imports == 0 && !gate->sweeping;
	if (free_to_go)
		gate->sweeping = true;
	(void) pthread_mutex_unlock(&gate->lock);
	if (free_to_go)
		return 0;
	if (imports)
		return vt_fail(err, EBUSY,
			       "%zu publish or verify under way; gc must wait for the end",
			       imports);
	return vt_fail(err, EBUSY, "another gc is sweeping the store");
}

void vt_gc_gate_leave_alone(struct vt_gc_gate *gate)
{
	(void) pthread_mutex_lock(&gate->lock);
	gate->sweeping = false;
	(void) pthread_cond_broadcast(&gate->swept);
	(void) pthread_mutex_unlock(&gate->lock);
}
