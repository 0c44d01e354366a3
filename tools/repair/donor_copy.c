/* SPDX-License-Identifier: Apache-2.0 */
/* See donor.h: a copy of the store. Its shards are found by their names, and read by location. */
#include <errno.h>
#include <stdlib.h>

#include "index/base/error.h"
#include "index/chunk.h"
#include "tools/repair/donor.h"

struct copy {
	struct vt_donor base; /* first */
	struct vt_place_reader *reader;
	struct vt_damage *damage; /* while it searches */
};

/* What the copy lacks may be in the store: a content is put together out of both. */
static int get(void *context, const struct vt_extent *extent, uint64_t offset, const uint8_t **out,
	       struct vt_place *found, struct vt_error *err)
{
	struct copy *copy = context;
	int r = vt_place_read(copy->reader, &extent->at, extent->length, out, err);

	(void) offset;
	if (r == -EBADMSG)
		return vt_place_read(copy->damage->own, &extent->at, extent->length, out, err);
	if (r == 0)
		found->donor = &copy->base;
	return r;
}

static int search_for(struct copy *copy, bool single, struct vt_error *err)
{
	struct vt_damage *damage = copy->damage;

	for (size_t i = 0; i < damage->content_count; i++) {
		const struct vt_hurt *hurt = &damage->contents[i];
		int r = 0;

		if (hurt->single == single && hurt->was_lost && vt_damage_is_lost(damage, hurt))
			r = vt_damage_prove(damage, hurt, get, copy, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Single ones first: their places are often those of longer contents. */
static int copy_search(struct vt_donor *base, struct vt_damage *damage, struct vt_error *err)
{
	struct copy *copy = (struct copy *) base;
	int r;

	copy->damage = damage;
	r = search_for(copy, true, err);
	return r < 0 ? r : search_for(copy, false, err);
}

static int copy_read(struct vt_donor *base, const struct vt_place *place, const uint8_t **out,
		     struct vt_error *err)
{
	return vt_place_read(((struct copy *) base)->reader, &place->at, place->length, out, err);
}

static void copy_free(struct vt_donor *base)
{
	struct copy *copy = (struct copy *) base;

	vt_place_reader_free(copy->reader);
	free(copy);
}

int vt_donor_copy(const char *dir, struct vt_shard_list *list, struct vt_donor **out,
		  struct vt_error *err)
{
	static const struct vt_donor_ops ops = {copy_search, copy_read, copy_free};
	struct copy *copy = calloc(1, sizeof *copy);
	int r;

	if (!copy)
		return vt_fail(err, ENOMEM, "no memory to read '%s'", dir);
	copy->base.ops = &ops;
	r = vt_place_reader_new(list, dir, &copy->reader, err);
	if (r < 0)
		free(copy);
	else
		*out = &copy->base;
	return r;
}
