/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding what an audit log holds. Only the last segment is read: its first record has the edge of
 * the tree before it and the key in force, and the checkpoint that closed the segment before says
 * whether that is so. Lines behind the last checkpoint may be torn (power went); what a checkpoint
 * covers may not.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "index/base/error.h"
#include "policy/audit_log_private.h"
#include "policy/audit_reader.h"
#include "policy/base64.h"

#define DISK_BLOCK 512u /* bytes that a disk writes whole or not at all */

/* What the scan of a segment has come to. */
struct found {
	const struct vt_audit_segment *segment;
	size_t lines_at, notes_at;   /* bytes that are good */
	struct vt_merkle tree, edge; /* now, and where the segment begins */
	uint32_t key;
	uint8_t public[VT_AUDIT_PUBLIC], before[VT_AUDIT_PUBLIC];
	uint64_t key_size; /* size just behind the last key record; 0: there is none */
	struct vt_digest key_root;
	bool key_signed; /* the key before it has signed that */
	uint64_t signed_size;
	bool has_note;
	struct vt_checkpoint note; /* the next one */
	size_t note_len;
};

static int take_public(const struct vt_audit_line *line, uint8_t out[VT_AUDIT_PUBLIC])
{
	const struct vt_audit_field *field = vt_audit_line_find(line, "public");

	return field && field->type == VT_AUDIT_TEXT &&
			       vt_base64_decode(field->value, field->len, out, VT_AUDIT_PUBLIC) ==
				       (ssize_t) VT_AUDIT_PUBLIC
		       ? 0
		       : -EBADMSG;
}

/* The first record: false when it is none. */
static bool take_segment(struct vt_audit_log *log, struct found *f,
			 const struct vt_audit_line *line)
{
	const struct vt_audit_field *edge = vt_audit_line_find(line, "edge");
	struct vt_digest digests[VT_MERKLE_EDGE];
	ssize_t len;

	if (!vt_audit_line_is(line, "kind", "segment") || line->seq != f->segment->first || !edge)
		return false;
	len = vt_base64_decode(edge->value, edge->len, digests[0].bytes, sizeof digests);
	if (len != (ssize_t) (VT_DIGEST_LEN * (size_t) __builtin_popcountll(line->seq)) ||
	    take_public(line, f->public) < 0)
		return false;
	vt_merkle_load(&f->edge, line->seq, digests);
	f->tree = f->edge;
	vt_audit_line_text(line, "origin", log->origin, sizeof log->origin);
	f->key = (uint32_t) vt_audit_line_number(line, "key", 0);
	return vt_origin_is_valid(log->origin);
}

static int take_key(struct found *f, const struct vt_audit_line *line)
{
	memcpy(f->before, f->public, VT_AUDIT_PUBLIC);
	if (vt_audit_line_number(line, "key", 0) != (int64_t) f->key + 1 ||
	    take_public(line, f->public) < 0)
		return -EBADMSG;
	f->key++;
	f->key_size = line->seq + 1;
	f->key_signed = false;
	return 0;
}

static bool is_zeros(const struct vt_buf *buf, size_t from, size_t end)
{
	while (from < end && buf->data[from] == 0)
		from++;
	return from == end;
}

/*
 * What a loss of power leaves of a checkpoint that was being written: nothing but zeros, or zeros
 * for a block of the disk and the rest of it in the other. There is one at most: each is synced
 * before the next begins.
 */
static bool is_unwritten(const struct vt_buf *notes, size_t from)
{
	bool hole = is_zeros(notes, from, notes->len);

	if (notes->len - from >= VT_CHECKPOINT_MAX)
		return hole;
	while (!hole && from < notes->len) {
		size_t next = (from / DISK_BLOCK + 1) * DISK_BLOCK;

		hole = is_zeros(notes, from, next < notes->len ? next : notes->len);
		from = next;
	}
	return hole;
}

/* The next checkpoint of the segment, if there is one. */
static int read_note(struct found *f, struct vt_error *err)
{
	const struct vt_buf *notes = &f->segment->notes;
	int r;

	f->has_note = false;
	if (f->notes_at == notes->len)
		return 0;
	r = vt_checkpoint_parse((const char *) notes->data + f->notes_at, notes->len - f->notes_at,
				&f->note, &f->note_len, err);
	if (r == -EAGAIN || (r < 0 && is_unwritten(notes, f->notes_at)))
		return 0; /* torn: the power went while it was written */
	f->has_note = r == 0;
	return r;
}

static bool has_right_root(const struct vt_audit_log *log, const struct found *f)
{
	struct vt_digest root;

	vt_merkle_root(&f->tree, &root);
	return vt_digest_equal(&root, &f->note.root) && strcmp(f->note.origin, log->origin) == 0;
}

/*
 * All checkpoints of the present size. The roots of all are compared; of the signatures only the
 * last one's is looked at, which vouches for all before it, and that of the old key below a new
 * one. A signature costs more than a hundred records, and opening shall not take the longer the
 * longer the segment is: 'vitrine audit verify' looks at every one.
 */
