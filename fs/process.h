/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Running this program again, the one that follows it, or the one that serves as another of
 * Vitrine's processes. Thread-safe.
 */
#include <sys/types.h>

struct vt_error;

#define VT_SPAWN_FD 3 /* where the new process finds what was given as `fd` */

/*
 * `argv` ends with NULL; [0] is the name to show. Only 0 to 2 and `fd` are handed on.
 * Signals stand at their defaults.
 */
int vt_spawn_self(const char *const argv[], int fd, pid_t *pid, struct vt_error *err);
/* The program behind `program` (O_PATH will do), which the new process has open as VT_SPAWN_FD + 1.
 */
int vt_spawn_program(int program, const char *const argv[], int fd, pid_t *pid,
		     struct vt_error *err);
/* The program that serves (program.h); `stderr_fd` becomes its standard error. */
int vt_spawn_server(const char *const argv[], int stderr_fd, pid_t *pid, struct vt_error *err);
