/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What formats share: a format fills in the rows of one unit, reader.c checks and hands them out.
 */
#include "tools/labels/input.h"
#include "tools/labels/reader.h"

struct vt_label_format_table {
	size_t size; /* of the format's struct, which begins with a struct vt_label_reader */
	/* Regions are parts of what was checked (json_object.h), and need not be again. */
	bool checks_json;
	/* Both may be NULL. `done` is called after a `begin` that failed, too. */
	int (*begin)(struct vt_label_reader *reader, struct vt_error *err);
	void (*done)(struct vt_label_reader *reader);
	/*
	 * Adds the rows of the next unit (maybe none) and sets `line`: 1. 0: the end. -EINVAL: the
	 * unit is bad and has been passed over. Texts live until the next call.
	 */
	int (*fill)(struct vt_label_reader *reader, struct vt_error *err);
};

struct vt_label_reader {
	const struct vt_label_format_table *format;
	const char *name;
	const struct vt_label_options *options;
	struct vt_input input;
	uint64_t line;    /* where the unit begins */
	const char *list; /* what it is an element of, for sentences; NULL: its line says enough */
	uint64_t index;   /* in the list, from 0 */
	struct vt_label_row *rows;
	size_t given, count, room;
};

extern const struct vt_label_format_table vt_label_coco, vt_label_csv, vt_label_jsonl,
	vt_label_label_studio;

/* A new row of this unit with the defaults in it; NULL when memory is short. Moves the others. */
struct vt_label_row *vt_label_reader_add(struct vt_label_reader *reader);

/* A line's length without its newline and a carriage return before it. */
size_t vt_label_line_length(const struct vt_buf *line);
