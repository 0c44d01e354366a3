/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See import.h: the commit. Shard files are checked, synced, moved and recorded first. Only then
 * are the rows taken in that say what lies in them: these replace equal rows of other imports, so
 * that the shards must stay from here on, whatever becomes of this import. Last, one synced batch
 * makes the version, the dataset's head and the exhibit appear together.
 */
#include "index/import_private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/label_lines.h"
#include "index/record.h"

/* What every shard file carries in its header (fs/shard-format.md). */
#define SHARD_MAGIC    "VTRSHRD1"
#define SHARD_MAGIC_AT 8
#define SHARD_SIZE_MAX UINT32_MAX /* a location's offset has 32 bits */

static struct import_shard *shard_of(const struct vt_import *import, uint32_t serial)
{
	const struct vt_row *row = vt_table_find(&import->shards, serial);

	return row ? (struct import_shard *) row->value : NULL;
}

static int source_path(const struct vt_import *import, const struct import_shard *shard,
		       char path[VT_PATH], struct vt_error *err)
{
	char text[VT_UUID_TEXT];

	vt_uuid_format(shard->uuid, text);
	return vt_path(path, err, "%s/%s.vsh", import->dir, text);
}

/* ---- checking ------------------------------------------------------------------------------- */

static int check_file(const char *path, const struct vt_new_shard *told, struct vt_error *err)
{
	vt_autoclose int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	char magic[sizeof SHARD_MAGIC - 1];
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return vt_fail(err, errno, "cannot open the shard '%s': %m", path);
	if (!S_ISREG(st.st_mode))
		return vt_fail(err, EINVAL, "the shard '%s' is no regular file", path);
	if ((uint64_t) st.st_size != told->size || told->size > SHARD_SIZE_MAX)
		return vt_fail(err, EINVAL, "the shard '%s' has %lld bytes, not %llu", path,
			       (long long) st.st_size, (unsigned long long) told->size);
	if (pread(fd, magic, sizeof magic, SHARD_MAGIC_AT) != sizeof magic ||
	    memcmp(magic, SHARD_MAGIC, sizeof magic) != 0)
		return vt_fail(err, EBADMSG, "'%s' is no shard", path);
	if (fsync(fd) < 0)
		return vt_fail(err, errno, "cannot sync the shard '%s': %m", path);
	return 0;
}

static int check_shard(struct vt_import *import, const struct vt_new_shard *told,
		       struct vt_error *err)
{
	struct import_shard *shard = shard_of(import, told->serial);
	char path[VT_PATH];
	int r;

	if (!shard)
		return vt_fail(err, EPERM, "shard %u is not of this import", told->serial);
	if (shard->listed)
		return vt_fail(err, EINVAL, "shard %u is listed twice", told->serial);
	shard->listed = true;
	r = source_path(import, shard, path, err);
	return r < 0 ? r : check_file(path, told, err);
}

static int check_row(struct vt_import *import, enum vt_family family, const void *key,
		     size_t key_len, const char *what, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	int r = vt_store_get(import->index->store, family, key, key_len, false, &value, err);

	if (r == -ENOENT)
		return vt_fail(err, EINVAL, "the import took no such %s in", what);
	return r;
}

static int check_labels(struct vt_import *import, struct vt_version *version, struct vt_error *err)
{
	uint8_t key[8];
	int r = vt_label_tree_digest(&version->labels, &version->label_digest, err);

	version->document_body[VT_DOCUMENT_LABELS] = 0;
	if (r < 0 || version->labels.labels == 0)
		return r;
	vt_key_u64(version->labels.page, key);
	r = check_row(import, VT_CF_PAGE, key, sizeof key, "root page of labels", err);
	if (r < 0)
		return r;
	return vt_label_lines_size(&import->index->label_pages, &version->labels,
				   &version->document_body[VT_DOCUMENT_LABELS], err);
}

/* What the commit is about to name must have been taken in. */
static int check_dictionaries(struct vt_import *import, const struct vt_new_shard *shards,
			      size_t count, struct vt_error *err)
{
	uint8_t key[8];
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++) {
		if (!shards[i].dictionary)
			continue;
		vt_dictionary_key(import->domain, shards[i].dictionary, key);
		r = check_row(import, VT_CF_DICTIONARY, key, sizeof key, "dictionary", err);
	}
	return r;
}

static int check_pages(struct vt_import *import, struct vt_version *version, struct vt_error *err)
{
	uint8_t key[8];
	int r;

	vt_key_u64(version->tree.root.page, key);
	r = check_row(import, VT_CF_PAGE, key, sizeof key, "root page", err);
	return r < 0 ? r : check_labels(import, version, err);
}

/* ---- moving --------------------------------------------------------------------------------- */

