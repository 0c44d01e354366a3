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
 * Read in any order; another member, or one twice, is refused. Written in this order, without what
 * is absent, each label in one way only: the same labels are the same bytes.
 */
#include "tools/labels/row.h"

struct vt_buf;

/* Appends the line; the buffer says whether memory was short. */
void vt_label_jsonl_put(const struct vt_label_row *row, struct vt_buf *out);
