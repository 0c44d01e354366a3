/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files that nobody else sees: made in the import's folder and unlinked at once, so that nothing is
 * left behind however a publish ends.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"

struct vt_error;

/* A new empty file without a name, for reading and writing; the caller closes it. */
int vt_scratch_open(const char *dir, struct vt_error *err);

/* Exactly `len` bytes at `offset`. -ENOSPC, -EIO. */
int vt_scratch_read(int fd, void *data, size_t len, uint64_t offset, struct vt_error *err);
int vt_scratch_write(int fd, const void *data, size_t len, uint64_t offset, struct vt_error *err);

/* Appends through a buffer, from `at` on. Not complete before the flush. */
struct vt_scratch_writer {
	int fd; /* borrowed */
	uint64_t at;
	struct vt_buf buf;
};
int vt_scratch_append(struct vt_scratch_writer *writer, const void *data, size_t len,
		      struct vt_error *err);
int vt_scratch_flush(struct vt_scratch_writer *writer, struct vt_error *err);
void vt_scratch_writer_done(struct vt_scratch_writer *writer);
