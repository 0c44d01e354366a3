/* SPDX-License-Identifier: Apache-2.0 */
/* See folder.h. */
#include "index/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/cleanup.h"
#include "index/base/error.h"

#define DEPTH_MAX 16 /* of what is removed; a store is three deep */

int vt_folder_make(const char *path, mode_t mode, struct vt_error *err)
{
	if (mkdir(path, 0700) < 0)
		return vt_fail(err, errno, "cannot make the folder '%s': %m", path);
	if (chmod(path, mode) < 0)
		return vt_fail(err, errno, "cannot set the mode of '%s': %m", path);
	return 0;
}

int vt_folder_sync(const char *path, struct vt_error *err)
{
	vt_autoclose int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fsync(fd) < 0)
		return vt_fail(err, errno, "cannot sync the folder '%s': %m", path);
	return 0;
}

static void close_list(DIR **list)
{
	if (*list)
		(void) closedir(*list);
}

/* Takes the descriptor over. */
static int each_in(int fd, const char *path, vt_folder_entry *each, void *context,
		   struct vt_error *err)
{
	vt_cleanup(close_list) DIR *list = fdopendir(fd);
	const struct dirent *entry;

	if (!list) {
		(void) close(fd);
		return vt_fail(err, ENOMEM, "no memory to list '%s'", path);
	}
	while (errno = 0, (entry = readdir(list))) {
		int r;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		r = each(context, entry->d_name, err);
		if (r != 0)
			return r;
	}
	return errno ? vt_fail(err, errno, "cannot list '%s': %m", path) : 0;
}

int vt_folder_each(const char *path, vt_folder_entry *each, void *context, struct vt_error *err)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return vt_fail(err, errno, "cannot list '%s': %m", path);
	return each_in(fd, path, each, context, err);
}

/* One level of a removal. */
struct level {
	int fd; /* of the folder; borrowed */
	unsigned depth;
	const char *path; /* of the whole, for sentences */
};

static int remove_entry(void *context, const char *name, struct vt_error *err)
{
	const struct level *level = context;
	struct level below = {.depth = level->depth + 1, .path = level->path};
	vt_autoclose int fd = -1;
	int list, r;

	if (unlinkat(level->fd, name, 0) == 0 || errno == ENOENT)
		return 0;
	if (errno != EISDIR && errno != EPERM)
		return vt_fail(err, errno, "cannot remove '%s': %m", level->path);
	if (below.depth > DEPTH_MAX)
		return vt_fail(err, ELOOP, "'%s' is too deep to be of a store", level->path);
	fd = openat(level->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	list = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (list < 0)
		return vt_fail(err, errno, "cannot remove '%s': %m", level->path);
	below.fd = fd;
	r = each_in(list, level->path, remove_entry, &below, err);
	if (r == 0 && unlinkat(level->fd, name, AT_REMOVEDIR) < 0)
		r = vt_fail(err, errno, "cannot remove '%s': %m", level->path);
	return r;
}

int vt_folder_remove(const char *path, struct vt_error *err)
{
	struct level top = {.fd = AT_FDCWD, .path = path};

	return remove_entry(&top, path, err);
}

int vt_path(char path[VT_PATH], struct vt_error *err, const char *format, ...)
{
	va_list ap;
	int len;

	va_start(ap, format);
	len = vsnprintf(path, VT_PATH, format, ap);
	va_end(ap);
	if (len < 0 || (unsigned) len >= VT_PATH)
		return vt_fail(err, ENAMETOOLONG, "the path '%.200s...' is too long", path);
	return 0;
}

bool vt_path_is_below(const char *path, const char *folder)
{
	size_t len = strlen(folder);

	return strncmp(path, folder, len) == 0 && path[len] == '/';
}
