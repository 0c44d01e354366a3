/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A read from the inside: file_plan.c finds what it takes, file_reader.c fetches that and answers.
 */
#include <stdatomic.h>
#include <stdbool.h>

#include "fs/file_reader.h"
#include "fs/io_pool.h"

#define VT_CHUNK_MAX (1u << 20) /* bytes of content that is one chunk */
#define VT_READ_FEW  4u         /* parts of most reads */

struct vt_file_reader {
	struct vt_store *store;
	struct vt_lru *lru;
	struct vt_frame_cache *frames;
	struct vt_io_pool *pool;
};

/* A run of the answer: bytes of a frame, or (shard 0) of a hole. */
struct vt_part {
	struct vt_read *read;
	struct vt_location at;
	uint64_t skip; /* within the frame, if the rows are right */
	uint64_t length;
	struct vt_frame *frame;
};

struct vt_read {
	struct vt_io_task task; /* first */
	struct vt_file_reader *reader;
	struct vt_content content;
	uint64_t offset, length; /* within the content: already cut at its end */
	bool use_hint, use_recipe;
	bool again;      /* planned for the second time */
	int hint_result; /* what the hint led to, if that was an error */
	vt_read_done *done;
	void *context;
	struct vt_part *parts; /* `few` while that is enough */
	size_t count, room;
	size_t pieces_max;
	atomic_size_t missing; /* frames, and one for the thread that asks for them */
	atomic_int result;
	struct vt_part few[VT_READ_FEW];
};

/* Which extents cover the range: fills in the parts. -EAGAIN only with `nowait`; -EBADMSG. */
int vt_read_plan(struct vt_read *read, bool nowait);
