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
	VT_TEXT(0, "format", "NAME", &vt_label_option.format,                                      \
		"jsonl, csv, coco, label-studio (default: a guess)"),                              \
		VT_TEXT(0, "annotator", "NAME", &vt_label_option.annotator,                        \
			"of rows that name none (default: your user name)"),                       \
		VT_TEXT(0, "source", "WORD", &vt_label_option.source,                              \
			"of rows without: human, model, rule, import (default)"),                  \
		VT_TEXT(0, "key", "KEY", &vt_label_option.key,                                     \
			"of values without one, as in COCO (default: class)"),                     \
		VT_TEXT(0, "columns", "A=B,...", &vt_label_option.columns,                         \
			"CSV: column A holds member B, or the values of key:B"),                   \
		VT_TEXT(0, "strip", "TEXT", &vt_label_option.strip,                                \
			"COCO, Label Studio: take TEXT from the start of paths"),                  \
		VT_TEXT(0, "prefix", "TEXT", &vt_label_option.prefix, "and put TEXT before them"), \
		VT_TEXT(0, "images", "FILE", &vt_label_option.images,                              \
			"COCO: where images and categories are, of results"),                      \
		VT_TEXT(0, "path-member", "NAME", &vt_label_option.path_member,                    \
			"Label Studio: the member of data that is the path")

struct vt_label_option_texts {
	const char *format, *annotator, *source, *key, *columns, *strip, *prefix, *images,
		*path_member;
};
extern struct vt_label_option_texts vt_label_option;

/*
 * -EINVAL: an option's value is wrong. To be called before the others, as the user who gives the
 * labels.
 */
int vt_label_options_check(const struct vt_cli *cli, struct vt_error *err);
const struct vt_label_options *vt_label_options_get(void);

/* Opens `name` ("-": standard input) in the format given, or else in what it looks like. */
int vt_label_options_open(const char *name, struct vt_label_reader **out, struct vt_error *err);
