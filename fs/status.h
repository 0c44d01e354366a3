/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What MNT/.vitrine/ tells: status.json for people and scripts, metrics for Prometheus (its text
 * format 0.0.4). Sums are over what the viewer may see; what the server does for others, in all,
 * is for those who administer the store.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/kept_texts.h"
#include "index/base/buf.h"

struct vt_viewer;

/*
 * `which`: VT_CONTROL_STATUS or VT_CONTROL_METRICS (fs/node.h). Appends. -EAGAIN, always for
 * METRICS: user and group database are asked; -ENOMEM. Thread-safe.
 */
int vt_status_text(const struct vt_viewer *viewer, uint32_t which, bool nowait, struct vt_buf *out);

/*
 * The same, but what it was when the viewer first asked for it under this number (not 0), as long
 * as the server keeps that. An earlier server may have given the number to somebody else.
 */
int vt_status_text_of(const struct vt_viewer *viewer, uint32_t which, enum vt_kept_kind kind,
		      uint32_t number, bool nowait, struct vt_buf *out);
