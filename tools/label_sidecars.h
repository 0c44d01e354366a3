/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels out of a version's own files: WebDataset's sidecars (tools/labels/sidecar.h). Paths are
 * listed and sorted by sample, outside of memory; then each sidecar is read by `cat`. Memory: the
 * paths of one sample, and one sidecar.
 */
#include <stdint.h>

#include "index/base/buf.h"

struct vt_error;
struct vt_label_intake;
struct vt_target;

/* What sidecars said that can be no label. */
struct vt_sidecars_skipped {
	uint64_t members;
	struct vt_buf first; /* the name of one; the caller's to free */
};

/* Sidecars that are bad are complained of, one by one, like rows. */
int vt_label_sidecars_read(struct vt_label_intake *intake, const struct vt_target *target,
			   struct vt_sidecars_skipped *skipped, struct vt_error *err);
