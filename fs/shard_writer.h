/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Builds one shard file: header, frames, index, seek table (fs/shard-format.md). Writes in order
 * through a buffer; nothing is complete before vt_shard_writer_seal().
 *
 * One thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/entry.h"

struct vt_error;
struct vt_shard_writer;

/* After so many bytes of file, or of its index, which is kept in memory, a new shard is begun. */
#define VT_SHARD_TARGET       (256ull << 20)
#define VT_SHARD_INDEX_TARGET (32u << 20)

struct vt_shard_writer_info {
	const char *path;
	uint32_t serial;
	char uuid[37];
	uint32_t domain;
	uint32_t dictionary; /* id, 0: none */
	struct vt_digest dictionary_digest;
	bool lz4; /* there may be frames of LZ4's */
};
int vt_shard_writer_new(const struct vt_shard_writer_info *info, struct vt_shard_writer **out,
			struct vt_error *err);
void vt_shard_writer_free(struct vt_shard_writer *writer); /* unsealed: the file is removed */
VT_DEFINE_CLEANUP(struct vt_shard_writer, vt_shard_writer_free);

/* What lies in a frame: contents one after another, every byte in one of them. */
struct vt_shard_item {
	struct vt_digest content; /* SHA-256 of the bytes */
	uint32_t skip, length;    /* within the decoded frame */
};
/*
 * Appends an encoded frame that holds `count` items; `content_size` is its decoded length. `*at`
 * gets shard, frame_offset and frame_size (skip 0). -ENOSPC, -EIO, -EFBIG beyond 4 GiB, -EINVAL
 * when the items do not fill the frame: then the shard is as it was. After any other failure it
 * should only be freed.
 */
int vt_shard_writer_add(struct vt_shard_writer *writer, const void *frame, size_t len,
			uint32_t content_size, const struct vt_shard_item *items, size_t count,
			struct vt_location *at, struct vt_error *err);
uint64_t vt_shard_writer_size(const struct vt_shard_writer *writer); /* bytes so far */
bool vt_shard_writer_is_full(const struct vt_shard_writer *writer);

struct vt_sealed_shard {
	uint64_t size, content_size;
	uint32_t frames;
	struct vt_digest digest; /* of the whole file */
};
/* Index, seek table, fdatasync, mode 0400. */
int vt_shard_writer_seal(struct vt_shard_writer *writer, struct vt_sealed_shard *out,
			 struct vt_error *err);
