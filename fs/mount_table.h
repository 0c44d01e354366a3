/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What the kernel has mounted, from /proc/self/mountinfo (proc_pid_mountinfo(5)). Asking there
 * never waits for a file system, as stat(2) on a mount whose server hangs would.
 */
#include <stdbool.h>
#include <stdint.h>

struct vt_error;

#define VT_MOUNT_TABLE "/proc/self/mountinfo"
#define VT_MOUNT_TYPE  "fuse.vitrine"

struct vt_mounted {
	uint64_t device;                   /* makedev(3) */
	const char *point, *type, *source; /* unescaped; borrowed until the callback returns */
};

/* A device as the table has it, "MAJOR:MINOR". */
#define VT_DEVICE_TEXT 24u
void vt_device_format(uint64_t device, char out[VT_DEVICE_TEXT]);
bool vt_device_parse(const char *text, uint64_t *out);

/* Only Vitrine's (type fuse.vitrine), in the order of mounting. Non-zero from `each` stops. */
typedef int vt_mounted_each(void *context, const struct vt_mounted *mounted);
int vt_mounted_list(vt_mounted_each *each, void *context, struct vt_error *err);
/* The same for mounts of any type, and for any process's table. */
int vt_mounted_list_any(const char *table, vt_mounted_each *each, void *context,
			struct vt_error *err);

/*
 * Waits until nothing of ours is mounted on `point`: 0; until `other` (-1: none) can be read or
 * `patience_ms` (-1: for ever) are over: 1; or until a signal is handled, also one that is blocked
 * outside of here: -EINTR.
 */
int vt_mounted_wait_end(const char *point, int other, int patience_ms, struct vt_error *err);

/*
 * Does the file system on `point` answer, and does the kernel know whom its root is open to? 0, the
 * errno of a stat(2) there (ENOTCONN: its server is gone), or ETIMEDOUT after two seconds. A
 * process of its own asks, so that this one never hangs.
 */
int vt_mounted_probe(const char *point);
