/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See decompress.h. gzip is read by gunzip.c, the others by libarchive's filters, of which exactly
 * one is asked for, below its format of raw bytes. libarchive ends where the last stream ends that
 * it knows; that nothing but padding lies behind is seen from how much it consumed.
 */
#include "tools/publish/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <endian.h>
#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/publish/gunzip.h"

#define READ_SIZE (256u << 10)

/* Bytes whose beginning has been looked at. */
struct headed {
	struct vt_input input; /* first */
	struct vt_input *from;
	uint8_t head[VT_HEAD_MAX];
	size_t len, at;
};

/* A format that libarchive reads. */
struct filtered {
	struct vt_input input; /* first */
	struct vt_input *from;
	const char *name;
	struct archive *archive;
	uint64_t taken; /* bytes of `from` */
	uint64_t zeros; /* how many bytes at the end of those were 0 */
	bool ended;
	int r; /* `from` failed with it and `why` */
	struct vt_error why;
	uint8_t buffer[READ_SIZE];
};

struct vt_decompress {
	struct headed headed;
	const char *format; /* NULL: not compressed */
	struct vt_gunzip *gunzip;
	struct filtered *filtered;
};

static const struct format {
	const char *name;
	int filter;
	size_t len;
	const char *magic;
} formats[] = {
	{"gzip", ARCHIVE_FILTER_GZIP, 2, "\x1f\x8b"},
	{"compress", ARCHIVE_FILTER_COMPRESS, 2, "\x1f\x9d"},
	{"xz", ARCHIVE_FILTER_XZ, 6,
	 "\xfd"
	 "7zXZ"},
	{"zstd", ARCHIVE_FILTER_ZSTD, 4, "\x28\xb5\x2f\xfd"},
	{"lz4", ARCHIVE_FILTER_LZ4, 4, "\x04\x22\x4d\x18"},
	{"lz4", ARCHIVE_FILTER_LZ4, 4, "\x02\x21\x4c\x18"}, /* the legacy frame */
};

/* Recognising */

static ssize_t read_headed(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct headed *in = (struct headed *) input;
	size_t n = in->len - in->at < len ? in->len - in->at : len;

	if (n == 0)
		return in->from->read(in->from, data, len, err);
	memcpy(data, in->head + in->at, n);
	in->at += n;
	return (ssize_t) n;
}

static int read_head(struct headed *in, struct vt_error *err)
{
	while (in->len < VT_HEAD_MAX) {
		ssize_t n =
			in->from->read(in->from, in->head + in->len, VT_HEAD_MAX - in->len, err);

		if (n <= 0)
			return (int) n;
		in->len += (size_t) n;
	}
	return 0;
}

/* "BZh", a digit, and the magic of a block or of the end: the letters alone may be a name in a tar.
 */
static bool is_bzip2(const uint8_t *head, size_t len)
{
	size_t rest = len < 10 ? len : 10;

	return len >= 4 && memcmp(head, "BZh", 3) == 0 && head[3] >= '1' && head[3] <= '9' &&
	       (memcmp(head + 4, "\x31\x41\x59\x26\x53\x59", rest - 4) == 0 ||
		memcmp(head + 4, "\x17\x72\x45\x38\x50\x90", rest - 4) == 0);
}

/* LZMA_alone has no magic: the usual properties, a dictionary of 2^n or 2^n + 2^(n-1), a length. */
static bool is_lzma(const uint8_t *head, size_t len)
{
	uint32_t dictionary, low;
	uint64_t size;

	if (len < 13 || head[0] != 0x5d)
		return false;
	memcpy(&dictionary, head + 1, sizeof dictionary);
	memcpy(&size, head + 5, sizeof size);
	dictionary = le32toh(dictionary);
	size = le64toh(size);
	low = dictionary & -dictionary;
	return dictionary >= 4096 && (dictionary == low || dictionary == low * 3) &&
	       (size == UINT64_MAX || size < (uint64_t) 1 << 38);
}