static int check_notes(const struct vt_audit_log *log, struct found *f, struct vt_error *err)
{
	int r = 0;

	while (r == 0 && f->has_note && f->note.size == f->tree.size) {
		const struct vt_checkpoint note = f->note;
		const char *text = (const char *) f->segment->notes.data + f->notes_at;
		bool right = has_right_root(log, f), by_old = false;

		f->signed_size = note.size;
		f->notes_at += f->note_len;
		r = read_note(f, err);
		if (right && f->key_size && (note.size == f->key_size || !f->has_note))
			by_old = vt_checkpoint_verify(&note, text, f->before);
		if (right && !by_old && !f->has_note)
			right = vt_checkpoint_verify(&note, text, f->public);
		if (r == 0 && !right)
			return vt_fail(err, EBADMSG,
				       "its first %" PRIu64 " records are not those that were "
				       "signed",
				       f->tree.size);
		f->key_signed |= by_old && note.size == f->key_size;
	}
	return r;
}

/*
 * Must it be read, and not only hashed? A line that the next checkpoint covers is what it was or
 * fails that checkpoint; of those only a new key's matters here. Reading takes longer than hashing.
 */
static bool must_read(const struct found *f, const char *text, size_t len)
{
	static const char key[] = "\"kind\":\"key\"";

	return f->lines_at == 0 || !f->has_note || f->tree.size >= f->note.size ||
	       memmem(text, len, key, sizeof key - 1);
}

static bool read_line(struct vt_audit_log *log, struct found *f, const char *text, size_t len)
{
	struct vt_audit_line line;
	bool first = f->lines_at == 0;

	if (vt_audit_line_parse(text, len, &line, NULL) < 0)
		return false;
	if (first ? !take_segment(log, f, &line) : line.seq != f->tree.size)
		return false;
	return !vt_audit_line_is(&line, "kind", "key") || take_key(f, &line) == 0;
}

/* One line more; false when it is no record that could stand here. */
static bool take_line(struct vt_audit_log *log, struct found *f, const char *text, size_t len)
{
	struct vt_digest leaf;

	if (must_read(f, text, len) && !read_line(log, f, text, len))
		return false;
	vt_merkle_leaf(text, len, &leaf);
	vt_merkle_append(&f->tree, &leaf);
	if (f->key_size == f->tree.size)
		vt_merkle_root(&f->tree, &f->key_root);
	f->lines_at += len + 1;
	return true;
}

static int scan(struct vt_audit_log *log, struct found *f, struct vt_error *err)
{
	const struct vt_buf *lines = &f->segment->lines;
	int r = read_note(f, err);

	while (r == 0 && f->lines_at < lines->len) {
		const char *text = (const char *) lines->data + f->lines_at;
		const char *newline = memchr(text, '\n', lines->len - f->lines_at);

		if (!newline || !take_line(log, f, text, (size_t) (newline - text)))
			break;
		r = check_notes(log, f, err);
	}
	if (r == 0 && f->has_note)
		r = vt_fail(err, EBADMSG,
			    "%" PRIu64 " records were signed, but only %" PRIu64 " are whole",
			    f->note.size, f->tree.size);
	return r < 0 ? vt_fail_in(err, r,
				  "the audit log was damaged or changed (see 'vitrine audit "
				  "verify')")
		     : 0;
}

/* ---- the end of it -------------------------------------------------------------------------- */

static int write_torn(struct vt_audit_log *log, const struct found *f,
		      struct vt_audit_recovery *found, struct vt_error *err)
{
	const struct vt_buf *lines = &f->segment->lines;
	size_t len = lines->len - f->lines_at;
	vt_autoclose int fd = -1;

	(void) snprintf(found->torn, sizeof found->torn, "torn-%" PRIu64, f->tree.size);
	fd = openat(log->dir, found->torn, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	if (fd < 0 || write(fd, lines->data + f->lines_at, len) != (ssize_t) len || fsync(fd) < 0 ||
	    fsync(log->dir) < 0)
		return vt_fail(err, errno ? errno : EIO,
			       "cannot move the torn end of the audit log aside: %m");
	found->torn_bytes = len;
	return 0;
}

static int cut(struct vt_audit_log *log, const struct found *f, struct vt_audit_recovery *found,
	       struct vt_error *err)
{
	int r = 0;

