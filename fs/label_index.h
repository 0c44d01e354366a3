/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the labels of versions say, asked often: which files an expression means, which keys and
 * values there are. Answers come from postings (index/posting.h), which are made when they are
 * first needed and kept in the store; a revision that differs little is answered with those of
 * another version of its dataset.
 *
 * All calls may wait for disks, and for minutes where postings must be made first. These are made
 * on threads of their own, one set of a dataset at a time: who stops waiting does not stop them,
 * and the next call finds them. Thread-safe.
 */
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/file_labels.h"
#include "index/label.h"
#include "index/posting.h"

struct vt_error;
struct vt_expression;
struct vt_hits;
struct vt_index;
struct vt_label_index;
struct vt_version;

/* `index` is borrowed. */
int vt_label_index_new(struct vt_index *index, struct vt_label_index **out, struct vt_error *err);
/* From now on what is asked, and was, ends soon with -ECANCELED. */
void vt_label_index_stop(struct vt_label_index *labels);
void vt_label_index_free(struct vt_label_index *labels); /* no call is under way any more */
VT_DEFINE_CLEANUP(struct vt_label_index, vt_label_index_free);

/*
 * Begins to make what answers for a version, unless something of its dataset is being made; does
 * not wait. For versions of many labels, so that the first who asks waits no longer than he must.
 */
#define VT_LABEL_INDEX_MANY 100000u /* labels */
void vt_label_index_prepare(struct vt_label_index *labels, const struct vt_version *version);

/*
 * The files of a version that an expression means. `cancel` (may be NULL, as below) says when
 * nobody waits for it any more. -ECANCELED, -E2BIG, -EBADMSG.
 */
int vt_label_index_query(struct vt_label_index *labels, const struct vt_version *version,
			 const struct vt_expression *expression, const struct vt_cancel *cancel,
			 struct vt_hits **out, struct vt_error *err);

/* The keys that a label is in force of, in order. 0, what `each` returned, or an error. */
typedef int vt_label_index_each_key(void *context, struct vt_label_text key);
int vt_label_index_keys(struct vt_label_index *labels, const struct vt_version *version,
			const struct vt_cancel *cancel, vt_label_index_each_key *each,
			void *context, struct vt_error *err);

/*
 * The values in force of a key, with the number of files that have each: booleans, numbers, texts,
 * each in order. -E2BIG: there are more than VT_POSTING_VALUES_MAX.
 */
struct vt_expression_value;
typedef int vt_label_index_each_value(void *context, const struct vt_expression_value *value,
				      uint32_t files);
int vt_label_index_values(struct vt_label_index *labels, const struct vt_version *version,
			  struct vt_label_text key, const struct vt_cancel *cancel,
			  vt_label_index_each_value *each, void *context, struct vt_error *err);
/*
 * The same of another facet of the labels in force: annotator, source and review (words, by their
 * numbers), agreement.
 */
int vt_label_index_facet(struct vt_label_index *labels, const struct vt_version *version,
			 struct vt_label_text key, enum vt_posting_facet facet,
			 const struct vt_cancel *cancel, vt_label_index_each_value *each,
			 void *context, struct vt_error *err);
