/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See stamps.h. Head: magic, u32 dataset. Row: u32 length of what follows, u64 XXH3 of the rest,
 * five u64 of the stamp, content id, u64 content size, u8 decoded?, path as its walk key.
 * Little-endian.
 */
#include "tools/publish/stamps.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

#include "index/base/error.h"

#define MAGIC    "VTSTAMP1"
#define ROW_MAX  (VT_PATH_LEN_MAX + 256u)
#define HASH_LEN 8u

struct vt_stamps_writer {
	FILE *file;
	int64_t scan_ns;
	struct vt_buf row;
};

struct vt_stamps_reader {
	FILE *file;
	bool have; /* `row` has not been passed yet */
	struct vt_buf row, key;
	struct vt_stamp stamp;
	struct vt_digest content;
	uint64_t content_size;
	bool decode;
	size_t row_key; /* where the key begins in the row */
};

static void put_head(uint32_t dataset, struct vt_buf *out)
{
	vt_buf_put(out, MAGIC, strlen(MAGIC));
	vt_buf_put_le32(out, dataset);
}

int vt_stamps_writer_new(const char *path, uint32_t dataset, int64_t scan_ns,
			 struct vt_stamps_writer **out, struct vt_error *err)
{
	vt_cleanup(vt_stamps_writer_freep) struct vt_stamps_writer *writer =
		calloc(1, sizeof *writer);

	if (!writer)
		return vt_fail(err, ENOMEM, "no memory for stamps");
	writer->scan_ns = scan_ns;
	writer->file = fopen(path, "wxe");
	if (!writer->file)
		return vt_fail(err, errno, "cannot write '%s': %m", path);
	put_head(dataset, &writer->row);
	if (vt_buf_failed(&writer->row) ||
	    fwrite(writer->row.data, writer->row.len, 1, writer->file) != 1)
		return vt_fail(err, errno, "cannot write stamps: %m");
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
	free(writer);
}

int vt_stamps_add(struct vt_stamps_writer *writer, const struct vt_item *item,
		  const struct vt_digest *content, uint64_t content_size, struct vt_error *err)
{
	struct vt_buf *row = &writer->row;
	uint32_t length;
	uint64_t hash;

	if (item->stamp.ctime_ns > writer->scan_ns - VT_STAMP_RACY_NS)
		return 0;
	vt_buf_reset(row);
	(void) vt_buf_grow(row, sizeof length + HASH_LEN);
	vt_buf_put_le64(row, item->stamp.device);
	vt_buf_put_le64(row, item->stamp.inode);
	vt_buf_put_le64(row, item->stamp.size);
	vt_buf_put_le64(row, (uint64_t) item->stamp.mtime_ns);
	vt_buf_put_le64(row, (uint64_t) item->stamp.ctime_ns);
	vt_buf_put(row, content->bytes, sizeof content->bytes);
	vt_buf_put_le64(row, content_size);
	vt_buf_put_u8(row, item->decode);
	vt_item_key(item->path, item->path_len, row);
	if (vt_buf_failed(row))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	length = htole32((uint32_t) (row->len - sizeof length));
	hash = htole64(XXH3_64bits(row->data + sizeof length + HASH_LEN,
				   row->len - sizeof length - HASH_LEN));
	memcpy(row->data, &length, sizeof length);
	memcpy(row->data + sizeof length, &hash, sizeof hash);
	if (fwrite(row->data, row->len, 1, writer->file) != 1)
		return vt_fail(err, errno, "cannot write stamps: %m");
	return 0;
}

int vt_stamps_finish(struct vt_stamps_writer *writer, struct vt_error *err)
{
	FILE *file = vt_steal(&writer->file);

	return fclose(file) == 0 ? 0 : vt_fail(err, errno, "cannot write stamps: %m");
}

struct vt_stamps_reader *vt_stamps_open(const char *path, uint32_t dataset)
{
	vt_cleanup(vt_stamps_closep) struct vt_stamps_reader *reader = calloc(1, sizeof *reader);
	vt_cleanup(vt_buf_done) struct vt_buf head = VT_BUF_INIT;
	uint8_t found[64];

	if (!reader)
		return NULL;
	reader->file = fopen(path, "re");
	put_head(dataset, &head);
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

static bool decode_row(struct vt_stamps_reader *reader)
{
	struct vt_reader r = vt_reader_over(reader->row.data, reader->row.len);
	const void *content;

	if (vt_reader_le64(&r) !=
	    XXH3_64bits(reader->row.data + HASH_LEN, reader->row.len - HASH_LEN))
		return false;
	reader->stamp.device = vt_reader_le64(&r);
	reader->stamp.inode = vt_reader_le64(&r);
	reader->stamp.size = vt_reader_le64(&r);
	reader->stamp.mtime_ns = (int64_t) vt_reader_le64(&r);
	reader->stamp.ctime_ns = (int64_t) vt_reader_le64(&r);
	content = vt_reader_get(&r, sizeof reader->content.bytes);
	reader->content_size = vt_reader_le64(&r);
	reader->decode = vt_reader_u8(&r);
	if (r.failed)
		return false;
	memcpy(reader->content.bytes, content, sizeof reader->content.bytes);
	reader->row_key = reader->row.len - vt_reader_left(&r);
	return true;
}

/* False at the end and at the first damage: what follows cannot be trusted to be in place. */
static bool read_row(struct vt_stamps_reader *reader)
{
	uint32_t length;
	void *room;

	if (!reader->file || fread(&length, sizeof length, 1, reader->file) != 1)
		return false;
	length = le32toh(length);
	if (length <= HASH_LEN || length > ROW_MAX)
		return false;
	vt_buf_reset(&reader->row);
	room = vt_buf_grow(&reader->row, length);
	return room && fread(room, length, 1, reader->file) == 1 && decode_row(reader);
}

static int compare_key(const struct vt_stamps_reader *reader)
{
	const struct vt_buf *key = &reader->key;
	size_t row_len = reader->row.len - reader->row_key;
	size_t len = row_len < key->len ? row_len : key->len;
	int order = memcmp(reader->row.data + reader->row_key, key->data, len);

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
	if (order > 0 || memcmp(&reader->stamp, &item->stamp, sizeof item->stamp) != 0 ||
	    reader->decode != item->decode)
		return false;
	*content = reader->content;
	*content_size = reader->content_size;
	return true;
}
