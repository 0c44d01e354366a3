/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* Of which format a file of labels is. Thread-safe. */
#include <stddef.h>

#include "tools/labels/reader.h"

/*
 * By the name's ending (.csv, .jsonl, .ndjson), else by the names of the first members in `head`:
 * what the file begins with. -EINVAL: neither says it, with what may be done.
 */
int vt_label_format_guess(const char *name, const void *head, size_t len, enum vt_label_format *out,
			  struct vt_error *err);
