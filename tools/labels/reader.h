/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A file of labels as a stream of rows, whatever its format. Every row that is given has been
 * checked: vt_label_check(), vt_label_path_check(). Whether its path is one of the version's, the
 * caller sees.
 *
 * What was written together (a line, a record of CSV, an annotation, a task) is taken together:
 * when one of its labels is bad, none of them is given. Memory is bounded by the longest of these,
 * not by the file.
 *
 * Accepted everywhere: a UTF-8 byte order mark at the very start, CRLF, a last line without
 * newline, empty lines. One thread at a time.
 *
 * Which member of which format becomes what is told to users in vitrine-labels(7).
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/label_line.h"

struct vt_error;
struct vt_label_column;
struct vt_label_reader;

enum vt_label_format {
	VT_LABELS_GUESS,        /* guess.h */
	VT_LABELS_JSONL,        /* label_line.h */
	VT_LABELS_CSV,          /* csv.h */
	VT_LABELS_COCO,         /* coco.c */
	VT_LABELS_LABEL_STUDIO, /* label_studio.c */
	VT_LABELS_FORMATS
};

/*
 * Borrowed until the reader is closed. What a file leaves open is filled in from here; a review
 * that is left open is submitted. All zero is good for every format.
 */
struct vt_label_options {
	const char *annotator; /* NULL: as below; in COCO it is "coco" */
	const char
		*user; /* who has said what nobody else has. NULL: every row must name somebody */
	int64_t time_ns;
	enum vt_label_source source; /* 0: import */
	/* CSV: mappings of columns. */
	const struct vt_label_column *columns;
	size_t column_count;
	/* Of labels that have a value and no key, in COCO and sidecars (sidecar.h); NULL: class. */
	const char *key;
	/* COCO, Label Studio: what is taken from the start of a path, and must be there; what is
	 * then put before it. NULL: nothing. */
	const char *path_strip, *path_prefix;
	/* COCO: the file with images and categories, where the one with annotations has none. */
	const char *coco_images;
	/* Label Studio: the member of data that holds the path; NULL: the first that is there of
	 * image, audio, text-file, video, path, file, url. */
	const char *path_member;
};

/* A row of which nothing else is known: no path, no key, no value. */
struct vt_label_row vt_label_row_default(const struct vt_label_options *options);

/* That of the options, or "class". */
struct vt_label_text vt_label_key_default(const struct vt_label_options *options);

/* `name` is a file's, or "-"; it stands in sentences. -ENOENT and what else open() says;
 * -EINVAL: its head is bad, or nobody can guess its format. */
int vt_label_reader_open(const char *name, enum vt_label_format format,
			 const struct vt_label_options *options, struct vt_label_reader **out,
			 struct vt_error *err);
void vt_label_reader_close(struct vt_label_reader *reader); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_label_reader, vt_label_reader_close);

/*
 * 1: a row, its texts borrowed until the next call. 0: the end. -EINVAL: "FILE:LINE: sentence"
 * about labels that are bad, and the next call goes on behind them. Another error: it cannot go on,
 * and all that may follow is to close; -EBADMSG is a file that is damaged as a whole. Sentences are
 * fit for a terminal.
 */
int vt_label_reader_next(struct vt_label_reader *reader, struct vt_label_row *out,
			 struct vt_error *err);

/* The line where the row given last began, from 1. */
uint64_t vt_label_reader_line(const struct vt_label_reader *reader);
