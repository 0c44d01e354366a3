/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Bytes with bounds: a growing buffer to write into, and a reader that never leaves its range.
 *
 * The buffer remembers a failed allocation: append as much as needed, ask vt_buf_failed() once.
 * Not thread-safe.
 */
#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct vt_buf {
	uint8_t *data;
	size_t len, cap;
	bool failed; /* an allocation failed; the contents are incomplete */
};

#define VT_BUF_INIT ((struct vt_buf){0})

void vt_buf_done(struct vt_buf *buf);  /* frees; the buffer may be used again */
void vt_buf_reset(struct vt_buf *buf); /* empties, keeps the memory */
static inline bool vt_buf_failed(const struct vt_buf *buf)
{
	return buf->failed;
}

/* Returns room for `len` more bytes, counted as written, or NULL. Borrowed until the next call. */
void *vt_buf_grow(struct vt_buf *buf, size_t len);

void vt_buf_put(struct vt_buf *buf, const void *data, size_t len);
void vt_buf_put_u8(struct vt_buf *buf, uint8_t value);
void vt_buf_put_le16(struct vt_buf *buf, uint16_t value);
void vt_buf_put_le32(struct vt_buf *buf, uint32_t value);
void vt_buf_put_le64(struct vt_buf *buf, uint64_t value);
void vt_buf_put_be32(struct vt_buf *buf, uint32_t value);
void vt_buf_put_be64(struct vt_buf *buf, uint64_t value);
void vt_buf_printf(struct vt_buf *buf, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * Reading. After a read past the end `failed` is set, and this and every later read gives zeros
 * (or NULL), so that a decoder checks once at the end.
 */
struct vt_reader {
	const uint8_t *at, *end;
	bool failed;
};

static inline struct vt_reader vt_reader_over(const void *data, size_t len)
{
	const uint8_t *at = data; /* NULL when there is nothing */

	return (struct vt_reader){.at = at, .end = at ? at + len : at};
}

static inline size_t vt_reader_left(const struct vt_reader *r)
{
	return (size_t) (r->end - r->at);
}

/* In place: an entry of a page is some twenty of these. */
static inline const void *vt_reader_get(struct vt_reader *r, size_t len) /* borrowed */
{
	const void *at = r->at;

	if (r->failed || len > vt_reader_left(r)) {
		r->failed = true;
		return NULL;
	}
	r->at += len;
	return at;
}

static inline uint8_t vt_reader_u8(struct vt_reader *r)
{
	const uint8_t *p = vt_reader_get(r, 1);

	return p ? *p : 0;
}

/* One body for all widths: fetch, copy out of unaligned memory, convert. */
#define VT_DEFINE_READ(name, type, convert)                                                        \
	static inline type vt_reader_##name(struct vt_reader *r)                                   \
	{                                                                                          \
		const void *p = vt_reader_get(r, sizeof(type));                                    \
		type value = 0;                                                                    \
                                                                                                   \
		if (p)                                                                             \
			memcpy(&value, p, sizeof value);                                           \
		return convert(value);                                                             \
	}

VT_DEFINE_READ(le16, uint16_t, le16toh)
VT_DEFINE_READ(le32, uint32_t, le32toh)
VT_DEFINE_READ(le64, uint64_t, le64toh)
VT_DEFINE_READ(be32, uint32_t, be32toh)
VT_DEFINE_READ(be64, uint64_t, be64toh)
