/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Rows about the contents of files, brought together by content: a sort outside of memory (D. E.
 * Knuth, "The Art of Computer Programming" 3, 5.4: sorted runs, merged with a heap). It takes the
 * memory it is given however many rows come; what is beyond goes to a file without a name, 32 bytes
 * a row: none for up to two million files in 64 MiB, 320 MB for ten million.
 *
 * Not thread-safe.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;

#define VT_CONTENT_PREFIX 16 /* bytes of a content id: two differ by chance once in 2^64 */

struct vt_content_row {
	uint8_t content[VT_CONTENT_PREFIX];
	uint64_t size;
	uint32_t position;
	uint32_t value; /* the caller's */
};

/* `scratch` is the folder for the file, borrowed. `memory`: bytes, of a few kilobytes or more. */
struct vt_content_sort;
int vt_content_sort_new(const char *scratch, size_t memory, struct vt_content_sort **out,
			struct vt_error *err);
void vt_content_sort_free(struct vt_content_sort *sort);
VT_DEFINE_CLEANUP(struct vt_content_sort, vt_content_sort_free);

int vt_content_sort_add(struct vt_content_sort *sort, const struct vt_content_row *row,
			struct vt_error *err);
/* The rows by content, then position: 1, 0 at the end, or an error. Nothing is added after it. */
int vt_content_sort_next(struct vt_content_sort *sort, struct vt_content_row *out,
			 struct vt_error *err);