static bool is_skippable_frame(const uint8_t *head, size_t len)
{
	return len >= 4 && (head[0] & 0xf0) == 0x50 && memcmp(head + 1, "\x2a\x4d\x18", 3) == 0;
}

static const struct format *recognise(const uint8_t *head, size_t len)
{
	static const struct format bzip2 = {"bzip2", ARCHIVE_FILTER_BZIP2, 0, ""};
	static const struct format lzma = {"lzma", ARCHIVE_FILTER_LZMA, 0, ""};
	static const struct format zstd = {"zstd", ARCHIVE_FILTER_ZSTD, 0, ""};

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (len >= formats[i].len && memcmp(head, formats[i].magic, formats[i].len) == 0)
			return &formats[i];
	if (is_bzip2(head, len))
		return &bzip2;
	if (is_lzma(head, len))
		return &lzma;
	return is_skippable_frame(head, len) ? &zstd : NULL;
}

/* By libarchive */

static size_t trailing_zeros(const uint8_t *data, size_t len)
{
	size_t n = 0;

	while (n < len && data[len - n - 1] == 0)
		n++;
	return n;
}

/* -1: `r` and `why` say what. */
static ssize_t take(struct filtered *in)
{
	ssize_t n = in->from->read(in->from, in->buffer, READ_SIZE, &in->why);
	size_t zeros;

	if (n < 0) {
		in->r = (int) n;
		return -1;
	}
	zeros = trailing_zeros(in->buffer, (size_t) n);
	in->zeros = zeros == (size_t) n ? in->zeros + zeros : zeros;
	in->taken += (uint64_t) n;
	return n;
}

static la_ssize_t feed_filter(struct archive *archive, void *context, const void **data)
{
	struct filtered *in = context;
	ssize_t n = take(in);

	if (n < 0)
		archive_set_error(archive, EIO, "cannot read");
	*data = in->buffer;
	return n;
}

static int fail_filter(const struct filtered *in, struct vt_error *err)
{
	const char *why = archive_error_string(in->archive);

	if (in->r < 0)
		return vt_fail(err, -in->r, "%s", in->why.text);
	if (archive_errno(in->archive) == ENOMEM)
		return vt_fail(err, ENOMEM, "no memory to decompress '%s'", in->name);
	if (!why || strstr(why, "No progress is possible")) /* so liblzma calls it */
		why = "truncated data";
	return vt_fail(err, EBADMSG, "'%s' is damaged: %s", in->name, why);
}

/*
 * Zeros are padding. Anything else is damage: a second stream whose head is wrong would pass for
 * bytes that are not to be read.
 */
static int look_behind(struct filtered *in, struct vt_error *err)
{
	uint64_t consumed = (uint64_t) archive_filter_bytes(in->archive, -1);
	ssize_t n;

	in->ended = true;
	do
		n = take(in);
	while (n > 0 && in->zeros >= in->taken - consumed);
	if (n < 0)
		return fail_filter(in, err);
	if (in->zeros < in->taken - consumed)
		return vt_fail(err, EBADMSG,
			       "'%s' is damaged: other bytes follow its compressed data", in->name);
	return 0;
}

static ssize_t read_filtered(struct vt_input *input, void *data, size_t len, struct vt_error *err)
{
	struct filtered *in = (struct filtered *) input;
	ssize_t n = in->ended ? 0 : archive_read_data(in->archive, data, len);

	if (n < 0)
		return fail_filter(in, err);
	return n == 0 && !in->ended ? look_behind(in, err) : n;
}

/* That of compress reads a header where it is appended, before there is anything to read. */
static int ask_for(struct archive *archive, int filter)
{
	return filter == ARCHIVE_FILTER_COMPRESS ? archive_read_support_filter_compress(archive)
						 : archive_read_append_filter(archive, filter);
}

