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

/* Back to the start. -ESPIPE for what cannot be read twice. */
int vt_input_rewind(struct vt_input *input, struct vt_error *err);

/*
 * Appends the next line, with its newline if it has one, to `out`: 1; 0 at the end. -EINVAL: with
 * it `out` would be longer than VT_INPUT_LINE_MAX; the line has been passed over, in bounded
 * memory.
 */
int vt_input_line(struct vt_input *input, struct vt_buf *out, struct vt_error *err);
