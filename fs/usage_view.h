/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The rows of usage.h, by reader and by dataset, as a viewer (node.h) may see them: what was done
 * for himself; what was done with a dataset that he administers; and all of it, if he administers
 * the store. Sums over others are never shown, nor that there are others.
 *
 * Asks the gate and the user database, and may wait for them. Thread-safe.
 */
#include <stdint.h>

#include "fs/usage.h"

struct vt_viewer;

/* `name`: of the user or the dataset, "others" for the rest; borrowed until `each` returns. */
typedef void vt_usage_row_seen(void *context, const char *name, const struct vt_usage_row *row);

void vt_usage_readers_seen(const struct vt_viewer *viewer, vt_usage_row_seen *each, void *context);
void vt_usage_datasets_seen(const struct vt_viewer *viewer, vt_usage_row_seen *each, void *context);
