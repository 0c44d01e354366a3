/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Quality gates: what a version's files and labels must be like to be published, as a JSON file
 * says (vitrine-gates(7)), measured in the walk that counts statistics:
 *
 *     vt_quality_parse(…, &quality, …);
 *     options.leak_key = vt_quality_leak_key(quality);
 *     options.watch = vt_quality_watch(quality);
 *     vt_label_stats_take(tree, &options, &stats, …);
 *     vt_quality_result(quality, stats, &result, …);
 *
 * The result, rules in the order of the file:
 *
 *     {passed, rules [{rule, key, passed, limit, measured, offenders [{path, …}]}]}
 *
 * `key` only in rules about one; `limit` as in the file. `measured` is a number of files for
 * unlabelled, required, type, values, min, max, max_disputed, duplicates and other_keys, of
 * contents for leakage; the share or count that is furthest out for min_share, max_share,
 * min_count; null is "cannot be measured", which passes nothing. Offenders, at most
 * VT_OFFENDERS_MAX: {path}, also with `value` (type, values, min, max), `key` (other_keys),
 * `other_path` (duplicates: a file of the same content) and `value`, `other_value` (leakage);
 * {value, measured} for shares and counts. Paths are in walk order and as vt_json_set_text() has
 * them.
 *
 * For one walk, in one thread.
 */
#include <jansson.h>
#include <stddef.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_label_stats;
struct vt_stats_watch;

#define VT_QUALITY_RULES_MAX 200u

/* -EINVAL with a sentence that names the member. */
struct vt_quality;
int vt_quality_parse(const char *text, size_t len, struct vt_quality **out, struct vt_error *err);
void vt_quality_free(struct vt_quality *quality);
VT_DEFINE_CLEANUP(struct vt_quality, vt_quality_free);

/* Both borrowed. The key is NULL if no rule is about leakage. */
const char *vt_quality_leak_key(const struct vt_quality *quality);
const struct vt_stats_watch *vt_quality_watch(const struct vt_quality *quality);

/* After the walk, once: 1 passed, 0 failed. `*out` is the caller's. */
int vt_quality_result(struct vt_quality *quality, const struct vt_label_stats *stats, json_t **out,
		      struct vt_error *err);
