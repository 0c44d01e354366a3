/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Where bytes for damaged places come from: a copy of the store, whose shards are the same files,
 * or a tree of files, which are found by their content. Neither is ever written to.
 *
 * One thread at a time.
 */
#include "index/base/cleanup.h"
#include "tools/repair/damage.h"

struct vt_donor_ops {
	/* Proves places of contents that are lost. */
	int (*search)(struct vt_donor *donor, struct vt_damage *damage, struct vt_error *err);
	/* The bytes of a place that is proven by this donor; borrowed until the next call. */
	int (*read)(struct vt_donor *donor, const struct vt_place *place, const uint8_t **out,
		    struct vt_error *err);
	void (*free)(struct vt_donor *donor);
};
struct vt_donor {
	const struct vt_donor_ops *ops;
};

/*
 * `dir` (borrowed) is either, which its vitrine.json tells. -ENOENT it is not there; -EINVAL it is
 * the store itself, or another one: its files can be had through a mount.
 */
int vt_donor_open(const char *dir, const char *store, struct vt_shard_list *list,
		  struct vt_donor **out, struct vt_error *err);
static inline void vt_donor_free(struct vt_donor *donor)
{
	if (donor)
		donor->ops->free(donor);
}
VT_DEFINE_CLEANUP(struct vt_donor, vt_donor_free);

int vt_donor_copy(const char *dir, struct vt_shard_list *list, struct vt_donor **out,
		  struct vt_error *err);
int vt_donor_tree(const char *dir, struct vt_donor **out, struct vt_error *err);
