/* SPDX-License-Identifier: Apache-2.0 */
/* See place.h. */
#include "tools/labels/place.h"

#include <errno.h>
#include <string.h>

#include "index/base/error.h"
#include "tools/labels/member.h"
#include "tools/labels/reader.h"
#include "tools/labels/texts.h"

static const char local_files[] = "/data/local-files/?d=";
#define LOCAL_FILES_LEN (sizeof local_files - 1)

/* In place: a byte is shorter than its %XX. */
static size_t decode(char *text, size_t len)
{
	size_t to = 0;

	for (size_t i = 0; i < len; i++) {
		int high = text[i] == '%' && len - i > 2 ? vt_digit_of(text[i + 1]) : -1;
		int low = high >= 0 ? vt_digit_of(text[i + 2]) : -1;

		if (low >= 0)
			i += 2;
		text[to++] = low >= 0 ? (char) (high << 4 | low) : text[i];
	}
	return to;
}

/* A copy with room for `front` bytes before it. */
static char *copy_local(struct vt_texts *texts, size_t front, struct vt_label_text *text)
{
	const char *local = memmem(text->bytes, text->len, local_files, LOCAL_FILES_LEN);
	const char *from = local ? local + LOCAL_FILES_LEN : text->bytes;
	size_t len = text->len - (size_t) (from - text->bytes);
	char *copy = vt_texts_room(texts, front + len + 1);

	if (!copy)
		return NULL;
	memcpy(copy + front, from, len);
	*text = (struct vt_label_text){copy + front, local ? decode(copy + front, len) : len};
	return copy;
}

/* The option may be written as the paths are. */
static int strip(const char *option, struct vt_texts *texts, struct vt_label_text *path,
		 struct vt_error *err)
{
	struct vt_label_text start = {option, strlen(option)};

	if (!copy_local(texts, 0, &start))
		return vt_fail(err, ENOMEM, "no memory for a path");
	if (path->len < start.len || memcmp(path->bytes, start.bytes, start.len) != 0)
		return vt_fail(err, EINVAL, "the path '%.*s' does not begin with '%s'",
			       path->len < 300 ? (int) path->len : 300, path->bytes, option);
	path->bytes += start.len;
	path->len -= start.len;
	return 0;
}

int vt_place_path(const struct vt_label_options *options, struct vt_texts *texts,
		  struct vt_label_text written, struct vt_label_text *out, struct vt_error *err)
{
	size_t front = options->path_prefix ? strlen(options->path_prefix) : 0;
	char *copy = copy_local(texts, front, &written);
	int r = 0;

	if (!copy)
		return vt_fail(err, ENOMEM, "no memory for a path");
	if (options->path_strip)
		r = strip(options->path_strip, texts, &written, err);
	if (r < 0)
		return r;
	if (front)
		memcpy(copy, options->path_prefix, front);
	memmove(copy + front, written.bytes, written.len);
	*out = (struct vt_label_text){copy, front + written.len};
	return 0;
}
