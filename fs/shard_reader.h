/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reads a shard as a file, for verify, gc and repair: header, index, every frame. (The read path of
 * a mount goes by location and needs only block_source.h.) Refuses what fs/shard-format.md forbids,
 * and a newer format by name.
 *
 * One thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "fs/codec.h"
#include "fs/shard_writer.h"

struct vt_shard_reader;

struct vt_shard_facts {
	bool lz4; /* there may be frames of LZ4's */
	char uuid[37];
	uint32_t serial, domain;
	uint32_t dictionary; /* id, 0: none */
	uint32_t frames;
	uint64_t size, content_size;
};
int vt_shard_reader_open(const char *path, struct vt_shard_reader **out,
			 struct vt_shard_facts *facts, struct vt_error *err);
void vt_shard_reader_close(struct vt_shard_reader *reader);
VT_DEFINE_CLEANUP(struct vt_shard_reader, vt_shard_reader_close);

struct vt_shard_frame {
	struct vt_location at; /* skip 0 */
	uint32_t content_size;
	const struct vt_shard_item *items; /* borrowed until the reader closes */
	size_t count;
};
/* 1, 0 at the end, -EBADMSG when the index is damaged. */
int vt_shard_reader_next(struct vt_shard_reader *reader, struct vt_shard_frame *out,
			 struct vt_error *err);
/* The encoded bytes of a frame, appended to `out` (gc copies them as they are). */
int vt_shard_reader_raw(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
			struct vt_buf *out, struct vt_error *err);
/*
 * Decodes the frame and compares every item's SHA-256. 0, or -EBADMSG with the item that is wrong.
 * `dictionary` may be NULL when the shard has none.
 */
int vt_shard_reader_check(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
			  const struct vt_dictionary *dictionary, struct vt_error *err);
/* SHA-256 of the whole file, to compare with the shard's record. */
int vt_shard_reader_digest(struct vt_shard_reader *reader, struct vt_digest *out,
			   struct vt_error *err);
