/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See index.h. vitrine.json is written last when a store is made: a folder without it is no store.
 */
#include "index/index.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "index/base/clock.h"
#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/folder.h"
#include "index/gc_gate.h"
#include "index/import_private.h"
#include "index/page_cache.h"
#include "index/record.h"

#define FACTS_FILE       "vitrine.json"
#define FACTS_MAX        65536
#define NOTE_FILE        "committed"
#define ACCEPT_CACHE     (8u << 20)
#define BLOCK_CACHE_PART 4 /* a quarter of the cache is RocksDB's, the rest decoded objects' */

/* ---- vitrine.json --------------------------------------------------------------------------- */

static json_t *make_facts(struct vt_error *err)
{
	time_t now = (time_t) (vt_clock_realtime_ns() / VT_NS_PER_SEC);
	char uuid_text[VT_UUID_TEXT], created[32];
	uint8_t uuid[16];
	struct tm utc;
	json_t *facts;

	if (vt_uuid_make(uuid, err) < 0)
		return NULL;
	vt_uuid_format(uuid, uuid_text);
	(void) gmtime_r(&now, &utc);
	(void) strftime(created, sizeof created, "%Y-%m-%dT%H:%M:%SZ", &utc);
	facts = json_pack("{s:i, s:s, s:s}", "format", VT_STORE_FORMAT, "uuid", uuid_text,
			  "created", created);
	if (!facts)
		(void) vt_fail(err, ENOMEM, "no memory for the facts of a store");
	return facts;
}

static int write_all(const char *path, const char *text, struct vt_error *err)
{
	vt_autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	size_t len = strlen(text);

	if (fd < 0 || write(fd, text, len) != (ssize_t) len || fchmod(fd, 0444) < 0 ||
	    fsync(fd) < 0)
		return vt_fail(err, errno ? errno : EIO, "cannot write '%s': %m", path);
	return 0;
}

static int write_facts(const char *dir, struct vt_error *err)
{
	char temporary[VT_PATH], path[VT_PATH];
	json_t *facts = make_facts(err);
	vt_autofree char *text = facts ? json_dumps(facts, JSON_INDENT(2)) : NULL;
	int r;

	json_decref(facts);
	if (!text)
		return facts ? vt_fail(err, ENOMEM, "no memory for the facts of a store") : -EIO;
	r = vt_path(temporary, err, "%s/tmp/" FACTS_FILE, dir);
	if (r == 0)
		r = vt_path(path, err, "%s/" FACTS_FILE, dir);
	if (r == 0)
		r = write_all(temporary, text, err);
	if (r < 0)
		return r;
	if (rename(temporary, path) < 0)
		return vt_fail(err, errno, "cannot make '%s': %m", path);
	return vt_folder_sync(dir, err);
}

static int read_facts(const json_t *facts, const char *path, struct vt_store_facts *out,
		      struct vt_error *err)
{
	json_int_t format = json_integer_value(json_object_get(facts, "format"));
	const char *uuid = json_string_value(json_object_get(facts, "uuid"));
	uint8_t bytes[16];

	if (format < 1 || format > INT32_MAX)
		return vt_fail(err, EBADMSG, "'%s' names no format", path);
	if (format > VT_STORE_FORMAT)
		return vt_fail(err, ENOTSUP,
			       "the store has format %lld and was made by a newer vitrine; this "
			       "one knows format %d",
			       (long long) format, VT_STORE_FORMAT);
	if (!uuid || vt_uuid_parse(uuid, bytes) < 0)
		return vt_fail(err, EBADMSG, "'%s' names no uuid", path);
	out->format = (int) format;
	strcpy(out->uuid, uuid);
	return 0;
}

int vt_index_facts(const char *dir, struct vt_store_facts *out, struct vt_error *err)
{
	struct vt_store_facts found = {0};
	char path[VT_PATH], text[FACTS_MAX];
	vt_autoclose int fd = -1;
	struct stat st, file;
	json_t *facts;
	ssize_t len;
	int r = vt_path(path, err, "%s/" FACTS_FILE, dir);

	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR))
		return vt_fail(err, ENOENT, "'%s' is no store (see 'vitrine init')", dir);
	len = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (len < 0 || fstat(fd, &file) < 0 || stat(dir, &st) < 0)
		return vt_fail(err, errno, "cannot read '%s': %m", path);
	facts = json_loadb(text, (size_t) len, 0, NULL);
	r = facts ? read_facts(facts, path, &found, err)
		  : vt_fail(err, EBADMSG, "'%s' is damaged: it is no JSON", path);
	json_decref(facts);
	if (r < 0)
		return r;
	found.owner_uid = st.st_uid;
	found.created_ns =
		(uint64_t) file.st_mtim.tv_sec * VT_NS_PER_SEC + (uint64_t) file.st_mtim.tv_nsec;
	*out = found;
	return 0;
}

