/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels as lines of JSON, one object each:
 *
 *     path        text, or path_hex: its bytes in hexadecimal, for one that is not UTF-8
 *     key         text
 *     value       text, number or boolean
 *     annotator   text; left out: the reader's options
 *     source      human, model, rule, import; left out: the reader's options
 *     confidence  number; may be left out, as all that follow
 *     review      draft, submitted, accepted, rejected, disputed; left out: submitted
 *     time        RFC 3339 text; left out: the reader's options
 *     tool        text
 *     parent      16 hexadecimal digits
 *     region      any JSON, kept byte by byte
 *
 * Read in any order (tools/labels/jsonl.c); another member, or one twice, is refused. Written in
 * this order, without what is absent, each label in one way only: the same labels are the same
 * bytes.
 *
 * Thread-safe.
 */
#include "index/label.h"

struct vt_buf;

/* A label and the file that it is of: what readers give and writers take. Plain values. */
struct vt_label_row {
	struct vt_label_text path; /* any bytes that vt_label_path_check() lets pass */
	struct vt_label label;
};

/* Appends the line; the buffer says whether memory was short. */
void vt_label_line_put(const struct vt_label_row *row, struct vt_buf *out);

/* Appends its members but the path: what stands between the first comma and the closing brace. */
void vt_label_line_put_label(const struct vt_label *label, struct vt_buf *out);

bool vt_label_is_utf8(struct vt_label_text text);
size_t vt_label_line_escaped(struct vt_label_text text); /* bytes between quotes in a line */
#define VT_LABEL_LINE_HEX 4u /* bytes that "path_hex" is longer than "path" */
void vt_label_put_hex(struct vt_buf *out, struct vt_label_text bytes);
