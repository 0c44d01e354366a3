/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The two-sided clock. The wall clock may be set back or forward by whoever is root, by a time
 * server or by a battery; CLOCK_BOOTTIME only runs. From an anchor (wall, boottime, boot id) taken
 * earlier, est = anchor wall + boottime since; then lo = min(wall, est), hi = max(wall, est). After
 * a reboot lo = wall, hi = max(wall, highest wall ever seen). A right ends when hi reaches its end,
 * others' exclusion ends when lo does: turning the clock back reopens nothing, turning it forward
 * opens nothing early. (policy/model.md, "Time")
 *
 * The anchor and the highest wall time are kept in the index (VT_CF_POLICY) and written with every
 * change of the policy and at least every ten minutes while there are windows.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "policy/evaluate.h"

struct vt_error;
struct vt_store;
struct vt_batch;
struct vt_timekeeper;

#define VT_CLOCK_SUSPECT_NS (5ull * 1000000000) /* hi - lo above this: no new leases or windows */

int vt_timekeeper_open(struct vt_store *store, struct vt_timekeeper **out, struct vt_error *err);
void vt_timekeeper_free(struct vt_timekeeper *keeper);
VT_DEFINE_CLEANUP(struct vt_timekeeper, vt_timekeeper_free);

/* Never goes back: neither reading falls below an earlier answer's. No I/O. */
struct vt_instant vt_timekeeper_now(struct vt_timekeeper *keeper);
bool vt_timekeeper_is_suspect(struct vt_timekeeper *keeper);
/* Puts the present readings into a batch that is about to be written. */
void vt_timekeeper_note(struct vt_timekeeper *keeper, struct vt_batch *batch);
/* `clock accept` of an administrator: the wall clock is right; both readings become it. Durable. */
int vt_timekeeper_accept(struct vt_timekeeper *keeper, struct vt_error *err);
