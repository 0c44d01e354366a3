/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Hard links of a version: its link table has a row for every position that shares its file with
 * others (their entries are marked `linked`). The *primary* of such a group is its first position;
 * it gives all of them content id, st_ino and labels. Rows: index/schema.md, "Link tables".
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/digest.h"

struct vt_error;
struct vt_store;

struct vt_link {
	uint32_t position;
	uint32_t primary; /* <= position */
	uint32_t count;   /* positions of the group, at least 2: st_nlink */
};

#define VT_LINK_KEY_LEN   12u
#define VT_LINK_VALUE_LEN 8u
void vt_link_key(uint64_t table, uint32_t position, uint8_t key[VT_LINK_KEY_LEN]);
void vt_link_value(const struct vt_link *link, uint8_t value[VT_LINK_VALUE_LEN]);

/* The row of a position. -ENOENT none, -EAGAIN (nowait), -EBADMSG. Thread-safe. */
int vt_link_find(struct vt_store *store, uint64_t table, uint32_t position, bool nowait,
		 struct vt_link *out, struct vt_error *err);

/*
 * The digest of a table (vt_tree's link_digest): give its rows in ascending order of positions.
 * -EINVAL: out of order, or a row that is impossible. One thread at a time.
 */
struct vt_link_hasher;
int vt_link_hasher_new(struct vt_link_hasher **out, struct vt_error *err);
void vt_link_hasher_free(struct vt_link_hasher *hasher);
int vt_link_hasher_add(struct vt_link_hasher *hasher, const struct vt_link *link,
		       struct vt_error *err);
/* Zero, "none", when no row was added. Ends the hasher's use. */
void vt_link_hasher_final(struct vt_link_hasher *hasher, struct vt_digest *out);
VT_DEFINE_CLEANUP(struct vt_link_hasher, vt_link_hasher_free);
