/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A preload library with which a test has calls fail, in programs that run on meanwhile. What is to
 * fail stands in the file $VITRINE_FAULTS, which every process that loads this maps: struct fault,
 * written by tests/tools/faults.py. Only Vitrine's programs have faults, and only
 *  - calls on files below $VITRINE_STORE, ours and RocksDB's (but reads and writes that are cut
 * short only ours: RocksDB 7.8 has an assertion that does not hold then);
 *  - of memory and threads, what our own code asks for: the C++ of RocksDB may end the process.
 */
#undef _FILE_OFFSET_BITS /* else a function's name stands for its other one, and we need both */

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <link.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

enum call { OPEN, READ, WRITE, SYNC, RENAME, UNLINK, MKDIR, TRUNCATE, MAP, RANDOM, MEMORY, THREAD };

#define SHORT (-1) /* as an error: fewer bytes than were asked for */

struct fault {
	atomic_int armed;
	int32_t call, error;
	int32_t forever;    /* all calls from then on, or one */
	atomic_llong left;  /* calls until then */
	atomic_llong fired; /* faults */
};

static struct fault none, *fault = &none;
static char store[PATH_MAX];
static size_t store_len;
static uintptr_t code_begin, code_end; /* of the program */

static int find_code(struct dl_phdr_info *program, size_t size, void *unused)
{
	(void) size;
	(void) unused;
	for (int i = 0; i < program->dlpi_phnum; i++)
		if (program->dlpi_phdr[i].p_type == PT_LOAD &&
		    program->dlpi_phdr[i].p_flags & PF_X) {
			code_begin = program->dlpi_addr + program->dlpi_phdr[i].p_vaddr;
			code_end = code_begin + program->dlpi_phdr[i].p_memsz;
		}
	return 1; /* the program comes first */
}