	if (f->lines_at < f->segment->lines.len)
		r = write_torn(log, f, found, err);
	if (r < 0)
		return r;
	found->torn_note_bytes = f->segment->notes.len - f->notes_at;
	if (ftruncate(log->lines, (off_t) f->lines_at) < 0 ||
	    ftruncate(log->notes, (off_t) f->notes_at) < 0)
		return vt_fail(err, errno, "cannot write the audit log: %m");
	return 0;
}

/* The key in force; and a change of keys that was cut short is brought to its end. */
static int take_keys(struct vt_audit_log *log, const struct found *f, struct vt_error *err)
{
	struct vt_audit_key *key;
	int r = vt_audit_key_load(log->keys, f->key, &key, err);

	if (r < 0)
		return r;
	if (memcmp(vt_audit_key_public(key), f->public, VT_AUDIT_PUBLIC) != 0) {
		vt_audit_key_free(key);
		return vt_fail(err, EBADMSG, "the key of the audit log is another one");
	}
	log->key = key;
	if (f->key_size && !f->key_signed) {
		log->next_key = vt_steal(&log->key);
		log->next_size = f->key_size;
		log->next_root = f->key_root;
		r = vt_audit_key_load(log->keys, f->key - 1, &log->key, err);
		if (r == 0)
			r = vt_audit_log_finish_roll(log, err);
	}
	if (r == 0 && f->key > 1)
		r = vt_audit_key_erase(log->keys, f->key - 1, err);
	return r < 0 ? r : vt_audit_key_erase(log->keys, f->key + 1, err);
}

static int adopt(struct vt_audit_log *log, const struct found *f, struct vt_audit_recovery *found,
		 struct vt_error *err)
{
	int r = vt_audit_log_open_files(log, f->segment->first, false, &log->lines, &log->notes,
					err);

	if (r == 0)
		r = cut(log, f, found, err);
	log->first = f->segment->first;
	log->lines_len = f->lines_at;
	log->notes_len = f->notes_at;
	log->tree = log->synced = f->tree;
	log->signed_size = f->signed_size;
	return r < 0 ? r : take_keys(log, f, err);
}

/* The checkpoint that closed the segment before vouches for the edge that this one begins with. */
static int check_before(struct vt_audit_log *log, uint64_t first, uint64_t before,
			const struct vt_merkle *edge, struct vt_error *err)
{
	struct vt_audit_segment segment = {0};
	struct vt_checkpoint note = {.size = 0};
	struct vt_digest root;
	size_t at = 0, used;
	int r = vt_audit_segment_load(log->dir, before, &segment, err);

	while (r == 0 && at < segment.notes.len) {
		r = vt_checkpoint_parse((const char *) segment.notes.data + at,
					segment.notes.len - at, &note, &used, err);
		at += used;
	}
	vt_audit_segment_done(&segment);
	vt_merkle_root(edge, &root);
	if (r == 0 && (note.size != first || !vt_digest_equal(&note.root, &root)))
		r = vt_fail(err, EBADMSG,
			    "the audit log was changed: what was signed up to record %" PRIu64
			    " is not what follows",
			    first);
	return r;
}

static int begin(struct vt_audit_log *log, struct vt_audit_recovery *found, struct vt_error *err)
{
	int r = vt_audit_key_make(log->keys, 1, &log->key, err);

	found->created = true;
	return r < 0 ? r : vt_audit_log_begin_segment(log, err);
}

/* A file whose first record never became whole is what is left of a beginning. */
static int move_beginning(struct vt_audit_log *log, const struct vt_audit_segment *segment,
			  struct vt_audit_recovery *found, struct vt_error *err)
{
	char notes[32];

	(void) snprintf(found->torn, sizeof found->torn, "torn-%" PRIu64, segment->first);
	vt_audit_segment_name(segment->first, "notes", notes);
	found->torn_bytes = segment->lines.len;
	if (renameat(log->dir, segment->name, log->dir, found->torn) < 0 ||
	    (unlinkat(log->dir, notes, 0) < 0 && errno != ENOENT) || fsync(log->dir) < 0)
		return vt_fail(err, errno, "cannot move '%s' aside: %m", segment->name);
	return 0;
}

static int recover_from(struct vt_audit_log *log, const uint64_t *firsts, size_t count,
			struct vt_audit_recovery *found, struct vt_error *err)
{
	struct vt_audit_segment segment = {0};
	struct found f = {.segment = &segment};
	bool beginning = false;
	int r;

	if (count == 0)
		return begin(log, found, err);
	r = vt_audit_segment_load(log->dir, firsts[count - 1], &segment, err);
	if (r == 0)
		r = scan(log, &f, err);
	beginning = r == 0 && f.lines_at == 0;
	if (r == 0 && beginning)
		r = move_beginning(log, &segment, found, err);
	if (r == 0 && !beginning && count > 1)
		r = check_before(log, segment.first, firsts[count - 2], &f.edge, err);
	if (r == 0 && !beginning)
		r = adopt(log, &f, found, err);
	vt_audit_segment_done(&segment);
	return r == 0 && beginning ? recover_from(log, firsts, count - 1, found, err) : r;
}

int vt_audit_log_recover(struct vt_audit_log *log, struct vt_audit_recovery *found,
			 struct vt_error *err)
{
	vt_autofree uint64_t *firsts = NULL;
	size_t count;
	int r = vt_audit_segments(log->dir, &firsts, &count, err);

	return r < 0 ? r : recover_from(log, firsts, count, found, err);
}
