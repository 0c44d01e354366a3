/* SPDX-License-Identifier: Apache-2.0 */
/* See boundaries.h. One boundary a slot, the newest wins. */
#include "policy/boundaries.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS 1024u

struct slot {
	bool used;
	struct vt_boundary_key key;
	struct vt_instant made;
	struct vt_boundary boundary;
};

struct vt_boundaries {
	pthread_mutex_t lock;
	struct slot slots[SLOTS]; /* guarded by lock */
};

struct vt_boundaries *vt_boundaries_new(void)
{
	struct vt_boundaries *boundaries = calloc(1, sizeof *boundaries);

	if (boundaries)
		(void) pthread_mutex_init(&boundaries->lock, NULL);
	return boundaries;
}

void vt_boundaries_free(struct vt_boundaries *boundaries)
{
	if (!boundaries)
		return;
	for (size_t i = 0; i < SLOTS; i++)
		vt_boundary_done(&boundaries->slots[i].boundary);
	(void) pthread_mutex_destroy(&boundaries->lock);
	free(boundaries);
}

static int copy(const struct vt_boundary *from, struct vt_boundary *to)
{
	struct vt_list_entry *list = NULL;

	if (from->list_count) {
		list = calloc(from->list_count, sizeof *list);
		if (!list)
			return -ENOMEM;
		memcpy(list, from->list, from->list_count * sizeof *list);
	}
	*to = *from;
	to->list = list;
	return 0;
}

static struct slot *slot_of(struct vt_boundaries *boundaries, struct vt_place place)
{
	uint64_t hash = ((uint64_t) place.dataset << 32 | place.version) * 0x9e3779b97f4a7c15u;

	return &boundaries->slots[(hash >> 32) % SLOTS];
}

static bool is_good(const struct slot *slot, const struct vt_boundary_key *key,
		    struct vt_instant now)
{
	uint64_t until_ns = slot->boundary.valid_until_ns;

	return slot->used && slot->key.place.dataset == key->place.dataset &&
	       slot->key.place.version == key->place.version && slot->key.policy == key->policy &&
	       slot->key.catalog == key->catalog && now.lo_ns >= slot->made.lo_ns &&
	       now.hi_ns >= slot->made.hi_ns && (until_ns == VT_TIME_NEVER || now.hi_ns < until_ns);
}

int vt_boundaries_get(struct vt_boundaries *boundaries, const struct vt_boundary_key *key,
		      struct vt_instant now, struct vt_boundary *out)
{
	struct slot *slot = slot_of(boundaries, key->place);
	int r = 0;

	(void) pthread_mutex_lock(&boundaries->lock);
	if (is_good(slot, key, now))
		r = copy(&slot->boundary, out) < 0 ? -ENOMEM : 1;
	(void) pthread_mutex_unlock(&boundaries->lock);
	return r;
}

void vt_boundaries_put(struct vt_boundaries *boundaries, const struct vt_boundary_key *key,
		       struct vt_instant made, const struct vt_boundary *boundary)
{
	struct slot *slot = slot_of(boundaries, key->place);
	struct slot next = {.used = true, .key = *key, .made = made};

	if (copy(boundary, &next.boundary) < 0)
		return;
	(void) pthread_mutex_lock(&boundaries->lock);
	vt_boundary_done(&slot->boundary);
	*slot = next;
	(void) pthread_mutex_unlock(&boundaries->lock);
}
