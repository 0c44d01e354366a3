/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See kept.h; the file is drawn in stamps_private.h. A directory's row: u64 u64 sum and u32 entries
 * of the listing, u32 files, u64 bytes, content, u64 page, u64 offset and u64 length of its files'
 * rows, u32 length of the path, path as its walk key, u16 per entry and piece.
 *
 * Only the directory entered last can be kept, for the others have one in them: so there is one
 * state and no stack.
 */
#include "tools/publish/kept.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "index/base/error.h"
#include "index/base/file.h"
#include "tools/publish/stamps_private.h"

#define TAIL_LEN (16u + VT_DIGEST_LEN + 16u)
#define ROW_MAX  (2u * VT_KEPT_PIECES * VT_KEPT_ENTRIES_MAX + VT_PATH_LEN_MAX + 256u)
#define COPY_LEN (256u << 10)

struct place {
	uint64_t hash, offset;
};

struct vt_kept {
	int fd;
	struct place *places; /* by hash */
	size_t count;
	uint64_t end; /* of the rows */
	struct vt_buf row, path, key;
	struct vt_reader rest; /* of `row`: its path, then the pieces */
};

/* Writing */

void vt_kept_enter(struct vt_stamps_writer *writer, const struct vt_item *directory)
{
	struct vt_keeping *keeping = &writer->keeping;

	vt_buf_reset(&keeping->path);
	vt_buf_reset(&keeping->pieces);
	vt_item_key(directory->path, directory->path_len, &keeping->path);
	keeping->listing = (struct vt_listing){0};
	keeping->first_row = writer->at;
	keeping->files = 0;
	keeping->bytes = 0;
	keeping->possible = true;
}

void vt_kept_entry(struct vt_stamps_writer *writer, const struct vt_item *item,
		   const uint64_t pieces[VT_KEPT_PIECES], uint64_t size)
{
	struct vt_keeping *keeping = &writer->keeping;

	if (!keeping->possible)
		return;
	keeping->possible = item->type != VT_DIRECTORY && !item->linked &&
			    item->stamp.ctime_ns <= writer->scan_ns - VT_STAMP_RACY_NS &&
			    keeping->listing.entries < VT_KEPT_ENTRIES_MAX;
	vt_listing_add(&keeping->listing, item);
	for (unsigned i = 0; i < VT_KEPT_PIECES; i++) {
		keeping->possible = keeping->possible && pieces[i] <= UINT16_MAX;
		vt_buf_put_le16(&keeping->pieces, (uint16_t) pieces[i]);
	}
	keeping->files += item->type == VT_FILE;
	keeping->bytes += size;
}

static void note_place(struct vt_stamps_writer *writer, const struct vt_buf *path)
{
	struct place place = {XXH3_64bits(path->data, path->len), writer->at};

	vt_buf_put(&writer->index, &place, sizeof place);
}

static int put_directory(struct vt_stamps_writer *writer, const struct vt_kept_directory *directory,
			 const struct vt_buf *path, const void *pieces, size_t pieces_len,
			 struct vt_error *err)
{
	struct vt_buf *row = &writer->row;

	if (vt_buf_failed(path))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	note_place(writer, path);
	vt_stamps_begin_row(writer, VT_STAMP_DIRECTORY);
	vt_buf_put_le64(row, directory->listing.sum[0]);
	vt_buf_put_le64(row, directory->listing.sum[1]);
	vt_buf_put_le32(row, directory->listing.entries);
	vt_buf_put_le32(row, directory->files);
	vt_buf_put_le64(row, directory->bytes);
	vt_buf_put(row, directory->content.bytes, VT_DIGEST_LEN);
	vt_buf_put_le64(row, directory->page);
	vt_buf_put_le64(row, directory->rows);
	vt_buf_put_le64(row, directory->rows_len);
	vt_buf_put_le32(row, (uint32_t) path->len);
	vt_buf_put(row, path->data, path->len);
	vt_buf_put(row, pieces, pieces_len);
	return vt_stamps_end_row(writer, err);
}

