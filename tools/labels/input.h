/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file as lines, with a bound on each. One UTF-8 byte order mark at the very start is passed
 * over; another one is text. A last line without newline is a line. One thread at a time.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"

struct vt_error;

#define VT_INPUT_LINE_MAX (1u << 20) /* bytes, newline included */

struct vt_input {
	int fd; /* owned; -1 without */
	char *block;
	size_t at, filled;
	uint64_t line; /* of the line given last, from 1 */
};

#define VT_INPUT_INIT ((struct vt_input){.fd = -1})

/* "-" is standard input. */
int vt_input_open(const char *name, struct vt_input *out, struct vt_error *err);
void vt_input_close(struct vt_input *input);

/* Back to the start. -ESPIPE for what cannot be read twice: see vt_input_spool(). */
int vt_input_rewind(struct vt_input *input, struct vt_error *err);

/*
 * Appends the next line, with its newline if it has one, to `out`: 1; 0 at the end. -EINVAL: with
 * it `out` would be longer than VT_INPUT_LINE_MAX; the line has been passed over, in bounded
 * memory.
 */
int vt_input_line(struct vt_input *input, struct vt_buf *out, struct vt_error *err);

/*
 * The other way to read, instead of lines: what is there, at least one byte, until it is taken: 1;
 * 0 at the end. Borrowed until the next call.
 */
int vt_input_bytes(struct vt_input *input, const char **bytes, size_t *len, struct vt_error *err);
void vt_input_take(struct vt_input *input, size_t len); /* no more than was there */

/* What is to come, as far as it fits into a block, at least VT_INPUT_HEAD bytes of a longer file.
 */
#define VT_INPUT_HEAD 32768u
int vt_input_head(struct vt_input *input, const char **bytes, size_t *len, struct vt_error *err);

/*
 * Makes sure, before anything is read, that the input can be read twice: a pipe is copied to an
 * unnamed file in $TMPDIR, or /tmp.
 */
int vt_input_spool(struct vt_input *input, struct vt_error *err);
