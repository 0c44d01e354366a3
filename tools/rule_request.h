/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What `grant`, `deny` and `revoke` have in common: WHO RIGHT OBJECT, a window, and what is said.
 */
struct vt_cli;
struct vt_error;

/* `from`, `until` may be NULL. Prints the result. */
int vt_rule_request(struct vt_cli *cli, const char *op, const char *from, const char *until,
		    struct vt_error *err);
