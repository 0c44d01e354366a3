/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Reading a generated document: any part of it is made from its own lines, found through the
 * outline.
 */
#include "fs/document.h"

struct vt_service;

/* Bytes of a document. -EAGAIN with `nowait` when something must be made or read to know. */
int vt_document_size(struct vt_service *service, const struct vt_dataset *dataset,
		     const struct vt_version *version, enum vt_document document, bool nowait,
		     uint64_t *size, struct vt_error *err);

/*
 * Appends up to `len` bytes from `offset` on (fewer at the end). Blocks: not for a session thread.
 * -EBADMSG: the tree does not amount to what was counted at publish.
 */
int vt_document_read(struct vt_service *service, const struct vt_dataset *dataset,
		     const struct vt_version *version, enum vt_document document, uint64_t offset,
		     size_t len, struct vt_buf *out, struct vt_error *err);
