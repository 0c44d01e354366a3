/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Statistics (the document of index/label_stats.h) as text with bars. What comes from a dataset is
 * escaped and cut to its column: nothing in it can move the cursor. Thread-safe.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "index/base/buf.h"

struct vt_stats_look {
	const char *title; /* "digits@v2" */
	unsigned width;    /* columns; fewer than 40 are taken as 40 */
	bool utf8;         /* bars of block characters, else of '#' */
	bool colour;
	unsigned rows; /* of a list; what follows is summed up */
};

/* Of a stream: the terminal's width, else 80; the locale's character set; 20 rows. */
struct vt_stats_look vt_stats_look_of(FILE *out, const char *title);

/* Appends; vt_buf_failed() says if memory was short. */
void vt_stats_text(const json_t *stats, const struct vt_stats_look *look, struct vt_buf *out);

/* ---- what the page of stats_html.h shows in the same way ---- */

uint64_t vt_stats_count(const json_t *object, const char *key);
/* A label's value as bytes, not escaped. */
void vt_stats_put_value(const json_t *value, struct vt_buf *out);
/* "0.93", or "-" for null. */
void vt_stats_put_figure(const json_t *figure, struct vt_buf *out);
/* The sizes of a row of `sizes`: "1.0 KiB to 2.0 KiB". */
void vt_stats_put_range(const json_t *row, struct vt_buf *out);
void vt_stats_put_count(uint64_t count, struct vt_buf *out);
