/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See shard_reader.h; the bytes are explained in shard-format.md. The file is read from both ends:
 * the header says what it is, the footer in its last bytes where the seek table and the index are.
 * Both tables are held in memory, which the file's own length bounds, and every frame must be told
 * alike by both and lie where the one before it ended.
 */
#include "fs/shard_reader.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/shard_format.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/uuid.h"

#define READ_AT_ONCE (1u << 20)

struct vt_shard_reader {
	int fd;
	struct vt_shard_facts facts;
	struct vt_digest dictionary_digest;
	uint8_t *seek;  /* facts.frames + 2 entries */
	uint8_t *index; /* all of its content but the digest; items in host order once read */
	size_t seek_len, index_len;
	uint64_t index_offset; /* in the file, of the skippable frame */

	/* where vt_shard_reader_next() stands */
	struct vt_reader rest; /* of the index */
	uint32_t turn;         /* frames read */
	uint64_t offset;       /* of the next frame */
	uint32_t items;        /* read */

	struct vt_decoder *decoder;
	const struct vt_dictionary *trusted; /* its digest was compared */
	struct vt_buf encoded, decoded;
};

/* Items are handed out where they were read, once their numbers have the host's byte order. */
_Static_assert(sizeof(struct vt_shard_item) == sizeof(struct vt_shard_index_item) &&
		       offsetof(struct vt_shard_item, skip) ==
			       offsetof(struct vt_shard_index_item, skip) &&
		       offsetof(struct vt_shard_item, length) ==
			       offsetof(struct vt_shard_index_item, length),
	       "an item in memory is laid out as in the file");

void vt_shard_reader_close(struct vt_shard_reader *reader)
{
	if (!reader)
		return;
	if (reader->fd >= 0)
		(void) close(reader->fd);
	free(reader->seek);
	free(reader->index);
	vt_decoder_free(reader->decoder);
	vt_buf_done(&reader->encoded);
	vt_buf_done(&reader->decoded);
	free(reader);
}

static int read_at(const struct vt_shard_reader *reader, uint64_t offset, void *out, size_t len,
		   struct vt_error *err)
{
	ssize_t n = vt_file_read_at(reader->fd, out, len, offset);

	if (n < 0)
		return vt_fail(err, (int) -n, "cannot read at byte %" PRIu64 ": %m", offset);
	if ((size_t) n < len)
		return vt_fail(err, EBADMSG, "ends at byte %" PRIu64, offset + (size_t) n);
	return 0;
}

/* ---- header ---- */

