/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which processes hold something of a file system: open files, mappings, a working or root folder,
 * or a mount in a namespace of their own. From /proc, without asking the file system: it may hang.
 * What no process shows (fs/fuse_connections.h) is not found here.
 */
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct vt_error;

enum vt_hold_way {
	VT_HOLDS_FILE = 1,
	VT_HOLDS_MAPPING = 2,
	VT_HOLDS_FOLDER = 4, /* its working folder, its root */
	VT_HOLDS_MOUNT = 8,  /* one in another mount namespace than ours; the first process of it */
};

struct vt_holder {
	pid_t pid;
	uid_t uid;
	unsigned ways;
	char command[64];
};

/*
 * Calls `each` for every process that holds something of `device` (makedev(3)). 1; or 0: some
 * processes are another user's, and not ours to look at.
 */
int vt_holders_each(uint64_t device, void (*each)(void *context, const struct vt_holder *holder),
		    void *context, struct vt_error *err);
