/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Statistics (the document of index/label_stats.h) as one HTML page that needs nothing else: no
 * script, no font, no address; charts are SVG, sample images data: URIs, and a content security
 * policy forbids the rest. Light or dark as the reader's system is.
 *
 * Labels, paths and annotators are foreign: control bytes and what is not UTF-8 are escaped as on
 * a terminal (vt_escape()), then as HTML, and each stands in an element of its own, so that its
 * direction of writing stays there. Thread-safe.
 */
#include <jansson.h>
#include <stddef.h>

#include "index/base/buf.h"

struct vt_error;

struct vt_stats_sample {
	const void *bytes; /* borrowed until the next call, as all here */
	size_t len;
	const char *media_type; /* image/png, jpeg, gif, webp, avif, bmp; others are left out */
	const char *path;
	size_t path_len;
	const char *label; /* may be empty */
	size_t label_len;
};

struct vt_stats_samples {
	/* 1 a sample, 0 the end, or an error, which ends the page. */
	int (*next)(void *context, struct vt_stats_sample *out, struct vt_error *err);
	void *context;
	unsigned most;    /* samples */
	size_t bytes_max; /* of all together; a larger one is left out */
};

/* Appends the page. `samples` may be NULL. -ENOMEM, or what `next` failed with. */
int vt_stats_html(const json_t *stats, const char *title, const struct vt_stats_samples *samples,
		  struct vt_buf *out, struct vt_error *err);
