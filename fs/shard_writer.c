/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See shard_writer.h. Frames are appended through a 1 MiB buffer and hashed on the way; the index
 * and the sizes for the seek table grow in memory (52 bytes an item) until the seal.
 */
#include "fs/shard_writer.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/codec.h"
#include "fs/shard_format.h"
#include "index/base/buf.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/uuid.h"

#define FLUSH_AT (1u << 20)

struct vt_shard_writer {
	int fd;
	bool sealed;
	bool torn; /* an append failed half-way; nothing good can follow */
	char *path;
	uint32_t serial;
	uint64_t size; /* bytes of the file, those in `pending` included */
	uint64_t content_size;
	uint32_t frames, items;
	struct vt_buf pending; /* not written yet */
	struct vt_buf index;   /* struct vt_shard_index_frame and items */
	struct vt_buf seek;    /* per frame: stored size, content size */
	struct vt_hasher *hasher;
};

static int flush(struct vt_shard_writer *writer, struct vt_error *err)
{
	const struct vt_buf *pending = &writer->pending;
	int r;

	vt_hasher_update(writer->hasher, pending->data, pending->len);
	r = vt_file_write(writer->fd, pending->data, pending->len);
	if (r < 0)
		return vt_fail(err, -r, "cannot write shard '%s': %m", writer->path);
	vt_buf_reset(&writer->pending);
	return 0;
}

static int put(struct vt_shard_writer *writer, const void *data, size_t len, struct vt_error *err)
{
	vt_buf_put(&writer->pending, data, len);
	if (vt_buf_failed(&writer->pending))
		return vt_fail(err, ENOMEM, "no memory for shard '%s'", writer->path);
	writer->size += len;
	return writer->pending.len >= FLUSH_AT ? flush(writer, err) : 0;
}

static int put_header(struct vt_shard_writer *writer, const struct vt_shard_writer_info *info,
		      struct vt_error *err)
{
	struct vt_shard_header header = {
		.skippable_magic = htole32(VT_SKIPPABLE_HEADER),
		.skippable_size = htole32(VT_SHARD_HEADER - VT_SKIPPABLE_SIZE),
		.version = htole32(VT_SHARD_VERSION),
		.flags = htole32(info->lz4 ? VT_SHARD_LZ4 : 0),
		.serial = htole32(info->serial),
		.domain = htole32(info->domain),
		.dictionary = htole32(info->dictionary),
	};
	struct vt_digest digest;

	memcpy(header.magic, VT_SHARD_MAGIC, sizeof header.magic);
	memcpy(header.dictionary_digest, info->dictionary_digest.bytes, VT_DIGEST_LEN);
	if (vt_uuid_parse(info->uuid, header.uuid) < 0)
		return vt_fail(err, EINVAL, "'%s' is no uuid", info->uuid);
	vt_digest_of(&header, offsetof(struct vt_shard_header, digest), &digest);
	memcpy(header.digest, digest.bytes, VT_DIGEST_LEN);
	vt_buf_put_le32(&writer->seek, VT_SHARD_HEADER);
	vt_buf_put_le32(&writer->seek, 0);
	return put(writer, &header, sizeof header, err);
}

int vt_shard_writer_new(const struct vt_shard_writer_info *info, struct vt_shard_writer **out,
			struct vt_error *err)
{
	vt_cleanup(vt_shard_writer_freep) struct vt_shard_writer *writer =
		calloc(1, sizeof *writer);
	int r;

	if (!writer)
		return vt_fail(err, ENOMEM, "no memory for a shard");
	writer->fd = -1;
	writer->serial = info->serial;
	writer->path = strdup(info->path);
	writer->hasher = vt_hasher_new();
	if (!writer->path || !writer->hasher)
		return vt_fail(err, ENOMEM, "no memory for a shard");
	writer->fd = open(info->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (writer->fd < 0)
		return vt_fail(err, errno, "cannot make shard '%s': %m", info->path);
	r = put_header(writer, info, err);
	if (r < 0)
		return r;
	*out = vt_steal(&writer);
	return 0;
}

void vt_shard_writer_free(struct vt_shard_writer *writer)
{
	if (!writer)
		return;
	if (writer->fd >= 0) {
		if (!writer->sealed)
			(void) unlink(writer->path);
		(void) close(writer->fd);
	}
	vt_buf_done(&writer->pending);
	vt_buf_done(&writer->index);
	vt_buf_done(&writer->seek);
	vt_hasher_free(writer->hasher);
	free(writer->path);
	free(writer);
}

uint64_t vt_shard_writer_size(const struct vt_shard_writer *writer)
{
	return writer->size;
}

static void put_index(struct vt_shard_writer *writer, size_t len, uint32_t content_size,
		      const struct vt_shard_item *items, size_t count)
{
	vt_buf_put_le32(&writer->index, (uint32_t) len);
	vt_buf_put_le32(&writer->index, content_size);
	vt_buf_put_le32(&writer->index, (uint32_t) count);
	for (size_t i = 0; i < count; i++) {
		vt_buf_put(&writer->index, items[i].content.bytes, VT_DIGEST_LEN);
		vt_buf_put_le32(&writer->index, items[i].skip);
		vt_buf_put_le32(&writer->index, items[i].length);
	}
	vt_buf_put_le32(&writer->seek, (uint32_t) len);
	vt_buf_put_le32(&writer->seek, content_size);
}

/* A byte that no item covers would be one that nobody vouches for. */
static bool items_tile(const struct vt_shard_item *items, size_t count, uint32_t content_size)
{
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		if (items[i].skip != end || items[i].length == 0)
			return false;
		end += items[i].length;
	}
	return end == content_size;
}

