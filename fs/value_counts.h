/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How many files have each value of a key in force, or of another facet of it, or each key: as a
 * set of postings says, and changed by what became different since it was made. One thread.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/expression.h"
#include "index/label_tree.h"
#include "index/posting.h"

struct vt_error;

struct vt_value_counts {
	/* constant */
	struct vt_label_text key;    /* zero: the keys themselves are counted, as texts */
	enum vt_posting_facet facet; /* of the key: VALUE to AGREEMENT */
	/* private */
	struct vt_value_count *list;
	size_t count, room;
};
void vt_value_counts_done(struct vt_value_counts *counts);
void vt_value_counts_reset(struct vt_value_counts *counts); /* nothing was counted */

/* So many files more. The value is copied. -ENOMEM. */
int vt_value_counts_add(struct vt_value_counts *counts, const struct vt_expression_value *value,
			int64_t files);

/* The files whose labels differ between two trees lose what they had and get what they have. */
int vt_value_counts_change(struct vt_value_counts *counts, const struct vt_page_source *pages,
			   const struct vt_label_tree *before, const struct vt_label_tree *after,
			   struct vt_error *err);

/*
 * Those that a file has: booleans, numbers, words, texts, each in order. 0, or what `each`
 * returned. They cannot be added to any more.
 */
typedef int vt_value_counts_each_value(void *context, const struct vt_expression_value *value,
				       uint32_t files);
int vt_value_counts_each(struct vt_value_counts *counts, vt_value_counts_each_value *each,
			 void *context);
