/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The files of an index that RocksDB reads record by record when it opens: its write-ahead logs and
 * its MANIFESTs (file format: RocksDB's wiki, "Write Ahead Log File Format").
 *
 * RocksDB 9 never comes back from a record whose kind says that the file was used before
 * ("recyclable", 5 to 8 and 11) when its number is another log's, which takes one wrong bit in the
 * kind of any record. We never let logs be used again, so such a record is damage.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

struct vt_error;

/*
 * -EBADMSG names the file and the byte. With `mend` the kind of such a record in a log becomes one
 * that RocksDB itself takes for damage, and 0 is returned: it then stops before that record.
 */
int vt_journal_check(const char *index_dir, bool mend, struct vt_error *err);

/*
 * Where records end in the file, at `from` or behind it and before the file does: the last `max` of
 * those that come before the first bytes that are no record, in order. How many, or -errno. What
 * stands in a record is not looked at.
 */
int vt_journal_ends(int fd, uint64_t from, uint64_t *ends, unsigned max);
