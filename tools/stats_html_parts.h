/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* The parts that a page of statistics is made of (stats_html.h): texts, bars, histograms. */
#include <jansson.h>
#include <stdint.h>

#include "index/base/buf.h"

/* Foreign text, cut if it is long. */
void vt_html_plain(struct vt_buf *out, const void *text, size_t len);
/* The same in an element of its own. */
void vt_html_text(struct vt_buf *out, const void *text, size_t len);
/* KEY or KEY_hex. */
void vt_html_member(struct vt_buf *out, const json_t *object, const char *key);
/* The value of a label. */
void vt_html_value(struct vt_buf *out, const json_t *value);
void vt_html_count(struct vt_buf *out, uint64_t count);

/* A table row with a bar. `name` is HTML. */
void vt_html_bar_row(struct vt_buf *out, const struct vt_buf *name, uint64_t count, uint64_t most,
		     uint64_t all);

/* `title` for those who do not see it, `left` and `right` below its ends: all our own words. */
void vt_html_histogram(struct vt_buf *out, const char *title, const uint64_t *counts, size_t count,
		       const char *left, const char *right);

/* Base64 (RFC 4648, section 4). */
void vt_html_base64(struct vt_buf *out, const void *bytes, size_t len);
