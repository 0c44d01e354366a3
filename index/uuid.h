/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Random UUIDs (RFC 4122, version 4), as 16 bytes and as text in lower case. Thread-safe. */
#include <stdint.h>

#define VT_UUID_TEXT 37 /* with the NUL */

struct vt_error;

int vt_uuid_make(uint8_t uuid[16], struct vt_error *err);
void vt_uuid_format(const uint8_t uuid[16], char text[VT_UUID_TEXT]);
int vt_uuid_parse(const char *text, uint8_t uuid[16]); /* exactly as formatted, else -EINVAL */
