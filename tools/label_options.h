/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What commands that read label files have in common: the format, and what a file leaves open. The
 * values are the program's, like those of all options.
 */
#include "tools/labels/csv.h"
#include "tools/labels/path_rule.h"
#include "tools/labels/reader.h"

struct vt_cli;

/* Lines of a table of options (options.h). */
#define VT_LABEL_OPTIONS                                                                           \
	VT_TEXT(0, "format", "NAME", &vt_label_format, "jsonl or csv (default: by the name)"),     \
		VT_TEXT(0, "annotator", "NAME", &vt_label_annotator,                               \
			"of rows that name none (default: your user name)"),                       \
		VT_TEXT(0, "columns", "A=B,...", &vt_label_columns,                                \
			"CSV: column A holds member B, or the values of key:B")
extern const char *vt_label_format, *vt_label_annotator, *vt_label_columns;

/* -EINVAL: an option's value is wrong. To be called before the others. */
int vt_label_options_check(const struct vt_cli *cli, struct vt_error *err);
const struct vt_label_options *vt_label_options_get(void);

/* Opens `name` ("-": standard input) in the format given, or in that of its name. */
int vt_label_options_open(const struct vt_cli *cli, const char *name, struct vt_label_reader **out,
			  struct vt_error *err);
