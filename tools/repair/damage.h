/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the damage to some shards does to contents. A *place* is a run of bytes in a damaged shard
 * that a row of the index names. It is *proven* when somebody was found to have its bytes: the
 * shard itself, where a sound table vouches for the frame or a SHA-256 is right, or a donor of
 * other bytes (donor.h). A content is lost as long as one of its places is not proven.
 *
 * One thread at a time; `bytes` may be read from any.
 */
#include <jansson.h>
#include <stdatomic.h>

#include "index/entry.h"
#include "tools/repair/place_reader.h"
#include "tools/repair/shard_check.h"

struct vt_extent;
struct vt_donor;

struct vt_place {
	struct vt_location at;
	uint32_t length;
	bool small; /* all of a small file */
	bool proven;
	bool known; /* the digest is */
	struct vt_digest digest;
	struct vt_donor *donor; /* that has the bytes; NULL: the shard itself */
	const char *file;       /* of the donor, which owns the name; NULL: by location */
	uint64_t offset;        /* in it */
};

/* A content with a byte in a damaged shard. */
struct vt_hurt {
	struct vt_digest content;
	uint64_t size;
	bool single;         /* one chunk; else a recipe */
	bool was_lost;       /* by what the shards have */
	bool shown;          /* and some version has it; only then is it of any use */
	size_t first, count; /* of vt_damage.extents */
};

struct vt_damage {
	struct vt_cli *cli;
	const struct vt_shard_check *check;
	struct vt_place_reader *own;
	struct vt_extent *extents;
	struct vt_hurt *contents; /* in order of contents */
	struct vt_place *places;  /* in the order of the disk */
	size_t extent_count, extent_room, content_count, content_room, place_count, place_room;
	json_t *names;          /* rows of repair.names, about contents that were lost */
	_Atomic uint64_t bytes; /* read to see what they are */
};

/* `out` is zeroed, and done by the caller also after a failure; `check`, after its run, stays. */
int vt_damage_assess(struct vt_cli *cli, const struct vt_shard_check *check, struct vt_damage *out,
		     struct vt_error *err);
void vt_damage_done(struct vt_damage *damage);

bool vt_damage_is_lost(const struct vt_damage *damage, const struct vt_hurt *hurt);
/* NULL: that content is not hurt. */
struct vt_hurt *vt_damage_find(const struct vt_damage *damage, const struct vt_digest *content);
/* NULL: the extent is a hole, or lies in a sound shard. */
struct vt_place *vt_damage_place(const struct vt_damage *damage, const struct vt_extent *extent);
/* The bytes of a place that is proven, borrowed until the next call. -EBADMSG: no longer. */
int vt_damage_read(const struct vt_damage *damage, const struct vt_place *place,
		   const uint8_t **out, struct vt_error *err);

/*
 * What may be the bytes of an extent that begins at byte `offset` of a content: borrowed until the
 * next call. `found` gets donor, file and offset. -EBADMSG: there are none.
 */
typedef int vt_extent_get(void *context, const struct vt_extent *extent, uint64_t offset,
			  const uint8_t **out, struct vt_place *found, struct vt_error *err);
/*
 * Puts a content together, where its places are not proven out of what `get` has. 1: its SHA-256 is
 * right, and they are proven now; 0: it is not; or an error that keeps from going on.
 */
int vt_damage_prove(struct vt_damage *damage, const struct vt_hurt *hurt, vt_extent_get *get,
		    void *context, struct vt_error *err);
