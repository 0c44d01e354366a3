/* SPDX-License-Identifier: Apache-2.0 */
/* See buf.h. */
#include "index/base/buf.h"

#include <endian.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void vt_buf_done(struct vt_buf *buf)
{
	free(buf->data);
	*buf = VT_BUF_INIT;
}

void vt_buf_reset(struct vt_buf *buf)
{
	buf->len = 0;
	buf->failed = false;
}

static bool reserve(struct vt_buf *buf, size_t len)
{
	size_t need, cap;
	uint8_t *data;

	if (buf->failed || __builtin_add_overflow(buf->len, len, &need))
		goto fail;
	if (need <= buf->cap)
		return true;
	cap = buf->cap ? buf->cap : 64;
	while (cap < need)
		if (__builtin_mul_overflow(cap, 2, &cap))
			goto fail;
	data = realloc(buf->data, cap);
	if (!data)
		goto fail;
	buf->data = data;
	buf->cap = cap;
	return true;
fail:
	buf->failed = true;
	return false;
}

void *vt_buf_grow(struct vt_buf *buf, size_t len)
{
	void *at;

	if (!reserve(buf, len))
		return NULL;
	at = buf->data ? buf->data + buf->len : NULL; /* nothing in an empty one */
	buf->len += len;
	return at;
}

void vt_buf_put(struct vt_buf *buf, const void *data, size_t len)
{
	void *at;

	if (len == 0)
		return;
	at = vt_buf_grow(buf, len);
	if (at)
		memcpy(at, data, len);
}

void vt_buf_put_u8(struct vt_buf *buf, uint8_t value)
{
	vt_buf_put(buf, &value, sizeof value);
}

void vt_buf_put_le16(struct vt_buf *buf, uint16_t value)
{
	value = htole16(value);
	vt_buf_put(buf, &value, sizeof value);
}

void vt_buf_put_le32(struct vt_buf *buf, uint32_t value)
{
	value = htole32(value);
	vt_buf_put(buf, &value, sizeof value);
}

void vt_buf_put_le64(struct vt_buf *buf, uint64_t value)
{
	value = htole64(value);
	vt_buf_put(buf, &value, sizeof value);
}

void vt_buf_put_be32(struct vt_buf *buf, uint32_t value)
{
	value = htobe32(value);
	vt_buf_put(buf, &value, sizeof value);
}

void vt_buf_put_be64(struct vt_buf *buf, uint64_t value)
{
	value = htobe64(value);
	vt_buf_put(buf, &value, sizeof value);
}

void vt_buf_printf(struct vt_buf *buf, const char *format, ...)
{
	va_list ap, again;
	int len;

	if (!reserve(buf, 1))
		return;
	va_start(ap, format);
	va_copy(again, ap);
	len = vsnprintf((char *) buf->data + buf->len, buf->cap - buf->len, format, ap);
	if (len >= 0 && (size_t) len >= buf->cap - buf->len) {
		if (reserve(buf, (size_t) len + 1))
			(void) vsnprintf((char *) buf->data + buf->len, (size_t) len + 1, format,
					 again);
		else
			len = 0;
	}
	if (len > 0)
		buf->len += (size_t) len; /* the NUL stays outside the contents */
	va_end(again);
	va_end(ap);
}