/* ---- making --------------------------------------------------------------------------------- */

static int refuse_entry(void *context, const char *name, struct vt_error *err)
{
	return vt_fail(err, EEXIST, "'%s' is not empty: it holds '%s'", (const char *) context,
		       name);
}

/* The folder itself: new, or empty. */
static int claim(const char *dir, struct vt_error *err)
{
	int r = vt_folder_make(dir, 0711, err);

	if (r != -EEXIST)
		return r;
	r = vt_folder_each(dir, refuse_entry, (void *) dir, err);
	if (r < 0)
		return r;
	return chmod(dir, 0711) < 0 ? vt_fail(err, errno, "cannot set the mode of '%s': %m", dir)
				    : 0;
}

static int make_parts(const char *dir, struct vt_error *err)
{
	static const struct {
		const char *name;
		mode_t mode;
	} parts[] = {
		{"index", 0700}, {"shards", 0700}, {"tmp", 0700}, {"stamps", 0700},
		{"audit", 0700}, {"keys", 0700},   {"run", 0711},
	};
	char path[VT_PATH];
	int r = 0;

	for (size_t i = 0; r == 0 && i < sizeof parts / sizeof *parts; i++) {
		r = vt_path(path, err, "%s/%s", dir, parts[i].name);
		if (r == 0)
			r = vt_folder_make(path, parts[i].mode, err);
	}
	return r;
}

static int remove_part(void *context, const char *name, struct vt_error *err)
{
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/%s", (const char *) context, name);

	return r < 0 ? r : vt_folder_remove(path, err);
}

int vt_index_create(const char *dir, struct vt_error *err)
{
	char path[VT_PATH];
	int r = vt_path(path, err, "%s/index", dir);

	if (r == 0)
		r = claim(dir, err);
	if (r < 0)
		return r;
	r = make_parts(dir, err);
	if (r == -EEXIST) /* somebody else makes a store here at the same time */
		return r;
	if (r == 0)
		r = vt_store_create(path, err);
	VT_CRASHPOINT("create-indexed");
	if (r == 0)
		r = write_facts(dir, err);
	if (r < 0) /* it was empty: so it shall be again */
		(void) vt_folder_each(dir, remove_part, (void *) dir, NULL);
	return r;
}

/* ---- opening -------------------------------------------------------------------------------- */

struct opened {
	struct vt_index index; /* first */
	struct vt_page_cache pages;
	char dir[];
};

static int open_parts(struct opened *opened, size_t cache_bytes, bool accept_loss,
		      struct vt_error *err)
{
	struct vt_index *index = &opened->index;
	char path[VT_PATH], note[VT_PATH];
	struct vt_store_options options = {.cache_bytes = cache_bytes / BLOCK_CACHE_PART,
					   .note = note,
					   .accept_loss = accept_loss};
	int r = vt_path(path, err, "%s/index", index->dir);

	index->lru = vt_lru_new(cache_bytes - options.cache_bytes);
	index->gc_gate = vt_gc_gate_new();
	if (!index->lru || !index->gc_gate)
		return vt_fail(err, ENOMEM, "no memory to open the store");
	if (r == 0)
		r = vt_path(note, err, "%s/" NOTE_FILE, index->dir);
	if (r == 0)
		r = vt_store_open(path, &options, &index->store, err);
	if (r == 0)
		r = vt_catalog_load(index->store, &index->catalog, err);
	vt_page_cache_init(&opened->pages, index->store, index->lru);
	index->page_cache = &opened->pages;
	index->pages = index->label_pages = vt_page_cache_source(&opened->pages);
	index->label_pages.kind = VT_PAGE_LABELS;
	return r;
}

