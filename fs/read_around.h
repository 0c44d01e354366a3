/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What of a file to ask the disk for together with a frame that has to be read from it. A disk that
 * is asked for a place gives some 128 KiB around it in twice the time of a few bytes. So each frame
 * that was missing, and each block that turned out to be wanted, *earns* that much, and a range may
 * be as large as what was earned and not spent: where little is wanted it costs at most what the
 * frames alone do, and where all is wanted, ranges soon are VT_AROUND_MAX. No part of the file is
 * asked for twice, until so many frames were missing where all was asked for that what came must
 * be gone from memory: then all begins again.
 *
 * Not thread-safe: the caller has a lock.
 */
#include <stdbool.h>
#include <stdint.h>

#define VT_AROUND_BLOCK  (64u << 10)  /* bytes; ranges are made of blocks */
#define VT_AROUND_EARNED (128u << 10) /* bytes */
#define VT_AROUND_MAX    (1u << 20)   /* bytes of a range */

struct vt_read_around;

/* For a file of `size` bytes. NULL: no memory. */
struct vt_read_around *vt_read_around_new(uint64_t size);
void vt_read_around_free(struct vt_read_around *around);

struct vt_byte_range {
	uint64_t begin, end; /* bytes of the file */
};

/*
 * The frame at `offset` is missing. True: `*out`, which has no more than `room` bytes, is to be
 * asked for with it; it counts as done.
 */
bool vt_read_around_missing(struct vt_read_around *around, uint64_t offset, uint64_t room,
			    struct vt_byte_range *out);

/* The frame at `offset` was there, or is on its way. True: its block came with others, and is
 * wanted for the first time. */
bool vt_read_around_found(struct vt_read_around *around, uint64_t offset);

/* How many bytes were given out since all began, or began again. */
uint64_t vt_read_around_bytes(const struct vt_read_around *around);
