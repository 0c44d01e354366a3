/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A terminal that is drawn on again and again, as top(1) does, by the sequences of ECMA-48 that
 * every terminal knows. The other screen, without a cursor, and lines that are cut at the right
 * edge; all of that is given back by vt_screen_close(), which signals lead to as well (INT, TERM,
 * HUP end vt_screen_wait()). One at a time, one thread.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_screen;

/* Standard input and output must be a terminal. */
int vt_screen_open(struct vt_screen **out, struct vt_error *err);
void vt_screen_close(struct vt_screen *screen);
VT_DEFINE_CLEANUP(struct vt_screen, vt_screen_close);

/* What is printed on standard output between the two takes the place of what stood there. */
void vt_screen_begin(struct vt_screen *screen);
void vt_screen_end(struct vt_screen *screen);
unsigned vt_screen_lines(const struct vt_screen *screen); /* of the window, now */

enum vt_screen_event { VT_SCREEN_TIME, VT_SCREEN_RESIZED, VT_SCREEN_QUIT };
/* Until the time (CLOCK_MONOTONIC, ns), another size of the window, or an end: 'q' or a signal. */
enum vt_screen_event vt_screen_wait(struct vt_screen *screen, uint64_t until_ns);
