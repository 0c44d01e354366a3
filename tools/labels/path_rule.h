/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels out of paths: the rule "train/{class}/{take}_*.png" says of train/cat/7_a.png that its
 * class is cat and its take 7. Names match one by one; "*" is any run of bytes, maybe none, and
 * "{key}" one of at least one byte, both within a name and as short as the rest lets them be.
 * Values are texts. Thread-safe.
 */
#include "tools/labels/reader.h"

#define VT_PATH_RULE_KEYS 16u /* of one rule */
#define VT_PATH_RULE_WILD 4u  /* "*" and "{key}" in one name, which bounds the work of a match */

/* -EINVAL with what is wrong: no key at all, a key twice, …. */
int vt_path_rule_check(const char *rule, struct vt_error *err);

/*
 * The labels of `path` by a rule that was checked, at most VT_PATH_RULE_KEYS, which borrow from all
 * three: how many; 0: the rule is not about this path. -EINVAL: what stands there can be no value.
 */
int vt_path_rule_labels(const char *rule, struct vt_label_text path,
			const struct vt_label_options *options, struct vt_label_row *out,
			struct vt_error *err);
