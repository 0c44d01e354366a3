/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the passing of time does to the policy: a thread that sleeps until the next window of a
 * rule, a lease or a partner begins or ends, and then narrows (fs/narrow.h); that finishes leases a
 * dead server left draining; that tries again what a mount could not finish; and that narrows when
 * the user database has other groups or another name for a reader, for which it looks every ten
 * seconds. It wakes when the wall clock is set.
 */
#include "index/base/cleanup.h"

struct vt_error;
struct vt_policy_watch;
struct vt_service;

int vt_policy_watch_new(struct vt_service *service, struct vt_policy_watch **out,
			struct vt_error *err);
void vt_policy_watch_free(struct vt_policy_watch *watch);
VT_DEFINE_CLEANUP(struct vt_policy_watch, vt_policy_watch_free);

/* The policy changed: look again when the next window is. Never blocks. */
void vt_policy_watch_poke(struct vt_policy_watch *watch);
