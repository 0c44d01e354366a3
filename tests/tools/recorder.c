/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Writes down, in order, all that processes change in a folder and when they sync it: a library for
 * LD_PRELOAD. power_loss.py makes of it what a disk may hold after the power went.
 *
 *     RECORD_ROOT  the folder, as realpath(3) gives it
 *     RECORD_LOG   the file that records are appended to; not in the folder
 *
 * A record is a line and its bytes:  OPERATION \t INODE \t NUMBER \t LENGTH \t PATH \t PATH2 \n
 * DATA
 *
 *     create, mkdir   PATH came, as INODE          write      DATA at byte NUMBER of INODE
 *     link, rename    PATH is PATH2 too, or now    truncate   INODE has NUMBER bytes
 *     unlink, rmdir   PATH went                    extend     INODE has at least NUMBER bytes
 *     fsync, fdatasync, syncfs: was answered;      unknown    PATH was changed by the call NUMBER,
 * which PATH2 is the one who asked              the one who reads this cannot follow
 *
 * Paths are relative to the folder. The log is locked from before an operation until it stands
 * there: operations of all processes have one order, and what a sync covers is what stands before
 * it. Files are known by inode, not by descriptor, so that copies and descriptors from elsewhere
 * need no care. What goes through fdopen(3) is not seen (RocksDB's own LOG), nor are modes, owners
 * and times.
 */
#undef _FILE_OFFSET_BITS /* else a function's name stands for its other one, and we need both */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* A function under its other name, for files above 2 GiB. */
#define SAME(other, function) extern __typeof__(function) other __attribute__((alias(#function)))

static const char *root, *log_path;

__attribute__((constructor)) static void begin(void)
{
	root = getenv("RECORD_ROOT");
	log_path = getenv("RECORD_LOG");
	if (!log_path)
		root = NULL;
}

/* ---- the log -------------------------------------------------------------------------------- */

static int lock_log(void)
{
	int fd = (int) syscall(SYS_openat, AT_FDCWD, log_path,
			       O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0666);

	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		abort();
	return fd;
}

/* Keeps errno: it is that of the operation. */
static void unlock_log(int fd)
{
	int error = errno;

	(void) close(fd);
	errno = error;
}

struct record {
	const char *operation;
	uint64_t inode, number;
	const char *path, *other;
	const void *data;
	size_t len;
};

static void put(int fd, const struct record *record)
{
	char line[3 * PATH_MAX];
	int len = snprintf(line, sizeof line, "%s\t%llu\t%llu\t%zu\t%s\t%s\n", record->operation,
			   (unsigned long long) record->inode, (unsigned long long) record->number,
			   record->len, record->path, record->other ? record->other : "");
	struct iovec parts[] = {{line, (size_t) len}, {(void *) record->data, record->len}};

	if (syscall(SYS_writev, fd, parts, 2) != (long) ((size_t) len + record->len))
		abort();
}

/* ---- what is in the folder ------------------------------------------------------------------ */

/* Cuts the folder off; false: it is elsewhere. */
static bool is_inside(char *path)
{
	size_t len = strlen(root);

	if (strncmp(path, root, len) != 0 || (path[len] && path[len] != '/'))
		return false;
	memmove(path, path + len + (path[len] == '/'), strlen(path + len) + 1);
	return true;
}

/* The place of a name that need not be there. */
static bool find_place(int dir, const char *path, char out[PATH_MAX])
{
	char whole[PATH_MAX], folder[PATH_MAX];
	char *slash;

	if (!root)
		return false;
	if (path[0] == '/' || dir == AT_FDCWD)
		(void) snprintf(whole, sizeof whole, "%s%s", path[0] == '/' ? "" : "./", path);
	else
		(void) snprintf(whole, sizeof whole, "/proc/self/fd/%d/%s", dir, path);
	slash = strrchr(whole, '/');
	*slash = '\0';
	return realpath(slash == whole ? "/" : whole, folder) &&
	       snprintf(out, PATH_MAX, "%s/%s", folder, slash + 1) < PATH_MAX && is_inside(out);
}

/* The place of an open file that has a name yet. */
static bool find_file(int fd, char out[PATH_MAX], struct stat *st)
{
	char link[64];
	ssize_t len;

	if (!root || fd < 0)
		return false;
	(void) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, out, PATH_MAX - 1);
	if (len <= 0 || fstat(fd, st) < 0)
		return false;
	out[len] = '\0';
	return st->st_nlink > 0 && is_inside(out);
}

/* ---- names ---------------------------------------------------------------------------------- */

static int open_at(int dir, const char *path, int flags, mode_t mode)
{
	char place[PATH_MAX];
	struct stat before, st;
	bool existed;
	int fd, log;

	if (!(flags & (O_CREAT | O_TRUNC)) || !find_place(dir, path, place))
		return (int) syscall(SYS_openat, dir, path, flags, mode);
	log = lock_log();
	existed = fstatat(dir, path, &before, 0) == 0;
	fd = (int) syscall(SYS_openat, dir, path, flags, mode);
	if (fd >= 0 && fstat(fd, &st) == 0 && (!existed || ((flags & O_TRUNC) && before.st_size)))
		put(log, &(struct record){.operation = existed ? "truncate" : "create",
					  .inode = st.st_ino,
					  .path = place});
	unlock_log(log);
	return fd;
}

