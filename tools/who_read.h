/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * `vitrine audit who-read`: sums up the access records of an audit log by user, version and rule,
 * or only what they say of one path. A path becomes positions by asking the server for the
 * version's listing; without a path nothing but the log is needed.
 */
#include "index/base/cleanup.h"
#include "policy/audit_record.h"
#include "tools/cli.h"
#include "tools/target.h"

struct vt_who_read;

int vt_who_read_new(struct vt_cli *cli, const struct vt_target *target, struct vt_who_read **out,
		    struct vt_error *err);
void vt_who_read_free(struct vt_who_read *who);
VT_DEFINE_CLEANUP(struct vt_who_read, vt_who_read_free);

/* One record of any kind. */
int vt_who_read_take(struct vt_who_read *who, const struct vt_audit_line *line,
		     struct vt_error *err);
int vt_who_read_print(struct vt_who_read *who, struct vt_error *err);
