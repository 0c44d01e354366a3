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
#include <string.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/folder.h"

#define BLOCK_LEN  32768u
#define HEADER_LEN 7u
#define KIND_AT    6u
#define NO_KIND    127u /* of no version */

struct scan {
	const char *dir;
	bool mend;
};

static bool is_recyclable(uint8_t kind)
{
	return (kind >= 5 && kind <= 8) || kind == 11;
}

/*
 * Where in the block the first such record begins; `len` when there is none. Zeros are what a loss
 * of power leaves of bytes that were not written yet. RocksDB reads no further in such a block, and
 * what follows in it need not begin where we would look.
 */
static size_t find_recyclable(const uint8_t *block, size_t len)
{
	size_t at = 0;

	while (at + HEADER_LEN <= len) {
		uint16_t bytes;

		if (is_recyclable(block[at + KIND_AT]))
			return at;
		memcpy(&bytes, block + at + sizeof(uint32_t), sizeof bytes);
		if (bytes == 0 && block[at + KIND_AT] == 0)
			break;
		at += HEADER_LEN + le16toh(bytes);
	}
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
