/* SPDX-License-Identifier: Apache-2.0 */
/* See audit_reader.h. */
#include "policy/audit_reader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/error.h"

#define DIGITS 20 /* of a name; names sort as their numbers do */

struct vt_audit_reader {
	int dir;
	uint64_t *firsts;
	size_t count, next;
	struct vt_audit_segment segment;
	size_t at; /* in segment.lines */
};

void vt_audit_segment_name(uint64_t first, const char *what, char out[32])
{
	(void) snprintf(out, 32, "%0*" PRIu64 ".%s", DIGITS, first, what);
}

static bool parse_name(const char *name, uint64_t *first)
{
	char again[32];
	uint64_t value = strtoull(name, NULL, 10);

	vt_audit_segment_name(value, "log", again);
	*first = value;
	return strcmp(name, again) == 0;
}

static int compare(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *) a, y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

static int add_first(uint64_t **list, size_t *count, uint64_t first)
{
	uint64_t *more = reallocarray(*list, *count + 1, sizeof **list);

	if (!more)
		return -ENOMEM;
	more[(*count)++] = first;
	*list = more;
	return 0;
}

int vt_audit_segments(int dir, uint64_t **out, size_t *count, struct vt_error *err)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;
	DIR *folder = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	uint64_t *list = NULL, first;
	size_t found = 0;

	if (!folder) {
		vt_cleanup_close(&fd);
		return vt_fail(err, errno, "cannot list the audit log: %m");
	}
	while (r == 0 && (entry = readdir(folder)))
		if (parse_name(entry->d_name, &first))
			r = add_first(&list, &found, first);
	(void) closedir(folder);
	if (r < 0) {
		free(list);
		return vt_fail(err, ENOMEM, "no memory to list the audit log");
	}
	if (found > 0)
		qsort(list, found, sizeof *list, compare);
	*out = list;
	*count = found;
	return 0;
}

static int load_file(int dir, const char *name, bool optional, struct vt_buf *out,
		     struct vt_error *err)
{
	vt_autoclose int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;
	ssize_t len;
	void *to;

	vt_buf_reset(out);
	if (fd < 0 && errno == ENOENT && optional)
		return 0;
	if (fd < 0 || fstat(fd, &st) < 0)
		return vt_fail(err, errno, "cannot read '%s' of the audit log: %m", name);
	if (!S_ISREG(st.st_mode) || (uint64_t) st.st_size > VT_AUDIT_SEGMENT_READ_MAX)
		return vt_fail(err, EBADMSG, "'%s' of the audit log is no file of a log", name);
	if (st.st_size == 0)
		return 0;
	to = vt_buf_grow(out, (size_t) st.st_size);
	len = to ? read(fd, to, (size_t) st.st_size) : -1;
	if (!to || len < 0)
		return vt_fail(err, to ? errno : ENOMEM, "cannot read '%s': %m", name);
	out->len = (size_t) len;
	return 0;
}

/* The checkpoints first: what they speak of was in the log before them, even while it grows. */
int vt_audit_segment_load(int dir, uint64_t first, struct vt_audit_segment *out,
			  struct vt_error *err)
{
	char notes[32];
	int r;

	out->first = first;
	vt_audit_segment_name(first, "log", out->name);
	vt_audit_segment_name(first, "notes", notes);
	r = load_file(dir, notes, true, &out->notes, err);
	return r < 0 ? r : load_file(dir, out->name, false, &out->lines, err);
}

void vt_audit_segment_done(struct vt_audit_segment *segment)
{
	vt_buf_done(&segment->lines);
	vt_buf_done(&segment->notes);
}

int vt_audit_reader_open(const char *dir, struct vt_audit_reader **out, struct vt_error *err)
{
	vt_cleanup(vt_audit_reader_closep) struct vt_audit_reader *reader =
		calloc(1, sizeof *reader);
	int r;

	if (!reader)
		return vt_fail(err, ENOMEM, "no memory to read the audit log");
	reader->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (reader->dir < 0)
		return vt_fail(err, errno, "cannot open the audit log '%s': %m", dir);
	r = vt_audit_segments(reader->dir, &reader->firsts, &reader->count, err);
	if (r < 0)
		return r;
	if (reader->count == 0)
		return vt_fail(err, ENOENT, "there is no audit log in '%s'", dir);
	*out = vt_steal(&reader);
	return 0;
}

void vt_audit_reader_close(struct vt_audit_reader *reader)
{
	if (!reader)
		return;
	vt_cleanup_close(&reader->dir);
	vt_audit_segment_done(&reader->segment);
	free(reader->firsts);
	free(reader);
}

int vt_audit_reader_segment(struct vt_audit_reader *reader, const struct vt_audit_segment **out,
			    struct vt_error *err)
{
	int r;

	if (reader->next == reader->count)
		return 0;
	r = vt_audit_segment_load(reader->dir, reader->firsts[reader->next], &reader->segment, err);
	if (r < 0)
		return r;
	reader->segment.last = ++reader->next == reader->count;
	reader->at = 0;
	*out = &reader->segment;
	return 1;
}

int vt_audit_reader_line(struct vt_audit_reader *reader, const char **line, size_t *len,
			 struct vt_error *err)
{
	const struct vt_audit_segment *segment;
	const struct vt_buf *lines = &reader->segment.lines;
	const char *first = NULL, *newline;
	int r = 1;

	while (r == 1) {
		newline = NULL;
		if (reader->at < lines->len) {
			first = (const char *) lines->data + reader->at;
			newline = memchr(first, '\n', lines->len - reader->at);
		}
		if (newline) {
			*line = first;
			*len = (size_t) (newline - first);
			reader->at += *len + 1;
			return 1;
		}
		r = vt_audit_reader_segment(reader, &segment, err);
	}
	return r;
}

void vt_audit_reader_seek(struct vt_audit_reader *reader, uint64_t seq)
{
	while (reader->next + 1 < reader->count && reader->firsts[reader->next + 1] <= seq)
		reader->next++;
}
