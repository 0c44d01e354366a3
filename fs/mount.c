/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making and ending mounts, in the command's process (mount.h). As root by mount(2); for others
 * fusermount3 opens /dev/fuse, mounts, and sends the descriptor over a socket (libfuse's
 * _FUSE_COMMFD protocol: util/fusermount.c). Either way the kernel gets the same options, and the
 * type is fuse.vitrine.
 */
#include "fs/mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/mount_table.h"
#include "index/base/buf.h"
#include "index/base/error.h"

const char *vt_mount_kind_name(enum vt_mount_kind kind)
{
	switch (kind) {
	case VT_MOUNT_SHARED:
		return "shared";
	case VT_MOUNT_OPEN_ONLY:
		return "open-only";
	case VT_MOUNT_PRIVATE:
		return "private";
	}
	return "unknown";
}

/* ---- is it a good place? --------------------------------------------------------------------- */

/* The file system type mounted exactly on `path` (the topmost), or an empty string. */
static void mounted_type(const char *path, char *type, size_t size)
{
	FILE *table = setmntent("/proc/self/mounts", "re");
	char line[8192];
	struct mntent entry;

	*type = '\0';
	if (!table)
		return;
	while (getmntent_r(table, &entry, line, sizeof line))
		if (strcmp(entry.mnt_dir, path) == 0)
			(void) snprintf(type, size, "%s", entry.mnt_type);
	(void) endmntent(table);
}

static int check_point(const char *mountpoint, struct vt_error *err)
{
	vt_autofree char *path = NULL;
	char type[64];
	struct stat st;

	if (stat(mountpoint, &st) < 0) {
		if (errno == ENOTCONN)
			return vt_fail(
				err, ENOTCONN,
				"'%s' is a dead mount: its server is gone; end it with 'vitrine "
				"umount %s', then mount again",
				mountpoint, mountpoint);
		if (errno == ENOENT)
			return vt_fail(
				err, ENOENT,
				"the mount point '%s' does not exist; make it with 'mkdir -p %s'",
				mountpoint, mountpoint);
		return vt_fail(err, errno, "cannot use '%s' as a mount point: %m", mountpoint);
	}
	if (!S_ISDIR(st.st_mode))
		return vt_fail(err, ENOTDIR, "the mount point '%s' is not a directory", mountpoint);
	path = realpath(mountpoint, NULL);
	if (!path)
		return vt_fail(err, errno, "cannot use '%s' as a mount point: %m", mountpoint);
	mounted_type(path, type, sizeof type);
	if (strcmp(type, VT_MOUNT_TYPE) == 0)
		return vt_fail(
			err, EBUSY,
			"'%s' is mounted already; see 'vitrine status', or end it with 'vitrine "
			"umount %s'",
			mountpoint, mountpoint);
	if (*type)
		return vt_fail(err, EBUSY,
			       "'%s' is the mount point of another file system (%s); choose "
			       "another or unmount it",
			       mountpoint, type);
	return 0;
}

static int check_device(struct vt_error *err)
{
	if (access("/dev/fuse", F_OK) == 0)
		return 0;
	return vt_fail(
		err, ENODEV,
		"there is no /dev/fuse: load the module with 'modprobe fuse'; in a container add "
		"the device (docker and podman: --device /dev/fuse)");
}

/* ---- as root --------------------------------------------------------------------------------- */

/* Kernel options are comma separated: a comma or backslash in a name is escaped. */
static void put_escaped(struct vt_buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			vt_buf_put_u8(out, '\\');
		vt_buf_put_u8(out, (uint8_t) *text);
	}
}

/* Words that mount(2) takes as flags; the others are for the file system. fusermount3 knows both.
 */
