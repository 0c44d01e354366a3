/* SPDX-License-Identifier: Apache-2.0 */
/* See idmap.h. Open addressing, at most half full. */
#include "index/idmap.h"

#include <errno.h>
#include <stdlib.h>

void vt_idmap_done(struct vt_idmap *map)
{
	free(map->slots);
	*map = (struct vt_idmap){0};
}

/* The slot of `id`, or the free one where it would go. */
static struct vt_idmap_slot *slot_of(const struct vt_idmap *map, uint64_t id)
{
	/* Fibonacci hashing: ids are mostly consecutive, in their low half or in their high one. */
	size_t i = (size_t) ((id * 0x9e3779b97f4a7c15ull) >> 32) & (map->room - 1);

	while (map->slots[i].id && map->slots[i].id != id)
		i = (i + 1) & (map->room - 1);
	return &map->slots[i];
}

bool vt_idmap_find(const struct vt_idmap *map, uint64_t id, uint64_t *value)
{
	const struct vt_idmap_slot *slot = map->room ? slot_of(map, id) : NULL;

	if (!slot || slot->id != id || id == 0)
		return false;
	if (value)
		*value = slot->value;
	return true;
}

static int grow(struct vt_idmap *map)
{
	struct vt_idmap bigger = {.room = map->room ? 2 * map->room : 64};

	bigger.slots = calloc(bigger.room, sizeof *bigger.slots);
	if (!bigger.slots)
		return -ENOMEM;
	for (size_t i = 0; i < map->room; i++)
		if (map->slots[i].id)
			*slot_of(&bigger, map->slots[i].id) = map->slots[i];
	bigger.count = map->count;
	free(map->slots);
	*map = bigger;
	return 0;
}

int vt_idmap_reserve(struct vt_idmap *map, size_t count)
{
	while (2 * (map->count + count) > map->room)
		if (grow(map) < 0)
			return -ENOMEM;
	return 0;
}

/* The slot of an id, which it gets with a value of 0 if it has none. NULL: no memory. */
static struct vt_idmap_slot *claim(struct vt_idmap *map, uint64_t id, bool *fresh)
{
	struct vt_idmap_slot *slot = map->room ? slot_of(map, id) : NULL;

	*fresh = !slot || slot->id == 0;
	if (!*fresh)
		return slot;
	if (vt_idmap_reserve(map, 1) < 0)
		return NULL;
	slot = slot_of(map, id);
	map->count++;
	slot->id = id;
	return slot;
}

int vt_idmap_add(struct vt_idmap *map, uint64_t id, uint64_t value)
{
	bool fresh;
	struct vt_idmap_slot *slot = claim(map, id, &fresh);

	if (!slot)
		return -ENOMEM;
	if (fresh)
		slot->value = value;
	return 0;
}

int vt_idmap_put(struct vt_idmap *map, uint64_t id, uint64_t value)
{
	bool fresh;
	struct vt_idmap_slot *slot = claim(map, id, &fresh);

	if (!slot)
		return -ENOMEM;
	slot->value = value;
	return 0;
}
