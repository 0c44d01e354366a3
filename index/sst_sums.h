/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Is a table (*.sst) of the index what RocksDB wrote, to the last bit? Readers look at the sums of
 * the blocks that they need; here those of all are looked at: of rows, of the indexes that lead to
 * them, of filters, whose damage RocksDB makes up for without a word, and of facts. Thread-safe.
 */
#include <stdint.h>

struct vt_error;

/* Bytes [offset, offset + len) of the table are not what was written. `what` they are: borrowed. */
typedef void vt_sst_damage(void *context, uint64_t offset, uint64_t len, const char *what);

/*
 * Reads the whole table. How many damages there are, below the one that keeps from looking further:
 * an index of rows that is damaged hides those. -ENOTSUP another RocksDB wrote it, in a way that is
 * not known here; -ENOMEM.
 */
int vt_sst_check_sums(int fd, vt_sst_damage *each, void *context, struct vt_error *err);
