/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Texts by whole numbers that a file gives them, as many as fit in memory: 24 bytes each and the
 * text, and up to twice that while it grows.
 */
#include <stdint.h>

#include "index/base/buf.h"
#include "index/label.h"

struct vt_error;

#define VT_ID_NAMES_MAX (16u << 20) /* how many; their texts may have 4 GiB together */

struct vt_id_name {
	int64_t id;
	uint32_t name; /* offset in `texts`, NUL-terminated */
	uint32_t index;
	uint64_t line; /* where it stands */
};

struct vt_id_names {
	struct vt_buf entries; /* struct vt_id_name; ascending after vt_id_names_sort() */
	struct vt_buf texts;
};

#define VT_ID_NAMES_INIT ((struct vt_id_names){VT_BUF_INIT, VT_BUF_INIT})
void vt_id_names_done(struct vt_id_names *names);

/* `entry.name` is filled in. -EINVAL: there are too many. */
int vt_id_names_add(struct vt_id_names *names, struct vt_id_name entry, struct vt_label_text name,
		    struct vt_error *err);

/* Before anything is looked up. NULL, or an entry whose id an earlier one has. */
const struct vt_id_name *vt_id_names_sort(struct vt_id_names *names);

/* NULL: it is not there. */
const char *vt_id_names_find(const struct vt_id_names *names, int64_t id);