static bool is_zero(const void *data, size_t len)
{
	const uint8_t *bytes = data;

	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

/* The digest before the version: a newer format keeps both, and damage is not mistaken for one. */
static int check_header(const struct vt_shard_header *header, struct vt_error *err)
{
	struct vt_digest digest;

	if (le32toh(header->skippable_magic) != VT_SKIPPABLE_HEADER ||
	    le32toh(header->skippable_size) != VT_SHARD_HEADER - VT_SKIPPABLE_SIZE ||
	    memcmp(header->magic, VT_SHARD_MAGIC, sizeof header->magic) != 0)
		return vt_fail(err, EBADMSG, "not a shard: it does not begin with a shard's magic");
	vt_digest_of(header, offsetof(struct vt_shard_header, digest), &digest);
	if (memcmp(digest.bytes, header->digest, VT_DIGEST_LEN) != 0)
		return vt_fail(err, EBADMSG, "the header is damaged: its SHA-256 differs");
	if (le32toh(header->version) > VT_SHARD_VERSION)
		return vt_fail(err, ENOTSUP,
			       "made by a newer vitrine: format %u, and this one reads up to %u",
			       le32toh(header->version), VT_SHARD_VERSION);
	if (le32toh(header->version) != VT_SHARD_VERSION)
		return vt_fail(err, EBADMSG, "the header tells of a format %u, which never was",
			       le32toh(header->version));
	if (le32toh(header->flags) & ~VT_SHARD_LZ4)
		return vt_fail(err, ENOTSUP, "made by a newer vitrine: flags 0x%x are not known",
			       le32toh(header->flags) & ~VT_SHARD_LZ4);
	if (!is_zero(header->wrapped_key, sizeof header->wrapped_key))
		return vt_fail(err, ENOTSUP, "made by a newer vitrine: it is encrypted");
	if (header->reserved || !is_zero(header->padding, sizeof header->padding))
		return vt_fail(err, EBADMSG, "the header has bytes where zeros belong");
	if (header->serial == 0)
		return vt_fail(err, EBADMSG, "the header has no serial");
	if (!header->dictionary !=
	    is_zero(header->dictionary_digest, sizeof header->dictionary_digest))
		return vt_fail(err, EBADMSG, "the header names half a dictionary");
	return 0;
}

static int read_header(struct vt_shard_reader *reader, struct vt_error *err)
{
	struct vt_shard_header header;
	int r = read_at(reader, 0, &header, sizeof header, err);

	if (r == 0)
		r = check_header(&header, err);
	if (r < 0)
		return r;
	vt_uuid_format(header.uuid, reader->facts.uuid);
	reader->facts.serial = le32toh(header.serial);
	reader->facts.domain = le32toh(header.domain);
	reader->facts.dictionary = le32toh(header.dictionary);
	reader->facts.lz4 = le32toh(header.flags) & VT_SHARD_LZ4;
	memcpy(reader->dictionary_digest.bytes, header.dictionary_digest, VT_DIGEST_LEN);
	return 0;
}

/* ---- seek table and index ---- */

/* Reads the content of the skippable frame at `offset`, which takes exactly `size` bytes. */
static int read_skippable(const struct vt_shard_reader *reader, uint64_t offset, size_t size,
			  uint32_t magic, const char *what, uint8_t **out, struct vt_error *err)
{
	vt_autofree uint8_t *content = NULL;
	uint8_t head[VT_SKIPPABLE_SIZE];
	struct vt_reader fields = vt_reader_over(head, sizeof head);
	int r = read_at(reader, offset, head, sizeof head, err);

	if (r < 0)
		return r;
	if (vt_reader_le32(&fields) != magic || vt_reader_le32(&fields) != size - VT_SKIPPABLE_SIZE)
		return vt_fail(err, EBADMSG,
			       "the %s is damaged: it does not begin at byte %" PRIu64, what,
			       offset);
	content = malloc(size - VT_SKIPPABLE_SIZE);
	if (!content)
		return vt_fail(err, ENOMEM, "no memory for the %s", what);
	r = read_at(reader, offset + VT_SKIPPABLE_SIZE, content, size - VT_SKIPPABLE_SIZE, err);
	if (r < 0)
		return r;
	*out = vt_steal(&content);
	return 0;
}

/* Sets frames from the file's last bytes, and reads the table they speak of. */
static int read_seek_table(struct vt_shard_reader *reader, struct vt_error *err)
{
	uint64_t room = reader->facts.size - VT_SHARD_HEADER, size;
	uint8_t footer[VT_SEEK_FOOTER_SIZE];
	struct vt_reader fields = vt_reader_over(footer, sizeof footer);
	uint32_t entries;
	int r;

	r = read_at(reader, reader->facts.size - sizeof footer, footer, sizeof footer, err);
	if (r < 0)
		return r;
	entries = vt_reader_le32(&fields);
	if (vt_reader_u8(&fields) != 0 || vt_reader_le32(&fields) != VT_SEEK_FOOTER)
		return vt_fail(err, EBADMSG, "cut short or never sealed: no seek table at its end");
	reader->seek_len = (size_t) entries * VT_SEEK_ENTRY;
	size = VT_SKIPPABLE_SIZE + (uint64_t) reader->seek_len + VT_SEEK_FOOTER_SIZE;
	if (entries < 2 || size > room)
		return vt_fail(err, EBADMSG, "the seek table is damaged: %u entries", entries);
	reader->facts.frames = entries - 2;
	reader->index_offset = reader->facts.size - size; /* its end, until the size is known */
	return read_skippable(reader, reader->index_offset, size, VT_SKIPPABLE_SEEK, "seek table",
			      &reader->seek, err);
}

static void seek_entry(const struct vt_shard_reader *reader, uint32_t i, uint32_t *stored,
		       uint32_t *content)
{
	struct vt_reader entry =
		vt_reader_over(reader->seek + (size_t) i * VT_SEEK_ENTRY, VT_SEEK_ENTRY);

	*stored = vt_reader_le32(&entry);
	*content = vt_reader_le32(&entry);
}

/* All entries together must be the file, byte by byte. */
static int add_up(struct vt_shard_reader *reader, uint64_t *index_size, struct vt_error *err)
{
	uint32_t last = reader->facts.frames + 1, stored, content;
	uint64_t offset = 0;

	for (uint32_t i = 0; i <= last; i++) {
		bool ours = i > 0 && i < last;

		seek_entry(reader, i, &stored, &content);
		if (ours ? stored == 0 || stored > VT_FRAME_STORED_MAX || content == 0 ||
				    content > VT_FRAME_MAX
			 : content != 0)
			return vt_fail(err, EBADMSG,
				       "the seek table is damaged: entry %u has sizes %u and %u", i,
				       stored, content);
		if (i == 0 && stored != VT_SHARD_HEADER)
			return vt_fail(err, EBADMSG, "the seek table is damaged: no header first");
		offset += stored;
		reader->facts.content_size += content;
	}
	if (offset != reader->index_offset)
		return vt_fail(err, EBADMSG,
			       "the seek table is damaged: frames end at byte %" PRIu64
			       ", not at %" PRIu64,
			       offset, reader->index_offset);
	*index_size = stored;
	return 0;
}

static int read_index(struct vt_shard_reader *reader, struct vt_error *err)
{
	struct vt_digest digest;
	uint64_t size = 0;
	int r = add_up(reader, &size, err);

	if (r < 0)
		return r;
	if (size < VT_SKIPPABLE_SIZE + sizeof(struct vt_shard_index_head) + VT_DIGEST_LEN)
		return vt_fail(err, EBADMSG, "the index is damaged: %" PRIu64 " bytes", size);
	reader->index_offset -= size;
	r = read_skippable(reader, reader->index_offset, size, VT_SKIPPABLE_INDEX, "index",
			   &reader->index, err);
	if (r < 0)
		return r;
	reader->index_len = size - VT_SKIPPABLE_SIZE - VT_DIGEST_LEN;
	vt_digest_of(reader->index, reader->index_len, &digest);
	if (memcmp(digest.bytes, reader->index + reader->index_len, VT_DIGEST_LEN) != 0)
		return vt_fail(err, EBADMSG, "the index is damaged: its SHA-256 differs");
	reader->rest = vt_reader_over(reader->index, reader->index_len);
	if (vt_reader_le32(&reader->rest) != reader->facts.frames)
		return vt_fail(err, EBADMSG,
			       "the index is damaged: the seek table has %u frames, it has not",
			       reader->facts.frames);
	reader->items = vt_reader_le32(&reader->rest);
	return 0;
}

static int read_all(struct vt_shard_reader *reader, struct vt_error *err)
{
	const uint64_t least = VT_SHARD_HEADER + VT_SKIPPABLE_SIZE + VT_SEEK_FOOTER_SIZE;
	struct stat st;
	int r;

	if (fstat(reader->fd, &st) < 0)
		return vt_fail(err, errno, "cannot stat it: %m");
	if (!S_ISREG(st.st_mode))
		return vt_fail(err, EBADMSG, "not a file");
	reader->facts.size = (uint64_t) st.st_size;
	if (reader->facts.size < least || reader->facts.size > VT_SHARD_SIZE_MAX)
		return vt_fail(err, EBADMSG, "no shard has %" PRIu64 " bytes", reader->facts.size);
	r = read_header(reader, err);
	if (r == 0)
		r = read_seek_table(reader, err);
	if (r == 0)
		r = read_index(reader, err);
	return r;
}

int vt_shard_reader_open(const char *path, struct vt_shard_reader **out,
			 struct vt_shard_facts *facts, struct vt_error *err)
{
	vt_cleanup(vt_shard_reader_closep) struct vt_shard_reader *reader =
		calloc(1, sizeof *reader);
	int r;

	if (!reader)
		return vt_fail(err, ENOMEM, "no memory to read a shard");
	reader->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (reader->fd < 0)
		return vt_fail(err, errno, "cannot open shard '%s': %m", path);
	r = vt_decoder_new(&reader->decoder, err);
	if (r == 0)
		r = read_all(reader, err);
	if (r < 0)
		return vt_fail_in(err, r, "shard '%s'", path);
	reader->offset = VT_SHARD_HEADER;
	*facts = reader->facts;
	*out = vt_steal(&reader);
	return 0;
}

/* ---- frames ---- */

static int damaged_index(const struct vt_shard_reader *reader, const char *what,
			 struct vt_error *err)
{
	return vt_fail(err, EBADMSG, "the index is damaged at frame %u: %s", reader->turn, what);
}

/* Items stand one after another and leave no byte of the frame without a digest. */
static bool items_tile(struct vt_shard_item *items, size_t count, uint32_t content_size)
{
	uint64_t end = 0;

	for (size_t i = 0; i < count; i++) {
		items[i].skip = le32toh(items[i].skip);
		items[i].length = le32toh(items[i].length);
		if (items[i].skip != end || items[i].length == 0)
			return false;
		end += items[i].length;
	}
	return end == content_size;
}

int vt_shard_reader_next(struct vt_shard_reader *reader, struct vt_shard_frame *out,
			 struct vt_error *err)
{
	uint32_t stored, content, seek_stored, seek_content, count;
	struct vt_shard_item *items;

	if (reader->turn == reader->facts.frames) {
		if (vt_reader_left(&reader->rest) > 0 || reader->items > 0)
			return damaged_index(reader, "something is left over", err);
		return 0;
	}
	stored = vt_reader_le32(&reader->rest);
	content = vt_reader_le32(&reader->rest);
	count = vt_reader_le32(&reader->rest);
	items = (struct vt_shard_item *) (uintptr_t) vt_reader_get(
		&reader->rest, (size_t) count * sizeof(struct vt_shard_index_item));
	if (!items || count > reader->items)
		return damaged_index(reader, "more items than there are", err);
	seek_entry(reader, reader->turn + 1, &seek_stored, &seek_content);
	if (stored != seek_stored || content != seek_content)
		return damaged_index(reader, "the seek table has other sizes", err);
	if (!items_tile(items, count, content))
		return damaged_index(reader, "items that do not fill it one after another", err);
	*out = (struct vt_shard_frame){
		.at = {.shard = reader->facts.serial,
		       .frame_offset = (uint32_t) reader->offset,
		       .frame_size = stored},
		.content_size = content,
		.items = items,
		.count = count,
	};
	reader->items -= count;
	reader->offset += stored;
	reader->turn++;
	return 1;
}

int vt_shard_reader_raw(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
			struct vt_buf *out, struct vt_error *err)
{
	size_t before = out->len;
	void *room = vt_buf_grow(out, frame->at.frame_size);
	int r;

	if (!room)
		return vt_fail(err, ENOMEM, "no memory for a frame");
	r = read_at(reader, frame->at.frame_offset, room, frame->at.frame_size, err);
	if (r < 0)
		out->len = before;
	return r;
}

static int check_dictionary(struct vt_shard_reader *reader, const struct vt_dictionary *dictionary,
			    struct vt_error *err)
{
	struct vt_digest digest;
	const void *data;
	size_t len;

	if (!dictionary)
		return vt_fail(err, EINVAL, "the shard's dictionary %u is needed",
			       reader->facts.dictionary);
	if (dictionary == reader->trusted)
		return 0;
	data = vt_dictionary_data(dictionary, &len);
	vt_digest_of(data, len, &digest);
	if (!vt_digest_equal(&digest, &reader->dictionary_digest))
		return vt_fail(err, EBADMSG, "not the dictionary that the shard was made with");
	reader->trusted = dictionary;
	return 0;
}

/* Decodes the frame in `encoded` into `decoded`. */
static int decode(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
		  const struct vt_dictionary *dictionary, struct vt_error *err)
{
	struct vt_frame_facts facts;
	void *room;
	int r = vt_frame_inspect(reader->encoded.data, reader->encoded.len, &facts, err);

	if (r < 0)
		return r;
	if (facts.content_size != frame->content_size)
		return vt_fail(err, EBADMSG, "a frame of %u bytes; the index says %u",
			       facts.content_size, frame->content_size);
	if (facts.codec == VT_CODEC_LZ4 && !reader->facts.lz4)
		return vt_fail(err, EBADMSG, "a frame of LZ4 in a shard that has none");
	if (facts.dictionary && facts.dictionary != reader->facts.dictionary)
		return vt_fail(err, EBADMSG, "a frame with dictionary %u in a shard with %u",
			       facts.dictionary, reader->facts.dictionary);
	if (facts.dictionary) {
		r = check_dictionary(reader, dictionary, err);
		if (r < 0)
			return r;
	}
	vt_buf_reset(&reader->decoded);
	room = vt_buf_grow(&reader->decoded, frame->content_size);
	if (!room)
		return vt_fail(err, ENOMEM, "no memory for a frame");
	return vt_decode(reader->decoder, facts.dictionary ? dictionary : NULL,
			 reader->encoded.data, reader->encoded.len, room, frame->content_size, err);
}

static int check_items(const struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
		       struct vt_error *err)
{
	char is[VT_DIGEST_HEX], should[VT_DIGEST_HEX];
	struct vt_digest digest;

	for (size_t i = 0; i < frame->count; i++) {
		const struct vt_shard_item *item = &frame->items[i];

		vt_digest_of(reader->decoded.data + item->skip, item->length, &digest);
		if (vt_digest_equal(&digest, &item->content))
			continue;
		vt_digest_format(&digest, is);
		vt_digest_format(&item->content, should);
		return vt_fail(err, EBADMSG, "item %zu: its SHA-256 is %s, recorded is %s", i, is,
			       should);
	}
	return 0;
}

int vt_shard_reader_check(struct vt_shard_reader *reader, const struct vt_shard_frame *frame,
			  const struct vt_dictionary *dictionary, struct vt_error *err)
{
	int r;

	vt_buf_reset(&reader->encoded);
	r = vt_shard_reader_raw(reader, frame, &reader->encoded, err);
	if (r == 0)
		r = decode(reader, frame, dictionary, err);
	return r < 0 ? r : check_items(reader, frame, err);
}

int vt_shard_reader_digest(struct vt_shard_reader *reader, struct vt_digest *out,
			   struct vt_error *err)
{
	vt_cleanup(vt_hasher_freep) struct vt_hasher *hasher = vt_hasher_new();
	vt_autofree uint8_t *room = malloc(READ_AT_ONCE);
	uint64_t size = reader->facts.size;

	if (!hasher || !room)
		return vt_fail(err, ENOMEM, "no memory to hash a shard");
	for (uint64_t at = 0; at < size; at += READ_AT_ONCE) {
		size_t len = size - at < READ_AT_ONCE ? (size_t) (size - at) : READ_AT_ONCE;
		int r = read_at(reader, at, room, len, err);

		if (r < 0)
			return r;
		vt_hasher_update(hasher, room, len);
	}
	vt_hasher_final(hasher, out);
	return 0;
}
