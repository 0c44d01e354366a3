/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Texts that may be any bytes, in JSON. Thread-safe. */
#include <jansson.h>

/*
 * JSON takes UTF-8 only: other bytes become U+FFFD in `key`, and all stand in `key`_hex. 0, or -1
 * when memory is short.
 */
int vt_json_set_text(json_t *object, const char *key, const char *text, size_t len);

/* The text alone, with U+FFFD for such bytes. NULL: no memory. */
json_t *vt_json_readable(const char *text, size_t len);
