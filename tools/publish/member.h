/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What an archive says of a member, as an item: foreign input, refused where a version could not
 * hold it as it is.
 */
#include "index/base/buf.h"
#include "tools/publish/item.h"

struct archive_entry;
struct vt_error;

/* What the items made last borrow; zeroed but for the archive's name. */
struct vt_member {
	const char *archive;
	struct vt_buf path, target, xattrs;
};
void vt_member_done(struct vt_member *member);

/* Path, mode, time, xattrs; 0: it is the root, which no archive describes. */
int vt_member_describe(struct vt_member *member, struct archive_entry *entry, struct vt_item *item,
		       struct vt_error *err);
/* The type and what it points to. */
int vt_member_hard_link(struct vt_member *member, struct archive_entry *entry, struct vt_item *item,
			struct vt_error *err);
int vt_member_symlink(const struct vt_member *member, struct archive_entry *entry,
		      struct vt_item *item, struct vt_error *err);
