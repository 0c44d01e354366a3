/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The server's end of the control socket: connections, each with a thread, and their bounds. What
 * is asked on them: requests.h.
 *
 * Thread-safe, but one thread accepts.
 */
#include <stddef.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_host;
struct vt_control;

#define VT_CONNECTIONS_MAX     512u
#define VT_CONNECTIONS_PER_UID 64u

/* `host` is borrowed. `changed` (may be NULL) is called when a connection has ended. */
int vt_control_new(struct vt_host *host, void (*changed)(struct vt_host *host),
		   struct vt_control **out, struct vt_error *err);
/* Accepts what waits on `listener` and serves it; the excess is refused with a sentence. */
void vt_control_accept(struct vt_control *control, int listener);
size_t vt_control_count(struct vt_control *control); /* connections now */
/*
 * Takes no more requests, waits until those under way are answered. After `patience_ms` their
 * connections are cut.
 */
void vt_control_drain(struct vt_control *control, unsigned patience_ms);
void vt_control_free(struct vt_control *control); /* drained; NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_control, vt_control_free);
