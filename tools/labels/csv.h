/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels as CSV (RFC 4180) with a header line. A column that is named like a member (label_line.h)
 * holds it; one more, "type", says what the value is: text (also when empty), number or boolean. An
 * empty cell of another member than value is one left out. Other columns must be mapped, so that
 * nothing is passed over by accident; a mapping goes before a name. No type is guessed, and a cell
 * that begins with =, +, - or @ is text like any other.
 *
 * A column can hold the values of one key: each of its cells that is not empty is a label.
 */
#include <stddef.h>

#include "tools/labels/member.h"

struct vt_buf;

struct vt_label_column {
	const char *column;          /* by its name in the header */
	enum vt_label_member member; /* VT_MEMBER_NONE: pass it over */
	const char *key; /* VT_MEMBER_VALUE: of this key; NULL: of the one in the column "key" */
	enum vt_label_type type; /* of values, where there is no column "type"; 0: text */
};

/* Both append; the buffer says whether memory was short. A file is the header and its rows. */
void vt_label_csv_header(struct vt_buf *out);
void vt_label_csv_put(const struct vt_label_row *row, struct vt_buf *out);
