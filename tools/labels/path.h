/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Paths of files inside a version, as files of labels name them. Thread-safe. */
#include "index/label.h"

struct vt_error;

#define VT_LABEL_PATH_MAX 65535u /* bytes, as in a version */

/*
 * Relative, names parted by single slashes, none of them empty, "." or ".." or longer than a name
 * may be; else -EINVAL. Nothing is tidied up: another spelling of a path is another path.
 */
int vt_label_path_check(struct vt_label_text path, struct vt_error *err);
