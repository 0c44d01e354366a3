/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where entries come from. A directory is scanned first, attributes only, and its files are read
 * later in walk order; an archive can be read but once, so that its contents are stored while its
 * entries go to the spool.
 */
#include <time.h>

#include "tools/publish/context.h"
#include "tools/publish/stream.h"

struct vt_source {
	const char *name; /* as given */
	int fd;           /* of the directory or the archive's file */
	bool archive;
	bool links; /* archive: has hard links */
	/* mtime of its newest entry, for directories nobody described; VT_NO_TIME without one */
	struct timespec newest;
	struct vt_item root; /* directory: mode, mtime; xattrs in `xattrs` */
	struct vt_buf xattrs;
};

/* Opens and tells directory from archive; "-" is an archive on standard input. */
int vt_source_open(const char *name, struct vt_source *out, struct vt_error *err);
void vt_source_close(struct vt_source *source);

#define VT_NO_TIME ((struct timespec){.tv_sec = INT64_MIN}) /* before every other */
/* `*newest` becomes the later one of the two. */
void vt_note_newest(struct timespec *newest, struct timespec time);

/* Both fill context->found. */
int vt_source_scan(struct vt_publish_context *context, uint32_t index, struct vt_error *err);
int vt_source_unpack(struct vt_publish_context *context, uint32_t index, struct vt_error *err);

/*
 * Opens `path` (NUL-terminated, any length) for reading below the directory `root`, never through a
 * symlink and never out of it. -errno without words.
 */
int vt_source_open_below(int root, const char *path, int flags);

/* The suffix that --decompress takes off `name`: its length with the dot, or 0. */
size_t vt_source_suffix(const char *name, size_t len);
