/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * RocksDB's list of tables, INDEX/MANIFEST-N, as far as it can be marked: a file that only grows
 * until N does. Where its end is damaged so that it looks torn, RocksDB takes the tables named
 * there for strays, and removes them (index/schema.md, "Commits").
 *
 * One thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

struct vt_error;

/* The first `length` bytes of MANIFEST-`number`. All zero: no mark. */
struct vt_manifest_mark {
	uint64_t number, length;
	uint64_t hash; /* XXH64, seed 0 */
};

struct vt_manifest {
	int folder; /* of the index */
	int fd;     /* -1: not open */
	struct stat current;
	void *hash; /* of all that was read */
	struct vt_manifest_mark mark;
};

/* Follows the list that CURRENT names; nothing of it is read yet. */
int vt_manifest_open(const char *index, struct vt_manifest *out, struct vt_error *err);
void vt_manifest_close(struct vt_manifest *manifest);
/*
 * Marks what it has grown to, durable from here on; or, where RocksDB has begun another one since,
 * as it does after an error that it got over, what that one has.
 */
int vt_manifest_advance(struct vt_manifest *manifest, struct vt_error *err);

/* -EBADMSG the list is not what was marked. A newer list than that one is not known, and passes. */
int vt_manifest_check(const char *index, const struct vt_manifest_mark *mark, struct vt_error *err);
/* The list is what was marked, to the byte and with nothing after it. */
bool vt_manifest_is(const char *index, const struct vt_manifest_mark *mark);
