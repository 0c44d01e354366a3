/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file of JSON that may be greater than memory, a value at a time: where each ends is seen by its
 * brackets and quotes, whether it is JSON by whoever looks into it. Errors are -EBADMSG, as nobody
 * knows where the next value begins, but where it says otherwise.
 */
#include <stdbool.h>
#include <stdint.h>

struct vt_buf;
struct vt_error;
struct vt_input;

#define VT_JSON_ELEMENT_MAX (1u << 20) /* bytes of a value in memory */

struct vt_json_stream {
	struct vt_input *input; /* its line is not counted */
	uint64_t line;          /* of the byte that comes next, from 1 */
	uint64_t begun;         /* the line where the value taken last began, or of what is wrong */
	uint64_t index;         /* elements of the list that were begun */
};

/* From the start of `input`. */
struct vt_json_stream vt_json_stream_over(struct vt_input *input);

/* The next byte that is not whitespace, not yet taken: 1; 0 at the end. */
int vt_json_stream_peek(struct vt_json_stream *stream, char *out, struct vt_error *err);
int vt_json_stream_take(struct vt_json_stream *stream, char expected, struct vt_error *err);

/*
 * `out` becomes the next value and a NUL behind it; NULL: it is passed over, however long it is.
 * -EINVAL: longer than VT_JSON_ELEMENT_MAX, or there is a NUL in it; it has been passed over.
 */
int vt_json_stream_value(struct vt_json_stream *stream, struct vt_buf *out, struct vt_error *err);

/* Into the list that comes next. */
int vt_json_stream_enter(struct vt_json_stream *stream, struct vt_error *err);
/*
 * The next element of the list: 1; 0: its end, which has been taken. Errors are those of
 * vt_json_stream_value().
 */
int vt_json_stream_next(struct vt_json_stream *stream, struct vt_buf *out, struct vt_error *err);

/* 0: nothing follows. */
int vt_json_stream_end(struct vt_json_stream *stream, struct vt_error *err);
