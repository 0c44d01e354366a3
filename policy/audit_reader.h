/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reads the audit log's folder, segment by segment (policy/audit.md, "Files"): the lines, and the
 * checkpoints that stand beside them. Needs neither the server nor the index, and judges nothing
 * but the files' names.
 *
 * One thread.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/cleanup.h"

struct vt_error;
struct vt_audit_reader;

#define VT_AUDIT_SEGMENT_READ_MAX (1ull << 30) /* bytes of a file that is still read */

/* One segment in memory. */
struct vt_audit_segment {
	uint64_t first;             /* seq of its first record, as its name has it */
	bool last;                  /* of the log */
	struct vt_buf lines, notes; /* the files */
	char name[32];
};

/* -ENOENT: there is no log. */
int vt_audit_reader_open(const char *dir, struct vt_audit_reader **out, struct vt_error *err);
void vt_audit_reader_close(struct vt_audit_reader *reader);
VT_DEFINE_CLEANUP(struct vt_audit_reader, vt_audit_reader_close);

/* The next segment, borrowed until the next call. 1, 0 at the end, or an error. */
int vt_audit_reader_segment(struct vt_audit_reader *reader, const struct vt_audit_segment **out,
			    struct vt_error *err);
/* The same with the line below: the next line, without its newline, of whatever segment. */
int vt_audit_reader_line(struct vt_audit_reader *reader, const char **line, size_t *len,
			 struct vt_error *err);
/* Leaves out all segments before the one that holds `seq`. */
void vt_audit_reader_seek(struct vt_audit_reader *reader, uint64_t seq);

/* For who reads and writes them. */
void vt_audit_segment_name(uint64_t first, const char *what, char out[32]); /* what: log, notes */
int vt_audit_segment_load(int dir, uint64_t first, struct vt_audit_segment *out,
			  struct vt_error *err);
void vt_audit_segment_done(struct vt_audit_segment *segment);
/* Firsts of all segments, ascending; freed with free(). */
int vt_audit_segments(int dir, uint64_t **out, size_t *count, struct vt_error *err);
