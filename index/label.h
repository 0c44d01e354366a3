/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A label: what somebody says of a file, about one key. Several may stand side by side for the same
 * file and key, by several annotators or at several times; which of them is in force is
 * vt_label_effective()'s.
 *
 * Plain values. Texts are UTF-8, borrowed, not NUL-terminated. Rows of a file stand in the order of
 * vt_label_compare(); two equal rows are one.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vt_error;

#define VT_LABEL_KEY_MAX 64u /* bytes; [A-Za-z_][A-Za-z0-9_-]* */
#define VT_LABEL_TEXT_MAX                                                                          \
	4096u /* bytes of a text value, without control characters but tab and newline */
#define VT_LABEL_NAME_MAX 100u /* bytes of annotator (at least 1) and tool; no control characters  \
				*/
#define VT_LABEL_REGION_MAX                                                                        \
	65536u /* bytes of a region, as it was written: one JSON value in one line */

enum vt_label_type { VT_LABEL_TEXT = 1, VT_LABEL_NUMBER = 2, VT_LABEL_BOOLEAN = 3 };

enum vt_label_source {
	VT_LABEL_HUMAN = 1,
	VT_LABEL_MODEL = 2,
	VT_LABEL_RULE = 3,
	VT_LABEL_IMPORT = 4, /* from elsewhere, nobody says by what */
};

enum vt_label_review {
	VT_LABEL_DRAFT = 1,
	VT_LABEL_SUBMITTED = 2,
	VT_LABEL_ACCEPTED = 3,
	VT_LABEL_REJECTED = 4,
	VT_LABEL_DISPUTED = 5,
};

struct vt_label_text {
	const char *bytes;
	size_t len;
};

struct vt_label {
	struct vt_label_text key;
	enum vt_label_type type;
	union {
		struct vt_label_text text;
		double number; /* finite, never -0 */
		bool boolean;
	} value;
	struct vt_label_text annotator;
	enum vt_label_source source;
	enum vt_label_review review;
	bool has_confidence;
	double confidence;         /* 0 to 1 */
	int64_t time_ns;           /* CLOCK_REALTIME; when it was made */
	struct vt_label_text tool; /* may be empty */
	uint64_t parent; /* vt_label_id() of the one of the same file that it corrects; 0: none */
	struct vt_label_text region; /* JSON, verbatim; may be empty */
};

/*
 * Is it within all that stands above? -EINVAL says what is not, a member at a time. Texts are
 * measured before they are read.
 */
int vt_label_check(const struct vt_label *label, struct vt_error *err);

/* The words of files and commands ("human", "submitted"). Finding one that is none gives 0. */
const char *vt_label_source_name(enum vt_label_source source);
enum vt_label_source vt_label_source_find(struct vt_label_text name);
const char *vt_label_review_name(enum vt_label_review review);
enum vt_label_review vt_label_review_find(struct vt_label_text name);