int vt_kept_leave(struct vt_stamps_writer *writer, const struct vt_entry *left,
		  struct vt_error *err)
{
	struct vt_keeping *keeping = &writer->keeping;
	struct vt_kept_directory directory = {
		.listing = keeping->listing,
		.files = keeping->files,
		.bytes = keeping->bytes,
		.content = left->content,
		.page = left->page,
		.rows = keeping->first_row,
		.rows_len = writer->at - keeping->first_row,
	};
	bool possible = keeping->possible && keeping->listing.entries > 0;

	keeping->possible = false;
	if (vt_buf_failed(&keeping->pieces))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	return possible ? put_directory(writer, &directory, &keeping->path, keeping->pieces.data,
					keeping->pieces.len, err)
			: 0;
}

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	return (x->hash > y->hash) - (x->hash < y->hash);
}

int vt_kept_write_index(struct vt_stamps_writer *writer, const struct vt_digest *tree,
			uint64_t root_page, struct vt_error *err)
{
	struct place *places = (struct place *) (void *) writer->index.data;
	size_t count = writer->index.len / sizeof *places;
	vt_cleanup(vt_buf_done) struct vt_buf out = VT_BUF_INIT;

	if (vt_buf_failed(&writer->index))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	if (count > 0)
		qsort(places, count, sizeof *places, compare_places);
	vt_buf_put_le32(&out, 0);
	for (size_t i = 0; i < count; i++) {
		vt_buf_put_le64(&out, places[i].hash);
		vt_buf_put_le64(&out, places[i].offset);
	}
	vt_buf_put_le64(&out, writer->at + sizeof(uint32_t));
	vt_buf_put_le64(&out, count);
	vt_buf_put(&out, tree->bytes, VT_DIGEST_LEN);
	vt_buf_put_le64(&out, root_page);
	if (!vt_buf_failed(&out))
		vt_buf_put_le64(
			&out, XXH3_64bits(out.data + sizeof(uint32_t), out.len - sizeof(uint32_t)));
	if (vt_buf_failed(&out))
		return vt_fail(err, ENOMEM, "no memory for stamps");
	return vt_stamps_write(writer, out.data, out.len, err);
}

/* Opening */

static bool read_whole(int fd, void *out, size_t len, uint64_t offset)
{
	return vt_file_read_at(fd, out, len, offset) == (ssize_t) len;
}

static bool check_head(int fd, uint32_t dataset)
{
	vt_cleanup(vt_buf_done) struct vt_buf head = VT_BUF_INIT;
	uint8_t found[64];

	vt_stamps_put_head(dataset, &head);
	return !vt_buf_failed(&head) && read_whole(fd, found, head.len, 0) &&
	       memcmp(found, head.data, head.len) == 0;
}

/* Reads index and tail, which begin at `at`, into `out`. */
static bool read_index(struct vt_kept *kept, const struct vt_buf *index, size_t count)
{
	struct vt_reader reader = vt_reader_over(index->data, index->len);

	kept->places = calloc(count, sizeof *kept->places);
	if (!kept->places)
		return false;
	kept->count = count;
	for (size_t i = 0; i < count; i++) {
		kept->places[i].hash = vt_reader_le64(&reader);
		kept->places[i].offset = vt_reader_le64(&reader);
	}
	return true;
}

