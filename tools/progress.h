/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * How far a long command is, on standard error: a bar that is redrawn on a terminal, a line every
 * ten seconds with --progress=plain, else nothing. A thread of its own looks at the numbers, so the
 * work only counts.
 */
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_cli;
struct vt_error;
struct vt_progress;

struct vt_progress_view {
	const char *phase;
	uint64_t files, total_files; /* a total of 0: not known */
	uint64_t bytes, total_bytes;
};
/* Called from the progress thread. */
typedef void vt_progress_look(void *context, struct vt_progress_view *out);

/*
 * `how`: "auto" (or NULL), "plain" or "none". -EINVAL for another word. `*out` is NULL when there
 * is nothing to show. What is printed to standard error meanwhile goes through vt_progress_print().
 */
int vt_progress_start(const struct vt_cli *cli, const char *how, vt_progress_look *look,
		      void *context, struct vt_progress **out, struct vt_error *err);
void vt_progress_stop(struct vt_progress *progress); /* wipes the bar; NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_progress, vt_progress_stop);

/* A line for people without tearing the bar; `progress` may be NULL. */
void vt_progress_print(struct vt_progress *progress, const char *line);

/* The text of one state, for a line of `columns`; `elapsed_ns` since the phase began. */
void vt_progress_format(const struct vt_progress_view *view, uint64_t elapsed_ns, int columns,
			char out[256]);
