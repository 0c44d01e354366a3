/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The tables (*.sst) of an index, looked at before RocksDB opens it (sst_format.h).
 *
 * RocksDB 7.8 reads a table's properties before it looks at their sum. The highest bit of their
 * block's number of restarts says that the block has a hash index, which such a block never has,
 * and one that is made out of it ends the process by an assertion.
 *
 * Thread-safe.
 */
struct vt_error;

/*
 * -EBADMSG names a table with that bit. Of any other damage RocksDB knows. Takes three small reads
 * a table.
 */
int vt_tables_check(const char *index_dir, struct vt_error *err);
