/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What label_stats.c counts: read by label_stats_json.c, and by quality.c to measure. */
#include "index/agreement.h"
#include "index/duplicates.h"
#include "index/file_labels.h"
#include "index/label.h"
#include "index/label_stats.h"
#include "index/tally.h"

#define VT_STATS_BUCKETS 20u
#define VT_STATS_SIZES   65u /* 0; 1; 2 and 3; 4 to 7; … */

struct vt_key_stats {
	uint64_t labels, files, undecided, disputed;
	uint64_t types[VT_LABEL_BOOLEAN + 1], sources[VT_LABEL_IMPORT + 1];
	uint64_t reviews[VT_LABEL_DISPUTED + 1];
	uint64_t buckets[VT_STATS_BUCKETS], unsure; /* of confidence; without one */
	struct vt_tally values;                     /* vt_stats_value_encode(): files */
	struct vt_tally annotators;                 /* says */
	struct vt_agreement agreement;
	bool compares_words; /* a say that was compared is no number */
};

struct vt_label_stats {
	struct vt_labelled_files tree;
	char *leak_key;
	size_t budget;
	uint64_t files, bytes, labelled, labels;
	uint64_t size_files[VT_STATS_SIZES], size_bytes[VT_STATS_SIZES];
	struct vt_tally extensions;
	struct vt_tally key_names;   /* labels */
	struct vt_key_stats **keys;  /* by id of key_names */
	struct vt_rater_pairs pairs; /* group: id of a key */
	struct vt_duplicates duplicates;
};

/* The counts of a key, or NULL. */
const struct vt_key_stats *vt_stats_key(const struct vt_label_stats *stats, const char *name,
					size_t len);

/* A value as a tally has it: 't', 'n' or 'b', then bytes whose order is that of the values. */
struct vt_stats_value {
	char bytes[1 + VT_STATS_VALUE_LEN];
	size_t len; /* 0: too long */
};
struct vt_stats_value vt_stats_value_encode(const struct vt_label *label);
/* A new JSON value. NULL: no memory. */
json_t *vt_stats_value_json(const struct vt_tally_item *item);

/* NAN where it is not defined. */
double vt_stats_alpha(const struct vt_key_stats *key);

/* Sets `key` to the path of a position. */
int vt_stats_set_path(const struct vt_labelled_files *tree, json_t *object, const char *key,
		      uint32_t position, struct vt_error *err);
