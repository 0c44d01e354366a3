/* SPDX-License-Identifier: Apache-2.0 */
#include "tools/publish/source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/base/error.h"

int vt_source_open(const char *name, struct vt_source *out, struct vt_error *err)
{
	struct vt_source source = {.name = name, .newest = VT_NO_TIME};
	struct stat st;

	if (strcmp(name, "-") == 0) {
		source.name = "standard input";
		source.fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3);
	} else {
		source.fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	}
	if (source.fd < 0 || fstat(source.fd, &st) < 0)
		return vt_fail(err, errno, "cannot open '%s': %m", source.name);
	source.archive = !S_ISDIR(st.st_mode);
	*out = source;
	return 0;
}

void vt_source_close(struct vt_source *source)
{
	if (source->fd >= 0)
		(void) close(source->fd);
	vt_buf_done(&source->xattrs);
}

void vt_note_newest(struct timespec *newest, struct timespec time)
{
	if (time.tv_sec > newest->tv_sec ||
	    (time.tv_sec == newest->tv_sec && time.tv_nsec > newest->tv_nsec))
		*newest = time;
}
