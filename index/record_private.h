/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the makers of records share: record.c, snapshot.c, policy/policy_record.c. */
#include <string.h>

#include "index/base/buf.h"

struct vt_error;

#define VT_RECORD_FORMAT  1u /* of every record but that of a version */
#define VT_VERSION_FORMAT 3u

/* The first byte; and the end, where nothing may be left over. `what` is a noun for the sentence.
 */
int vt_record_begin(struct vt_reader *r, const char *what, struct vt_error *err);
/* The same of a kind of record that has had several formats: gives which it is, up to `newest`. */
int vt_record_format(struct vt_reader *r, uint8_t newest, const char *what, struct vt_error *err);
int vt_record_end(const struct vt_reader *r, bool valid, const char *what, struct vt_error *err);
int vt_record_written(const struct vt_buf *out); /* 0 or -ENOMEM */

/*
 * Texts: u16 length, bytes, NUL; at most 65,535 bytes, which who puts one has seen to. What is got
 * points into the record; "" when it is none, or has more than `max` bytes: then the reader fails.
 */
void vt_record_put_text(struct vt_buf *out, const char *text);
const char *vt_record_get_text(struct vt_reader *r, size_t max);

static inline void vt_record_get_bytes(struct vt_reader *r, void *out, size_t len)
{
	const void *bytes = vt_reader_get(r, len);

	if (bytes)
		memcpy(out, bytes, len);
}
