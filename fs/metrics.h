/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Text for Prometheus (its exposition format 0.0.4), and in it what counters.h counts, as far as a
 * viewer may see it (usage_view.h). Names and labels are what dashboards are made of: they stay.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"

struct vt_viewer;

/* A metric without labels, "vitrine_NAME". `type`: counter, gauge. */
void vt_metrics_plain(struct vt_buf *out, const char *name, const char *type, const char *help,
		      uint64_t value);

/* Appends; `all`: the viewer administers the store. May wait for the user database. */
void vt_metrics_counters(const struct vt_viewer *viewer, bool all, struct vt_buf *out);
