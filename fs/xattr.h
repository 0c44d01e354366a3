/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Extended attributes: those that were published, and user.vitrine.* by name (not listed, so that
 * copying tools do not carry them along):
 *
 *     user.vitrine.dataset, .version   where the node belongs
 *     user.vitrine.digest              SHA-256 of a file; the version's digest on its root
 *     user.vitrine.mode                permission bits as they were published, octal
 *     user.vitrine.access              what the caller may do
 */
#include "fs/node.h"
#include "index/base/buf.h"
#include "policy/subject.h"

/*
 * Appends the value. -ENODATA no such attribute; -EOPNOTSUPP outside `user.`: the kernel and tools
 * then stop asking for them, where ENODATA would cost a request per file.
 */
int vt_xattr_get(struct vt_service *service, const struct vt_shown *shown,
		 const struct vt_subject *subject, const char *name, struct vt_buf *out);

/* Appends the published names, each with its NUL. */
int vt_xattr_list(const struct vt_shown *shown, struct vt_buf *out);