static int provide_folder(struct vt_import *import, const char *path, struct vt_error *err)
{
	int r = vt_folder_make(path, 0700, err);

	VT_CRASHPOINT("import-shard-folder-made");
	if (r == -EEXIST)
		return 0;
	return r < 0 ? r : vt_index_adopt(import->index, path, err);
}

static int move_shard(struct vt_import *import, const struct vt_new_shard *told,
		      struct vt_error *err)
{
	const struct import_shard *shard = shard_of(import, told->serial);
	char from[VT_PATH], to[VT_PATH], folder[VT_PATH];
	int r = source_path(import, shard, from, err);

	if (r == 0)
		r = vt_index_shard_folder(import->index, shard->uuid, folder, err);
	if (r == 0)
		r = vt_index_shard_file(import->index, shard->uuid, to, err);
	if (r == 0)
		r = provide_folder(import, folder, err);
	if (r == 0)
		r = vt_index_adopt(import->index, from, err);
	if (r < 0)
		return r;
	if (rename(from, to) < 0)
		return vt_fail(err, errno, "cannot move the shard to '%s': %m", to);
	VT_CRASHPOINT("import-shard-moved");
	return vt_folder_sync(folder, err);
}

/* The files of a commit that did not happen. What cannot be removed waits for recovery. */
static void remove_moved(struct vt_import *import, const struct vt_new_shard *shards, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char path[VT_PATH];

		if (vt_index_shard_file(import->index, shard_of(import, shards[i].serial)->uuid,
					path, NULL) == 0)
			(void) unlink(path);
	}
}

static int move_shards(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
		       struct vt_error *err)
{
	char folder[VT_PATH];
	int r = vt_path(folder, err, "%s/shards", import->index->dir);

	for (size_t i = 0; r == 0 && i < count; i++)
		r = move_shard(import, &shards[i], err);
	if (r == 0)
		r = vt_folder_sync(folder, err);
	if (r < 0)
		remove_moved(import, shards, count);
	return r;
}

/* ---- recording ------------------------------------------------------------------------------ */

static int put_shard(struct vt_import *import, struct vt_batch *batch,
		     const struct vt_new_shard *told, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf record = VT_BUF_INIT;
	struct vt_shard_record shard = {
		.domain = import->domain,
		.dictionary = told->dictionary,
		.frames = told->frames,
		.size = told->size,
		.content_size = told->content_size,
		.digest = told->digest,
	};
	uint8_t key[4];

	memcpy(shard.uuid, shard_of(import, told->serial)->uuid, sizeof shard.uuid);
	if (vt_shard_encode(&shard, &record) < 0)
		return vt_fail(err, ENOMEM, "no memory for the record of a shard");
	vt_key_u32(told->serial, key);
	vt_batch_put(batch, import->index->store, VT_CF_SHARD, key, sizeof key, record.data,
		     record.len);
	return 0;
}

static int record_shards(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
			 struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	int r = 0;

	for (size_t i = 0; r == 0 && i < count; i++)
		r = put_shard(import, batch, &shards[i], err);
	return r < 0 || count == 0 ? r : vt_store_write(import->index->store, batch, true, err);
}

static int take_contents_in(struct vt_import *import, struct vt_error *err)
{
	for (size_t i = 0; i < import->contents_count; i++) {
		const struct import_rows *rows = &import->contents[i];
		int r = vt_store_ingest(import->index->store, rows->family, rows->path, err);

		if (r < 0)
			return r;
		VT_CRASHPOINT("import-contents-ingested");
	}
	return 0;
}

/* ---- the batch ------------------------------------------------------------------------------ */

static void put_dictionary(struct vt_import *import, struct vt_batch *batch, uint32_t id)
{
	uint8_t key[VT_META_DICTIONARY_KEY];
	uint32_t value = htole32(id);

	if (!id)
		return;
	vt_meta_dictionary_key(import->dataset, key);
	vt_batch_put(batch, import->index->store, VT_CF_META, key, sizeof key, &value,
		     sizeof value);
}

/* The import is over in the same moment as its version is there. */
static void put_end(struct vt_import *import, struct vt_batch *batch)
{
	uint8_t key[8];

	vt_key_u64(import->id, key);
	vt_batch_delete(batch, import->index->store, VT_CF_IMPORT, key, sizeof key);
}

struct commit {
	struct vt_import *import;
	const struct vt_new_shard *shards;
	size_t count;
	struct vt_version *version;
	const struct vt_version **out;
};

static int write_into(void *context, struct vt_batch *batch, struct vt_error *err)
{
	const struct commit *commit = context;
	struct vt_import *import = commit->import;

	for (size_t i = 0; i < commit->count; i++)
		put_dictionary(import, batch, commit->shards[i].dictionary);
	put_end(import, batch);
	return vt_catalog_commit(import->index->catalog, commit->version, import->parent, batch,
				 commit->out, err);
}

