/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The server's side of its keeper: has one in reserve until the first mount, tells it of mounts,
 * starts another when it dies or was the keeper of an older program. Without a keeper the server
 * goes on and says so in the log. A keeper has to execute programs and to unmount, so that it is
 * put in reserve before the server confines itself; one that takes the place of a dead one is
 * confined.
 *
 * Thread-safe, apart from new, adopt and free.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_hold;
struct vt_keeper_link;
struct vt_mount_site;

/* `dir` is borrowed. */
int vt_keeper_link_new(const char *dir, struct vt_keeper_link **out, struct vt_error *err);
/*
 * In a server that a keeper started: takes `socket`, waits for all that it holds. `*listener` is
 * the caller's.
 */
int vt_keeper_link_adopt(const char *dir, int socket, struct vt_keeper_link **out, int *listener,
			 struct vt_error *err);
/* Starts a process that waits to be the keeper: the first one, or the next. */
void vt_keeper_link_reserve(struct vt_keeper_link *link);
/* In a server that no keeper started, before the first mount. `listener` is duplicated. */
int vt_keeper_link_listen(struct vt_keeper_link *link, int listener, struct vt_error *err);
void vt_keeper_link_free(struct vt_keeper_link *link); /* says nothing to the keeper */
VT_DEFINE_CLEANUP(struct vt_keeper_link, vt_keeper_link_free);

/*
 * A mount from now on, whose descriptors are duplicated: should the server die, the next one gets
 * it. `*out` is valid until it is released.
 */
int vt_keeper_link_hold(struct vt_keeper_link *link, int fuse_fd, int state_fd,
			const struct vt_mount_site *site, struct vt_hold **out,
			struct vt_error *err);
void vt_keeper_link_release(struct vt_keeper_link *link, struct vt_hold *hold); /* it ended */
/* After adopting, for what was held; `each` may release what it is given. One thread. */
void vt_keeper_link_each(struct vt_keeper_link *link,
			 void (*each)(void *context, struct vt_hold *hold), void *context);

/* Becomes readable when the keeper died; -1 without one. Changes when mounts begin or end. */
int vt_keeper_link_fd(struct vt_keeper_link *link);
void vt_keeper_link_died(struct vt_keeper_link *link); /* looks, and starts another if needed */
/* An orderly end begins: no server is to follow. */
void vt_keeper_link_stop(struct vt_keeper_link *link);
/* Has the keeper unmount what the server's own user mounted; vt_keeper_link_drain() waits for it.
 */
void vt_keeper_link_unmount(struct vt_keeper_link *link);
/* The next server is to be the program behind the descriptor. -ENOTCONN: there is no keeper. */
int vt_keeper_link_set_program(struct vt_keeper_link *link, int program, struct vt_error *err);
/* In that next server: a keeper of its own program in place of the one that started it. */
void vt_keeper_link_replace(struct vt_keeper_link *link);
/* Waits until every mount was released; false: some remain. */
bool vt_keeper_link_drain(struct vt_keeper_link *link, unsigned patience_ms);
