/* SPDX-License-Identifier: Apache-2.0 */
/* See stamps.h; the file is drawn in stamps_private.h. */
#include "tools/publish/stamps_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>
#include <xxhash.h>

#include "index/base/error.h"

#define MAGIC   "VTSTAMP2"
#define ROW_MAX (VT_PATH_LEN_MAX + 256u) /* of a file */

struct vt_stamps_reader {
	FILE *file;
	bool have; /* `row` has not been passed yet */
	struct vt_buf row, key;
	struct vt_file_stamp found; /* in `row` */
};

/* What of an item makes its share of the listing: ctime speaks for the attributes. */
struct fingerprint {
	uint64_t type_and_mode;
	struct vt_stamp stamp;
	char name[VT_NAME_LEN_MAX + 1];
};

void vt_listing_add(struct vt_listing *listing, const struct vt_item *item)
{
	const char *slash = memrchr(item->path, '/', item->path_len);
	const char *name = slash ? slash + 1 : item->path;
	size_t len = (size_t) (item->path + item->path_len - name);
	struct fingerprint print = {
		.type_and_mode =
			(uint64_t) item->type << 32 | (uint64_t) item->decode << 16 | item->mode,
		.stamp = item->stamp,
	};
	XXH128_hash_t hash;

	if (len > VT_NAME_LEN_MAX) /* which no directory has */
		len = VT_NAME_LEN_MAX;
	memcpy(print.name, name, len);
	hash = XXH3_128bits(&print, offsetof(struct fingerprint, name) + len);
	listing->sum[0] += hash.low64;
	listing->sum[1] += hash.high64;
	listing->entries++;
}

/* Writing */

void vt_stamps_put_head(uint32_t dataset, struct vt_buf *out)
{
	vt_buf_put(out, MAGIC, strlen(MAGIC));
	vt_buf_put_le32(out, dataset);
}

int vt_stamps_writer_new(const char *path, uint32_t dataset, int64_t scan_ns,
			 struct vt_stamps_writer **out, struct vt_error *err)
{
	vt_cleanup(vt_stamps_writer_freep) struct vt_stamps_writer *writer =
		calloc(1, sizeof *writer);
	int r;

	if (!writer)
		return vt_fail(err, ENOMEM, "no memory for stamps");
	writer->scan_ns = scan_ns;
	writer->file = fopen(path, "wxe");
	if (!writer->file)
		return vt_fail(err, errno, "cannot write '%s': %m", path);
	vt_stamps_put_head(dataset, &writer->row);
	if (vt_buf_failed(&writer->row))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	r = vt_stamps_write(writer, writer->row.data, writer->row.len, err);
	if (r < 0)
		return r;
	*out = vt_steal(&writer);
	return 0;
}

void vt_stamps_writer_free(struct vt_stamps_writer *writer)
{
	if (!writer)
		return;
	if (writer->file)
		(void) fclose(writer->file);
	vt_buf_done(&writer->row);
	vt_buf_done(&writer->index);
	vt_buf_done(&writer->keeping.path);
	vt_buf_done(&writer->keeping.pieces);
	free(writer);
}

int vt_stamps_write(struct vt_stamps_writer *writer, const void *data, size_t len,
		    struct vt_error *err)
{
	if (len > 0 && fwrite(data, len, 1, writer->file) != 1)
		return vt_fail(err, errno, "cannot write stamps: %m");
	writer->at += len;
	return 0;
}

void vt_stamps_begin_row(struct vt_stamps_writer *writer, enum vt_stamp_row kind)
{
	vt_buf_reset(&writer->row);
	(void) vt_buf_grow(&writer->row, sizeof(uint32_t) + VT_STAMP_HASH_LEN);
	vt_buf_put_u8(&writer->row, (uint8_t) kind);
}

int vt_stamps_end_row(struct vt_stamps_writer *writer, struct vt_error *err)
{
	struct vt_buf *row = &writer->row;
	size_t head = sizeof(uint32_t) + VT_STAMP_HASH_LEN;
	uint32_t length;
	uint64_t hash;

	if (vt_buf_failed(row))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	length = htole32((uint32_t) (row->len - sizeof length));
	hash = htole64(XXH3_64bits(row->data + head, row->len - head));
	memcpy(row->data, &length, sizeof length);
	memcpy(row->data + sizeof length, &hash, sizeof hash);
	return vt_stamps_write(writer, row->data, row->len, err);
}

int vt_stamps_add(struct vt_stamps_writer *writer, const struct vt_item *item,
		  const struct vt_digest *content, uint64_t content_size, struct vt_error *err)
{
	struct vt_buf *row = &writer->row;

	if (item->stamp.ctime_ns > writer->scan_ns - VT_STAMP_RACY_NS)
		return 0;
	vt_stamps_begin_row(writer, VT_STAMP_FILE);
	vt_buf_put_le64(row, item->stamp.device);
	vt_buf_put_le64(row, item->stamp.inode);
	vt_buf_put_le64(row, item->stamp.size);
	vt_buf_put_le64(row, (uint64_t) item->stamp.mtime_ns);
	vt_buf_put_le64(row, (uint64_t) item->stamp.ctime_ns);
	vt_buf_put(row, content->bytes, sizeof content->bytes);
	vt_buf_put_le64(row, content_size);
	vt_buf_put_u8(row, item->decode);
	vt_item_key(item->path, item->path_len, row);
	return vt_stamps_end_row(writer, err);
}

