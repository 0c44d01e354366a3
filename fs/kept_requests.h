/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Requests that are not answered yet, for kernels that cannot send them again to the next server
 * (Linux before 6.9). A message is read straight into a slot of the session's state, so that at no
 * instant only the server has it, and stays there until its answer is written. What a dead server
 * left is what its successor reads first, in the kernel's order.
 *
 * A request whose answer was written at the very end comes again; the kernel refuses the second
 * answer (-ENOENT). FORGETs and INTERRUPTs want none and are not kept: nothing here counts lookups
 * or heeds interrupts. Of what the kernel sends on a read-only mount only an ioctl with a long
 * argument exceeds a slot (VT_SESSION_REQUEST_MAX); a successor answers it as we do, with ENOSYS.
 *
 * Thread-safe, apart from open and close.
 */
#include <stdint.h>
#include <sys/types.h>

struct vt_error;
struct vt_kept_requests;
struct vt_session_state;

int vt_kept_requests_open(struct vt_session_state *state, struct vt_kept_requests **out,
			  struct vt_error *err);
void vt_kept_requests_close(struct vt_kept_requests *kept);

/*
 * As read(2) of a FUSE descriptor; `len` is above VT_SESSION_REQUEST_MAX. What a dead server left
 * comes first. Waits for an answer while all slots are taken.
 */
ssize_t vt_kept_requests_read(struct vt_kept_requests *kept, int fd, void *buf, size_t len);
/* The next message that a dead server left, which is kept on; 0: there is no more. */
size_t vt_kept_requests_left(struct vt_kept_requests *kept, int fd, void *buf);
/* The answer was written. Others than those that are kept may be named. */
void vt_kept_requests_answered(struct vt_kept_requests *kept, uint64_t unique);
