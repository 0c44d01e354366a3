/* SPDX-License-Identifier: Apache-2.0 */
/* See item.h. The encoding lives as long as a publish and is little-endian only for uniformity. */
#include "tools/publish/item.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"

#define FLAG_DECODE 1u
#define FLAG_LINKED 2u

static void put_translated(const void *from, size_t len, char find, char put, struct vt_buf *out)
{
	char *to = vt_buf_grow(out, len);

	if (!to)
		return;
	memcpy(to, from, len);
	for (size_t i = 0; i < len; i++)
		if (to[i] == find)
			to[i] = put;
}

void vt_item_key(const char *path, size_t len, struct vt_buf *out)
{
	put_translated(path, len, '/', '\0', out);
}

void vt_item_encode(const struct vt_item *item, struct vt_buf *out)
{
	vt_buf_put_u8(out, (uint8_t) item->type);
	vt_buf_put_u8(out, (uint8_t) ((item->decode ? FLAG_DECODE : 0) |
				      (item->linked ? FLAG_LINKED : 0)));
	vt_buf_put_le16(out, item->mode);
	vt_buf_put_le32(out, item->mtime_nsec);
	vt_buf_put_le64(out, (uint64_t) item->mtime_sec);
	vt_buf_put_le32(out, item->source);
	vt_buf_put_le64(out, item->slot);
	vt_buf_put_le64(out, item->stamp.device);
	vt_buf_put_le64(out, item->stamp.inode);
	vt_buf_put_le64(out, item->stamp.size);
	vt_buf_put_le64(out, (uint64_t) item->stamp.mtime_ns);
	vt_buf_put_le64(out, (uint64_t) item->stamp.ctime_ns);
	vt_buf_put_le64(out, item->kept);
	vt_buf_put_le32(out, item->kept_entries);
	vt_buf_put_le32(out, (uint32_t) item->target_len);
	vt_buf_put_le32(out, (uint32_t) item->xattrs_len);
	vt_buf_put(out, item->target, item->target_len);
	vt_buf_put(out, item->xattrs, item->xattrs_len);
}

int vt_item_path(const void *key, size_t len, struct vt_buf *out, struct vt_error *err)
{
	vt_buf_reset(out);
	put_translated(key, len, '\0', '/', out);
	vt_buf_put_u8(out, 0); /* not part of the path, but kind to those who print it */
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a path") : 0;
}

int vt_item_decode(const void *key, size_t key_len, const void *value, size_t len,
		   struct vt_buf *path, struct vt_item *out, struct vt_error *err)
{
	struct vt_reader r = vt_reader_over(value, len);
	struct vt_item item = {.path_len = key_len};
	uint8_t flags;

	if (vt_item_path(key, key_len, path, err) < 0)
		return -ENOMEM;
	item.path = (const char *) path->data;
	item.type = (enum vt_entry_type) vt_reader_u8(&r);
	flags = vt_reader_u8(&r);
	item.decode = flags & FLAG_DECODE;
	item.linked = flags & FLAG_LINKED;
	item.mode = vt_reader_le16(&r);
	item.mtime_nsec = vt_reader_le32(&r);
	item.mtime_sec = (int64_t) vt_reader_le64(&r);
	item.source = vt_reader_le32(&r);
	item.slot = vt_reader_le64(&r);
	item.stamp.device = vt_reader_le64(&r);
	item.stamp.inode = vt_reader_le64(&r);
	item.stamp.size = vt_reader_le64(&r);
	item.stamp.mtime_ns = (int64_t) vt_reader_le64(&r);
	item.stamp.ctime_ns = (int64_t) vt_reader_le64(&r);
	item.kept = vt_reader_le64(&r);
	item.kept_entries = vt_reader_le32(&r);
	item.target_len = vt_reader_le32(&r);
	item.xattrs_len = vt_reader_le32(&r);
	item.target = vt_reader_get(&r, item.target_len);
	item.xattrs = vt_reader_get(&r, item.xattrs_len);
	if (r.failed || vt_reader_left(&r) > 0)
		return vt_fail(err, EIO, "a temporary file is damaged");
	*out = item;
	return 0;
}
