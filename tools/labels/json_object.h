/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Objects inside of a value of JSON that was checked as a whole: their members as they stand there.
 * Names and texts are read in place (json_scan.h), so each object and each text can be read once.
 */
#include "tools/labels/json_scan.h"
#include "index/label_line.h"

/* -EINVAL: it is no JSON, or a name stands twice in an object. A NUL must follow. */
int vt_json_check(struct vt_label_text value, struct vt_error *err);

struct vt_json_member {
	const char *name;
	struct vt_label_text raw; /* empty: it is not there, or null */
};

/* Fills in those of `members` that the object at `raw` has. Others are passed over. */
void vt_json_members(struct vt_label_text raw, struct vt_json_member *members, size_t count);

/* The members of an object, or elements of a list, one by one. */
struct vt_json_walk {
	struct vt_json_scan scan;
};
struct vt_json_walk vt_json_walk_over(struct vt_label_text raw); /* one that begins with { or [ */
bool vt_json_walk_member(struct vt_json_walk *walk, struct vt_label_text *raw_name,
			 struct vt_label_text *raw);
bool vt_json_walk_element(struct vt_json_walk *walk, struct vt_label_text *raw);

/* The first byte says of which kind. */
static inline char vt_json_kind(struct vt_label_text raw)
{
	return raw.len ? *raw.bytes : 0;
}
static inline bool vt_json_is_number(struct vt_label_text raw)
{
	char kind = vt_json_kind(raw);

	return kind == '-' || (kind >= '0' && kind <= '9');
}

/* `what` names it in the sentence: "the WHAT is no text", -EINVAL. */
int vt_json_text(struct vt_label_text raw, const char *what, struct vt_label_text *out,
		 struct vt_error *err);
int vt_json_whole(struct vt_label_text raw, const char *what, int64_t *out, struct vt_error *err);
int vt_json_real(struct vt_label_text raw, const char *what, double *out, struct vt_error *err);
/* Text, number or boolean: the label's value and its type. */
int vt_json_scalar(struct vt_label_text raw, struct vt_label *out, struct vt_error *err);

/*
 * Writes the value at `to` without whitespace between its tokens, which is never longer, and
 * returns where it ends.
 */
char *vt_json_compact(char *to, struct vt_label_text raw);
