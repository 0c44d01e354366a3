/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Who asks: a host uid with its groups, as the kernel tells it (SO_PEERCRED, a FUSE request's
 * context). Never what a client says of itself.
 */
#include <sys/types.h>

struct vt_subject {
	uid_t uid;
	gid_t gid;
	pid_t pid;
};
