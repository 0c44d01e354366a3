/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A hash map from ids to numbers, for passes over the whole index: 16 to 32 bytes an id. Ids are
 * not 0. Not thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_idmap {
	struct vt_idmap_slot {
		uint64_t id, value;
	} * slots;
	size_t count, room; /* room is 0 or a power of two */
};

void vt_idmap_done(struct vt_idmap *map);

/* True, and the value (`value` may be NULL), when the id is there. */
bool vt_idmap_find(const struct vt_idmap *map, uint64_t id, uint64_t *value);

/* Adds an id, or leaves the one that is there. -ENOMEM. */
int vt_idmap_add(struct vt_idmap *map, uint64_t id, uint64_t value);
/*
 * Adds an id, or gives it another value. -ENOMEM, but never for an id that is there, nor after a
 * reserve() for as many.
 */
int vt_idmap_put(struct vt_idmap *map, uint64_t id, uint64_t value);
int vt_idmap_reserve(struct vt_idmap *map, size_t count);