int vt_stamps_finish(struct vt_stamps_writer *writer, const struct vt_digest *tree,
		     uint64_t root_page, struct vt_error *err)
{
	int r = vt_kept_write_index(writer, tree, root_page, err);
	FILE *file;

	if (r < 0)
		return r;
	file = vt_steal(&writer->file);
	return fclose(file) == 0 ? 0 : vt_fail(err, errno, "cannot write stamps: %m");
}

/* Reading */

struct vt_stamps_reader *vt_stamps_open(const char *path, uint32_t dataset)
{
	vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *reader = calloc(1, sizeof *reader);
	vt_cleanup(vt_buf_done) struct vt_buf head = VT_BUF_INIT;
	uint8_t found[64];

	if (!reader)
		return NULL;
	reader->file = fopen(path, "re");
	vt_stamps_put_head(dataset, &head);
	if (!reader->file || vt_buf_failed(&head) || fread(found, head.len, 1, reader->file) != 1 ||
	    memcmp(found, head.data, head.len) != 0)
		return NULL;
	return vt_steal(&reader);
}

void vt_stamps_close(struct vt_stamps_reader *reader)
{
	if (!reader)
		return;
	if (reader->file)
		(void) fclose(reader->file);
	vt_buf_done(&reader->row);
	vt_buf_done(&reader->key);
	free(reader);
}

bool vt_stamps_open_row(const void *row, size_t len, struct vt_reader *reader)
{
	*reader = vt_reader_over(row, len);
	return len > VT_STAMP_HASH_LEN &&
	       vt_reader_le64(reader) == XXH3_64bits((const uint8_t *) row + VT_STAMP_HASH_LEN,
						     len - VT_STAMP_HASH_LEN);
}

bool vt_stamps_decode_file(struct vt_reader *reader, struct vt_file_stamp *out)
{
	const void *content;

	out->stamp.device = vt_reader_le64(reader);
	out->stamp.inode = vt_reader_le64(reader);
	out->stamp.size = vt_reader_le64(reader);
	out->stamp.mtime_ns = (int64_t) vt_reader_le64(reader);
	out->stamp.ctime_ns = (int64_t) vt_reader_le64(reader);
	content = vt_reader_get(reader, sizeof out->content.bytes);
	out->content_size = vt_reader_le64(reader);
	out->decode = vt_reader_u8(reader);
	if (reader->failed)
		return false;
	memcpy(out->content.bytes, content, sizeof out->content.bytes);
	out->key = reader->at;
	out->key_len = vt_reader_left(reader);
	return true;
}

/* A file's row is read whole, another passed over. -1 at the end and at the first damage. */
static int read_any_row(struct vt_stamps_reader *reader)
{
	uint32_t length;
	struct vt_reader row;
	uint8_t *room;

	if (!reader->file || fread(&length, sizeof length, 1, reader->file) != 1)
		return -1;
	length = le32toh(length);
	if (length <= VT_STAMP_HASH_LEN)
		return -1;
	vt_buf_reset(&reader->row);
	room = vt_buf_grow(&reader->row, VT_STAMP_HASH_LEN + 1);
	if (!room || fread(room, VT_STAMP_HASH_LEN + 1, 1, reader->file) != 1)
		return -1;
	length -= VT_STAMP_HASH_LEN + 1;
	if (room[VT_STAMP_HASH_LEN] == VT_STAMP_DIRECTORY)
		return fseeko(reader->file, length, SEEK_CUR) == 0 ? 0 : -1;
	if (length > ROW_MAX)
		return -1;
	room = vt_buf_grow(&reader->row, length);
	if (!room || fread(room, length, 1, reader->file) != 1 ||
	    !vt_stamps_open_row(reader->row.data, reader->row.len, &row) ||
	    vt_reader_u8(&row) != VT_STAMP_FILE || !vt_stamps_decode_file(&row, &reader->found))
		return -1;
	return 1;
}

/* False at the end and at the first damage: what follows cannot be trusted to be in place. */
static bool read_row(struct vt_stamps_reader *reader)
{
	int r;

	do
		r = read_any_row(reader);
	while (r == 0);
	return r > 0;
}

static int compare_key(const struct vt_stamps_reader *reader)
{
	const struct vt_buf *key = &reader->key;
	size_t row_len = reader->found.key_len;
	size_t len = row_len < key->len ? row_len : key->len;
	int order = memcmp(reader->found.key, key->data, len);

	return order ? order : (row_len > key->len) - (row_len < key->len);
}

static void give_up(struct vt_stamps_reader *reader)
{
	(void) fclose(reader->file);
	reader->file = NULL;
}

bool vt_stamps_match(struct vt_stamps_reader *reader, const struct vt_item *item,
		     struct vt_digest *content, uint64_t *content_size)
{
	int order = -1;

	if (!reader || !reader->file)
		return false;
	vt_buf_reset(&reader->key);
	vt_item_key(item->path, item->path_len, &reader->key);
	while (order < 0) {
		if (!reader->have && !read_row(reader)) {
			give_up(reader);
			return false;
		}
		reader->have = true;
		order = compare_key(reader);
		if (order < 0)
			reader->have = false;
	}
	if (order > 0 || memcmp(&reader->found.stamp, &item->stamp, sizeof item->stamp) != 0 ||
	    reader->found.decode != item->decode)
		return false;
	*content = reader->found.content;
	*content_size = reader->found.content_size;
	return true;
}
