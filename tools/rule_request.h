/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include "tools/options.h"

/* What `grant`, `deny` and `revoke` have in common: WHO RIGHT OBJECT, a window, and what is said.
 */
struct vt_cli;
struct vt_error;

/* --from and --until, for a command that gives the rule a window. */
extern const struct vt_option vt_rule_window_options[];

/* Sends the command's arguments, and the window if it has one. Prints the result. */
int vt_rule_request(struct vt_cli *cli, const char *op, struct vt_error *err);
