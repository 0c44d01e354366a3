/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Turning a command into a process of its own: whose it is, where it writes, how its starter learns
 * that it is ready. Before any thread is started.
 */
#include <stdint.h>
#include <sys/types.h>

struct vt_error;

/* Root becomes the owner of `dir`, for good and without capabilities. -EACCES for anybody else. */
int vt_become_owner(const char *dir, struct vt_error *err);

/*
 * Forks; returns in the child, a session leader with nothing on its standard input and output, and
 * with `*ready` to be told (vt_daemon_ready). The parent prints the failure, if any, and exits with
 * the status that the child gives.
 */
int vt_daemonize(int *ready, struct vt_error *err);
void vt_daemon_ready(int ready, int status, const char *sentence); /* `ready` -1: nobody waits */

/* Standard error goes to run/server.log of the store; a log grown large is put aside first. */
int vt_log_to_store(const char *dir, struct vt_error *err);

void vt_raise_file_limit(void);

/* "vitrine" for ps, top and pgrep; started through /proc it would be named after a link there. */
void vt_name_process(void);

/*
 * No core files, and no other process of the same user looks inside: there are keys and others'
 * bytes in memory. After vt_become_owner(), which would take it back.
 */
void vt_forbid_dumps(void);

/* "512M" in bytes; -EINVAL. K, M, G and T are powers of 1024. */
int vt_size_parse(const char *text, uint64_t *out);
