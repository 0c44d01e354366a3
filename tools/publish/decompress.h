/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The compression around bytes, known by how they begin: one layer of it is taken off. Whoever
 * reads to the end has had every check made that the format has, of lengths and of sums: what is
 * damaged or truncated ends with -EBADMSG and a sentence that names the file.
 */
#include "tools/publish/stream.h"

#define VT_HEAD_MAX 512u /* what a tar begins with */

struct vt_decompress;
/* Reads how `from` begins; it and `name` (for errors) are borrowed. */
int vt_decompress_new(struct vt_input *from, const char *name, struct vt_decompress **out,
		      struct vt_error *err);
void vt_decompress_free(struct vt_decompress *decompress); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_decompress, vt_decompress_free);

/* What it is decompressed from ("gzip"), or NULL: not compressed, and passed on as it is. */
const char *vt_decompress_format(const struct vt_decompress *decompress);
struct vt_input *vt_decompress_input(struct vt_decompress *decompress);

/* The first bytes of `from`: at most VT_HEAD_MAX, fewer when there are no more. */
const uint8_t *vt_decompress_head(const struct vt_decompress *decompress, size_t *len);
/* At the end of a gzip input: were bytes behind it ignored? */
bool vt_decompress_has_garbage(const struct vt_decompress *decompress);
