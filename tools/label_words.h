/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Labels on the command line: KEY=TEXT, KEY:=JSON (a number, true or false), or a key alone. */
#include <stdint.h>

#include "index/label.h"

struct vt_cli;
struct vt_error;

/* What options say of a label. */
struct vt_label_given {
	const char *annotator, *source, *review;
	const char *confidence; /* NULL: none */
	const char *tool, *region;
	int64_t time_ns;
};

/* A whole label, checked. It borrows from all that is given. -EINVAL. */
int vt_label_words_parse(const struct vt_cli *cli, char *text, const struct vt_label_given *given,
			 struct vt_label *out, struct vt_error *err);
/* A key, and a value if there is one: without, the type is 0. -EINVAL. */
int vt_label_words_parse_key(const struct vt_cli *cli, char *text, struct vt_label *out,
			     struct vt_error *err);
