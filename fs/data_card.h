/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What README.md of a version says of its labels: how many there are; for each key its values in
 * force with a bar for each, sources, review states, annotators, and how far these agree. It
 * follows from the labels alone, so it is always the same text. Counts are those of postings
 * (label_index.h), which may have to be made first. Thread-safe.
 */
#include "index/base/buf.h"

struct vt_error;
struct vt_label_index;
struct vt_version;

#define VT_CARD_VALUES_MAX 30u  /* a key with more is not listed value by value */
#define VT_CARD_LISTED     20u  /* of these, most files first; the others in one line */
#define VT_CARD_NAMED      5u   /* annotators, likewise */
#define VT_CARD_KEYS_MAX   100u /* keys beyond are counted, no more */

/* Appends it; nothing without labels. May take minutes. */
int vt_card_put(struct vt_label_index *labels, const struct vt_version *version, struct vt_buf *out,
		struct vt_error *err);
