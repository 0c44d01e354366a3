/* SPDX-License-Identifier: Apache-2.0 */
/* See scratch.h. */
#include "tools/publish/scratch.h"

#include <errno.h>

#include "index/base/error.h"
#include "index/base/file.h"

#define WRITE_BUFFER (256u << 10)

int vt_scratch_open(const char *dir, struct vt_error *err)
{
	int fd = vt_file_open_nameless(dir);

	return fd < 0 ? vt_fail(err, -fd, "cannot make a temporary file in '%s': %m", dir) : fd;
}

int vt_scratch_read(int fd, void *data, size_t len, uint64_t offset, struct vt_error *err)
{
	ssize_t n = vt_file_read_at(fd, data, len, offset);

	if (n < 0)
		return vt_fail(err, (int) -n, "cannot read a temporary file: %m");
	if ((size_t) n < len)
		return vt_fail(err, EIO, "a temporary file is shorter than it was");
	return 0;
}

int vt_scratch_write(int fd, const void *data, size_t len, uint64_t offset, struct vt_error *err)
{
	int r = vt_file_write_at(fd, data, len, offset);

	return r < 0 ? vt_fail(err, -r, "cannot write a temporary file: %m") : 0;
}

int vt_scratch_flush(struct vt_scratch_writer *writer, struct vt_error *err)
{
	int r = vt_scratch_write(writer->fd, writer->buf.data, writer->buf.len, writer->at, err);

	if (r < 0)
		return r;
	writer->at += writer->buf.len;
	vt_buf_reset(&writer->buf);
	return 0;
}

int vt_scratch_append(struct vt_scratch_writer *writer, const void *data, size_t len,
		      struct vt_error *err)
{
	vt_buf_put(&writer->buf, data, len);
	if (vt_buf_failed(&writer->buf))
		return vt_fail(err, ENOMEM, "no memory to write a temporary file");
	return writer->buf.len < WRITE_BUFFER ? 0 : vt_scratch_flush(writer, err);
}

void vt_scratch_writer_done(struct vt_scratch_writer *writer)
{
	vt_buf_done(&writer->buf);
}
