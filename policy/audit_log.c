/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See audit_log.h. The order of writes is what recovery relies on: lines, sync; then the checkpoint
 * of exactly those lines, sync; a key's file, then its record, then the old key's checkpoint of
 * that record, then the old file goes.
 */
#include "policy/audit_log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "policy/audit_log_private.h"
#include "policy/audit_reader.h"
#include "policy/base64.h"

#define RESERVE "reserve"

uint64_t vt_audit_log_size(const struct vt_audit_log *log)
{
	return log->tree.size;
}

uint64_t vt_audit_log_synced(const struct vt_audit_log *log)
{
	return log->synced.size;
}

uint64_t vt_audit_log_signed(const struct vt_audit_log *log)
{
	return log->signed_size;
}

/* ---- lines ---------------------------------------------------------------------------------- */

int vt_audit_log_add(struct vt_audit_log *log, const char *line, size_t len, struct vt_error *err)
{
	struct vt_digest leaf;

	vt_buf_put(&log->out, line, len);
	vt_buf_put_u8(&log->out, '\n');
	if (vt_buf_failed(&log->out))
		return vt_fail(err, ENOMEM, "no memory for the audit log");
	vt_merkle_leaf(line, len, &leaf);
	vt_merkle_append(&log->tree, &leaf);
	return 0;
}

int vt_audit_log_put(struct vt_audit_log *log, enum vt_audit_kind kind, json_t *fields,
		     struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf line = VT_BUF_INIT;
	json_t *record = fields ? fields : json_object();
	int r = json_object_set_new(record, "kind", json_string(vt_audit_kind_name(kind)));

	r |= json_object_set_new(record, "seq", json_integer((json_int_t) log->tree.size));
	r |= json_object_set_new(record, "t", json_integer((json_int_t) vt_clock_realtime_ns()));
	r = r ? vt_fail(err, ENOMEM, "no memory for the audit log")
	      : vt_audit_line_encode(record, &line, err);
	json_decref(record);
	return r < 0 ? r : vt_audit_log_add(log, (const char *) line.data, line.len, err);
}

int vt_audit_log_sync(struct vt_audit_log *log, struct vt_error *err)
{
	int r = vt_buf_failed(&log->out) ? -ENOMEM
					 : vt_file_write(log->lines, log->out.data, log->out.len);

	VT_CRASHPOINT("audit-written");
	if (r == 0 && log->out.len > 0 && fdatasync(log->lines) < 0)
		r = -errno;
	if (r < 0) {
		(void) vt_audit_log_rollback(log, NULL);
		return vt_fail(err, -r, "cannot write the audit log: %m");
	}
	VT_CRASHPOINT("audit-synced");
	log->lines_len += log->out.len;
	log->synced = log->tree;
	vt_buf_reset(&log->out);
	return 0;
}

int vt_audit_log_rollback(struct vt_audit_log *log, struct vt_error *err)
{
	vt_buf_done(&log->out); /* and forgets a failed allocation */
	log->tree = log->synced;
	if (ftruncate(log->lines, (off_t) log->lines_len) < 0 ||
	    ftruncate(log->notes, (off_t) log->notes_len) < 0)
		return vt_fail(err, errno, "cannot write the audit log: %m");
	return 0;
}

/* ---- segments ------------------------------------------------------------------------------- */

int vt_audit_log_open_files(struct vt_audit_log *log, uint64_t first, bool create, int *lines,
			    int *notes, struct vt_error *err)
{
	int flags = O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_CREAT,
	    exclusive = create ? O_EXCL : 0;
	char name[32], notes_name[32];

	vt_audit_segment_name(first, "log", name);
	vt_audit_segment_name(first, "notes", notes_name);
	*lines = openat(log->dir, name, flags | exclusive, 0600);
	*notes = *lines < 0 ? -1 : openat(log->dir, notes_name, flags, 0600);
	if (*notes >= 0)
		return 0;
	vt_cleanup_close(lines);
	return vt_fail(err, errno, "cannot open '%s' of the audit log: %m", name);
}

