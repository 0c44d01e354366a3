/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Boundaries as they were last made, by place: they are asked for at every stat of one. Bounded.
 * Thread-safe: a lock for the time of a copy.
 */
#include "policy/gate.h"

struct vt_boundaries;

/* What a boundary was made from; `made` stands for every later instant until its end. */
struct vt_boundary_key {
	struct vt_place place;
	uint64_t policy, catalog; /* revision and generation */
};

/* NULL when memory is short. */
struct vt_boundaries *vt_boundaries_new(void);
void vt_boundaries_free(struct vt_boundaries *boundaries);
VT_DEFINE_CLEANUP(struct vt_boundaries, vt_boundaries_free);

/* 1 and a copy, the caller's; 0: make it. -ENOMEM. */
int vt_boundaries_get(struct vt_boundaries *boundaries, const struct vt_boundary_key *key,
		      struct vt_instant now, struct vt_boundary *out);
/* Keeps a copy, if memory allows. */
void vt_boundaries_put(struct vt_boundaries *boundaries, const struct vt_boundary_key *key,
		       struct vt_instant made, const struct vt_boundary *boundary);
