/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How long labels are as lines (label_line.h), for whatever stands in a tree of labels: a file, a
 * directory, a page. Paths are those relative to the directory that it stands in. A directory
 * around it lengthens each line by its name; and a name that is no UTF-8 makes every path through
 * it hexadecimal, which is why both lengths are kept. So any sum follows from those of the parts.
 *
 * Plain values; sums that overflow stay at the end of their type, which is a problem. Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VT_LINE_BYTES_MAX (UINT64_C(1) << 62) /* of all lines of a tree */

struct vt_line_sums {
	uint64_t labels;    /* a line each */
	uint64_t hex;       /* of those whose path is no UTF-8 */
	uint64_t bytes;     /* of all lines */
	uint64_t hex_bytes; /* the same if every path was written in hexadecimal */
};

/* What stands before paths: names of directories, each with a '/'. All zeros but `utf8`: nothing.
 */
struct vt_line_prefix {
	bool utf8;
	uint64_t bytes, escaped; /* as it is, and between the quotes of a line */
};
#define VT_LINE_PREFIX_NONE ((struct vt_line_prefix){.utf8 = true})

/* One more directory, within those of `around`. */
struct vt_line_prefix vt_line_prefix_within(struct vt_line_prefix around, const char *name,
					    size_t len);

/* Of a file with `labels` labels, whose lines are `bytes` long when the name alone is the path. */
struct vt_line_sums vt_line_sums_of_file(const char *name, size_t len, uint64_t labels,
					 uint64_t bytes);

/* The same lines with more in front of their paths. */
struct vt_line_sums vt_line_sums_behind(struct vt_line_prefix prefix, struct vt_line_sums sums);

void vt_line_sums_add(struct vt_line_sums *sums, const struct vt_line_sums *more);

static inline bool vt_line_sums_equal(const struct vt_line_sums *a, const struct vt_line_sums *b)
{
	return a->labels == b->labels && a->hex == b->hex && a->bytes == b->bytes &&
	       a->hex_bytes == b->hex_bytes;
}

/* NULL, or why nothing in a tree of labels has such sums. */
const char *vt_line_sums_problem(const struct vt_line_sums *sums);
