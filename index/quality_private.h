/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What quality_parse.c makes of a file of gates, quality.c measures, and label_schema.c asks label
 * by label.
 */
#include "index/label_stats_private.h"
#include "index/quality.h"

enum vt_quality_kind {
	VT_QUALITY_UNLABELLED,
	VT_QUALITY_DUPLICATES,
	VT_QUALITY_LEAKAGE,
	VT_QUALITY_OTHER_KEYS,
	VT_QUALITY_REQUIRED, /* from here on about a key */
	VT_QUALITY_TYPE,
	VT_QUALITY_VALUES,
	VT_QUALITY_MIN,
	VT_QUALITY_MAX,
	VT_QUALITY_MIN_SHARE,
	VT_QUALITY_MAX_SHARE,
	VT_QUALITY_MIN_COUNT,
	VT_QUALITY_MIN_AGREEMENT,
	VT_QUALITY_MIN_ALPHA,
	VT_QUALITY_MAX_DISPUTED,
};

struct vt_quality_rule {
	enum vt_quality_kind kind;
	const char *name, *key; /* borrowed from `document`; key: NULL without */
	const json_t *limit;    /* likewise */
	double number;          /* of the limit; of a type its vt_label_type */
	struct vt_tally values; /* of VT_QUALITY_VALUES: those allowed */
	uint64_t files;         /* that break it */
	json_t *offenders;
};

struct vt_quality {
	json_t *document;
	struct vt_quality_rule *rules; /* those of one key stand together */
	size_t count;
	size_t budget; /* of the values */
	struct vt_stats_watch watch;
	bool *is_met; /* by rule: the file at hand has the required key */
};

/* Is the rule about that key? */
bool vt_quality_is_about(const struct vt_quality_rule *rule, struct vt_label_text key);

/*
 * Does a label whose key the rule is about hold it, as far as it is about single labels (type,
 * values, min, max)? Review is not looked at.
 */
bool vt_quality_allows(const struct vt_quality_rule *rule, const struct vt_label *label);
json_t *vt_quality_value_json(const struct vt_label *label); /* NULL: no memory */

/* Callbacks of the watch; `context` is the quality. */
int vt_quality_see_key(void *context, const struct vt_labelled_file *file,
		       const struct vt_label *rows, size_t count, const struct vt_label *effective,
		       const struct vt_label_agreement *agreement, struct vt_error *err);
int vt_quality_see_file(void *context, const struct vt_labelled_file *file, struct vt_error *err);
