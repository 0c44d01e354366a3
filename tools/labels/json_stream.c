/* SPDX-License-Identifier: Apache-2.0 */
/* See json_stream.h. */
#include "tools/labels/json_stream.h"

#include <errno.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "tools/labels/input.h"

struct vt_json_stream vt_json_stream_over(struct vt_input *input)
{
	return (struct vt_json_stream){.input = input, .line = 1, .begun = 1};
}

static int refuse(struct vt_json_stream *stream, struct vt_error *err, const char *what)
{
	stream->begun = stream->line;
	return vt_fail(err, EBADMSG, "it is no JSON: %s", what);
}

int vt_json_stream_peek(struct vt_json_stream *stream, char *out, struct vt_error *err)
{
	const char *bytes;
	size_t len;
	int r;

	while ((r = vt_input_bytes(stream->input, &bytes, &len, err)) > 0) {
		size_t i = 0;

		for (; i < len && (bytes[i] == ' ' || bytes[i] == '\n' || bytes[i] == '\r' ||
				   bytes[i] == '\t');
		     i++)
			stream->line += bytes[i] == '\n';
		vt_input_take(stream->input, i);
		if (i < len) {
			*out = bytes[i];
			return 1;
		}
	}
	return r;
}

int vt_json_stream_take(struct vt_json_stream *stream, char expected, struct vt_error *err)
{
	const char what[] = {expected, ' ', 'e', 'x', 'p', 'e', 'c', 't', 'e', 'd', 0};
	char next;
	int r = vt_json_stream_peek(stream, &next, err);

	if (r < 0)
		return r;
	if (r == 0 || next != expected)
		return refuse(stream, err, what);
	vt_input_take(stream->input, 1);
	return 0;
}

/* ---- values --------------------------------------------------------------------------------- */

/* Where in a value the next byte stands. */
struct place {
	size_t depth;
	bool in_string, escaped;
	bool is_word; /* a number, true, …: neither quotes nor brackets say where it ends */
	bool ended;
};

static size_t walk_string(struct place *place, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (place->escaped) {
			place->escaped = false;
		} else if (bytes[i] == '\\') {
			place->escaped = true;
		} else if (bytes[i] == '"') {
			place->in_string = false;
			place->ended = place->depth == 0;
			return i + 1;
		}
	}
	return len;
}

static size_t walk_word(struct place *place, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] && strchr(" \t\r\n,:\"[]{}", bytes[i])) {
			place->ended = true;
			return i;
		}
	return len;
}

static size_t walk_brackets(struct place *place, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '"') {
			place->in_string = true;
			return i + 1;
		}
		place->depth += bytes[i] == '[' || bytes[i] == '{';
		if ((bytes[i] == ']' || bytes[i] == '}') && --place->depth == 0) {
			place->ended = true;
			return i + 1;
		}
	}
	return len;
}

/* How many of these bytes are the value's. */
static size_t walk(struct place *place, const char *bytes, size_t len)
{
	size_t at = 0;

	while (at < len && !place->ended) {
		const char *from = bytes + at;

		if (place->in_string)
			at += walk_string(place, from, len - at);
		else if (place->is_word)
			at += walk_word(place, from, len - at);
		else
			at += walk_brackets(place, from, len - at);
	}
	return at;
}

static uint64_t count_lines(const char *bytes, size_t len)
{
	const char *end = bytes + len;
	uint64_t lines = 0;

	for (; (bytes = memchr(bytes, '\n', (size_t) (end - bytes))); bytes++)
		lines++;
	return lines;
}

/* Appends as long as the bound is kept. */
static void keep(struct vt_buf *out, const char *bytes, size_t len, const char **problem)
{
	if (out->len + len > VT_JSON_ELEMENT_MAX)
		*problem = "it is longer than 1048576 bytes";
	else if (memchr(bytes, 0, len))
		*problem = "there is a NUL";
	if (!*problem)
		vt_buf_put(out, bytes, len);
}
_Static_assert(VT_JSON_ELEMENT_MAX == 1048576, "a sentence says so");

/* The first byte has been seen. */
static int take_value(struct vt_json_stream *stream, struct place *place, struct vt_buf *out,
		      const char **problem, struct vt_error *err)
{
	const char *bytes;
	size_t len;
	int r;

	while ((r = vt_input_bytes(stream->input, &bytes, &len, err)) > 0 && !place->ended) {
		len = walk(place, bytes, len);
		stream->line += count_lines(bytes, len);
		if (out)
			keep(out, bytes, len, problem);
		vt_input_take(stream->input, len);
	}
	if (r < 0)
		return r;
	return place->ended || place->is_word
		       ? 0
		       : vt_fail(err, EBADMSG, "it is no JSON: the file ends inside of it");
}

int vt_json_stream_value(struct vt_json_stream *stream, struct vt_buf *out, struct vt_error *err)
{
	const char *problem = NULL;
	struct place place;
	char first = 0;
	int r = vt_json_stream_peek(stream, &first, err);

	if (r < 0)
		return r;
	if (!first || strchr(",:]}", first))
		return refuse(stream, err, "a value expected");
	if (out)
		vt_buf_reset(out);
	stream->begun = stream->line;
	place = (struct place){.is_word = !strchr("\"[{", first)};
	r = take_value(stream, &place, out, &problem, err);
	if (r < 0)
		return r;
	if (problem)
		return vt_fail(err, EINVAL, "%s", problem);
	if (out)
		vt_buf_put_u8(out, 0);
	return out && vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a value") : 0;
}

/* ---- lists ---------------------------------------------------------------------------------- */

int vt_json_stream_enter(struct vt_json_stream *stream, struct vt_error *err)
{
	stream->index = 0;
	return vt_json_stream_take(stream, '[', err);
}

int vt_json_stream_next(struct vt_json_stream *stream, struct vt_buf *out, struct vt_error *err)
{
	char next = 0;
	int r = vt_json_stream_peek(stream, &next, err);

	if (r < 0)
		return r;
	if (r > 0 && next == ']') {
		vt_input_take(stream->input, 1);
		return 0;
	}
	r = stream->index > 0 ? vt_json_stream_take(stream, ',', err) : 0;
	if (r < 0)
		return r;
	stream->index++;
	r = vt_json_stream_value(stream, out, err);
	return r < 0 ? r : 1;
}

int vt_json_stream_end(struct vt_json_stream *stream, struct vt_error *err)
{
	char next;
	int r = vt_json_stream_peek(stream, &next, err);

	return r > 0 ? refuse(stream, err, "there is more behind its end") : r;
}
