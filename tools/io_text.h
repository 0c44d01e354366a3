/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the request `io` answers (fs/requests.md), as tables for people. */
#include <jansson.h>

struct vt_cli;
struct vt_error;

/* On standard output. Parts that the caller is not told, or that are empty, are left out. */
int vt_io_print(const struct vt_cli *cli, const json_t *io, struct vt_error *err);

#define VT_DURATION_TEXT 32
/* "12.3 µs", "1.5 ms", "2.0 s". */
void vt_duration_format(double ns, char out[VT_DURATION_TEXT]);
/*
 * The bound, in ns, within which a share (0 to 1) of the answers was given, by the counts of one
 * class of `latency`; infinite when that is the last one.
 */
double vt_io_share_within(const json_t *counts, double share);
/* "1h 02m", "3d 04h", of ns. */
void vt_age_format(double ns, char out[VT_DURATION_TEXT]);
