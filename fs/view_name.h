/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Values of labels and expressions as names of folders (`.labels/V/KEY/VALUE`, `.query/V/EXPR`).
 * '%', '/', control bytes and a '.' in front are written %XX (uppercase); an empty text is "%00". A
 * value that makes a name longer than VT_VIEW_NAME_MAX is cut, and "%~" and 16 digits of its
 * SHA-256 stand behind what is left: its name says which it is, and cannot be read back.
 *
 * Pure. Thread-safe.
 */
#include <stdbool.h>
#include <stddef.h>

#include "index/base/buf.h"

#define VT_VIEW_NAME_MAX 200u

/* Appends the name of a value. */
void vt_view_name_put(const char *text, size_t len, struct vt_buf *out);
/* The same of an expression, which must be read back: -ENAMETOOLONG beyond 255 bytes. */
int vt_view_name_put_expression(const char *text, size_t len, struct vt_buf *out);

/* True for a name that cannot be read back. */
bool vt_view_name_is_cut(const char *name, size_t len);
/*
 * What a name stands for, appended. Any byte may be written %XX, in either case. -EINVAL: an escape
 * is not whole.
 */
int vt_view_name_read(const char *name, size_t len, struct vt_buf *out);