#define TAKE_MODE(flags, mode)                                                                     \
	do {                                                                                       \
		va_list ap;                                                                        \
                                                                                                   \
		va_start(ap, flags);                                                               \
		if ((flags) & (O_CREAT | O_TMPFILE))                                               \
			(mode) = va_arg(ap, mode_t);                                               \
		va_end(ap);                                                                        \
	} while (0)

int open(const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return open_at(AT_FDCWD, path, flags, mode);
}
SAME(open64, open);

int openat(int dir, const char *path, int flags, ...)
{
	mode_t mode = 0;

	TAKE_MODE(flags, mode);
	return open_at(dir, path, flags, mode);
}
SAME(openat64, openat);

int mkdirat(int dir, const char *path, mode_t mode)
{
	char place[PATH_MAX];
	struct stat st;
	int log, r;

	if (!find_place(dir, path, place))
		return (int) syscall(SYS_mkdirat, dir, path, mode);
	log = lock_log();
	r = (int) syscall(SYS_mkdirat, dir, path, mode);
	if (r == 0 && fstatat(dir, path, &st, 0) == 0)
		put(log, &(struct record){.operation = "mkdir", .inode = st.st_ino, .path = place});
	unlock_log(log);
	return r;
}

int mkdir(const char *path, mode_t mode)
{
	return mkdirat(AT_FDCWD, path, mode);
}

int unlinkat(int dir, const char *path, int flags)
{
	char place[PATH_MAX];
	int log, r;

	if (!find_place(dir, path, place))
		return (int) syscall(SYS_unlinkat, dir, path, flags);
	log = lock_log();
	r = (int) syscall(SYS_unlinkat, dir, path, flags);
	if (r == 0)
		put(log, &(struct record){.operation = flags & AT_REMOVEDIR ? "rmdir" : "unlink",
					  .path = place});
	unlock_log(log);
	return r;
}

int unlink(const char *path)
{
	return unlinkat(AT_FDCWD, path, 0);
}

