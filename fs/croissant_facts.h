/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What croissant.json says of a version beyond its record: the folders that are splits, the values
 * of its labels, and checksums. All of it follows from the version's tree and labels.
 */
#include <jansson.h>
#include <stdbool.h>

#include "index/digest.h"

struct vt_error;
struct vt_label_index;
struct vt_page_source;
struct vt_version;

#define VT_CROISSANT_KEYS_MAX   50u  /* that are listed, the first in order */
#define VT_CROISSANT_VALUES_MAX 100u /* a key with more is not listed */
#define VT_CROISSANT_VALUE_LEN  256u /* bytes; nor is one with a longer text */

struct vt_croissant_facts {
	json_t *splits;  /* names of folders: at least two, or none */
	json_t *classes; /* {KEY: {VALUE: files}}, by the labels in force */
	bool has_confidence;
	/* Of documents that are summed (croissant.h), set by the caller. */
	struct vt_digest sums_digest, labels_digest;
};

/*
 * Splits are the parts that curate made, or else the folders in the root with the usual names of
 * splits, if there are two or more. May take minutes, as vt_label_index_keys(). On failure too the
 * facts are to be done.
 */
int vt_croissant_facts_gather(const struct vt_page_source *pages, struct vt_label_index *labels,
			      const struct vt_version *version, struct vt_croissant_facts *out,
			      struct vt_error *err);
void vt_croissant_facts_done(struct vt_croissant_facts *facts);

/* The term of Croissant for a split by that name: "cr:TrainingSplit"; NULL when it says none. */
const char *vt_croissant_split_term(const char *name);
