/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes of a store's shards by location, from its own folder or from a copy of it: what a read of a
 * mount does, for who has no server of that folder. Nothing is ever written there.
 *
 * One thread at a time.
 */
#include "tools/repair/shard_list.h"

struct vt_location;
struct vt_place_reader;

/* `list` is borrowed. `dir` is the folder of a copy (borrowed), or NULL for the store itself. */
int vt_place_reader_new(struct vt_shard_list *list, const char *dir, struct vt_place_reader **out,
			struct vt_error *err);
void vt_place_reader_free(struct vt_place_reader *reader);
VT_DEFINE_CLEANUP(struct vt_place_reader, vt_place_reader_free);

/*
 * `length` decoded bytes, borrowed until the next call; their frame's checksum is right, what they
 * should be is not known here. -EBADMSG: they cannot be had, whatever the reason.
 */
int vt_place_read(struct vt_place_reader *reader, const struct vt_location *at, uint64_t length,
		  const uint8_t **out, struct vt_error *err);