__attribute__((constructor)) static void begin(void)
{
	const char *path = getenv("VITRINE_FAULTS"), *dir = getenv("VITRINE_STORE");
	char program[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", program, sizeof program - 1);
	struct fault *mapped;
	int fd;

	program[len > 0 ? len : 0] = '\0';
	if (!path || !dir || strncmp(basename(program), "vitrine", strlen("vitrine")) != 0)
		return;
	if (!realpath(dir, store)) /* it is about to be made */
		(void) snprintf(store, sizeof store, "%s", dir);
	store_len = strlen(store);
	(void) dl_iterate_phdr(find_code, NULL);
	fd = open(path, O_RDWR | O_CLOEXEC);
	mapped = mmap(NULL, sizeof *mapped, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	(void) close(fd);
	if (mapped == MAP_FAILED)
		abort();
	fault = mapped;
}

/* ---- now? ------------------------------------------------------------------------------------ */

static bool is_armed(enum call call)
{
	return atomic_load(&fault->armed) && fault->call == (int32_t) call;
}

static bool fires(void)
{
	long long left = atomic_fetch_sub(&fault->left, 1);

	if (left != 1 && (left > 1 || !fault->forever))
		return false;
	atomic_fetch_add(&fault->fired, 1);
	if (fault->error != SHORT)
		errno = fault->error;
	return true;
}

static bool is_ours(const char *path)
{
	return strncmp(path, store, store_len) == 0 &&
	       (path[store_len] == '/' || path[store_len] == '\0');
}

static bool path_of(int fd, char path[PATH_MAX])
{
	char link[64];
	ssize_t len;
	int saved = errno;

	(void) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
	len = readlink(link, path, PATH_MAX - 1);
	errno = saved;
	path[len > 0 ? len : 0] = '\0';
	return len > 0;
}

static bool fails_fd(enum call call, int fd)
{
	char path[PATH_MAX];

	return is_armed(call) && path_of(fd, path) && is_ours(path) && fires();
}

static bool fails_at(enum call call, int folder, const char *name)
{
	char path[PATH_MAX];

	if (!is_armed(call))
		return false;
	return (name[0] == '/' ? is_ours(name) : path_of(folder, path) && is_ours(path)) && fires();
}

#define CALLER __builtin_return_address(0)

static bool is_own(const void *caller)
{
	return (uintptr_t) caller >= code_begin && (uintptr_t) caller < code_end;
}

static bool fails_own(enum call call, const void *caller)
{
	return is_armed(call) && is_own(caller) && fires();
}

/* glibc's; with sanitizers theirs, which see what is never freed. */
#define REAL(name)                                                                                 \
	({                                                                                         \
		static __typeof__(&name) next;                                                     \
		next ? next : (next = (__typeof__(&name)) dlsym(RTLD_NEXT, #name));                \
	})

/* ---- files ----------------------------------------------------------------------------------- */

static mode_t mode_of(int flags, va_list more)
{
	return flags & (O_CREAT | __O_TMPFILE) ? va_arg(more, mode_t) : 0;
}

#define OPENING(name, folder, parameters, ...)                                                     \
	int name parameters                                                                        \
	{                                                                                          \
		va_list more;                                                                      \
		mode_t mode;                                                                       \
                                                                                                   \
		va_start(more, flags);                                                             \
		mode = mode_of(flags, more);                                                       \
		va_end(more);                                                                      \
		return fails_at(OPEN, folder, path) ? -1 : REAL(name)(__VA_ARGS__, mode);          \
	}
OPENING(open, AT_FDCWD, (const char *path, int flags, ...), path, flags)
OPENING(open64, AT_FDCWD, (const char *path, int flags, ...), path, flags)
OPENING(openat, dir, (int dir, const char *path, int flags, ...), dir, path, flags)
OPENING(openat64, dir, (int dir, const char *path, int flags, ...), dir, path, flags)

/* A call that gives a number of bytes: fewer, or none at all and an error. */
#define BYTES(call, name, parameters, arguments, shorter)                                          \
	ssize_t name parameters                                                                    \
	{                                                                                          \
		if ((is_armed(call) && fault->error == SHORT && !is_own(CALLER)) ||                \
		    !fails_fd(call, fd))                                                           \
			return REAL(name) arguments;                                               \
		if (fault->error != SHORT)                                                         \
			return -1;                                                                 \
		len = len > 1 ? len / 2 : len;                                                     \
		return REAL(name) shorter;                                                         \
	}
#define SAME(call, name, parameters, arguments) BYTES(call, name, parameters, arguments, arguments)

SAME(READ, read, (int fd, void *data, size_t len), (fd, data, len))
SAME(READ, pread, (int fd, void *data, size_t len, off_t at), (fd, data, len, at))
SAME(READ, pread64, (int fd, void *data, size_t len, off64_t at), (fd, data, len, at))
SAME(WRITE, write, (int fd, const void *data, size_t len), (fd, data, len))
SAME(WRITE, pwrite, (int fd, const void *data, size_t len, off_t at), (fd, data, len, at))
SAME(WRITE, pwrite64, (int fd, const void *data, size_t len, off64_t at), (fd, data, len, at))
/* Of several pieces the first few; of one that one. */
SAME(READ, preadv64v2, (int fd, const struct iovec *data, int len, off64_t at, int flags),
     (fd, data, len, at, flags))
SAME(WRITE, writev, (int fd, const struct iovec *data, int len), (fd, data, len))

/* A call that is done or not. */
#define DONE(failing, type, name, parameters, arguments, failed)                                   \
	type name parameters                                                                       \
	{                                                                                          \
		return (failing) ? (failed) : REAL(name) arguments;                                \
	}
DONE(fails_fd(SYNC, fd), int, fsync, (int fd), (fd), -1)
DONE(fails_fd(SYNC, fd), int, fdatasync, (int fd), (fd), -1)
DONE(fails_at(RENAME, AT_FDCWD, to), int, rename, (const char *from, const char *to), (from, to),
     -1)
DONE(fails_at(RENAME, to_dir, to), int, renameat,
     (int from_dir, const char *from, int to_dir, const char *to), (from_dir, from, to_dir, to), -1)
DONE(fails_at(UNLINK, AT_FDCWD, path), int, unlink, (const char *path), (path), -1)
DONE(fails_at(UNLINK, folder, path), int, unlinkat, (int folder, const char *path, int flags),
     (folder, path, flags), -1)
DONE(fails_at(UNLINK, AT_FDCWD, path), int, rmdir, (const char *path), (path), -1)
DONE(fails_at(MKDIR, AT_FDCWD, path), int, mkdir, (const char *path, mode_t mode), (path, mode), -1)
DONE(fails_fd(TRUNCATE, fd), int, ftruncate, (int fd, off_t size), (fd, size), -1)
DONE(fails_fd(TRUNCATE, fd), int, ftruncate64, (int fd, off64_t size), (fd, size), -1)
DONE(fails_fd(TRUNCATE, fd), int, fallocate, (int fd, int mode, off_t at, off_t len),
     (fd, mode, at, len), -1)
DONE(fails_fd(TRUNCATE, fd), int, fallocate64, (int fd, int mode, off64_t at, off64_t len),
     (fd, mode, at, len), -1)
DONE(fails_fd(TRUNCATE, fd), int, posix_fallocate, (int fd, off_t at, off_t len), (fd, at, len),
     errno)
DONE(fails_fd(TRUNCATE, fd), int, posix_fallocate64, (int fd, off64_t at, off64_t len),
     (fd, at, len), errno)
DONE(fails_fd(MAP, fd), void *, mmap,
     (void *where, size_t len, int protection, int flags, int fd, off_t at),
     (where, len, protection, flags, fd, at), MAP_FAILED)
DONE(fails_fd(MAP, fd), void *, mmap64,
     (void *where, size_t len, int protection, int flags, int fd, off64_t at),
     (where, len, protection, flags, fd, at), MAP_FAILED)

/* ---- the rest -------------------------------------------------------------------------------- */

void *malloc(size_t size)
{
	return fails_own(MEMORY, CALLER) ? NULL : REAL(malloc)(size);
}

void *calloc(size_t count, size_t size)
{
	return fails_own(MEMORY, CALLER) ? NULL : REAL(calloc)(count, size);
}

void *realloc(void *old, size_t size)
{
	return fails_own(MEMORY, CALLER) ? NULL : REAL(realloc)(old, size);
}

void *reallocarray(void *old, size_t count, size_t size)
{
	return fails_own(MEMORY, CALLER) ? NULL : REAL(reallocarray)(old, count, size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
	return fails_own(MEMORY, CALLER) ? NULL : REAL(aligned_alloc)(alignment, size);
}

char *strdup(const char *text)
{
	size_t size = strlen(text) + 1;
	char *copy = fails_own(MEMORY, CALLER) ? NULL : REAL(malloc)(size);

	return copy ? memcpy(copy, text, size) : NULL;
}

char *strndup(const char *text, size_t most)
{
	size_t len = strnlen(text, most);
	char *copy = fails_own(MEMORY, CALLER) ? NULL : REAL(malloc)(len + 1);

	if (!copy)
		return NULL;
	copy[len] = '\0';
	return memcpy(copy, text, len);
}

DONE(fails_own(RANDOM, CALLER), ssize_t, getrandom, (void *data, size_t len, unsigned flags),
     (data, len, flags), -1)
DONE(fails_own(THREAD, CALLER), int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attributes, void *(*run)(void *), void *context),
     (thread, attributes, run, context), errno)
