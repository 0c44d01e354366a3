/* SPDX-License-Identifier: Apache-2.0 */
/* See fuse_connections.h; in the kernel: fs/fuse/control.c, fuse_conn_destroy() of fs/fuse/inode.c.
 */
#include "fs/fuse_connections.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "index/base/cleanup.h"

#define PLACE "/sys/fs/fuse/connections"
#define MAGIC 0x65735543 /* linux/magic.h lacks it: FUSE_CTL_SUPER_MAGIC */

bool vt_fuse_connections_is(int fd)
{
	struct statfs fs;

	return fd >= 0 && fstatfs(fd, &fs) == 0 && fs.f_type == MAGIC;
}

/* Mounted for this descriptor alone: nobody else sees a mount. */
static int open_detached(void)
{
	vt_autoclose int context = fsopen("fusectl", FSOPEN_CLOEXEC), mount = -1;

	if (context < 0 || fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		return -1;
	mount = fsmount(context, FSMOUNT_CLOEXEC, MOUNT_ATTR_RDONLY);
	return mount < 0 ? -1 : openat(mount, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

int vt_fuse_connections_open(void)
{
	int fd = open(PLACE, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (vt_fuse_connections_is(fd))
		return fd;
	vt_cleanup_close(&fd);
	return open_detached();
}

int vt_fuse_connections_have(int fd, uint64_t device)
{
	char name[16];

	if (fd < 0)
		return -EBADF;
	(void) snprintf(name, sizeof name, "%u", minor(device));
	if (faccessat(fd, name, F_OK, 0) == 0)
		return 1;
	return errno == ENOENT ? 0 : -errno;
}
