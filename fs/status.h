/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What MNT/.vitrine/ tells: status.json for people and scripts, metrics for Prometheus (its text
 * format 0.0.4). Nothing in them depends on data that someone may not see.
 */
#include <stdint.h>

#include "index/base/buf.h"

struct vt_service;

/* `which`: VT_CONTROL_STATUS or VT_CONTROL_METRICS (fs/node.h). Appends. Thread-safe. */
void vt_status_text(struct vt_service *service, uint32_t which, struct vt_buf *out);
