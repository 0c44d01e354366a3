/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * All of a range of a file, whatever the number of calls that takes: one that was interrupted or
 * cut short goes on. No errors in words: what the file is, callers know.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* How many bytes there were: fewer than `len` only where the file ends before. Or -errno. */
ssize_t vt_file_read_at(int fd, void *data, size_t len, uint64_t offset);

/* 0 or -errno, when any number of bytes may have been written. */
int vt_file_write_at(int fd, const void *data, size_t len, uint64_t offset);
int vt_file_write(int fd, const void *data, size_t len);

/* Where what does not fit into memory goes: TMPDIR, or /var/tmp. */
const char *vt_file_scratch_folder(void);

/* A new empty file without a name, in `dir`, to read and write: its descriptor, or -errno. */
int vt_file_open_nameless(const char *dir);
