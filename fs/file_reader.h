/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Offset and length to bytes: which extents cover the range, their frames, put together.
 *
 * Thread-safe; a read is one object from start to its `done`.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "fs/frame_cache.h"
#include "index/entry.h"

struct vt_store;
struct vt_file_reader;

/* All parts are borrowed for the reader's life. */
int vt_file_reader_new(struct vt_store *store, struct vt_lru *lru, struct vt_frame_cache *frames,
		       struct vt_io_pool *pool, struct vt_file_reader **out, struct vt_error *err);
void vt_file_reader_free(struct vt_file_reader *reader); /* no read may be under way */
VT_DEFINE_CLEANUP(struct vt_file_reader, vt_file_reader_free);

/* Which bytes: a copy of what an entry says. */
struct vt_content {
	uint32_t domain;
	struct vt_digest id;
	uint64_t size;
	struct vt_location hint; /* tried first for content of one chunk; may be stale */
};

/*
 * The answer: `count` pieces in order, together the bytes asked for (fewer only at the end of the
 * file), no more than a reply's writev takes. They stay until `done` returns. `r` < 0: -EIO,
 * -EBADMSG. Called once, either before vt_file_reader_read returns or from a pool thread. The
 * pieces are frames' memory and zero pages: nothing is copied unless they would be too many.
 */
typedef void vt_read_done(void *context, int r, const struct iovec *pieces, int count);
void vt_file_reader_read(struct vt_file_reader *reader, const struct vt_content *content,
			 uint64_t offset, size_t length, vt_read_done *done, void *context);

/*
 * lseek: `whence` SEEK_DATA or SEEK_HOLE. The offset, or -ENXIO. May block (for a recipe row)
 * unless `nowait`: -EAGAIN.
 */
int64_t vt_file_reader_seek(struct vt_file_reader *reader, const struct vt_content *content,
			    uint64_t offset, int whence, bool nowait, struct vt_error *err);

/* Blocking, for verify, cat and tests: exactly `length` bytes into `out`, or an error. */
ssize_t vt_file_reader_read_sync(struct vt_file_reader *reader, const struct vt_content *content,
				 uint64_t offset, size_t length, void *out, struct vt_error *err);
