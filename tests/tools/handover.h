/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the readers of the hand-over stress and its controller tell each other, in shared memory.
 *
 * The epoch grows when a request that changes who may read begins, and again when it has returned;
 * in between nothing is said of anybody. So whoever sees the same epoch before and after a read
 * knows what held all along.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { USERS = 2, READERS = 4 };

/* Held: opened before and kept. The others open by path. */
enum way {
	HELD_READ,
	HELD_PREAD,
	HELD_MMAP,
	HELD_SENDFILE,
	HELD_SPLICE,
	HELD_DIRECT, /* O_DIRECT */
	HELD_REOPEN, /* /proc/self/fd/N */
	HELD_O_PATH, /* an O_PATH descriptor, by /proc/self/fd/N */
	HELD_CWD,    /* from the working folder */
	PATH_READ,
	PATH_MMAP,
	PATH_SENDFILE,
	PATH_DIRECT,
	WAYS,
};
extern const char *const handover_ways[WAYS];

struct handover_user {
	_Atomic uint64_t denied_since_ns; /* CLOCK_MONOTONIC, when the command returned; 0: not */
	_Atomic bool allowed;
	/* What was opened in an earlier epoch gives nothing from `dead_from` on. */
	_Atomic uint64_t dead_before, dead_from;
};

struct handover_shared {
	_Atomic uint64_t epoch;
	_Atomic uint64_t said_until_ns; /* CLOCK_MONOTONIC: then a lease may end by itself */
	struct handover_user users[USERS];
	atomic_bool over;
	/* per way: reads of who was in, attempts of who was out, and of what was dead */
	_Atomic uint64_t right[WAYS], refused[WAYS], dead[WAYS];
	atomic_uint violations;
};

struct handover_file {
	char *path; /* below the source and below the mount */
	unsigned char *bytes;
	size_t size;
};

/* Reads as `uid` until `over`; what is wrong is printed and counted. Does not return. */
_Noreturn void handover_read(struct handover_shared *shared, unsigned user, uid_t uid,
			     unsigned seed, const char *mount, const struct handover_file *files,
			     size_t count);
