/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Folders of a store: named, made, listed, synced and removed. Nothing here follows a symlink at
 * the end of a path or inside a folder. Thread-safe.
 */
#include <stdbool.h>
#include <sys/types.h>

struct vt_error;

#define VT_PATH 4096u /* bytes of a path, as in the headers' arrays */

/* Formats a path. -ENAMETOOLONG. */
int vt_path(char path[VT_PATH], struct vt_error *err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Does `path` lie below `folder`? As they are written: nothing is resolved. */
bool vt_path_is_below(const char *path, const char *folder);

/* Makes a folder with exactly this mode (whatever the umask). -EEXIST. */
int vt_folder_make(const char *path, mode_t mode, struct vt_error *err);

/* Makes what the folder lists durable. */
int vt_folder_sync(const char *path, struct vt_error *err);

/* Calls `each` with the names in the folder, in no order; non-zero stops and is returned. */
typedef int vt_folder_entry(void *context, const char *name, struct vt_error *err);
int vt_folder_each(const char *path, vt_folder_entry *each, void *context, struct vt_error *err);

/* Removes a file or a whole folder. What is not there is removed already. */
int vt_folder_remove(const char *path, struct vt_error *err);
