/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Quality gates (index/quality.h) asked of a version: those that come with the request, then those
 * of the dataset. Each is one walk over its tree and labels; at a commit that is before anything of
 * the version is written.
 *
 * The record of a version that passed (struct vt_version, checks), without blanks:
 *
 *     {passed: true, gates [{of: "request" | "dataset", digest, rules [{rule, key, limit,
 *     measured}]}]}
 *
 * `digest` is the SHA-256 of the gate's text; rules as in quality.h. Limits are left out when the
 * record would be longer than VT_CHECKS_MAX.
 */
#include <stdbool.h>

struct vt_control_request;
struct vt_error;
struct vt_version;

/*
 * `version` has tree, labels and their pages in the store; the request's dataset is the version's.
 * The gate of the request is args.gate, its text. Fills `*checks`, the caller's: NULL when there
 * are no gates. -EDOM: one was not passed; rows have told which rules and files (fs/requests.md,
 * "Gates"). -ECANCELED: `is_cancelled` (may be NULL) said so.
 */
int vt_checks_run(struct vt_control_request *request, const struct vt_version *version,
		  bool (*is_cancelled)(void *context), void *context, char **checks,
		  struct vt_error *err);
