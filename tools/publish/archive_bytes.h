/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The bytes of an archive as libarchive's formats want them: decompressed and checked
 * (decompress.h), and where the format has its directory at the end, in a file that can be sought
 * in, wherever they come from.
 */
#include "tools/publish/context.h"

struct archive;
struct vt_archive_bytes;

/* Of the context's source `index`, which is borrowed. */
int vt_archive_bytes_new(struct vt_publish_context *context, uint32_t index,
			 struct vt_archive_bytes **out, struct vt_error *err);
void vt_archive_bytes_free(struct vt_archive_bytes *bytes); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_archive_bytes, vt_archive_bytes_free);

/* Opens the archive on them; ARCHIVE_OK or not. */
int vt_archive_bytes_open(struct vt_archive_bytes *bytes, struct archive *archive);
/* When libarchive failed: was it for want of bytes? -EBADMSG, -EINTR, … as they ended with, or 0.
 */
int vt_archive_bytes_failure(const struct vt_archive_bytes *bytes, struct vt_error *err);
/* Do they begin as a format does that has its directory at the end? */
bool vt_archive_bytes_has_directory(const struct vt_archive_bytes *bytes);
/* Do they begin as a tar does that may have pax headers? */
bool vt_archive_bytes_is_tar(const struct vt_archive_bytes *bytes);
/* How many libarchive was given so far. */
uint64_t vt_archive_bytes_fed(const struct vt_archive_bytes *bytes);
/* After the last member: checks what stands behind it, too. */
int vt_archive_bytes_finish(struct vt_archive_bytes *bytes, struct vt_error *err);
