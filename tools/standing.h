/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A mount in the foreground (`vitrine mount --foreground`). The command has descriptors of its own
 * of what a server must have to serve the mount, and has systemd keep them too. So the mount goes
 * on when server and keeper die together, and when the command dies with them.
 */
#include "tools/commands.h"

struct vt_standing {
	const char *point; /* borrowed */
	int fuse_fd;       /* owned, as the next */
	int state_fd; /* -1: the server's alone; who is neither root nor the owner has no copy */
	bool fresh;   /* no server has had it yet */
};
#define VT_STANDING_INIT ((struct vt_standing){.fuse_fd = -1, .state_fd = -1})
void vt_standing_done(struct vt_standing *standing);

/* 1: there is a mount on `point` of an earlier start of the unit; `standing` has its descriptors.
 */
int vt_standing_restore(struct vt_standing *standing, struct vt_error *err);

/*
 * Hands the mount to the server, which makes a state if there is none or it must not come from us.
 * `options` may be NULL. The pid of the server.
 */
int vt_standing_hand_over(struct vt_cli *cli, struct vt_standing *standing, json_t *options,
			  struct vt_error *err);

/*
 * Stays until the mount ends; `server`: its pid. Ends the mount on a signal that is handled without
 * SA_RESTART.
 */
int vt_standing_stay(struct vt_cli *cli, struct vt_standing *standing, pid_t server,
		     struct vt_error *err);
