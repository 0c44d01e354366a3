/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What there is in a version and what its labels say, counted in one walk over its files and
 * labels: `vitrine stats`, and the measures of quality.h.
 *
 * Memory, whatever the version: VT_STATS_BUDGET for all values, annotators, keys and extensions
 * together, 33 MiB for pairs of annotators (agreement.h), VT_STATS_SORT_MEMORY for contents, the
 * labels of one file. What finds no room is counted among "others". Contents beyond two
 * million files are sorted in a nameless file in `scratch`, 32 bytes a file.
 *
 * The document (vt_label_stats_json()); members in this order, null is "not defined":
 *
 *     files, bytes, labelled, unlabelled, labels
 *     sizes       [{from, below, files, bytes}]: 0, then powers of two, from the least on
 *     extensions  [{extension, files, bytes}]: of names, in small letters; "" is none
 *     extensions_others  {files, bytes}
 *     keys        [a key, below]
 *     keys_others the labels of keys beyond VT_STATS_KEYS_MAX
 *     duplicates  {groups, files, bytes, examples [{files, size, paths [{path}]}]}
 *     leakage     null, or {key, contents, files, examples [a leak]}
 *                 a leak: {path, value, other_path, other_value}
 *
 *     key, labels, files   files: those where a label is in force
 *     undecided, disputed  files; undecided: all of its labels are rejected
 *     types       {text, number, boolean}: from here to `reviews`, of labels in force
 *     values      [{value, files}], most files first
 *     values_distinct, values_others, values_complete
 *                 how many were kept; files of those not listed; whether all were kept
 *     confidence  {buckets [20], without}: a bucket is 0.05 wide; 1 is in the last one
 *     sources     {human, model, rule, import}
 *     reviews     {draft, submitted, accepted, disputed}
 *     annotators  [{annotator, files}]: files where it has a say (label.h), most first
 *     annotators_distinct, annotators_others
 *     agreement   {files, raw, alpha, metric, kappa, pairs [{a, b, files, raw, kappa}],
 *                 pairs_listed_all}: files with two says or more; metric of alpha: "nominal" or
 *                 "interval"; kappa where there are two annotators in all
 *
 * alpha and kappa are null where they are not defined (agreement.h), and where one of the values
 * compared was not kept. Keys are in byte order. Lists end at VT_STATS_LISTED. Paths, extensions:
 * vt_json_set_text(). Equal trees give equal documents.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_label;
struct vt_label_agreement;
struct vt_labelled_file;
struct vt_labelled_files;

#define VT_STATS_BUDGET         (16u << 20)
#define VT_STATS_SORT_MEMORY    (64u << 20)
#define VT_STATS_KEYS_MAX       1000u
#define VT_STATS_VALUES_MAX     10000u /* a key, in force or said */
#define VT_STATS_VALUE_LEN      256u   /* bytes; a longer text is one of the others */
#define VT_STATS_ANNOTATORS_MAX 10000u /* a key */
#define VT_STATS_EXTENSIONS_MAX 1000u
#define VT_STATS_LISTED         1000u

/* Told of what the walk meets; a negative result ends it. */
struct vt_stats_watch {
	/* The labels of a file about a key; `effective` may be NULL. Borrowed until it returns. */
	int (*key)(void *context, const struct vt_labelled_file *file, const struct vt_label *rows,
		   size_t count, const struct vt_label *effective,
		   const struct vt_label_agreement *agreement, struct vt_error *err);
	/* A file, once its keys are through. */
	int (*file)(void *context, const struct vt_labelled_file *file, struct vt_error *err);
	void *context;
};

struct vt_stats_options {
	const char *scratch;  /* a folder */
	const char *leak_key; /* contents under two of its values leak; NULL: "split" */
	size_t sort_memory;   /* 0: VT_STATS_SORT_MEMORY */
	bool (*is_cancelled)(void *context); /* asked often; NULL: never */
	void *context;
	const struct vt_stats_watch *watch; /* NULL: nobody */
};

/* -ECANCELED, -ENOMEM, -EBADMSG. `tree` must live as long as the result. */
struct vt_label_stats;
int vt_label_stats_take(const struct vt_labelled_files *tree,
			const struct vt_stats_options *options, struct vt_label_stats **out,
			struct vt_error *err);
void vt_label_stats_free(struct vt_label_stats *stats);
VT_DEFINE_CLEANUP(struct vt_label_stats, vt_label_stats_free);

/* Reads the tree for the paths of examples. `*out` is the caller's. */
int vt_label_stats_json(const struct vt_label_stats *stats, json_t **out, struct vt_error *err);
