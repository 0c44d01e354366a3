/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Base64 (RFC 4648, section 4) with padding. Decoding takes the one canonical form only: no blanks,
 * no left-over bits. Thread-safe.
 */
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define VT_BASE64_LEN(bytes) (((bytes) + 2) / 3 * 4)

/* Writes VT_BASE64_LEN(len) characters and a NUL. */
void vt_base64_encode(const void *data, size_t len, char *out);
/* The number of bytes, or -EINVAL when it is no base64 or gives more than `size` bytes. */
ssize_t vt_base64_decode(const char *text, size_t len, uint8_t *out, size_t size);
