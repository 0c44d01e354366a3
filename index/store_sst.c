/* SPDX-License-Identifier: Apache-2.0 */
/* See store.h: files of sorted rows. Their options are the store's, whatever family they go to. */
#include "index/store_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/buf.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"

struct vt_sst {
	rocksdb_options_t *options;
	rocksdb_envoptions_t *env;
	rocksdb_sstfilewriter_t *writer;
	struct vt_buf value; /* of the row being put, with its seal */
	uint64_t rows;
	bool complete;
	char path[];
};

int vt_sst_new(const char *path, struct vt_sst **out, struct vt_error *err)
{
	vt_cleanup(vt_sst_freep) struct vt_sst *sst = calloc(1, sizeof *sst + strlen(path) + 1);
	char *message = NULL;
	int r;

	if (!sst)
		return vt_fail(err, ENOMEM, "no memory for an index file");
	strcpy(sst->path, path);
	sst->options = vt_store_make_options(NULL);
	sst->env = rocksdb_envoptions_create();
	sst->writer = rocksdb_sstfilewriter_create(sst->env, sst->options);
	rocksdb_sstfilewriter_open(sst->writer, path, &message);
	r = vt_store_outcome(message, err);
	if (r < 0)
		return vt_fail_in(err, r, "cannot write '%s'", path);
	*out = vt_steal(&sst);
	return 0;
}

int vt_sst_put(struct vt_sst *sst, const void *key, size_t key_len, const void *value,
	       size_t value_len, struct vt_error *err)
{
	const uint64_t seal = vt_row_seal(key, key_len, value, value_len);
	char *message = NULL;
	int r;

	vt_buf_reset(&sst->value);
	vt_buf_put(&sst->value, value, value_len);
	vt_buf_put(&sst->value, &seal, sizeof seal);
	if (vt_buf_failed(&sst->value))
		return vt_fail(err, ENOMEM, "no memory for a row of '%s'", sst->path);
	rocksdb_sstfilewriter_put(sst->writer, key, key_len, (const char *) sst->value.data,
				  sst->value.len, &message);
	r = vt_store_outcome(message, err);
	if (r < 0)
		return vt_fail_in(err, r, "cannot write '%s'", sst->path);
	sst->rows++;
	return 0;
}

int vt_sst_finish(struct vt_sst *sst, uint64_t *rows, struct vt_error *err)
{
	char *message = NULL;
	int r;

	*rows = sst->rows;
	if (sst->rows == 0)
		return 0; /* RocksDB refuses an empty file; free() removes it */
	rocksdb_sstfilewriter_finish(sst->writer, &message);
	VT_CRASHPOINT("rows-finished");
	r = vt_store_outcome(message, err);
	if (r < 0)
		return vt_fail_in(err, r, "cannot write '%s'", sst->path);
	sst->complete = true;
	return 0;
}

void vt_sst_free(struct vt_sst *sst)
{
	if (!sst)
		return;
	if (sst->writer)
		rocksdb_sstfilewriter_destroy(sst->writer);
	rocksdb_envoptions_destroy(sst->env);
	rocksdb_options_destroy(sst->options);
	if (!sst->complete)
		(void) unlink(sst->path);
	vt_buf_done(&sst->value);
	free(sst);
}

/* ---- taking in ------------------------------------------------------------------------------- */

static enum vt_family family_named(const char *name)
{
	enum vt_family family = 0;

	while (strcmp(vt_store_family_name(family), name) != 0)
		family++;
	return family;
}

static int drop_empty_range(struct vt_store *store, enum vt_family family, struct vt_error *err)
{
	char *message = NULL;
	int r;

	rocksdb_delete_file_in_range_cf(store->db, store->families[family], "", 0, "", 0, &message);
	r = vt_store_outcome(message, err);
	return r < 0 ? vt_fail_in(err, r, "cannot drop a file that was not taken in") : 1;
}

int vt_store_drop_boundless(struct vt_store *store, struct vt_error *err)
{
	const rocksdb_livefiles_t *files = rocksdb_livefiles(store->db);
	int r = 0;
	size_t len;

	for (int i = 0; i < rocksdb_livefiles_count(files) && r >= 0; i++) {
		const char *family = rocksdb_livefiles_column_family_name(files, i);

		(void) rocksdb_livefiles_largestkey(files, i, &len);
		if (len == 0)
			r = drop_empty_range(store, family_named(family), err);
	}
	rocksdb_livefiles_destroy(files);
	return r;
}

static int take_in(struct vt_store *store, enum vt_family family, const char *path,
		   struct vt_error *err)
{
	rocksdb_ingestexternalfileoptions_t *options;
	char *message = NULL;
	int r = vt_store_check_stuck(store, err);

	if (r < 0)
		return r;
	options = rocksdb_ingestexternalfileoptions_create();
	rocksdb_ingestexternalfileoptions_set_move_files(options, 1);
	rocksdb_ingest_external_file_cf(store->db, store->families[family], &path, 1, options,
					&message);
	rocksdb_ingestexternalfileoptions_destroy(options);
	return vt_store_outcome(message, err);
}

/*
 * RocksDB 7.8 takes in a file whose keys it could not read, for an error of the disk, as one that
 * goes from the empty key to the empty key, and says that all is well: none of its rows is ever
 * found, and who walks over it ends by an assertion. No key of ours is empty.
 */
int vt_store_ingest(struct vt_store *store, enum vt_family family, const char *path,
		    struct vt_error *err)
{
	int r;

	/* No commit may mark what RocksDB has written to its list of tables and not synced yet:
	 * should that fail, it removes the table. */
	(void) pthread_mutex_lock(&store->commit_lock);
	r = take_in(store, family, path, err);
	(void) pthread_mutex_unlock(&store->commit_lock);
	VT_CRASHPOINT("rows-ingested");
	if (r == 0)
		r = vt_store_drop_boundless(store, err);
	if (r > 0)
		r = vt_fail(err, EIO, "the disk gave an error while its rows were read");
	return r < 0 ? vt_fail_in(err, r, "cannot take in '%s'", path) : 0;
}
