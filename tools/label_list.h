/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The labels of a file, kept; and a table of labels for people. */
#include <stddef.h>

#include "index/label.h"

struct vt_cli;
struct vt_error;
struct vt_target;

struct vt_label_list {
	struct vt_label *labels;
	size_t count, room;
	char **texts; /* what the copies borrow from */
	size_t text_count, text_room;
};
/* A label whose texts outlive the list; or one whose texts are copied. -ENOMEM. */
int vt_label_list_add(struct vt_label_list *list, const struct vt_label *label,
		      struct vt_error *err);
int vt_label_list_copy(struct vt_label_list *list, const struct vt_label *label,
		       struct vt_error *err);
void vt_label_list_clear(struct vt_label_list *list);
void vt_label_list_done(struct vt_label_list *list);

/* The labels of a version or a file as a table, or with --json as lines of JSON. */
int vt_label_list_print(struct vt_cli *cli, const struct vt_target *target, struct vt_error *err);
