/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * gzip by zlib, which checks the CRC and the length of every member (libarchive 3.6 checks
 * neither). Members may stand one behind the other. What follows the last is judged as gzip(1)
 * does: zeros are padding, other bytes are ignored but told of; yet what looks like a member with a
 * wrong header is damage.
 */
#include "tools/publish/stream.h"

struct vt_gunzip;
/* `from` and `name` (for errors) are borrowed. Reading fails with -EBADMSG when data is damaged. */
int vt_gunzip_new(struct vt_input *from, const char *name, struct vt_gunzip **out,
		  struct vt_error *err);
void vt_gunzip_free(struct vt_gunzip *gunzip); /* NULL is accepted */
struct vt_input *vt_gunzip_input(struct vt_gunzip *gunzip);

/* At the end of the input: were bytes ignored? */
bool vt_gunzip_has_garbage(const struct vt_gunzip *gunzip);