static int write_commit(struct commit *commit, struct vt_error *err)
{
	const struct vt_import *import = commit->import;
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = NULL;

	if (import->frame)
		return import->frame(import->frame_context, write_into, commit, err);
	batch = vt_batch_new();
	return write_into(commit, batch, err);
}

void vt_import_within(struct vt_import *import, vt_import_frame *frame, void *context)
{
	import->frame = frame;
	import->frame_context = context;
}

/*
 * After a failed write nobody knows whether the batch reached the log: only the next opening tells.
 * Until then the files must stay, or a version might come back without its shards.
 */
static bool is_undecided(int r)
{
	return r == -EIO || r == -ENOSPC || r == -EBADMSG;
}

/* The version is there: what fails now costs the next publish some reading, no more. */
static void keep_stamps(struct vt_import *import, const char *stamps)
{
	char from[VT_PATH], to[VT_PATH];

	if (!stamps || vt_path(from, NULL, "%s/%s", import->dir, stamps) < 0)
		return;
	vt_index_stamps_path(import->index, import->dataset, to);
	(void) vt_index_adopt(import->index, from, NULL);
	(void) rename(from, to);
}

/* Before anything is moved: whatever is wrong here may be set right. */
static int check_shards(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
			struct vt_error *err)
{
	int r = 0;

	if (import->committed)
		return vt_fail(err, EINVAL, "the import is over");
	for (size_t i = 0; i < import->shards.count; i++)
		((struct import_shard *) import->shards.rows[i].value)->listed = false;
	for (size_t i = 0; r == 0 && i < count; i++)
		r = check_shard(import, &shards[i], err);
	return r < 0 ? r : check_dictionaries(import, shards, count, err);
}

/* From here on the shards stay. */
static int keep_shards(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
		       struct vt_error *err)
{
	int r = move_shards(import, shards, count, err);

	if (r < 0)
		return r;
	VT_CRASHPOINT("import-moved");
	r = record_shards(import, shards, count, err);
	if (r < 0 && !is_undecided(r))
		remove_moved(import, shards, count);
	if (r == 0)
		VT_CRASHPOINT("import-shards-recorded");
	return r;
}

int vt_import_commit(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
		     struct vt_version *version, const char *stamps, const struct vt_version **out,
		     struct vt_error *err)
{
	struct commit batch = {import, shards, count, version, out};
	int r = 0;

	if (stamps && (strchr(stamps, '/') || stamps[0] == '.'))
		return vt_fail(err, EINVAL, "'%s' is no bare file name", stamps);
	r = check_shards(import, shards, count, err);
	if (r == 0)
		r = check_pages(import, version, err);
	VT_CRASHPOINT("import-checked");
	if (r == 0)
		r = vt_catalog_check_commit(import->index->catalog, import->dataset, import->as,
					    import->parent, err);
	if (r == 0)
		r = keep_shards(import, shards, count, err);
	if (r < 0)
		return r;
	version->dataset = import->dataset;
	version->name = import->as;
	r = take_contents_in(import, err);
	if (r == 0)
		r = write_commit(&batch, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("import-committed");
	import->committed = true;
	keep_stamps(import, stamps);
	VT_CRASHPOINT("import-stamps-kept");
	(void) vt_folder_remove(import->dir, NULL); /* else recovery does */
	VT_CRASHPOINT("import-over");
	return 0;
}

int vt_import_commit_shards(struct vt_import *import, const struct vt_new_shard *shards,
			    size_t count, struct vt_error *err)
{
	int r = check_shards(import, shards, count, err);

	return r < 0 ? r : keep_shards(import, shards, count, err);
}

int vt_import_end(struct vt_import *import, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	int r;

	put_end(import, batch);
	r = vt_store_write(import->index->store, batch, true, err);
	if (r < 0)
		return r;
	import->committed = true;
	(void) vt_folder_remove(import->dir, NULL); /* else recovery does */
	return 0;
}

int vt_import_commit_revision(struct vt_import *import, struct vt_version *version,
			      const struct vt_version **out, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	int r;

	if (import->committed || !import->base)
		return vt_fail(err, EINVAL, "no revision is under way");
	r = check_labels(import, version, err);
	if (r < 0)
		return r;
	version->base = import->base;
	put_end(import, batch);
	VT_CRASHPOINT("revision-begun");
	r = vt_catalog_revise(import->index->catalog, version, import->parent, batch, out, err);
	if (r < 0)
		return r;
	VT_CRASHPOINT("revision-committed");
	import->committed = true;
	(void) vt_folder_remove(import->dir, NULL); /* else recovery does */
	VT_CRASHPOINT("revision-over");
	return 0;
}
