/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which files have the same contents, out of rows sorted by content (content_sort.h), and which of
 * those stand under two values of a key: `value` of a row, 0 where it has none. What has no bytes
 * is no duplicate.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_content_sort;
struct vt_error;

#define VT_DUPLICATE_EXAMPLES 20u  /* groups: those that waste most */
#define VT_DUPLICATE_MEMBERS  5u   /* of a group: its first files */
#define VT_OFFENDERS_MAX      100u /* the first in walk order */

struct vt_duplicate_group {
	uint64_t files, size;
	uint32_t members[VT_DUPLICATE_MEMBERS]; /* positions */
	unsigned member_count;
};

/* A file and an earlier one of the same content. */
struct vt_twin {
	uint32_t position, other;
	uint32_t value, other_value;
};
struct vt_twins {
	struct vt_twin list[VT_OFFENDERS_MAX]; /* by position */
	size_t count;
};

struct vt_duplicates {
	uint64_t groups, files, bytes; /* bytes: what would go if one of each group stayed */
	struct vt_duplicate_group examples[VT_DUPLICATE_EXAMPLES]; /* most bytes first */
	size_t example_count;
	struct vt_twins redundant;    /* all of a group but its first */
	uint64_t leaks, leaked_files; /* contents with two values, files with those */
	struct vt_twins leaked;       /* one a content */
};

/* Takes all rows. `is_cancelled` may be NULL; -ECANCELED. */
int vt_duplicates_find(struct vt_content_sort *sort, bool (*is_cancelled)(void *context),
		       void *context, struct vt_duplicates *out, struct vt_error *err);
