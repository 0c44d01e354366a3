/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Inside the FUSE table: what the handlers in ops.c, ops_directory.c and ops_file.c share. A
 * handler begins a request, fills in its arguments and runs it; its run function answers with a
 * fuse_reply_*() after vt_request_claim() and then ends it, or returns an error.
 */
#include <fuse_lowlevel.h>
#include <stdbool.h>

#include "fs/node.h"
#include "fs/request.h"

struct vt_service;

/* Bytes asked for at once, as agreed at INIT (libfuse 3.14 fails above 1 MiB): no more is given. */
#define VT_OP_SIZE_MAX (1u << 20)
static inline size_t vt_op_size(size_t asked)
{
	return asked < VT_OP_SIZE_MAX ? asked : VT_OP_SIZE_MAX;
}

/* NULL when memory is short: answered already. */
struct vt_request *vt_op_begin(fuse_req_t req, fuse_ino_t id, enum vt_op_class op_class,
			       vt_request_run *run);
/* Runs it here, or on a pool thread if it must wait. The request is not the caller's any more. */
void vt_op_run(struct vt_request *request);
/* Both at once, for an operation without arguments. */
void vt_op_start(fuse_req_t req, fuse_ino_t id, enum vt_op_class op_class, vt_request_run *run);
void vt_op_end(struct vt_request *request);
/* Answers with the errno of `r` (negative), unless somebody else did, and ends it. */
void vt_op_fail(struct vt_request *request, int r);

struct vt_service *vt_op_service(const struct vt_request *request);
struct vt_viewer vt_op_viewer(const struct vt_request *request); /* borrows from the request */
/*
 * What the request's id stands for; done by the caller. -ESTALE, -EAGAIN. Where OPEN is not asked,
 * -EACCES when those that the mount is for may not browse it.
 */
int vt_op_resolve(struct vt_request *request, bool nowait, struct vt_shown *out);
/*
 * The same, and on every mount asks for this right, and for reading where the folder tells of
 * labels: -EACCES. A refusal of either goes to the audit log. `*decision` (may be NULL) is why, if
 * the id is of a dataset.
 */
int vt_op_admit(struct vt_request *request, bool nowait, enum vt_right right, struct vt_shown *out,
		struct vt_decision *decision);
/* The entry of a name; notes the id before the kernel can learn of it. -EAGAIN. */
int vt_op_fill_entry(struct vt_request *request, const struct vt_shown *shown, bool nowait,
		     struct fuse_entry_param *out);

/* Handlers for the table. */
void vt_op_opendir(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file);
void vt_op_readdir(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		   struct fuse_file_info *file);
void vt_op_readdirplus(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		       struct fuse_file_info *file);
void vt_op_open(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file);
void vt_op_release(fuse_req_t req, fuse_ino_t id, struct fuse_file_info *file);
void vt_op_read(fuse_req_t req, fuse_ino_t id, size_t size, off_t offset,
		struct fuse_file_info *file);
void vt_op_lseek(fuse_req_t req, fuse_ino_t id, off_t offset, int whence,
		 struct fuse_file_info *file);
