/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * One change of the catalog while it is made: catalog_dataset.c, catalog_tag.c and
 * catalog_version.c each write theirs with it, in one order: look, stage (rows into the batch, new
 * snapshots beside the tables), make room, write synced, swap. Nothing can fail after the write.
 *
 * An edit holds the catalog's `writer` from begin to end, and `lock` only to swap.
 */
#include "index/catalog_private.h"

struct vt_edit {
	struct vt_catalog *catalog;
	struct slot *slot;                  /* the dataset concerned, once found */
	struct vt_batch *batch;             /* what is written; the edit's own, or a caller's */
	struct vt_batch *own;               /* what the end frees */
	const struct vt_dataset *dataset;   /* a new snapshot; NULL: unchanged */
	const struct vt_version **versions; /* new snapshots, in the order they were put */
	size_t version_count, version_room;
};

struct vt_edit vt_edit_begin(struct vt_catalog *catalog);
void vt_edit_end(struct vt_edit *edit); /* frees what was not swapped in */

/* ---- looking -------------------------------------------------------------------------------- */

/* Each sets edit->slot. -ENOENT; the last also -EINVAL: of another dataset, -ESTALE: withdrawn. */
int vt_edit_find_dataset(struct vt_edit *edit, uint32_t dataset, struct vt_error *err);
int vt_edit_find_version(struct vt_edit *edit, uint32_t serial, const struct vt_version **out,
			 struct vt_error *err);
int vt_edit_find_live(struct vt_edit *edit, uint32_t dataset, uint32_t serial,
		      const struct vt_version **out, struct vt_error *err);

/* A fresh number; it is gone even if the edit fails. */
int vt_edit_take(struct vt_edit *edit, enum vt_counter counter, uint32_t *out,
		 struct vt_error *err);

/* ---- staging -------------------------------------------------------------------------------- */

int vt_edit_put_dataset(struct vt_edit *edit, const struct vt_dataset *dataset,
			struct vt_error *err);
void vt_edit_drop_dataset(struct vt_edit *edit);
int vt_edit_put_version(struct vt_edit *edit, const struct vt_version *version,
			struct vt_error *err);
/* A row that gc reads the tree from, until what was removed may go. Retires its exhibit. */
int vt_edit_bury_version(struct vt_edit *edit, const struct vt_version *version,
			 struct vt_error *err);
int vt_edit_show_version(struct vt_edit *edit, const struct vt_version *version,
			 struct vt_error *err);
/* A row that stays for ever: an id of an exhibit must never be live again. */
int vt_edit_retire_version(struct vt_edit *edit, const struct vt_version *version,
			   struct vt_error *err);
int vt_edit_put_tag(struct vt_edit *edit, const struct tag_slot *tag, struct vt_error *err);
void vt_edit_drop_tag(struct vt_edit *edit, const char *name);

/*
 * A record of the change for the audit log (policy/audit.md), `kind` "publish", "withdraw", "rm";
 * of the edit's dataset, or of a version of it. `text` may be NULL.
 */
int vt_edit_record(struct vt_edit *edit, const char *kind, const struct vt_version *version,
		   uint32_t by_uid, const char *text, struct vt_error *err);

/* ---- writing, and after it ------------------------------------------------------------------ */

int vt_edit_write(struct vt_edit *edit, struct vt_error *err);

/*
 * Swaps the new snapshots in. Between the two `lock` is held, for what else is put into the tables
 * or dropped from them.
 */
void vt_edit_swap_begin(struct vt_edit *edit);
void vt_edit_swap_end(struct vt_edit *edit);

/* All three, for an edit whose snapshots say everything. */
int vt_edit_finish(struct vt_edit *edit, struct vt_error *err);
