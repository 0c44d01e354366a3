/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Mounts that lost their server, as far as commands show them: what the server says of each
 * (fs/leftovers.h), where it is still mounted, and who has something of it open.
 */
#include "tools/cli.h"

/*
 * The rows of the request `leftovers`, to which are added mounted: [POINT], holders: [{pid, uid,
 * user, command, holds: [WAY]}], all_seen: false where other users' processes cannot be looked at.
 * None for who does not administer the store. `*rows` is the caller's.
 */
int vt_leftover_rows(struct vt_cli *cli, json_t **rows, struct vt_error *err);

/* For people: what it is, who has it, and the way out. Nothing when there are no rows. */
void vt_leftover_print(FILE *out, const json_t *rows);
