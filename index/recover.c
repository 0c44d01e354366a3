/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See import.h: what is done at start about imports that died. All of tmp/ is theirs, and so is
 * every shard file without a record: a record is written by the batch that commits it, and removed
 * (index/gc.c) before its file. Nothing else may be running: the index is open in this process
 * only, and no import has begun.
 */
#include "index/import_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/record.h"

struct recovery {
	struct vt_index *index;
	struct vt_buf uuids;  /* of the shards that have a record, 16 bytes each, sorted */
	char folder[VT_PATH]; /* STORE/shards/ab */
	const char *aside;    /* where strays are put; NULL: they are removed */
	uint64_t strays;      /* seen so far */
};

static int compare_uuids(const void *a, const void *b)
{
	return memcmp(a, b, 16);
}

static int load_uuids(struct recovery *recovery, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	struct vt_shard_record shard;
	int r = vt_iterator_new(recovery->index->store, VT_CF_SHARD, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0) {
		r = vt_shard_decode(value.data, value.len, &shard, err);
		if (r < 0)
			return r;
		vt_buf_put(&recovery->uuids, shard.uuid, sizeof shard.uuid);
	}
	if (r == 0 && vt_buf_failed(&recovery->uuids))
		return vt_fail(err, ENOMEM, "no memory for the list of shards");
	if (recovery->uuids.len)
		qsort(recovery->uuids.data, recovery->uuids.len / 16, 16, compare_uuids);
	return r;
}

static int drop_stray(const struct recovery *recovery, const char *name, struct vt_error *err)
{
	char path[VT_PATH], aside[VT_PATH];
	int r = vt_path(path, err, "%s/%s", recovery->folder, name);

	if (r < 0 || !recovery->aside)
		return r < 0 ? r : vt_folder_remove(path, err);
	r = vt_path(aside, err, "%s/%s", recovery->aside, name);
	if (r == 0 && rename(path, aside) < 0)
		r = vt_fail(err, errno, "cannot move a shard to '%s': %m", aside);
	return r;
}

/* Only what has the name of a shard is taken for one. */
static int check_shard(void *context, const char *name, struct vt_error *err)
{
	struct recovery *recovery = context;
	char text[VT_UUID_TEXT];
	uint8_t uuid[16];

	if (strlen(name) != VT_UUID_TEXT - 1 + strlen(".vsh") ||
	    strcmp(name + VT_UUID_TEXT - 1, ".vsh") != 0)
		return 0;
	(void) snprintf(text, sizeof text, "%.*s", VT_UUID_TEXT - 1, name);
	if (vt_uuid_parse(text, uuid) < 0)
		return 0;
	if (recovery->uuids.len &&
	    bsearch(uuid, recovery->uuids.data, recovery->uuids.len / 16, 16, compare_uuids))
		return 0;
	recovery->strays++;
	return drop_stray(recovery, name, err);
}

static int check_shard_folder(void *context, const char *name, struct vt_error *err)
{
	struct recovery *recovery = context;
	int r;

	if (strlen(name) != 2)
		return 0;
	r = vt_path(recovery->folder, err, "%s/shards/%s", recovery->index->dir, name);
	return r < 0 ? r : vt_folder_each(recovery->folder, check_shard, recovery, err);
}

static int drop_stray_shards(struct recovery *recovery, struct vt_error *err)
{
	char path[VT_PATH];
	int r = load_uuids(recovery, err);

	if (r == 0)
		r = vt_path(path, err, "%s/shards", recovery->index->dir);
	if (r == 0)
		r = vt_folder_each(path, check_shard_folder, recovery, err);
	vt_buf_done(&recovery->uuids);
	return r;
}

int vt_import_set_aside(struct vt_index *index, uint64_t *shards, struct vt_error *err)
{
	char aside[VT_PATH];
	struct recovery recovery = {.index = index, .aside = aside};
	int r = vt_path(aside, err, "%s/lost", index->dir);

	if (r == 0)
		r = vt_folder_make(aside, 0700, err);
	if (r == 0 || r == -EEXIST)
		r = drop_stray_shards(&recovery, err);
	if (r == 0)
		r = vt_folder_sync(aside, err);
	if (r == 0)
		*shards = recovery.strays;
	return r;
}

static int remove_tmp(void *context, const char *name, struct vt_error *err)
{
	const struct vt_index *index = context;
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/tmp/%s", index->dir, name);

	return r < 0 ? r : vt_folder_remove(path, err);
}

static int remove_records(struct vt_index *index, struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	struct vt_value key, value;
	bool any = false;
	int r = vt_iterator_new(index->store, VT_CF_IMPORT, NULL, 0, NULL, 0, &it, err);

	if (r < 0)
		return r;
	while ((r = vt_iterator_next(it, &key, &value, err)) > 0) {
		vt_batch_delete(batch, index->store, VT_CF_IMPORT, key.data, key.len);
		any = true;
	}
	if (r < 0 || !any)
		return r;
	return vt_store_write(index->store, batch, true, err);
}

static int remove_datasets(struct vt_index *index, struct vt_error *err)
{
	const struct vt_dataset **datasets;
	size_t count;
	int r = vt_catalog_datasets(index->catalog, &datasets, &count);

	if (r < 0)
		return vt_fail(err, -r, "no memory for the list of datasets");
	for (size_t i = 0; r == 0 && i < count; i++)
		r = vt_index_drop_unpublished(index, datasets[i]->id, err);
	vt_datasets_free(datasets, count);
	return r;
}

int vt_import_recover(struct vt_index *index, struct vt_error *err)
{
	struct recovery recovery = {.index = index};
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/tmp", index->dir);

	if (r == 0)
		r = vt_folder_each(path, remove_tmp, index, err);
	VT_CRASHPOINT("recover-tmp-removed");
	if (r == 0)
		r = drop_stray_shards(&recovery, err);
	VT_CRASHPOINT("recover-strays-removed");
	if (r == 0)
		r = remove_records(index, err);
	VT_CRASHPOINT("recover-records-removed");
	if (r == 0)
		r = remove_datasets(index, err);
	VT_CRASHPOINT("recover-done");
	return r < 0 ? vt_fail_in(err, r, "cannot clean up after a publish that died") : 0;
}