int rmdir(const char *path)
{
	return unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

/* A name in the folder for one that is not counts as a change that cannot be followed, and back. */
static int pair(const char *operation, long call, int from_dir, const char *from, int to_dir,
		const char *to, int flags)
{
	char place[PATH_MAX], other[PATH_MAX];
	bool inside = find_place(from_dir, from, place), into = find_place(to_dir, to, other);
	int log, r;

	if (!inside && !into)
		return (int) syscall(call, from_dir, from, to_dir, to, flags);
	log = lock_log();
	r = (int) syscall(call, from_dir, from, to_dir, to, flags);
	if (r == 0 && inside && into)
		put(log, &(struct record){.operation = operation, .path = place, .other = other});
	else if (r == 0)
		put(log, &(struct record){.operation = "unknown",
					  .number = (uint64_t) call,
					  .path = inside ? place : other});
	unlock_log(log);
	return r;
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
	return pair(flags & RENAME_EXCHANGE ? "unknown" : "rename", SYS_renameat2, from_dir, from,
		    to_dir, to, (int) flags);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

int rename(const char *from, const char *to)
{
	return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return pair("link", SYS_linkat, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
	return linkat(AT_FDCWD, from, AT_FDCWD, to, 0);
}

/* ---- bytes ---------------------------------------------------------------------------------- */

/* offset < 0: where the file stands, or its end. */
static ssize_t write_at(int fd, const struct iovec *parts, int count, off_t offset)
{
	long call = offset < 0 ? SYS_writev : SYS_pwritev;
	char place[PATH_MAX], *data;
	size_t len = 0, at = 0;
	struct stat st;
	ssize_t n;
	int log;

	if (!find_file(fd, place, &st) || !S_ISREG(st.st_mode))
		return syscall(call, fd, parts, count, offset, 0);
	for (int i = 0; i < count; i++)
		len += parts[i].iov_len;
	data = malloc(len + 1);
	if (!data)
		abort();
	for (int i = 0; i < count; at += parts[i++].iov_len)
		memcpy(data + at, parts[i].iov_base, parts[i].iov_len);
	log = lock_log();
	n = syscall(call, fd, parts, count, offset, 0);
	if (n > 0) {
		off_t from = offset < 0 ? lseek(fd, 0, SEEK_CUR) - n : offset;

		put(log, &(struct record){"write", st.st_ino, (uint64_t) from, place, NULL, data,
					  (size_t) n});
	}
	unlock_log(log);
	free(data);
	return n;
}

ssize_t write(int fd, const void *data, size_t len)
{
	return write_at(fd, &(struct iovec){(void *) data, len}, 1, -1);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
	return write_at(fd, parts, count, -1);
}

ssize_t pwrite(int fd, const void *data, size_t len, off_t offset)
{
	return write_at(fd, &(struct iovec){(void *) data, len}, 1, offset);
}
SAME(pwrite64, pwrite);

ssize_t pwritev(int fd, const struct iovec *parts, int count, off_t offset)
{
	return write_at(fd, parts, count, offset);
}
SAME(pwritev64, pwritev);

/* What has no bytes. The record's file is filled in. */
static long change(int fd, const struct record *what, long call, long a, long b, long c)
{
	struct record record = *what;

	char place[PATH_MAX];
	struct stat st;
	int log;
	long r;

	if (!find_file(fd, place, &st))
		return syscall(call, fd, a, b, c);
	log = lock_log();
	r = syscall(call, fd, a, b, c);
	record.inode = st.st_ino;
	record.path = place;
	if (r >= 0)
		put(log, &record);
	unlock_log(log);
	return r;
}

int ftruncate(int fd, off_t len)
{
	struct record record = {.operation = "truncate", .number = (uint64_t) len};

	return (int) change(fd, &record, SYS_ftruncate, len, 0, 0);
}
SAME(ftruncate64, ftruncate);

int fallocate(int fd, int mode, off_t offset, off_t len)
{
	bool keeps = mode == FALLOC_FL_KEEP_SIZE, plain = mode == 0;

	struct record record = {.operation = keeps || plain ? "extend" : "unknown",
				.number = plain ? (uint64_t) (offset + len) : 0};

	return (int) change(fd, &record, SYS_fallocate, mode, offset, len);
}
SAME(fallocate64, fallocate);

int posix_fallocate(int fd, off_t offset, off_t len)
{
	return fallocate(fd, 0, offset, len) < 0 ? errno : 0;
}
SAME(posix_fallocate64, posix_fallocate);

/* The program or library of the code that called us. */
static int sync_file(int fd, const char *operation, long call, const void *caller)
{
	struct record record = {.operation = operation};
	Dl_info from;
	const char *slash;

	if (dladdr(caller, &from) && from.dli_fname) {
		slash = strrchr(from.dli_fname, '/');
		record.other = slash ? slash + 1 : from.dli_fname;
	}
	return (int) change(fd, &record, call, 0, 0, 0);
}

int fsync(int fd)
{
	return sync_file(fd, "fsync", SYS_fsync, __builtin_return_address(0));
}

int fdatasync(int fd)
{
	return sync_file(fd, "fdatasync", SYS_fdatasync, __builtin_return_address(0));
}

int syncfs(int fd)
{
	return sync_file(fd, "syncfs", SYS_syncfs, __builtin_return_address(0));
}

/* ---- stdio ---------------------------------------------------------------------------------- */

static ssize_t write_cookie(void *cookie, const char *data, size_t len)
{
	ssize_t n = write((int) (intptr_t) cookie, data, len);

	return n < 0 ? 0 : n;
}

static int close_cookie(void *cookie)
{
	return close((int) (intptr_t) cookie);
}

/* The C library's own writes are not seen: a file that is made with stdio gets these instead. */
FILE *fopen(const char *path, const char *mode)
{
	static FILE *(*theirs)(const char *, const char *);
	const cookie_io_functions_t functions = {.write = write_cookie, .close = close_cookie};
	char place[PATH_MAX];
	FILE *file;
	int fd;

	if (!theirs)
		theirs = (FILE * (*) (const char *, const char *) ) dlsym(RTLD_NEXT, "fopen");
	if (mode[0] != 'w' || !find_place(AT_FDCWD, path, place))
		return theirs(path, mode);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | (strchr(mode, 'x') ? O_EXCL : O_TRUNC),
		  0666);
	file = fd < 0 ? NULL : fopencookie((void *) (intptr_t) fd, "w", functions);
	if (fd >= 0 && !file)
		(void) close(fd);
	return file;
}
SAME(fopen64, fopen);

/* ---- what nobody is to do ------------------------------------------------------------------- */

/* Nothing of ours calls these on files of a store, nor is it to go unseen if something does. */
ssize_t copy_file_range(int in, off_t *in_at, int out, off_t *out_at, size_t len, unsigned flags)
{
	char place[PATH_MAX];
	struct stat st;

	if (find_file(out, place, &st)) {
		errno = EXDEV; /* the caller copies by hand */
		return -1;
	}
	return syscall(SYS_copy_file_range, in, in_at, out, out_at, len, flags);
}

ssize_t sendfile(int out, int in, off_t *at, size_t len)
{
	char place[PATH_MAX];
	struct stat st;

	if (find_file(out, place, &st)) {
		errno = EINVAL;
		return -1;
	}
	return syscall(SYS_sendfile, out, in, at, len);
}
SAME(sendfile64, sendfile);

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
	char place[PATH_MAX];
	struct stat st;

	if ((flags & MAP_SHARED) && (protection & PROT_WRITE) && find_file(fd, place, &st)) {
		errno = ENODEV;
		return MAP_FAILED;
	}
	return (void *) syscall(SYS_mmap, address, len, protection, flags, fd, offset);
}
SAME(mmap64, mmap);
