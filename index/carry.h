/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a new version takes over from the labels of the one before: those of every file that has the
 * same content under the same path, and those of a file that was moved (same content, another path,
 * and no longer under the old one). Another content has no labels.
 *
 * Costs follow what differs between the two trees. Memory: 32 bytes for each labelled file that is
 * no longer where it was.
 */
#include "index/import.h"

#define VT_CARRY_MOVED_MAX (4u << 20)

/*
 * `before` with its `labels`; `after`, whose pages are in the store; both of `domain`. -E2BIG: more
 * than VT_CARRY_MOVED_MAX labelled files are no longer where they were. Hold the gate of gc.
 * `*new_bytes`: of the pages that the store did not have.
 */
int vt_carry_labels(struct vt_index *index, uint32_t domain, const struct vt_tree *before,
		    const struct vt_label_tree *labels, const struct vt_tree *after,
		    struct vt_label_tree *out, uint64_t *new_bytes, struct vt_error *err);