static json_t *segment_fields(const struct vt_audit_log *log)
{
	char public[VT_BASE64_LEN(VT_AUDIT_PUBLIC) + 1], text[VT_AUDIT_EDGE_TEXT];
	struct vt_digest edge[VT_MERKLE_EDGE];
	size_t count = vt_merkle_save(&log->tree, edge);

	vt_base64_encode(edge, count * sizeof *edge, text);
	vt_base64_encode(vt_audit_key_public(log->key), VT_AUDIT_PUBLIC, public);
	return json_pack("{s:s, s:i, s:s, s:s}", "edge", text, "key",
			 (int) vt_audit_key_number(log->key), "origin", log->origin, "public",
			 public);
}

static void drop_files(struct vt_audit_log *log, uint64_t first)
{
	char name[32];

	vt_audit_segment_name(first, "log", name);
	(void) unlinkat(log->dir, name, 0);
	vt_audit_segment_name(first, "notes", name);
	(void) unlinkat(log->dir, name, 0);
}

int vt_audit_log_begin_segment(struct vt_audit_log *log, struct vt_error *err)
{
	int old_lines = log->lines, old_notes = log->notes;
	uint64_t lines_len = log->lines_len, notes_len = log->notes_len, first = log->tree.size;
	int r = vt_audit_log_open_files(log, first, true, &log->lines, &log->notes, err);

	VT_CRASHPOINT("audit-segment-made");
	if (r == 0) {
		log->lines_len = log->notes_len = 0;
		r = vt_audit_log_put(log, VT_AUDIT_SEGMENT, segment_fields(log), err);
		if (r == 0)
			r = vt_audit_log_sync(log, err);
		if (r == 0 && fsync(log->dir) < 0)
			r = vt_fail(err, errno, "cannot sync the audit log's folder: %m");
	}
	if (r == 0) {
		VT_CRASHPOINT("audit-segment-begun");
		vt_cleanup_close(&old_lines);
		vt_cleanup_close(&old_notes);
		log->first = first;
		return 0;
	}
	if (log->lines >= 0 && log->lines != old_lines) {
		(void) close(log->lines);
		(void) close(log->notes);
		drop_files(log, first);
	}
	log->lines = old_lines;
	log->notes = old_notes;
	log->lines_len = lines_len;
	log->notes_len = notes_len;
	return r;
}

/* ---- checkpoints and keys ------------------------------------------------------------------- */

static int write_note(struct vt_audit_log *log, uint64_t size, const struct vt_digest *root,
		      struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf note = VT_BUF_INIT;
	int r = vt_checkpoint_sign(log->origin, size, root, log->key, &note, err);

	if (r < 0)
		return r;
	r = vt_file_write(log->notes, note.data, note.len);
	VT_CRASHPOINT("audit-note-written");
	if (r == 0 && fdatasync(log->notes) < 0)
		r = -errno;
	if (r < 0) {
		(void) ftruncate(log->notes, (off_t) log->notes_len);
		return vt_fail(err, -r, "cannot write a checkpoint of the audit log: %m");
	}
	VT_CRASHPOINT("audit-note-synced");
	log->notes_len += note.len;
	log->signed_size = size;
	log->key_checkpoints++;
	return 0;
}

int vt_audit_log_finish_roll(struct vt_audit_log *log, struct vt_error *err)
{
	int r = write_note(log, log->next_size, &log->next_root, err);

	VT_CRASHPOINT("audit-rolled");
	if (r == 0)
		r = vt_audit_key_erase(log->keys, vt_audit_key_number(log->key), err);
	VT_CRASHPOINT("audit-old-key-erased");
	if (r < 0)
		return r;
	vt_audit_key_free(log->key);
	log->key = vt_steal(&log->next_key);
	log->key_checkpoints = 0;
	log->key_ns = vt_clock_monotonic_ns();
	return 0;
}

