/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See archive_bytes.h. A stack of inputs:
 *
 *     file  ->  layer 0 ... layer depth-2, each a compression  ->  layer depth-1: not compressed
 *
 * libarchive reads the uppermost, or a file in which it may seek: the source itself when nothing is
 * compressed, and a copy of what comes out at the top when the format cannot do without.
 */
#include "tools/publish/archive_bytes.h"

#include <archive.h>
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/publish/decompress.h"
#include "tools/publish/scratch.h"
#include "tools/publish/source.h"

#define READ_SIZE (256u << 10)
#define DEPTH_MAX 8u /* there are files that decompress to themselves */

/* A file, read from where it stands. */
struct file_input {
	struct vt_input input; /* first */
	struct vt_publish_context *context;
	const char *name;
	int fd;
	off_t begin;  /* of the archive in it; -1: cannot seek */
	bool counted; /* as progress */
};

struct vt_archive_bytes {
	struct file_input file; /* the source, or a copy of what it decompresses to */
	struct vt_decompress *layers[DEPTH_MAX];
	unsigned depth;
	struct vt_input *input; /* what libarchive reads; the file: it may seek */
	int copy;               /* or -1 */
	uint64_t fed;           /* bytes that libarchive was given */
	int r;                  /* reading failed with it and `why` */
	struct vt_error why;
	uint8_t buffer[READ_SIZE];
};

static ssize_t read_file(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct file_input *in = (struct file_input *) input;
	ssize_t n;

	if (vt_crew_stopped(in->context->crew))
		return vt_fail(err, EINTR, "cancelled");
	do
		n = read(in->fd, data, len);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return vt_fail(err, errno, "cannot read '%s': %m", in->name);
	if (in->counted)
		(void) atomic_fetch_add(&in->context->progress->bytes, (uint64_t) n);
	return n;
}

/* Making */

static const struct vt_decompress *top(const struct vt_archive_bytes *bytes)
{
	return bytes->layers[bytes->depth - 1];
}

static int take_off_layers(struct vt_archive_bytes *bytes, struct vt_error *err)
{
	do {
		struct vt_decompress **layer = &bytes->layers[bytes->depth];
		int r = vt_decompress_new(bytes->input, bytes->file.name, layer, err);

		if (r < 0)
			return r;
		bytes->depth++;
		bytes->input = vt_decompress_input(*layer);
	} while (vt_decompress_format(top(bytes)) && bytes->depth < DEPTH_MAX);
	return 0;
}

static bool is_compressed(const struct vt_archive_bytes *bytes)
{
	return vt_decompress_format(bytes->layers[0]);
}

/* Has libarchive read the file itself. */
static int seek_in(struct vt_archive_bytes *bytes, struct vt_error *err)
{
	struct file_input *file = &bytes->file;

	if (lseek(file->fd, file->begin, SEEK_SET) < 0)
		return vt_fail(err, errno, "cannot seek in '%s': %m", file->name);
	bytes->input = &file->input;
	return 0;
}

static int copy_input(struct vt_archive_bytes *bytes, struct vt_error *err)
{
	uint64_t at = 0;
	ssize_t n;
	int r = 0;

	bytes->copy = vt_scratch_open(bytes->file.context->info->dir, err);
	if (bytes->copy < 0)
		return bytes->copy;
	while (r == 0 &&
	       (n = bytes->input->read(bytes->input, bytes->buffer, READ_SIZE, err)) != 0) {
		r = n < 0 ? (int) n
			  : vt_scratch_write(bytes->copy, bytes->buffer, (size_t) n, at, err);
		at += (uint64_t) n;
	}
	bytes->file.fd = bytes->copy;
	bytes->file.begin = 0;
	bytes->file.counted = false;
	return r;
}

static int prepare(struct vt_archive_bytes *bytes, struct vt_error *err)
{
	int r = take_off_layers(bytes, err);
	bool whole;

	if (r < 0)
		return r;
	whole = !is_compressed(bytes) && bytes->file.begin >= 0;
	if (!whole && vt_archive_bytes_has_directory(bytes)) {
		r = copy_input(bytes, err);
		whole = true;
	}
	return r == 0 && whole ? seek_in(bytes, err) : r;
}

