/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * JSON read in place, a token at a time, by whoever knows what to expect: no tree, no allocation.
 * The text is NUL-terminated and is written over: a string with escapes becomes shorter where it
 * stands. Whitespace before a token is passed over. Errors are -EINVAL with the byte where it is.
 */
#include "index/label.h"

struct vt_error;

struct vt_json_scan {
	char *start, *at;
};

/* The next byte that is not whitespace, not yet taken; 0 at the end. */
char vt_json_peek(struct vt_json_scan *scan);
int vt_json_take(struct vt_json_scan *scan, char expected, struct vt_error *err);
bool vt_json_try(struct vt_json_scan *scan, char expected);

/* UTF-8, no surrogate alone, no NUL. Borrowed from the text. */
int vt_json_string(struct vt_json_scan *scan, struct vt_label_text *out, struct vt_error *err);
int vt_json_number(struct vt_json_scan *scan, double *out, struct vt_error *err); /* number.h */
int vt_json_boolean(struct vt_json_scan *scan, bool *out, struct vt_error *err);

/*
 * A value of any kind, as it stands: where it ends by its brackets and quotes. That it is JSON is
 * not seen here.
 */
int vt_json_raw(struct vt_json_scan *scan, struct vt_label_text *out, struct vt_error *err);