/*
 * The format of raw bytes does not take an empty input, and that of an empty one takes a damaged
 * one for it: then only the error that is left behind tells.
 */
static int open_filter(struct filtered *in, const struct format *format, struct vt_error *err)
{
	struct archive *archive = in->archive;
	struct archive_entry *entry;
	int r;

	(void) archive_read_support_format_raw(archive);
	(void) archive_read_support_format_empty(archive);
	if (ask_for(archive, format->filter) != ARCHIVE_OK)
		return vt_fail(err, ENOTSUP, "'%s': this libarchive cannot read %s", in->name,
			       format->name);
	(void) archive_read_set_read_callback(archive, feed_filter);
	(void) archive_read_set_callback_data(archive, in);
	if (archive_read_open1(archive) != ARCHIVE_OK || archive_errno(archive) != 0)
		return fail_filter(in, err);
	r = archive_read_next_header(archive, &entry);
	if (archive_filter_count(archive) < 2) /* it was not taken for what it begins as */
		return vt_fail(err, EBADMSG, "'%s' is damaged: it is no %s", in->name,
			       format->name);
	if (r == ARCHIVE_EOF)
		return look_behind(in, err);
	return r == ARCHIVE_OK ? 0 : fail_filter(in, err);
}

static void filtered_free(struct filtered *in)
{
	if (!in)
		return;
	(void) archive_read_free(in->archive);
	free(in);
}

static int filtered_new(struct vt_input *from, const char *name, const struct format *format,
			struct filtered **out, struct vt_error *err)
{
	struct filtered *in = calloc(1, sizeof *in);
	int r;

	if (in)
		in->archive = archive_read_new();
	if (!in || !in->archive) {
		free(in);
		return vt_fail(err, ENOMEM, "no memory to decompress '%s'", name);
	}
	in->input.read = read_filtered;
	in->from = from;
	in->name = name;
	r = open_filter(in, format, err);
	if (r < 0)
		filtered_free(in);
	else
		*out = in;
	return r;
}

/* Either way */

int vt_decompress_new(struct vt_input *from, const char *name, struct vt_decompress **out,
		      struct vt_error *err)
{
	vt_cleanup(vt_decompress_freep) struct vt_decompress *made = calloc(1, sizeof *made);
	const struct format *format;
	int r;

	if (!made)
		return vt_fail(err, ENOMEM, "no memory to decompress '%s'", name);
	made->headed.input.read = read_headed;
	made->headed.from = from;
	r = read_head(&made->headed, err);
	if (r < 0)
		return r;
	format = recognise(made->headed.head, made->headed.len);
	made->format = format ? format->name : NULL;
	if (format && format->filter == ARCHIVE_FILTER_GZIP)
		r = vt_gunzip_new(&made->headed.input, name, &made->gunzip, err);
	else if (format)
		r = filtered_new(&made->headed.input, name, format, &made->filtered, err);
	if (r == 0)
		*out = vt_steal(&made);
	return r;
}

void vt_decompress_free(struct vt_decompress *decompress)
{
	if (!decompress)
		return;
	vt_gunzip_free(decompress->gunzip);
	filtered_free(decompress->filtered);
	free(decompress);
}

const char *vt_decompress_format(const struct vt_decompress *decompress)
{
	return decompress->format;
}

struct vt_input *vt_decompress_input(struct vt_decompress *decompress)
{
	if (decompress->gunzip)
		return vt_gunzip_input(decompress->gunzip);
	return decompress->filtered ? &decompress->filtered->input : &decompress->headed.input;
}

const uint8_t *vt_decompress_head(const struct vt_decompress *decompress, size_t *len)
{
	*len = decompress->headed.len;
	return decompress->headed.head;
}

bool vt_decompress_has_garbage(const struct vt_decompress *decompress)
{
	return decompress->gunzip && vt_gunzip_has_garbage(decompress->gunzip);
}
