/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of the hand-over stress (handover.h): by every way there is, what it holds and what it
 * opens anew, without a pause. Four things must be so:
 *
 *     bytes are the source's, whoever gets them
 *     who was out from before a read until after it got none
 *     what was opened before its opener lost it gives none ever again
 *     who was in from before a read by path until after it got some
 */
#include "tests/tools/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "index/base/clock.h"

#define HELD  4u
#define PAGE  4096u
#define CHUNK 65536u

const char *const handover_ways[WAYS] = {
	"read",       "pread",          "mmap",          "sendfile", "splice",
	"O_DIRECT",   "/proc/self/fd",  "O_PATH",        "cwd",      "open, read",
	"open, mmap", "open, sendfile", "open, O_DIRECT"};

struct held {
	const struct handover_file *file;
	int fd, direct, o_path;
	unsigned char *map;
	uint64_t epoch; /* after all was open */
};

static struct handover_shared *shared;
static const struct handover_user *self;
static const char *who;
static const struct handover_file *files;
static size_t file_count;
static struct held held[HELD];
static unsigned char *buffer; /* CHUNK bytes, on a page */
static int pipe_ends[2];
static uint32_t dice_state;

static uint32_t dice(uint32_t sides)
{
	dice_state = dice_state * 1664525u + 1013904223u;
	return (dice_state >> 8) % sides;
}

/* ---- ways: bytes that were got, into buffer; negative: errno -----------------------------------
 */

static sigjmp_buf fault;

static void on_fault(int number)
{
	(void) number;
	siglongjmp(fault, 1);
}

static ssize_t touch(const unsigned char *map, off_t at, size_t length)
{
	if (sigsetjmp(fault, 1))
		return -EFAULT;
	memcpy(buffer, map + at, length);
	return (ssize_t) length;
}

static ssize_t got(ssize_t n)
{
	return n < 0 ? -errno : n;
}

static ssize_t drain_pipe(ssize_t n)
{
	ssize_t r = n < 0 ? -errno : 0;

	while (n > 0 && r < n) {
		ssize_t more = read(pipe_ends[0], buffer + r, (size_t) (n - r));

		if (more <= 0)
			abort();
		r += more;
	}
	return r;
}

static ssize_t by_read(int fd, off_t at, size_t length)
{
	return lseek(fd, at, SEEK_SET) < 0 ? -errno : got(read(fd, buffer, length));
}

static ssize_t by_sendfile(int fd, off_t at, size_t length)
{
	return drain_pipe(sendfile(pipe_ends[1], fd, &at, length));
}

static ssize_t by_splice(int fd, off_t at, size_t length)
{
	return drain_pipe(splice(fd, &at, pipe_ends[1], NULL, length, 0));
}

static ssize_t by_map(int fd, size_t size, off_t at, size_t length)
{
	unsigned char *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, fd, 0);
	ssize_t r;

	if (map == MAP_FAILED)
		return -errno;
	r = touch(map, at, length);
	(void) munmap(map, size);
	return r;
}

static ssize_t by_opening(int folder, const char *path, int flags, enum way way, size_t size,
			  off_t at, size_t length)
{
	int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | flags);
	ssize_t r;

	if (fd < 0)
		return -errno;
	switch (way) {
	case PATH_MMAP:
		r = by_map(fd, size, at, length);
		break;
	case PATH_SENDFILE:
		r = by_sendfile(fd, at, length);
		break;
	default:
		r = got(pread(fd, buffer, length, at));
	}
	(void) close(fd);
	return r;
}

static ssize_t by_reopening(int fd, off_t at, size_t length)
{
	char path[64];

	(void) snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return by_opening(AT_FDCWD, path, 0, PATH_READ, 0, at, length);
}

static ssize_t by_held(const struct held *of, enum way way, off_t at, size_t length)
{
	switch (way) {
	case HELD_READ:
		return by_read(of->fd, at, length);
	case HELD_PREAD:
		return got(pread(of->fd, buffer, length, at));
	case HELD_MMAP:
		return touch(of->map, at, length);
	case HELD_SENDFILE:
		return by_sendfile(of->fd, at, length);
	case HELD_SPLICE:
		return by_splice(of->fd, at, length);
	case HELD_DIRECT:
		return got(pread(of->direct, buffer, length, at));
	case HELD_REOPEN:
		return by_reopening(of->fd, at, length);
	case HELD_O_PATH:
		return by_reopening(of->o_path, at, length);
	default: /* HELD_CWD */
		return by_opening(AT_FDCWD, strrchr(of->file->path, '/') + 1, 0, PATH_READ, 0, at,
				  length);
	}
}

/* ---- holding -----------------------------------------------------------------------------------
 */

static void let_go(struct held *of)
{
	if (of->fd > 0)
		(void) close(of->fd);
	if (of->direct > 0)
		(void) close(of->direct);
	if (of->o_path > 0)
		(void) close(of->o_path);
	if (of->map)
		(void) munmap(of->map, of->file->size);
	*of = (struct held){0};
}

static bool hold(struct held *of, const struct handover_file *file)
{
	let_go(of);
	of->fd = open(file->path, O_RDONLY | O_CLOEXEC);
	of->direct = of->fd < 0 ? -1 : open(file->path, O_RDONLY | O_CLOEXEC | O_DIRECT);
	of->o_path = of->direct < 0 ? -1 : open(file->path, O_PATH | O_CLOEXEC);
	if (of->o_path < 0) {
		let_go(of);
		return false;
	}
	of->map = mmap(NULL, file->size, PROT_READ, MAP_SHARED, of->fd, 0);
	of->file = file;
	if (of->map == MAP_FAILED) {
		of->map = NULL;
		let_go(of);
		return false;
	}
	of->epoch = shared->epoch;
	return true;
}

