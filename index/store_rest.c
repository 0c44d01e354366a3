/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See store.h: an index at rest. Closed in order it has all its rows in tables, empty logs, and a
 * list of tables that the note knows to the last byte (index/schema.md, "Commits"). As long as that
 * is so, RocksDB has nothing to drop when it opens it for writing, and nobody needs to look first.
 */
#include "index/store_private.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/crashpoint.h"
#include "index/folder.h"

static bool flush_family(struct vt_store *store, enum vt_family family)
{
	rocksdb_flushoptions_t *options = rocksdb_flushoptions_create();
	char *message = NULL;

	rocksdb_flush_cf(store->db, options, store->families[family], &message);
	rocksdb_flushoptions_destroy(options);
	return vt_store_outcome(message, NULL) == 0; /* else the log has it, and tells why */
}

bool vt_store_settle(struct vt_store *store)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	bool settled = true;

	if (vt_store_lost(store) > 0) /* a commit more would stand for a lost one */
		return false;
	for (size_t i = 0; i < VT_CF_COUNT; i++)
		settled &= flush_family(store, (enum vt_family) i);
	VT_CRASHPOINT("store-flushed");
	return vt_store_write(store, batch, true, NULL) == 0 && flush_family(store, VT_CF_META) &&
	       settled;
}

void vt_store_rest(struct vt_store *store)
{
	VT_CRASHPOINT("store-settled");
	if (vt_manifest_advance(&store->manifest, NULL) == 0)
		(void) vt_commit_note_rest(&store->note, store->commits, &store->manifest.mark,
					   NULL); /* else the next opening looks first */
	VT_CRASHPOINT("store-rested");
}

/* 1: a log with rows in it. */
static int find_rows(void *context, const char *name, struct vt_error *err)
{
	const char *dir = context, *dot = strrchr(name, '.');
	char path[PATH_MAX];
	struct stat st;

	if (!dot || strcmp(dot, ".log") != 0)
		return 0;
	return snprintf(path, sizeof path, "%s/%s", dir, name) >= (int) sizeof path ||
	       lstat(path, &st) < 0 || st.st_size > 0;
}

bool vt_store_is_at_rest(const char *dir, const struct vt_commit_note *note)
{
	return note->at_rest && vt_manifest_is(dir, &note->mark) &&
	       vt_folder_each(dir, find_rows, (void *) dir, NULL) == 0;
}
