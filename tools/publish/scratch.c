/* SPDX-License-Identifier: Apache-2.0 */
/* See scratch.h. O_TMPFILE would do the same in one call, but not every file system has it. */
#include "tools/publish/scratch.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "index/base/error.h"

#define WRITE_BUFFER (256u << 10)

int vt_scratch_open(const char *dir, struct vt_error *err)
{
	char path[4200];
	int fd;

	(void) snprintf(path, sizeof path, "%s/scratch.XXXXXX", dir);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return vt_fail(err, errno, "cannot make a temporary file in '%s': %m", dir);
	(void) unlink(path);
	return fd;
}

int vt_scratch_read(int fd, void *data, size_t len, uint64_t offset, struct vt_error *err)
{
	while (len > 0) {
		ssize_t n = pread(fd, data, len, (off_t) offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vt_fail(err, errno, "cannot read a temporary file: %m");
		if (n == 0)
			return vt_fail(err, EIO, "a temporary file is shorter than it was");
		data = (uint8_t *) data + n;
		len -= (size_t) n;
		offset += (uint64_t) n;
	}
	return 0;
}

int vt_scratch_write(int fd, const void *data, size_t len, uint64_t offset, struct vt_error *err)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t) offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return vt_fail(err, errno, "cannot write a temporary file: %m");
		data = (const uint8_t *) data + n;
		len -= (size_t) n;
		offset += (uint64_t) n;
	}
	return 0;
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
