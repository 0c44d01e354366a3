/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Labels of a file as extended attributes:
 *
 *     user.vitrine.label.KEY   the value in force (vt_label_effective()), as text
 *     user.vitrine.labels      {"version": "v1.2", "labels": [...]}: all of them, with the members
 *                              that they have in labels.jsonl, but the path
 *
 * All revisions of a version show one inode, so that these answer for the newest live one; and a
 * file of several hard links has one, that of its first path.
 */
#include "fs/node.h"
#include "index/base/buf.h"

/* Is that, behind "user.vitrine.", the name of one? */
bool vt_label_xattr_is(const char *key);

/*
 * Appends the value. -ENODATA: no regular file of a version, none in force, or the caller may not
 * read that revision; -E2BIG: longer than a value can be; -EAGAIN with `nowait`, since pages are
 * read; -EBADMSG.
 */
int vt_label_xattr_get(const struct vt_viewer *viewer, const struct vt_shown *shown,
		       const char *key, bool nowait, struct vt_buf *out);
