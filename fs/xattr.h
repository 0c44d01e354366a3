/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Extended attributes: those that were published, and user.vitrine.* by name (not listed, so that
 * copying tools do not carry them along):
 *
 *     user.vitrine.dataset, .version   where the node belongs
 *     user.vitrine.digest              SHA-256 of a file; the version's digest on its root
 *     user.vitrine.mode                permission bits as they were published, octal
 *     user.vitrine.access              what the caller may do: none, browse or read
 *     user.vitrine.expires             until when (RFC 3339), or "never"
 *     user.vitrine.holder              who holds it alone, to those who may see that
 *     user.vitrine.labels, .label.KEY  label_xattr.h
 */
#include "fs/node.h"
#include "index/base/buf.h"
#include "policy/subject.h"

#define VT_ACL_ACCESS  "system.posix_acl_access"
#define VT_ACL_DEFAULT "system.posix_acl_default"

/*
 * Appends the value. -ENODATA no such attribute; -EOPNOTSUPP outside `user.`: the kernel and tools
 * then stop asking for them, where ENODATA would cost a request per file. -EAGAIN. Of labels more.
 */
int vt_xattr_get(const struct vt_viewer *viewer, const struct vt_shown *shown, const char *name,
		 bool nowait, struct vt_buf *out);

/* What tells callers no more than where they stand themselves. */
bool vt_xattr_is_own_standing(const char *name);

/* Appends the published names, each with its NUL. */
int vt_xattr_list(const struct vt_shown *shown, struct vt_buf *out);

/*
 * Appends the access list of a boundary in the kernel's form (linux/posix_acl_xattr.h, version 2).
 * -ENODATA: it has none, the mode says it all.
 */
int vt_xattr_acl(const struct vt_viewer *viewer, const struct vt_shown *shown, struct vt_buf *out);
