/* SPDX-License-Identifier: Apache-2.0 */
/* See commit_note.h. */
#include "index/commit_note.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "index/base/cleanup.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/digest.h"

#define SLOT_MAGIC "VTCOMMT1"
#define SLOT_AT    4096 /* bytes between slots: no disk tears two blocks in one write of one */
#define SLOTS      2

/* As stored, little-endian. */
struct slot {
	char magic[8];
	uint64_t turn; /* the higher one counts */
	uint64_t commits;
	struct vt_manifest_mark mark;
	uint64_t at_rest;        /* 0 or 1 */
	struct vt_digest digest; /* of the above */
};
#define SLOT_HASHED (sizeof(struct slot) - sizeof(struct vt_digest))

static bool decode(const struct slot *slot, struct vt_commit_note *out)
{
	struct vt_digest digest;

	vt_digest_of(slot, SLOT_HASHED, &digest);
	if (memcmp(slot->magic, SLOT_MAGIC, sizeof slot->magic) != 0 ||
	    !vt_digest_equal(&digest, &slot->digest))
		return false;
	out->turn = le64toh(slot->turn);
	out->commits = le64toh(slot->commits);
	out->mark.number = le64toh(slot->mark.number);
	out->mark.length = le64toh(slot->mark.length);
	out->mark.hash = le64toh(slot->mark.hash);
	out->at_rest = le64toh(slot->at_rest) != 0;
	return true;
}

static int write_slot(struct vt_commit_note *note, uint64_t commits,
		      const struct vt_manifest_mark *mark, bool at_rest, struct vt_error *err)
{
	uint64_t turn = note->turn + 1;
	struct slot slot = {
		.magic = SLOT_MAGIC,
		.turn = htole64(turn),
		.commits = htole64(commits),
		.mark = {htole64(mark->number), htole64(mark->length), htole64(mark->hash)},
		.at_rest = htole64(at_rest),
	};
	int r;

	vt_digest_of(&slot, SLOT_HASHED, &slot.digest);
	r = vt_file_write_at(note->fd, &slot, sizeof slot, turn % SLOTS * SLOT_AT);
	VT_CRASHPOINT("note-written");
	if (r == 0 && fdatasync(note->fd) < 0)
		r = -errno;
	if (r < 0)
		return vt_fail(err, -r, "cannot note how many commits the index holds: %m");
	*note = (struct vt_commit_note){note->fd, turn, commits, *mark, at_rest};
	return 0;
}

static bool is_newer(const struct vt_commit_note *note, uint64_t commits,
		     const struct vt_manifest_mark *mark)
{
	if (commits != note->commits)
		return commits > note->commits;
	if (mark->number != note->mark.number)
		return mark->number > note->mark.number;
	return mark->length > note->mark.length;
}

/* 0 with what was written last, -ENODATA a file that was just made, -EBADMSG. */
static int read_slots(struct vt_commit_note *note)
{
	static const struct slot blank;
	bool written = false;

	for (unsigned i = 0; i < SLOTS; i++) {
		struct vt_commit_note found = {.fd = note->fd};
		struct slot slot = {0};

		if (pread(note->fd, &slot, sizeof slot, (off_t) i * SLOT_AT) < 0)
			return -errno;
		written |= memcmp(&slot, &blank, sizeof slot) != 0;
		if (decode(&slot, &found) && found.turn > note->turn)
			*note = found;
	}
	if (note->turn > 0)
		return 0;
	return written ? -EBADMSG : -ENODATA;
}

static int open_locked(const char *path, struct vt_commit_note *note, struct vt_error *err)
{
	int r;

	note->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (note->fd < 0)
		return vt_fail(err, errno, "cannot open '%s': %m", path);
	if (flock(note->fd, LOCK_EX | LOCK_NB) < 0)
		return vt_fail(err, errno == EWOULDBLOCK ? EBUSY : errno,
			       "another process has the store open");
	r = read_slots(note);
	if (r == -ENODATA)
		return vt_commit_note_reset(note, 0, &(struct vt_manifest_mark){0}, err);
	if (r == -EBADMSG)
		return vt_fail(err, EBADMSG, "'%s' is damaged", path);
	return r < 0 ? vt_fail(err, -r, "cannot read '%s': %m", path) : 0;
}

int vt_commit_note_open(const char *path, struct vt_commit_note *out, struct vt_error *err)
{
	struct vt_commit_note note = {.fd = -1};
	int r = open_locked(path, &note, err);

	if (r < 0) {
		vt_commit_note_close(&note);
		return r;
	}
	*out = note;
	return 0;
}

void vt_commit_note_close(struct vt_commit_note *note)
{
	if (note->fd >= 0)
		(void) close(note->fd);
	note->fd = -1;
}

int vt_commit_note_raise(struct vt_commit_note *note, uint64_t commits,
			 const struct vt_manifest_mark *mark, struct vt_error *err)
{
	if (!is_newer(note, commits, mark))
		return 0;
	return write_slot(note, commits, mark, false, err);
}

int vt_commit_note_reset(struct vt_commit_note *note, uint64_t commits,
			 const struct vt_manifest_mark *mark, struct vt_error *err)
{
	int r = write_slot(note, commits, mark, false, err);

	return r < 0 ? r : write_slot(note, commits, mark, false, err);
}

int vt_commit_note_rest(struct vt_commit_note *note, uint64_t commits,
			const struct vt_manifest_mark *mark, struct vt_error *err)
{
	return write_slot(note, commits, mark, true, err);
}

int vt_commit_note_wake(struct vt_commit_note *note, struct vt_error *err)
{
	return note->at_rest ? write_slot(note, note->commits, &note->mark, false, err) : 0;
}
