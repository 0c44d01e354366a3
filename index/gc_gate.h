/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Keeps imports and a sweep apart: an import is told what the store has and must find it there when
 * it commits; a verify walks through what it saw live when it began. They hold the gate shared, for
 * as long as they go on; a sweep holds it alone.
 * Thread-safe; who entered and who leaves may be different threads.
 */
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_gc_gate;

struct vt_gc_gate *vt_gc_gate_new(void); /* NULL when memory is short */
void vt_gc_gate_free(struct vt_gc_gate *gate);
VT_DEFINE_CLEANUP(struct vt_gc_gate, vt_gc_gate_free);

/* For an import or a verify. Waits for a sweep, at most `wait_ns`; then -EBUSY. */
int vt_gc_gate_enter(struct vt_gc_gate *gate, uint64_t wait_ns, struct vt_error *err);
void vt_gc_gate_leave(struct vt_gc_gate *gate);

/* For a sweep. -EBUSY while an import is open or another sweep runs: does not wait. */
int vt_gc_gate_enter_alone(struct vt_gc_gate *gate, struct vt_error *err);
void vt_gc_gate_leave_alone(struct vt_gc_gate *gate);
