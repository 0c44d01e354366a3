/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a viewer (node.h) is shown: names in listings, and sums. On a shared mount and over the
 * control socket the subject decides; a private mount is its user's; an open-only one is
 * everybody's.
 *
 * 1 shown, 0 not, or -EAGAIN with `nowait`, when the user database must be asked. Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

struct vt_dataset;
struct vt_version;
struct vt_viewer;

/*
 * Is it absent on the viewer's mount, for whoever asks, since that is locked to a version?
 * Withdrawn or not, others are. `version` 0: the dataset as such.
 */
bool vt_is_locked_out(const struct vt_viewer *viewer, uint32_t dataset, uint32_t version);

int vt_visible_dataset(const struct vt_viewer *viewer, const struct vt_dataset *dataset,
		       bool nowait);
int vt_visible_version(const struct vt_viewer *viewer, const struct vt_version *version,
		       bool nowait);

/* Sums over the live versions that are shown. 0, -EAGAIN, -ENOMEM. */
struct vt_totals {
	uint64_t bytes, nodes, versions, datasets;
};
int vt_visible_totals(const struct vt_viewer *viewer, bool nowait, struct vt_totals *out);
