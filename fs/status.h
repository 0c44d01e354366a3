/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What MNT/.vitrine/ tells: status.json for people and scripts, metrics for Prometheus (its text
 * format 0.0.4). Sums are over what the viewer may see; what the server does for others, in all,
 * is for those who administer the store.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"

struct vt_viewer;

/*
 * `which`: VT_CONTROL_STATUS or VT_CONTROL_METRICS (fs/node.h). Appends. -EAGAIN, -ENOMEM.
 * Thread-safe.
 */
int vt_status_text(const struct vt_viewer *viewer, uint32_t which, bool nowait, struct vt_buf *out);
