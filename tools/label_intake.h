/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels on their way into a version: rows out of files and paths are sorted outside of memory
 * (label_sort.h) and sent to the server, which knows what files there are. What is wrong with a row
 * is told on standard error, with its file and line, and counted; what comes of it is said at the
 * end, when all have been looked at. One thread, but for the counters.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tools/label_stream.h"

struct vt_error;
struct vt_label_sort;
struct vt_progress;

struct vt_label_intake {
	struct vt_cli *cli;       /* all borrowed */
	const char *dataset;      /* that they go into */
	const char *const *files; /* names; the sentences about rows have them, too */
	size_t file_count;
	const char *rule;        /* labels out of paths (path_rule.h), checked; or NULL */
	const char *verb;        /* what becomes of nothing: "imported" */
	bool skip;               /* bad rows are passed over; else nothing is taken */
	bool replace;            /* in place of all labels that the files named have */
	struct vt_progress *bar; /* or NULL */
	/* For the bar: rows taken in, and sent. */
	_Atomic uint64_t rows, sent;
	_Atomic bool is_sending;
	uint64_t bad;     /* rows */
	uint64_t outside; /* of these, not allowed by the schema of the dataset */
	/* private */
	struct vt_label_sort *sort;
	struct vt_label_sender sender;
};

/* Members above are set, all others zero. vt_label_options_check() came before. */
int vt_label_intake_begin(struct vt_label_intake *intake, struct vt_error *err);
void vt_label_intake_done(struct vt_label_intake *intake);

int vt_label_intake_read_files(struct vt_label_intake *intake, struct vt_error *err);
/* A row that is known, or the labels that the rule gives to a path of a file. */
int vt_label_intake_add(struct vt_label_intake *intake, const struct vt_label_row *row,
			struct vt_error *err);
int vt_label_intake_add_path(struct vt_label_intake *intake, const char *path, size_t len,
			     struct vt_error *err);
/* One more that is bad. */
void vt_label_intake_complain(struct vt_label_intake *intake, const char *sentence);
/* A line on standard error, escaped. */
void vt_label_intake_say(const struct vt_label_intake *intake, const char *sentence);

/* -EINVAL with their number: there are bad rows, and there may not be. */
int vt_label_intake_judge(const struct vt_label_intake *intake, struct vt_error *err);

/*
 * Sends all, to the revision or the publish that was begun on the connection, and judges: when that
 * fails, nothing may come of the import.
 */
int vt_label_intake_send(struct vt_label_intake *intake, struct vt_error *err);
