/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The little that is said to systemd, and to others that speak its protocol: sd_notify(3) and
 * sd_listen_fds(3). Before any thread is started.
 */

/*
 * Tells who waits at NOTIFY_SOCKET, if anybody does: "READY=1". `fd` (-1: none) goes along:
 * "FDSTORE=1\nFDNAME=mount" has it kept for the next start of the unit.
 */
void vt_systemd_notify(const char *state, int fd);

/* What an earlier start of the unit had kept under `name`, the caller's from now on; -1: nothing.
 */
int vt_systemd_take(const char *name);
