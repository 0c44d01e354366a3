/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See journal.h. A file is blocks of 32 KiB; a record is u32 CRC, u16 length, u8 kind and its
 * bytes, and never crosses the end of a block: what is left of one below a header is unused. A
 * length that leaves the block, or the file, is what a crash leaves, or damage that RocksDB knows.
 */
#include "index/journal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/folder.h"

#define BLOCK_LEN  32768u
#define HEADER_LEN 7u
#define KIND_AT    6u
#define NO_KIND    127u /* of no version */

enum kind { WHOLE = 1, FIRST, MIDDLE, LAST }; /* of a record, or of a piece of one */

struct scan {
	const char *dir;
	bool mend;
};

static bool is_recyclable(uint8_t kind)
{
	return (kind >= 5 && kind <= 8) || kind == 11;
}

/* In a block; `end` is 0 before the first. */
struct record {
	size_t at, end;
	uint8_t kind;
};

/*
 * The next one; false where the block is at its end. Zeros are what a loss of power leaves of bytes
 * that were not written yet. RocksDB reads no further in such a block, and what follows in it need
 * not begin where we would look.
 */
static bool next_record(const uint8_t *block, size_t len, struct record *record)
{
	uint16_t bytes;

	if (record->end + HEADER_LEN > len)
		return false;
	record->at = record->end;
	record->kind = block[record->at + KIND_AT];
	memcpy(&bytes, block + record->at + sizeof(uint32_t), sizeof bytes);
	record->end += HEADER_LEN + le16toh(bytes);
	return bytes != 0 || record->kind != 0;
}

/* Where in the block the first such record begins; `len` when there is none. */
static size_t find_recyclable(const uint8_t *block, size_t len)
{
	struct record record = {0};

	while (next_record(block, len, &record))
		if (is_recyclable(record.kind))
			return record.at;
	return len;
}

/* 1 and where such a record begins, 0: there is none. */
static int scan_file(int fd, off_t *out)
{
	uint8_t block[BLOCK_LEN];
	ssize_t n;

	for (*out = 0; (n = pread(fd, block, sizeof block, *out)) > 0; *out += n) {
		size_t at = find_recyclable(block, (size_t) n);

		if (at < (size_t) n) {
			*out += (off_t) at;
			return 1;
		}
	}
	return n < 0 ? -errno : 0;
}

static int mend_record(int fd, off_t at)
{
	const uint8_t kind = NO_KIND;

	return pwrite(fd, &kind, sizeof kind, at + KIND_AT) == sizeof kind && fdatasync(fd) == 0
		       ? 0
		       : -errno;
}

static int check_file(const struct scan *scan, const char *name, bool is_log, struct vt_error *err)
{
	bool mend = is_log && scan->mend;
	char path[PATH_MAX];
	vt_autoclose int fd = -1;
	off_t at = 0;
	int r;

	(void) snprintf(path, sizeof path, "%s/%s", scan->dir, name);
	fd = open(path, (mend ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : scan_file(fd, &at);
	if (r > 0 && !mend)
		return vt_fail(err, EBADMSG,
			       "'%s' is damaged at byte %lld; nothing was changed. Restore the "
			       "whole store from a copy%s",
			       name, (long long) at,
			       is_log ? ", or give up what it held from there on: 'vitrine verify "
					"--accept-loss'"
				      : "");
	if (r > 0)
		r = mend_record(fd, at);
	return r < 0 ? vt_fail(err, -r, "cannot look through '%s': %m", name) : 0;
}

static int check_entry(void *context, const char *name, struct vt_error *err)
{
	const char *dot = strrchr(name, '.');
	bool is_log = dot && strcmp(dot, ".log") == 0;

	if (!is_log && strncmp(name, "MANIFEST-", strlen("MANIFEST-")) != 0)
		return 0;
	return check_file(context, name, is_log, err);
}

int vt_journal_check(const char *index_dir, bool mend, struct vt_error *err)
{
	struct scan scan = {.dir = index_dir, .mend = mend};

	return vt_folder_each(index_dir, check_entry, &scan, err);
}

/* Of a file, as vt_journal_ends() finds them: a ring of the last `max`. */
struct ends {
	uint64_t from, size, *ring;
	unsigned max, count;
};

/* True: the whole block is records. */
static bool take_ends(struct ends *ends, uint64_t at, const uint8_t *block, size_t len)
{
	struct record record = {0};

	while (next_record(block, len, &record)) {
		if (record.end > len || record.kind < WHOLE || record.kind > LAST)
			return false;
		if ((record.kind == WHOLE || record.kind == LAST) &&
		    at + record.end >= ends->from && at + record.end < ends->size)
			ends->ring[ends->count++ % ends->max] = at + record.end;
	}
	return record.end + HEADER_LEN > BLOCK_LEN;
}

static int compare_ends(const void *a, const void *b)
{
	const uint64_t *left = a, *right = b;

	return (*left > *right) - (*left < *right);
}

int vt_journal_ends(int fd, uint64_t from, uint64_t *out, unsigned max)
{
	struct ends ends = {.from = from, .ring = out, .max = max};
	uint8_t block[BLOCK_LEN];
	uint64_t at = from - from % BLOCK_LEN;
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	ends.size = (uint64_t) st.st_size;
	do {
		n = vt_file_read_at(fd, block, sizeof block, at);
		if (n < 0)
			return (int) n;
		at += BLOCK_LEN;
	} while (take_ends(&ends, at - BLOCK_LEN, block, (size_t) n));
	ends.count = ends.count < max ? ends.count : max;
	qsort(out, ends.count, sizeof *out, compare_ends);
	return (int) ends.count;
}