static int roll_key(struct vt_audit_log *log, struct vt_error *err)
{
	vt_cleanup(vt_audit_key_freep) struct vt_audit_key *next = NULL;
	char public[VT_BASE64_LEN(VT_AUDIT_PUBLIC) + 1];
	uint32_t number = vt_audit_key_number(log->key) + 1;
	int r = vt_audit_key_make(log->keys, number, &next, err);

	VT_CRASHPOINT("audit-key-made");
	if (r < 0)
		return r;
	vt_base64_encode(vt_audit_key_public(next), VT_AUDIT_PUBLIC, public);
	r = vt_audit_log_put(log, VT_AUDIT_KEY,
			     json_pack("{s:I, s:s}", "key", (json_int_t) number, "public", public),
			     err);
	if (r == 0)
		r = vt_audit_log_sync(log, err);
	VT_CRASHPOINT("audit-key-recorded");
	if (r < 0)
		return r;
	log->next_key = vt_steal(&next);
	log->next_size = log->tree.size;
	vt_merkle_root(&log->tree, &log->next_root);
	return vt_audit_log_finish_roll(log, err);
}

int vt_audit_log_checkpoint(struct vt_audit_log *log, struct vt_error *err)
{
	struct vt_digest root;
	int r = log->next_key ? vt_audit_log_finish_roll(log, err) : 0;

	if (r == 0 && log->signed_size < log->synced.size) {
		vt_merkle_root(&log->synced, &root);
		r = write_note(log, log->synced.size, &root, err);
	}
	if (r < 0 || log->tree.size != log->synced.size)
		return r;
	if (log->lines_len >= log->settings.segment_bytes)
		r = vt_audit_log_begin_segment(log, err);
	if (r == 0 && (log->key_checkpoints >= log->settings.key_checkpoints ||
		       vt_clock_monotonic_ns() - log->key_ns >= log->settings.key_ns))
		r = roll_key(log, err);
	return r;
}

/* ---- the reserve ---------------------------------------------------------------------------- */

void vt_audit_log_release_reserve(struct vt_audit_log *log)
{
	(void) unlinkat(log->dir, RESERVE, 0);
}

int vt_audit_log_take_reserve(struct vt_audit_log *log, struct vt_error *err)
{
	vt_autoclose int fd =
		openat(log->dir, RESERVE, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int r = fd < 0 ? errno : posix_fallocate(fd, 0, (off_t) log->settings.reserve_bytes);

	return r ? vt_fail(err, r, "cannot set room aside for the audit log: %m") : 0;
}

/* ---- opening -------------------------------------------------------------------------------- */

void vt_audit_log_close(struct vt_audit_log *log)
{
	if (!log)
		return;
	vt_cleanup_close(&log->lines);
	vt_cleanup_close(&log->notes);
	vt_cleanup_close(&log->dir);
	vt_cleanup_close(&log->keys);
	vt_audit_key_free(log->key);
	vt_audit_key_free(log->next_key);
	vt_buf_done(&log->out);
	free(log);
}

static int open_folder(const char *path, int *fd, struct vt_error *err)
{
	if (mkdir(path, 0700) < 0 && errno != EEXIST) /* a store of an older vitrine has none */
		return vt_fail(err, errno, "cannot make '%s': %m", path);
	*fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return *fd < 0 ? vt_fail(err, errno, "cannot open '%s': %m", path) : 0;
}

int vt_audit_log_open(const struct vt_audit_log_settings *settings, struct vt_audit_log **out,
		      struct vt_audit_recovery *found, struct vt_error *err)
{
	vt_cleanup(vt_audit_log_closep) struct vt_audit_log *log = calloc(1, sizeof *log);
	int r;

	if (!log)
		return vt_fail(err, ENOMEM, "no memory for the audit log");
	log->settings = *settings;
	log->dir = log->keys = log->lines = log->notes = -1;
	log->key_ns = vt_clock_monotonic_ns();
	if (!vt_origin_is_valid(settings->origin))
		return vt_fail(err, EINVAL, "'%s' cannot be an audit log's origin",
			       settings->origin);
	strcpy(log->origin, settings->origin);
	r = open_folder(settings->dir, &log->dir, err);
	if (r == 0)
		r = open_folder(settings->keys, &log->keys, err);
	*found = (struct vt_audit_recovery){0};
	if (r == 0)
		r = vt_audit_log_recover(log, found, err);
	if (r < 0)
		return r;
	*out = vt_steal(&log);
	return 0;
}
