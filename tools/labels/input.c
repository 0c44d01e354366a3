/* SPDX-License-Identifier: Apache-2.0 */
/* See input.h. */
#include "tools/labels/input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"
#include "index/base/file.h"

#define BLOCK (1u << 16)

/* 1: there are bytes in the block. */
static int fill(struct vt_input *input, struct vt_error *err)
{
	ssize_t got;

	if (input->at < input->filled)
		return 1;
	do
		got = read(input->fd, input->block, BLOCK);
	while (got < 0 && errno == EINTR);
	if (got < 0)
		return vt_fail(err, EIO, "cannot be read: %s", strerror(errno));
	input->at = 0;
	input->filled = (size_t) got;
	return got > 0;
}

/* Reads of a pipe may be short: the mark's three bytes are waited for. */
static int skip_mark(struct vt_input *input, struct vt_error *err)
{
	static const char mark[] = "\xef\xbb\xbf";

	while (input->filled < 3) {
		ssize_t got = read(input->fd, input->block + input->filled, BLOCK - input->filled);

		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return vt_fail(err, EIO, "cannot be read: %s", strerror(errno));
		input->filled += got > 0 ? (size_t) got : 0;
	}
	if (memcmp(input->block, mark, 3) == 0)
		input->at = 3;
	return 0;
}

int vt_input_open(const char *name, struct vt_input *out, struct vt_error *err)
{
	vt_cleanup(vt_input_close) struct vt_input input = VT_INPUT_INIT;
	int r;

	input.block = malloc(BLOCK);
	if (!input.block)
		return vt_fail(err, ENOMEM, "no memory to read '%s'", name);
	input.fd = strcmp(name, "-") == 0 ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0)
					  : open(name, O_RDONLY | O_CLOEXEC);
	if (input.fd < 0)
		return vt_fail(err, errno, "cannot open '%s': %m", name);
	r = skip_mark(&input, err);
	if (r < 0)
		return vt_fail_in(err, r, "'%s'", name);
	*out = input;
	input = VT_INPUT_INIT;
	return 0;
}

void vt_input_close(struct vt_input *input)
{
	if (input->fd >= 0)
		(void) close(input->fd);
	free(input->block);
	*input = VT_INPUT_INIT;
}

int vt_input_rewind(struct vt_input *input, struct vt_error *err)
{
	if (lseek(input->fd, 0, SEEK_SET) < 0)
		return vt_fail(err, errno, "cannot be read twice: %m");
	input->at = input->filled = 0;
	input->line = 0;
	return skip_mark(input, err);
}

int vt_input_line(struct vt_input *input, struct vt_buf *out, struct vt_error *err)
{
	bool ended = false, too_long = false, begun = false;
	int r;

	while (!ended && (r = fill(input, err)) > 0) {
		const char *from = input->block + input->at;
		const char *newline = memchr(from, '\n', input->filled - input->at);
		size_t len = newline ? (size_t) (newline - from) + 1 : input->filled - input->at;

		begun = true;
		ended = newline != NULL;
		input->at += len;
		too_long = too_long || out->len + len > VT_INPUT_LINE_MAX;
		if (!too_long)
			vt_buf_put(out, from, len);
	}
	if (!ended && r < 0)
		return r;
	input->line += begun;
	if (too_long)
		return vt_fail(err, EINVAL, "the line is longer than %u bytes", VT_INPUT_LINE_MAX);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a line") : begun;
}

int vt_input_bytes(struct vt_input *input, const char **bytes, size_t *len, struct vt_error *err)
{
	int r = fill(input, err);

	*bytes = input->block + input->at;
	*len = input->filled - input->at;
	return r;
}

void vt_input_take(struct vt_input *input, size_t len)
{
	input->at += len;
}

int vt_input_head(struct vt_input *input, const char **bytes, size_t *len, struct vt_error *err)
{
	ssize_t got = 1;

	while (got != 0 && input->filled < VT_INPUT_HEAD) {
		got = read(input->fd, input->block + input->filled, BLOCK - input->filled);
		if (got < 0 && errno != EINTR)
			return vt_fail(err, EIO, "cannot be read: %s", strerror(errno));
		input->filled += got > 0 ? (size_t) got : 0;
	}
	*bytes = input->block + input->at;
	*len = input->filled - input->at;
	return 0;
}

/* ---- pipes ---------------------------------------------------------------------------------- */

static int open_unnamed(struct vt_error *err)
{
	const char *dir = vt_file_scratch_folder();
	int fd = vt_file_open_nameless(dir);

	return fd < 0 ? vt_fail(err, -fd, "cannot be kept in '%s': %m", dir) : fd;
}

int vt_input_spool(struct vt_input *input, struct vt_error *err)
{
	vt_autoclose int fd = -1;
	const char *bytes;
	size_t len;
	int r;

	if (lseek(input->fd, 0, SEEK_CUR) >= 0)
		return 0;
	fd = open_unnamed(err);
	if (fd < 0)
		return fd;
	while ((r = vt_input_bytes(input, &bytes, &len, err)) > 0) {
		r = vt_file_write(fd, bytes, len);
		if (r < 0)
			return vt_fail(err, -r, "cannot be kept in a file: %m");
		vt_input_take(input, len);
	}
	if (r < 0)
		return r;
	(void) close(input->fd);
	input->fd = vt_steal_fd(&fd);
	return vt_input_rewind(input, err);
}