static bool load(struct vt_kept *kept, uint64_t size, const struct vt_digest *tree,
		 uint64_t root_page)
{
	vt_cleanup(vt_buf_done) struct vt_buf index = VT_BUF_INIT;
	struct vt_reader tail;
	uint8_t bytes[TAIL_LEN];
	uint64_t at, count;
	const void *digest;
	void *room;

	if (size < TAIL_LEN || !read_whole(kept->fd, bytes, TAIL_LEN, size - TAIL_LEN))
		return false;
	tail = vt_reader_over(bytes, TAIL_LEN);
	at = vt_reader_le64(&tail);
	count = vt_reader_le64(&tail);
	digest = vt_reader_get(&tail, VT_DIGEST_LEN);
	if (memcmp(digest, tree->bytes, VT_DIGEST_LEN) != 0 || vt_reader_le64(&tail) != root_page ||
	    at > size || count == 0 || count > size / sizeof(struct place) ||
	    size - at != count * sizeof(struct place) + TAIL_LEN)
		return false;
	room = vt_buf_grow(&index, size - at);
	if (!room || !read_whole(kept->fd, room, size - at, at) ||
	    vt_reader_le64(&tail) != XXH3_64bits(room, size - at - sizeof(uint64_t)))
		return false;
	kept->end = at;
	return read_index(kept, &index, count);
}

struct vt_kept *vt_kept_open(const char *path, uint32_t dataset, const struct vt_digest *tree,
			     uint64_t root_page)
{
	vt_cleanup(vt_kept_closep) struct vt_kept *kept = calloc(1, sizeof *kept);
	struct stat st;

	if (!kept)
		return NULL;
	kept->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (kept->fd < 0 || fstat(kept->fd, &st) < 0 || !check_head(kept->fd, dataset) ||
	    !load(kept, (uint64_t) st.st_size, tree, root_page))
		return NULL;
	return vt_steal(&kept);
}

void vt_kept_close(struct vt_kept *kept)
{
	if (!kept)
		return;
	if (kept->fd >= 0)
		(void) close(kept->fd);
	free(kept->places);
	vt_buf_done(&kept->row);
	vt_buf_done(&kept->path);
	vt_buf_done(&kept->key);
	free(kept);
}

/* Rows */

/* The row at `offset`, of that kind, into `kept->row`; `*next` is the offset behind it. */
static bool read_row(struct vt_kept *kept, uint64_t offset, enum vt_stamp_row kind,
		     struct vt_reader *out, uint64_t *next)
{
	uint32_t length;
	void *room;

	if (kept->end < offset || kept->end - offset < sizeof length ||
	    !read_whole(kept->fd, &length, sizeof length, offset))
		return false;
	length = le32toh(length);
	if (length > ROW_MAX || length > kept->end - offset - sizeof length)
		return false;
	vt_buf_reset(&kept->row);
	room = vt_buf_grow(&kept->row, length);
	if (!room || !read_whole(kept->fd, room, length, offset + sizeof length))
		return false;
	*next = offset + sizeof length + length;
	return vt_stamps_open_row(kept->row.data, kept->row.len, out) && vt_reader_u8(out) == kind;
}

/* Leaves kept->rest before the path. */
static bool read_directory(struct vt_kept *kept, uint64_t offset, struct vt_kept_directory *out)
{
	struct vt_reader *row = &kept->rest;
	const void *content;
	uint64_t next;

	if (!read_row(kept, offset, VT_STAMP_DIRECTORY, row, &next))
		return false;
	out->listing.sum[0] = vt_reader_le64(row);
	out->listing.sum[1] = vt_reader_le64(row);
	out->listing.entries = vt_reader_le32(row);
	out->files = vt_reader_le32(row);
	out->bytes = vt_reader_le64(row);
	content = vt_reader_get(row, VT_DIGEST_LEN);
	out->page = vt_reader_le64(row);
	out->rows = vt_reader_le64(row);
	out->rows_len = vt_reader_le64(row);
	if (row->failed || out->rows > offset || out->rows_len > offset - out->rows)
		return false;
	memcpy(out->content.bytes, content, VT_DIGEST_LEN);
	return true;
}

static bool is_row_of(struct vt_kept *kept, uint64_t offset, const struct vt_listing *listing)
{
	struct vt_kept_directory found;
	const void *path;
	uint32_t len;

	if (!read_directory(kept, offset, &found))
		return false;
	len = vt_reader_le32(&kept->rest);
	path = vt_reader_get(&kept->rest, len);
	return path && len == kept->key.len && memcmp(path, kept->key.data, len) == 0 &&
	       vt_reader_left(&kept->rest) == 2 * VT_KEPT_PIECES * (size_t) listing->entries &&
	       found.listing.entries == listing->entries &&
	       found.listing.sum[0] == listing->sum[0] && found.listing.sum[1] == listing->sum[1];
}

