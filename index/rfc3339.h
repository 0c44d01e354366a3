/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Instants as text, RFC 3339: date, T, time, a fraction of up to nine digits, Z or an offset. Kept
 * as ns since 1970, which reach from 1677 to 2262. Thread-safe.
 */
#include <stdint.h>

#include "index/label.h"

struct vt_error;

/* -EINVAL: another form, a day that no calendar has, a leap second, out of reach. */
int vt_rfc3339_parse(struct vt_label_text text, int64_t *ns, struct vt_error *err);

#define VT_RFC3339_TEXT 40
/* In UTC ("2026-11-27T00:28:00.5Z"), the fraction as short as it is exact. */
void vt_rfc3339_format(int64_t ns, char out[VT_RFC3339_TEXT]);
