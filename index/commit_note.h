/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A number outside of the index: how many commits the index is known to hold. The end of RocksDB's
 * log may be missing without a sign of it, after damage that looks like a write torn by a crash;
 * an index that holds fewer commits than the note says has lost some (index/schema.md, "Commits").
 *
 * The file has two slots, written in turn, each in a block of its own with its SHA-256: a write of
 * it that is torn leaves the other slot. The file is locked while it is open.
 *
 * It also says whether the index is at rest: closed in order, and not opened for writing since.
 *
 * One thread at a time.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/manifest.h"

struct vt_error;

struct vt_commit_note {
	int fd;           /* -1: not open */
	uint64_t turn;    /* of the last write, from 1 */
	uint64_t commits; /* what the file says; 0 when it is new */
	struct vt_manifest_mark mark;
	bool at_rest;
};

/* -EBUSY somebody else has it open, -EBADMSG neither slot can be read. Makes it if need be. */
int vt_commit_note_open(const char *path, struct vt_commit_note *out, struct vt_error *err);
void vt_commit_note_close(struct vt_commit_note *note);

/* Durable when it returns. A number below the noted one changes nothing. */
int vt_commit_note_raise(struct vt_commit_note *note, uint64_t commits,
			 const struct vt_manifest_mark *mark, struct vt_error *err);
/* Whatever was noted. Cut short, it leaves what was noted or `commits`. */
int vt_commit_note_reset(struct vt_commit_note *note, uint64_t commits,
			 const struct vt_manifest_mark *mark, struct vt_error *err);

/* The last word at an orderly close: the index is at rest, and so is its list of tables. */
int vt_commit_note_rest(struct vt_commit_note *note, uint64_t commits,
			const struct vt_manifest_mark *mark, struct vt_error *err);
/*
 * It is no longer: durable before the index is opened for writing. Should this slot be damaged
 * before the next write, the other one still says at rest, but of another list of tables.
 */
int vt_commit_note_wake(struct vt_commit_note *note, struct vt_error *err);
