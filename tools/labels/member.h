/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What a label has, by its names in files (label_line.h). Thread-safe. */
#include "index/label_line.h"

struct vt_error;

enum vt_label_member {
	VT_MEMBER_NONE,
	VT_MEMBER_PATH,
	VT_MEMBER_PATH_HEX,
	VT_MEMBER_KEY,
	VT_MEMBER_VALUE,
	VT_MEMBER_ANNOTATOR,
	VT_MEMBER_SOURCE,
	VT_MEMBER_CONFIDENCE,
	VT_MEMBER_REVIEW,
	VT_MEMBER_TIME,
	VT_MEMBER_TOOL,
	VT_MEMBER_PARENT,
	VT_MEMBER_REGION,
	VT_MEMBER_TYPE, /* in CSV only (csv.h) */
	VT_MEMBERS
};

const char *vt_label_member_name(enum vt_label_member member);
enum vt_label_member vt_label_member_find(struct vt_label_text name); /* VT_MEMBER_NONE: no such */

/*
 * Sets a member that files write as text: all but value, confidence and region. Texts are borrowed.
 * `text` is overwritten where the member is path_hex. -EINVAL: it is none of the words, no time, …;
 * what vt_label_check() sees is left to it.
 */
int vt_label_member_set(struct vt_label_row *row, enum vt_label_member member,
			struct vt_label_text text, struct vt_error *err);

/* The value of a hexadecimal digit, or -1. */
int vt_digit_of(char c);