static int open_index(const char *dir, size_t cache_bytes, bool accept_loss, struct vt_index **out,
		      struct vt_error *err)
{
	vt_cleanup(vt_index_closep) struct vt_index *index = NULL;
	struct vt_store_facts facts;
	struct opened *opened;
	int r = vt_index_facts(dir, &facts, err);

	if (r < 0)
		return r;
	opened = calloc(1, sizeof *opened + strlen(dir) + 1);
	if (!opened)
		return vt_fail(err, ENOMEM, "no memory to open the store");
	index = &opened->index;
	index->dir = strcpy(opened->dir, dir);
	r = open_parts(opened, cache_bytes, accept_loss, err);
	if (r == 0 && !accept_loss)
		r = vt_import_recover(index, err);
	if (r < 0)
		return vt_fail_in(err, r, "cannot open the store '%s'", dir);
	*out = vt_steal(&index);
	return 0;
}

int vt_index_open(const char *dir, size_t cache_bytes, struct vt_index **out, struct vt_error *err)
{
	return open_index(dir, cache_bytes, false, out, err);
}

int vt_index_accept_loss(const char *dir, struct vt_loss *out, struct vt_error *err)
{
	vt_cleanup(vt_index_closep) struct vt_index *index = NULL;
	struct vt_loss loss = {0};
	int r = open_index(dir, ACCEPT_CACHE, true, &index, err);

	if (r < 0)
		return r;
	loss.commits = vt_store_lost(index->store);
	if (loss.commits > 0)
		r = vt_import_set_aside(index, &loss.shards, err);
	if (r == 0 && loss.commits > 0)
		r = vt_store_accept_loss(index->store, err);
	if (r == 0)
		*out = loss;
	return r;
}

void vt_index_close(struct vt_index *index)
{
	if (!index)
		return;
	vt_catalog_free(index->catalog);
	vt_store_close(index->store);
	vt_lru_free(index->lru);
	vt_gc_gate_free(index->gc_gate);
	free(index);
}

/* ---- where things are ----------------------------------------------------------------------- */

int vt_index_shard_folder(const struct vt_index *index, const uint8_t uuid[16], char path[VT_PATH],
			  struct vt_error *err)
{
	return vt_path(path, err, "%s/shards/%02x", index->dir, uuid[0]);
}

int vt_index_shard_file(const struct vt_index *index, const uint8_t uuid[16], char path[VT_PATH],
			struct vt_error *err)
{
	char text[VT_UUID_TEXT];

	vt_uuid_format(uuid, text);
	return vt_path(path, err, "%s/shards/%.2s/%s.vsh", index->dir, text, text);
}

static int find_shard(struct vt_index *index, uint32_t serial, struct vt_shard_record *out,
		      struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint8_t key[4];
	int r;

	vt_key_u32(serial, key);
	r = vt_store_get(index->store, VT_CF_SHARD, key, sizeof key, false, &value, err);
	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "there is no shard %u", serial);
	return r < 0 ? r : vt_shard_decode(value.data, value.len, out, err);
}

int vt_index_shard_path(struct vt_index *index, uint32_t serial, char path[4096],
			struct vt_error *err)
{
	struct vt_shard_record shard;
	int r = find_shard(index, serial, &shard, err);

	return r < 0 ? r : vt_index_shard_file(index, shard.uuid, path, err);
}

int vt_index_dictionary(struct vt_index *index, uint32_t shard, uint32_t id, struct vt_buf *out,
			struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	struct vt_shard_record record;
	uint8_t key[8];
	int r = find_shard(index, shard, &record, err);

	if (r < 0)
		return r;
	vt_dictionary_key(record.domain, id, key);
	r = vt_store_get(index->store, VT_CF_DICTIONARY, key, sizeof key, false, &value, err);
	if (r == -ENOENT)
		return vt_fail(err, ENOENT, "there is no dictionary %u for shard %u", id, shard);
	if (r < 0)
		return r;
	vt_buf_put(out, value.data, value.len);
	return vt_buf_failed(out) ? vt_fail(err, ENOMEM, "no memory for a dictionary") : 0;
}

void vt_index_stamps_path(const struct vt_index *index, uint32_t dataset, char path[4096])
{
	(void) vt_path(path, NULL, "%s/stamps/%u", index->dir, dataset);
}
