/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Images out of a version for the page of stats_html.h: a few of each of the commonest values of
 * its key "class", or else of the key with the most files; of an unlabelled version its first ones.
 * One thread.
 */
#include "index/base/cleanup.h"
#include "tools/stats_html.h"

#define VT_STATS_PICK_MAX   24u          /* images */
#define VT_STATS_PICK_SIZE  (256u << 10) /* bytes of one; larger files are passed over */
#define VT_STATS_PICK_TOTAL (4u << 20)   /* bytes on a page */

struct vt_cli;
struct vt_target;

/* `stats` and `target` are borrowed for the call. The right to read has been had. */
struct vt_stats_pick;
int vt_stats_pick(struct vt_cli *cli, const struct vt_target *target, const json_t *stats,
		  struct vt_stats_pick **out, struct vt_error *err);
void vt_stats_pick_free(struct vt_stats_pick *pick);
VT_DEFINE_CLEANUP(struct vt_stats_pick, vt_stats_pick_free);

/* Gives them one by one, once; borrows from `pick`. */
struct vt_stats_samples vt_stats_pick_samples(struct vt_stats_pick *pick);
