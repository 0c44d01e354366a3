/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An end of RocksDB's list of tables that was never marked as durable, and for which RocksDB does
 * not open the index: after a failed sync it may name tables that RocksDB has removed, after a loss
 * of power it may have holes. What stands behind the mark (manifest.h) was never answered for,
 * unless it moved rows of commits from a log that is gone: whether they are there the judge knows.
 *
 * One thread at a time, under the lock of the commit note.
 */
#include <stdbool.h>
#include <stdint.h>

struct vt_error;
struct vt_manifest_mark;

/* 0: the index in `dir`, which shall not be changed, opens and lacks nothing. */
typedef int vt_manifest_judge(void *context, const char *dir, struct vt_error *err);

/*
 * Takes as few records as possible off the end, none of them marked, so that the judge has nothing
 * against what is left: 1, and *bytes are cut off, durably. They are in INDEX/torn-MANIFEST-N,
 * which nobody reads. 0: there is no such end, nothing was changed. Judged are shorter and shorter
 * lists in INDEX/trial, among links to the other files of the index.
 */
int vt_manifest_cut(const char *index, const struct vt_manifest_mark *mark,
		    vt_manifest_judge *judge, void *context, uint64_t *bytes, struct vt_error *err);
/* The same without the cut: 1, it would help; 0, it would not. Nothing is changed. */
int vt_manifest_can_cut(const char *index, const struct vt_manifest_mark *mark,
			vt_manifest_judge *judge, void *context, struct vt_error *err);

/* Is the file of an index what was cut off? */
bool vt_manifest_is_torn(const char *name);
