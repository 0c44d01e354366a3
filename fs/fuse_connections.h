/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which FUSE file systems the kernel still has, from its control file system (fusectl): a folder
 * for each, named by the minor number of its device, until its last mount, descriptor, mapping and
 * working folder is gone, whether or not anybody serves it. Seen there are also those that no
 * process shows: descriptors in a socket, in io_uring, under a loop device or an overlay. Everybody
 * may look; where it is not mounted only root can bring it to light.
 *
 * Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

/* A descriptor of it, O_CLOEXEC; -1: it is mounted nowhere, and we are not root. */
int vt_fuse_connections_open(void);
/* Is the descriptor one of it? */
bool vt_fuse_connections_is(int fd);

/* `device`: makedev(3). 1: there is one of that number; 0: none; negative: it cannot be told. */
int vt_fuse_connections_have(int fd, uint64_t device);
