/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where the control socket of a store is: the server listens there (control.h), a command dials
 * (control_client.h). Thread-safe.
 */
struct vt_error;
struct vt_subject;

/*
 * STORE/run/control.sock, listening, for everybody. It appears under its name only when it listens;
 * one that a dead server left is replaced. For the holder of the index alone.
 */
int vt_control_listen(const char *dir, int *fd, struct vt_error *err);
void vt_control_unlink(const char *dir); /* by the same, before it gives the index up */
/*
 * The other end. -ENOENT, -ECONNREFUSED: nobody listens. -EACCES: somebody who is neither root nor
 * the owner of the store does.
 */
int vt_control_dial(const char *dir, int *fd, struct vt_error *err);

/* Who is at the other end. -errno. */
int vt_control_peer(int fd, struct vt_subject *out);