/* The working folder is one of those held, too: its epoch is that of the first thing held. */
static void hold_all(void)
{
	char folder[4096];

	(void) snprintf(folder, sizeof folder, "%s", files[0].path);
	*strrchr(folder, '/') = '\0';
	(void) !chdir(folder);
	for (unsigned i = 0; i < HELD; i++)
		(void) hold(&held[i], &files[dice((uint32_t) file_count)]);
}

/* ---- judging -----------------------------------------------------------------------------------
 */

/* What held when a read began. */
struct before {
	uint64_t epoch, at_ns, denied_since_ns;
	bool allowed, dead;
};

static struct before look(const struct held *of)
{
	struct before before = {.epoch = shared->epoch, .at_ns = vt_clock_monotonic_ns()};

	before.denied_since_ns = self->denied_since_ns;
	before.allowed = self->allowed;
	before.dead = of && of->epoch < self->dead_before && before.epoch >= self->dead_from;
	return before;
}

static void violation(const char *what, enum way way, const struct before *before, ssize_t r)
{
	shared->violations++;
	printf("%s: %s by %s at %llu, denied since %llu, epoch %llu: %zd\n", who, what,
	       handover_ways[way], (unsigned long long) before->at_ns,
	       (unsigned long long) before->denied_since_ns, (unsigned long long) before->epoch, r);
	(void) fflush(stdout);
}

static void judge(enum way way, const struct before *before, ssize_t r,
		  const struct handover_file *file, off_t at)
{
	bool same =
		before->epoch == shared->epoch && vt_clock_monotonic_ns() < shared->said_until_ns;

	if (r > 0 && memcmp(buffer, file->bytes + at, (size_t) r) != 0)
		violation("WRONG BYTES", way, before, r);
	if (before->dead) {
		shared->dead[way]++;
		if (r > 0)
			violation("bytes of what was taken away", way, before, r);
	}
	if (same && before->denied_since_ns) {
		shared->refused[way]++;
		if (r > 0)
			violation("bytes after the command returned", way, before, r);
	}
	if (same && before->allowed && way >= PATH_READ && r <= 0)
		violation("nothing for who may read", way, before, r);
	if (r > 0 && before->allowed)
		shared->right[way]++;
}

/* ---- the reader --------------------------------------------------------------------------------
 */

static off_t place(enum way way, const struct handover_file *file, size_t *length)
{
	off_t at = dice((uint32_t) file->size);

	*length = 1 + dice(CHUNK);
	if (way == HELD_DIRECT || way == PATH_DIRECT) {
		at -= at % PAGE;
		*length = CHUNK;
	}
	if (*length > file->size - (size_t) at && way != HELD_DIRECT && way != PATH_DIRECT)
		*length = file->size - (size_t) at;
	return at;
}

static void read_held(struct held *of, enum way way)
{
	struct before before;
	size_t length;
	off_t at;
	ssize_t r;

	at = place(way, of->file, &length);
	before = look(of);
	if (way == HELD_O_PATH || way == HELD_CWD)
		before.dead = false; /* no handles: who is let in again may open by them anew */
	r = by_held(of, way, at, length);
	judge(way, &before, r, of->file, at);
	if (r > 0 && way == HELD_PREAD && dice(8) == 0) /* so that reads come to the server */
		(void) posix_fadvise(of->fd, 0, 0, POSIX_FADV_DONTNEED);
}

static void read_path(enum way way)
{
	const struct handover_file *file = &files[dice((uint32_t) file_count)];
	struct before before;
	size_t length;
	off_t at = place(way, file, &length);
	ssize_t r;

	before = look(NULL);
	r = by_opening(AT_FDCWD, file->path, way == PATH_DIRECT ? O_DIRECT : 0, way, file->size, at,
		       length);
	judge(way, &before, r, file, at);
}

/* What is dead is kept for a while, and tried: it must stay so. */
static void round_of_all(void)
{
	for (unsigned i = 0; i < HELD; i++) {
		if (!held[i].file) {
			(void) hold(&held[i], &files[dice((uint32_t) file_count)]);
			continue;
		}
		for (int way = HELD_READ; way < PATH_READ; way++)
			read_held(&held[i], (enum way) way);
		read_path((enum way)(PATH_READ + dice(WAYS - PATH_READ)));
	}
	if (dice(16) == 0 && self->allowed)
		hold_all();
}

_Noreturn void handover_read(struct handover_shared *with, unsigned user, uid_t uid, unsigned seed,
			     const char *name, const struct handover_file *list, size_t count)
{
	const struct sigaction action = {.sa_handler = on_fault};
	gid_t gid = uid;

	shared = with;
	self = &with->users[user];
	who = name;
	files = list;
	file_count = count;
	dice_state = seed;
	buffer = aligned_alloc(PAGE, CHUNK);
	if (!buffer || pipe(pipe_ends) < 0 || setgroups(1, &gid) < 0 || setgid(gid) < 0 ||
	    setuid(uid) < 0)
		abort();
	(void) fcntl(pipe_ends[1], F_SETPIPE_SZ, (int) (2 * CHUNK));
	(void) sigaction(SIGBUS, &action, NULL);
	while (!shared->over)
		round_of_all();
	_exit(0);
}
