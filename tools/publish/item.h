/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What a source holds under one name, as it travels through the spool: attributes, and where its
 * content will be found. The spool's key is the path with '/' as NUL: names hold neither, so that
 * byte order of keys is the order of a depth-first walk in byte order of names.
 */
#include <time.h>

#include "index/base/buf.h"
#include "index/entry.h"

struct vt_error;

#define VT_PATH_LEN_MAX 65535u /* bytes of a path inside a version */

/* What tells a file from what it was at another time: for change detection and the stat cache. */
struct vt_stamp {
	uint64_t device, inode, size;
	int64_t mtime_ns, ctime_ns;
};

static inline int64_t vt_stamp_ns(const struct timespec *time)
{
	return (int64_t) time->tv_sec * 1000000000 + time->tv_nsec;
}

struct vt_item {
	const char *path; /* relative to the root, not NUL-terminated; the root is "" */
	size_t path_len;
	enum vt_entry_type type;
	bool decode; /* a compressed file, shown without its suffix as what it decodes to */
	bool linked; /* other names may show the same file: nlink > 1, or an archive's hard link */
	uint16_t mode;
	int64_t mtime_sec;
	uint32_t mtime_nsec;
	uint32_t source;       /* index */
	uint64_t slot;         /* archive: where the content's place is noted (content.h); else 0 */
	struct vt_stamp stamp; /* directory sources; .size of every file that has one */
	/* symlink; an archive's hard link: path of the member it names; decode: the suffix */
	const char *target;
	size_t target_len;
	const uint8_t *xattrs; /* canonical */
	size_t xattrs_len;
	/*
	 * A directory that is kept (kept.h): the offset of its row, and how many entries it has,
	 * none of which comes. The source says so in an item of its own, behind that of the
	 * directory: its path ends with a '/'.
	 */
	uint64_t kept;
	uint32_t kept_entries;
};

void vt_item_key(const char *path, size_t len, struct vt_buf *out);
void vt_item_encode(const struct vt_item *item, struct vt_buf *out);
/* The path of a key in `out`, and a NUL behind it. */
int vt_item_path(const void *key, size_t len, struct vt_buf *out, struct vt_error *err);
/* Borrows from `value` and from `path`, which gets the key's path. -EIO when it is none. */
int vt_item_decode(const void *key, size_t key_len, const void *value, size_t len,
		   struct vt_buf *path, struct vt_item *out, struct vt_error *err);