static unsigned long flag_of(const char *word, size_t len)
{
	static const struct {
		const char *word;
		unsigned long flag;
	} words[] = {{"noexec", MS_NOEXEC},           {"noatime", MS_NOATIME},
		     {"nodiratime", MS_NODIRATIME},   {"relatime", MS_RELATIME},
		     {"strictatime", MS_STRICTATIME}, {"sync", MS_SYNCHRONOUS},
		     {"dirsync", MS_DIRSYNC}};

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (strlen(words[i].word) == len && memcmp(words[i].word, word, len) == 0)
			return words[i].flag;
	return 0;
}

static unsigned long sort_options(const char *list, struct vt_buf *data)
{
	unsigned long flags = MS_RDONLY | MS_NOSUID | MS_NODEV;

	while (list && *list) {
		size_t len = strcspn(list, ",");
		unsigned long flag = flag_of(list, len);

		flags |= flag;
		if (!flag && len > 0)
			vt_buf_printf(data, ",%.*s", (int) len, list);
		list += len + (list[len] == ',');
	}
	return flags;
}

/*
 * A folder on the way may be somebody else's, who could put a link in its place once the path was
 * looked at, and so choose what root mounts over. What is mounted on is what was opened here.
 */
static int open_point(const char *mountpoint, char target[static sizeof "/proc/self/fd/4294967295"],
		      struct vt_error *err)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS};
	int fd = (int) syscall(SYS_openat2, AT_FDCWD, mountpoint, &how, sizeof how);

	if (fd < 0 && errno == ELOOP)
		return vt_fail(err, ELOOP, "the way to '%s' has become a symbolic link",
			       mountpoint);
	if (fd < 0)
		return vt_fail(err, errno, "cannot use '%s' as a mount point: %m", mountpoint);
	(void) sprintf(target, "/proc/self/fd/%d", fd);
	return fd;
}

static int attach_as_root(const char *mountpoint, const struct vt_mount_options *options,
			  struct vt_error *err)
{
	vt_autoclose int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	char target[sizeof "/proc/self/fd/4294967295"];
	vt_autoclose int point = open_point(mountpoint, target, err);
	struct vt_buf data = VT_BUF_INIT;
	unsigned long flags;
	int r = 0;

	if (point < 0)
		return point;
	if (fd < 0)
		return vt_fail(err, errno, "cannot open /dev/fuse: %m");
	vt_buf_printf(&data,
		      "fd=%d,rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
		      fd);
	flags = sort_options(options->extra, &data);
	if (vt_buf_failed(&data))
		r = -ENOMEM;
	else if (mount(options->fsname, target, VT_MOUNT_TYPE, flags, (char *) data.data) < 0)
		r = vt_fail(err, errno, "cannot mount on '%s': %m", mountpoint);
	vt_buf_done(&data);
	return r < 0 ? r : vt_steal_fd(&fd);
}

/* ---- through fusermount3 --------------------------------------------------------------------- */

/* Runs fusermount3; what it says on stderr ends up in `said`. The descriptors are the child's too.
 */
static int run_fusermount(char *const argv[], int comm, char *said, size_t size)
{
	int out[2], status = -1;
	size_t used = 0;
	ssize_t n;
	pid_t child;

	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0) {
		char number[16];

		(void) snprintf(number, sizeof number, "%d", comm);
		if (comm >= 0) {
			(void) fcntl(comm, F_SETFD, 0);
			(void) setenv("_FUSE_COMMFD", number, 1);
		}
		(void) dup2(out[1], STDERR_FILENO);
		(void) execvp(argv[0], argv);
		_exit(127);
	}
	(void) close(out[1]);
	while (child > 0 && used < size - 1 && (n = read(out[0], said + used, size - 1 - used)) > 0)
		used += (size_t) n;
	said[used] = '\0';
	said[strcspn(said, "\n")] = '\0';
	(void) close(out[0]);
	if (child < 0)
		return -EAGAIN;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -EIO;
}