int vt_archive_bytes_new(struct vt_publish_context *context, uint32_t index,
			 struct vt_archive_bytes **out, struct vt_error *err)
{
	vt_cleanup(vt_archive_bytes_freep) struct vt_archive_bytes *bytes =
		calloc(1, sizeof *bytes);
	const struct vt_source *source = &context->sources[index];
	int r;

	if (!bytes)
		return vt_fail(err, ENOMEM, "no memory to read an archive");
	bytes->copy = -1;
	bytes->file = (struct file_input){.input = {read_file},
					  .context = context,
					  .name = source->name,
					  .fd = source->fd,
					  .begin = lseek(source->fd, 0, SEEK_CUR),
					  .counted = true};
	bytes->input = &bytes->file.input;
	r = prepare(bytes, err);
	if (r == 0)
		*out = vt_steal(&bytes);
	return r;
}

void vt_archive_bytes_free(struct vt_archive_bytes *bytes)
{
	if (!bytes)
		return;
	while (bytes->depth > 0)
		vt_decompress_free(bytes->layers[--bytes->depth]);
	if (bytes->copy >= 0)
		(void) close(bytes->copy);
	free(bytes);
}

bool vt_archive_bytes_has_directory(const struct vt_archive_bytes *bytes)
{
	static const struct {
		const char *magic;
		size_t len;
	} formats[] = {{"PK\3\4", 4}, {"PK\5\6", 4}, {"PK\7\b", 4}, {"7z\xbc\xaf\x27\x1c", 6}};
	size_t len;
	const uint8_t *head = vt_decompress_head(top(bytes), &len);

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (len >= formats[i].len && memcmp(head, formats[i].magic, formats[i].len) == 0)
			return true;
	return false;
}

bool vt_archive_bytes_is_tar(const struct vt_archive_bytes *bytes)
{
	size_t len;
	const uint8_t *head = vt_decompress_head(top(bytes), &len);

	return len == VT_HEAD_MAX && memcmp(head + 257, "ustar", 5) == 0;
}

/* For libarchive */

static la_ssize_t feed(struct archive *archive, void *context, const void **data)
{
	struct vt_archive_bytes *bytes = context;
	ssize_t n = bytes->input->read(bytes->input, bytes->buffer, READ_SIZE, &bytes->why);

	*data = bytes->buffer;
	if (n >= 0) {
		bytes->fed += (uint64_t) n;
		return n;
	}
	bytes->r = (int) n;
	archive_set_error(archive, (int) -n, "%s", bytes->why.text);
	return -1;
}

static la_int64_t seek(struct archive *archive, void *context, la_int64_t offset, int whence)
{
	const struct file_input *file = &((const struct vt_archive_bytes *) context)->file;
	off_t at = lseek(file->fd, whence == SEEK_SET ? file->begin + offset : offset, whence);

	(void) archive;
	return at < file->begin ? ARCHIVE_FATAL : at - file->begin;
}

int vt_archive_bytes_open(struct vt_archive_bytes *bytes, struct archive *archive)
{
	(void) archive_read_set_read_callback(archive, feed);
	if (bytes->input == &bytes->file.input)
		(void) archive_read_set_seek_callback(archive, seek);
	(void) archive_read_set_callback_data(archive, bytes);
	return archive_read_open1(archive);
}

int vt_archive_bytes_failure(const struct vt_archive_bytes *bytes, struct vt_error *err)
{
	return bytes->r < 0 ? vt_fail(err, -bytes->r, "%s", bytes->why.text) : 0;
}

uint64_t vt_archive_bytes_fed(const struct vt_archive_bytes *bytes)
{
	return bytes->fed;
}

int vt_archive_bytes_finish(struct vt_archive_bytes *bytes, struct vt_error *err)
{
	ssize_t n = bytes->input != &bytes->file.input;
	int r = 0;

	while (n > 0)
		n = bytes->input->read(bytes->input, bytes->buffer, READ_SIZE, err);
	if (n < 0)
		return (int) n;
	for (unsigned i = 0; r == 0 && i < bytes->depth; i++)
		if (vt_decompress_has_garbage(bytes->layers[i]))
			r = vt_publish_ignore(bytes->file.context, bytes->file.name, err);
	return r;
}
