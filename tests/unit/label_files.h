/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Files of labels for tests: bytes in, all their rows out as canonical lines and their errors as
 * sentences, going on behind each.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "index/base/buf.h"
#include "index/base/error.h"
#include "tests/unit/suite.h"
#include "tests/unit/scratch.h"
#include "index/label_line.h"
#include "tools/labels/reader.h"

struct outcome {
	unsigned rows, errors;
	int last;            /* what ended it */
	struct vt_buf lines; /* NUL-terminated */
	struct vt_error first;
};

static const struct vt_label_options usual = {.annotator = "ann", .time_ns = 1000000000};

static inline void write_bytes(const char *path, const void *bytes, size_t len)
{
	FILE *file = fopen(path, "we");

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}

static inline struct outcome read_file(const char *path, enum vt_label_format format,
				       const struct vt_label_options *options)
{
	struct outcome all = {0};
	struct vt_label_reader *reader;
	struct vt_label_row row;
	struct vt_error err = {0};

	all.last = vt_label_reader_open(path, format, options, &reader, &all.first);
	if (all.last < 0)
		return all;
	while ((all.last = vt_label_reader_next(reader, &row, &err)) > 0 || all.last == -EINVAL) {
		if (all.last > 0)
			vt_label_line_put(&row, &all.lines);
		else if (all.errors == 0)
			all.first = err;
		all.rows += all.last > 0;
		all.errors += all.last < 0;
	}
	if (all.last < 0)
		all.first = err;
	vt_label_reader_close(reader);
	vt_buf_put_u8(&all.lines, 0);
	return all;
}

/* As read from a file that is named "f" in sentences. */
static inline struct outcome read_bytes(const void *bytes, size_t len, enum vt_label_format format,
					const struct vt_label_options *options)
{
	struct outcome all;

	(void) vt_scratch();
	ck_assert_int_eq(chdir(vt_scratch_dir), 0);
	write_bytes("f", bytes, len);
	all = read_file("f", format, options);
	ck_assert_int_eq(chdir("/"), 0);
	vt_scratch_done();
	return all;
}

static inline struct outcome read_text(const char *text, enum vt_label_format format)
{
	return read_bytes(text, strlen(text), format, &usual);
}