static int receive_fd(int socket)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec iov = {.iov_base = &byte, .iov_len = 1};
	struct msghdr message = {.msg_iov = &iov,
				 .msg_iovlen = 1,
				 .msg_control = control,
				 .msg_controllen = sizeof control};
	struct cmsghdr *header;
	int fd = -1;

	if (recvmsg(socket, &message, MSG_CMSG_CLOEXEC) <= 0)
		return -1;
	header = CMSG_FIRSTHDR(&message);
	if (header && header->cmsg_type == SCM_RIGHTS)
		memcpy(&fd, CMSG_DATA(header), sizeof fd);
	return fd;
}

static int explain_fusermount(int status, const char *mountpoint, const char *said,
			      struct vt_error *err)
{
	if (status == 127)
		return vt_fail(
			err, ENOENT,
			"fusermount3 is missing, which mounts for users who are not root; install "
			"it with 'apt-get install fuse3'");
	if (strstr(said, "user_allow_other"))
		return vt_fail(err, EPERM,
			       "other users may not be let in: add a line 'user_allow_other' to "
			       "/etc/fuse.conf (as root), or mount without -o allow_other");
	return vt_fail(err, EPERM, "cannot mount on '%s': %s", mountpoint,
		       *said ? said : "fusermount3 refused");
}

static int attach_as_user(const char *mountpoint, const struct vt_mount_options *options,
			  struct vt_error *err)
{
	struct vt_buf data = VT_BUF_INIT;
	char said[512];
	int pair[2], status, fd = -1;
	char *argv[] = {(char *) "fusermount3", (char *) "-o",       NULL,
			(char *) "--",          (char *) mountpoint, NULL};

	vt_buf_printf(&data, "ro,nosuid,nodev,default_permissions%s,subtype=vitrine%s%s,fsname=",
		      options->allow_other ? ",allow_other" : "", options->extra ? "," : "",
		      options->extra ? options->extra : "");
	put_escaped(&data, options->fsname);
	vt_buf_put_u8(&data, '\0');
	if (vt_buf_failed(&data) || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		vt_buf_done(&data);
		return vt_fail(err, ENOMEM, "cannot run fusermount3: %m");
	}
	argv[2] = (char *) data.data;
	status = run_fusermount(argv, pair[0], said, sizeof said);
	(void) close(pair[0]);
	if (status == 0)
		fd = receive_fd(pair[1]);
	(void) close(pair[1]);
	vt_buf_done(&data);
	return fd >= 0 ? fd : explain_fusermount(status, mountpoint, said, err);
}

int vt_mount_attach(const char *mountpoint, const struct vt_mount_options *options,
		    struct vt_error *err)
{
	int r = check_device(err);

	if (r == 0)
		r = check_point(mountpoint, err);
	if (r < 0)
		return r;
	return geteuid() == 0 ? attach_as_root(mountpoint, options, err)
			      : attach_as_user(mountpoint, options, err);
}

/* ---- the end --------------------------------------------------------------------------------- */

int vt_mount_detach(const char *mountpoint, bool lazy, struct vt_error *err)
{
	char *argv[] = {(char *) "fusermount3", (char *) (lazy ? "-uz" : "-u"), (char *) "--",
			(char *) mountpoint, NULL};
	char said[512] = "";
	int code = 0;

	if (geteuid() == 0)
		code = umount2(mountpoint, lazy ? MNT_DETACH : UMOUNT_NOFOLLOW) < 0 ? errno : 0;
	else if (run_fusermount(argv, -1, said, sizeof said) != 0)
		code = strstr(said, "busy") ? EBUSY : strstr(said, "not found") ? EINVAL : EPERM;
	switch (code) {
	case 0:
		return 0;
	case EBUSY:
		return vt_fail(
			err, EBUSY,
			"'%s' is in use: leave it in every shell and program ('fuser -vm %s' names "
			"them), or use --lazy",
			mountpoint, mountpoint);
	case EINVAL:
	case ENOENT:
		return vt_fail(err, ENOENT,
			       "'%s' is not a mount point; 'vitrine status' lists them",
			       mountpoint);
	default:
		return vt_fail(err, code, "cannot unmount '%s': %s", mountpoint,
			       *said ? said : strerror(code));
	}
}