/* The first place of that hash or of a greater one. */
static size_t first_place(const struct vt_kept *kept, uint64_t hash)
{
	size_t low = 0, high = kept->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (kept->places[middle].hash < hash)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

uint64_t vt_kept_find(struct vt_kept *kept, const char *path, size_t len,
		      const struct vt_listing *listing)
{
	uint64_t hash;

	if (!kept || listing->entries == 0)
		return 0;
	vt_buf_reset(&kept->key);
	vt_item_key(path, len, &kept->key);
	if (vt_buf_failed(&kept->key))
		return 0;
	hash = XXH3_64bits(kept->key.data, kept->key.len);
	for (size_t i = first_place(kept, hash); i < kept->count && kept->places[i].hash == hash;
	     i++)
		if (is_row_of(kept, kept->places[i].offset, listing))
			return kept->places[i].offset;
	return 0;
}

static int unreadable(struct vt_error *err)
{
	return vt_fail(err, EIO,
		       "the stat cache of the dataset is damaged: publish with --checksum");
}

int vt_kept_read(struct vt_kept *kept, uint64_t offset, struct vt_kept_directory *out,
		 struct vt_error *err)
{
	if (!kept || !read_directory(kept, offset, out))
		return unreadable(err);
	(void) vt_reader_get(&kept->rest, vt_reader_le32(&kept->rest));
	out->pieces =
		vt_reader_get(&kept->rest, 2 * VT_KEPT_PIECES * (size_t) out->listing.entries);
	return out->pieces ? 0 : unreadable(err);
}

int vt_kept_files(struct vt_kept *kept, uint64_t offset, vt_kept_file *each, void *context,
		  struct vt_error *err)
{
	struct vt_kept_directory directory;
	uint32_t files = 0;
	int r = vt_kept_read(kept, offset, &directory, err);

	for (uint64_t at = directory.rows; r == 0 && at < offset; files++) {
		struct vt_file_stamp stamp;
		struct vt_reader row;

		if (!read_row(kept, at, VT_STAMP_FILE, &row, &at) ||
		    !vt_stamps_decode_file(&row, &stamp))
			return unreadable(err);
		r = vt_item_path(stamp.key, stamp.key_len, &kept->path, err);
		if (r == 0)
			r = each(context, (const char *) kept->path.data, stamp.key_len, err);
	}
	return r == 0 && files != directory.files ? unreadable(err) : r;
}

static int copy_rows(struct vt_kept *kept, const struct vt_kept_directory *directory,
		     struct vt_stamps_writer *writer, struct vt_error *err)
{
	uint64_t left = directory->rows_len, at = directory->rows;
	vt_autofree char *bytes = malloc(COPY_LEN);
	int r = bytes ? 0 : vt_fail(err, ENOMEM, "no memory for stamps");

	while (r == 0 && left > 0) {
		size_t len = left < COPY_LEN ? left : COPY_LEN;

		r = read_whole(kept->fd, bytes, len, at) ? vt_stamps_write(writer, bytes, len, err)
							 : unreadable(err);
		left -= len;
		at += len;
	}
	return r;
}

int vt_kept_copy(struct vt_kept *kept, const struct vt_kept_directory *directory,
		 const struct vt_item *item, struct vt_stamps_writer *writer, struct vt_error *err)
{
	struct vt_kept_directory taken = *directory;
	int r;

	taken.rows = writer->at;
	r = copy_rows(kept, directory, writer, err);
	if (r < 0)
		return r;
	vt_buf_reset(&kept->key);
	vt_item_key(item->path, item->path_len, &kept->key);
	return put_directory(writer, &taken, &kept->key, taken.pieces,
			     2 * VT_KEPT_PIECES * (size_t) taken.listing.entries, err);
}
