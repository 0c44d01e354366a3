/* SPDX-License-Identifier: Apache-2.0 */
/* See file.h. O_TMPFILE would make a nameless file in one call, but not every file system has it.
 */
#include "index/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

ssize_t vt_file_read_at(int fd, void *data, size_t len, uint64_t offset)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(fd, (char *) data + done, len - done, (off_t) (offset + done));

		if (n == 0)
			break;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t) n : 0;
	}
	return (ssize_t) done;
}

/* At `offset`, or where the file stands if that is negative. */
static int put(int fd, const char *data, size_t len, off_t offset)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = offset < 0 ? write(fd, data + done, len - done)
				       : pwrite(fd, data + done, len - done, offset + (off_t) done);

		if (n == 0)
			return -EIO;
		if (n < 0 && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t) n : 0;
	}
	return 0;
}

int vt_file_write_at(int fd, const void *data, size_t len, uint64_t offset)
{
	return put(fd, data, len, (off_t) offset);
}

int vt_file_write(int fd, const void *data, size_t len)
{
	return put(fd, data, len, -1);
}

const char *vt_file_scratch_folder(void)
{
	const char *dir = secure_getenv("TMPDIR");

	return dir && *dir ? dir : "/var/tmp";
}

int vt_file_open_nameless(const char *dir)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof path, "%s/vitrine.XXXXXX", dir) >= (int) sizeof path)
		return -ENAMETOOLONG;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void) unlink(path);
	return fd;
}
