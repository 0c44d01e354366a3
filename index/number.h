/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Numbers as text, in JSON's grammar (RFC 8259, section 6) everywhere. Thread-safe. */
#include <stddef.h>

struct vt_error;

/* How many bytes at the start of the NUL-terminated `text` are a number; 0: none. */
size_t vt_number_length(const char *text);

/*
 * `len` bytes, what vt_number_length() measured, followed by any byte that belongs to no number.
 * -EINVAL: too great for a double; or whole and not kept exactly by one, so that what was an
 * identifier does not come out as another. -0 is 0.
 */
int vt_number_parse(const char *text, size_t len, double *out, struct vt_error *err);

#define VT_NUMBER_TEXT 32
/* The fewest digits that read back as the same finite number; whole ones up to 15 digits plain. */
void vt_number_format(double number, char out[VT_NUMBER_TEXT]);