/* What the index and the seek table will take, with room to spare for one more frame. */
static uint64_t tail_size(const struct vt_shard_writer *writer)
{
	return writer->index.len + writer->seek.len + 4096;
}

bool vt_shard_writer_is_full(const struct vt_shard_writer *writer)
{
	return writer->size >= VT_SHARD_TARGET || tail_size(writer) >= VT_SHARD_INDEX_TARGET;
}

int vt_shard_writer_add(struct vt_shard_writer *writer, const void *frame, size_t len,
			uint32_t content_size, const struct vt_shard_item *items, size_t count,
			struct vt_location *at, struct vt_error *err)
{
	struct vt_location place = {.shard = writer->serial,
				    .frame_offset = (uint32_t) writer->size,
				    .frame_size = (uint32_t) len};
	int r;

	assert(!writer->sealed);
	if (!items_tile(items, count, content_size))
		return vt_fail(err, EINVAL, "items that do not fill their frame");
	if (len > VT_FRAME_STORED_MAX ||
	    writer->size + len + tail_size(writer) + count * sizeof(struct vt_shard_index_item) >
		    VT_SHARD_SIZE_MAX)
		return vt_fail(err, EFBIG, "shard '%s' would be larger than 4 GiB", writer->path);
	writer->torn = true;
	r = put(writer, frame, len, err);
	if (r < 0)
		return r;
	put_index(writer, len, content_size, items, count);
	if (vt_buf_failed(&writer->index) || vt_buf_failed(&writer->seek))
		return vt_fail(err, ENOMEM, "no memory for the index of shard '%s'", writer->path);
	writer->torn = false;
	writer->frames++;
	writer->items += (uint32_t) count;
	writer->content_size += content_size;
	*at = place;
	return 0;
}

static int put_tail(struct vt_shard_writer *writer, struct vt_error *err)
{
	size_t index_len = sizeof(struct vt_shard_index_head) + writer->index.len + VT_DIGEST_LEN;
	vt_cleanup(vt_buf_done) struct vt_buf head = VT_BUF_INIT, tail = VT_BUF_INIT;
	vt_cleanup(vt_hasher_freep) struct vt_hasher *hasher = vt_hasher_new();
	struct vt_digest digest;
	int r;

	vt_buf_put_le32(&head, VT_SKIPPABLE_INDEX);
	vt_buf_put_le32(&head, (uint32_t) index_len);
	vt_buf_put_le32(&head, writer->frames);
	vt_buf_put_le32(&head, writer->items);
	if (!hasher || vt_buf_failed(&head))
		return vt_fail(err, ENOMEM, "no memory to seal shard '%s'", writer->path);
	vt_hasher_update(hasher, head.data + VT_SKIPPABLE_SIZE, head.len - VT_SKIPPABLE_SIZE);
	vt_hasher_update(hasher, writer->index.data, writer->index.len);
	vt_hasher_final(hasher, &digest);

	/* The seek table: an entry per frame, skippable ones with no content. */
	vt_buf_put_le32(&writer->seek, (uint32_t) (VT_SKIPPABLE_SIZE + index_len));
	vt_buf_put_le32(&writer->seek, 0);
	vt_buf_put(&tail, digest.bytes, VT_DIGEST_LEN);
	vt_buf_put_le32(&tail, VT_SKIPPABLE_SEEK);
	vt_buf_put_le32(&tail, (uint32_t) (writer->seek.len + VT_SEEK_FOOTER_SIZE));
	vt_buf_put(&tail, writer->seek.data, writer->seek.len);
	vt_buf_put_le32(&tail, writer->frames + 2);
	vt_buf_put_u8(&tail, 0); /* descriptor: no checksums, they are in the frames */
	vt_buf_put_le32(&tail, VT_SEEK_FOOTER);
	if (vt_buf_failed(&tail) || vt_buf_failed(&writer->seek))
		return vt_fail(err, ENOMEM, "no memory to seal shard '%s'", writer->path);
	r = put(writer, head.data, head.len, err);
	if (r == 0)
		r = put(writer, writer->index.data, writer->index.len, err);
	if (r == 0)
		r = put(writer, tail.data, tail.len, err);
	return r < 0 ? r : flush(writer, err);
}

int vt_shard_writer_seal(struct vt_shard_writer *writer, struct vt_sealed_shard *out,
			 struct vt_error *err)
{
	int r;

	if (writer->torn)
		return vt_fail(err, EIO, "shard '%s' was not written whole", writer->path);
	writer->torn = true;
	r = put_tail(writer, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("shard-written");
	if (fchmod(writer->fd, 0400) < 0 || fdatasync(writer->fd) < 0)
		return vt_fail(err, errno, "cannot seal shard '%s': %m", writer->path);
	out->size = writer->size;
	out->content_size = writer->content_size;
	out->frames = writer->frames;
	vt_hasher_final(writer->hasher, &out->digest);
	writer->sealed = true;
	VT_CRASHPOINT("shard-sealed");
	return 0;
}
