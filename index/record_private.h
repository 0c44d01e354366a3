/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the makers of records share: record.c, snapshot.c, policy/policy_record.c. */
#include <string.h>

#include "index/base/buf.h"

struct vt_error;

#define VT_RECORD_FORMAT  1u /* of every record but that of a version */
#define VT_VERSION_FORMAT 2u

/* The first byte; and the end, where nothing may be left over. `what` is a noun for the sentence.
 */
int vt_record_begin(struct vt_reader *r, const char *what, struct vt_error *err);
/* The same of a kind of record that has had several formats: gives which it is, up to `newest`. */
int vt_record_format(struct vt_reader *r, uint8_t newest, const char *what, struct vt_error *err);
int vt_record_end(const struct vt_reader *r, bool valid, const char *what, struct vt_error *err);
int vt_record_written(const struct vt_buf *out); /* 0 or -ENOMEM */

static inline void vt_record_get_bytes(struct vt_reader *r, void *out, size_t len)
{
	const void *bytes = vt_reader_get(r, len);

	if (bytes)
		memcpy(out, bytes, len);
}
