/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See store.h: opening, creating and closing. Only the files that include store_private.h know
 * RocksDB.
 *
 * All families have the same options, and so have the SST files that an import builds without
 * knowing where they go: LZ4, a filter of 10 bits a key, format 5. What matters is memory: the
 * index and filter blocks live in the block cache, the write buffers of all families together stay
 * below WRITE_BUFFERS, and tables in use are bounded by MAX_OPEN_FILES. Index and filter are cut
 * into parts: one filter of ten million keys is a block of 12 MB, which no small cache keeps, and
 * making it takes 300 MB. Files are read with pread: with cached index blocks, mapped files are
 * several times slower.
 */
#include "index/store_private.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "index/base/crashpoint.h"
#include "index/base/error.h"
#include "index/base/file.h"
#include "index/journal.h"
#include "index/manifest_cut.h"
#include "index/tables.h"

#define WRITE_BUFFERS  (8u << 20)  /* bytes, all families together */
#define WAL_BYTES      (32u << 20) /* replayed at open at most */
#define MAX_OPEN_FILES 512
#define FILTER_BITS    10.0
#define TRIED_BYTES    (64u << 10)
/* RocksDB's InfoLogLevel::FATAL_LEVEL. What it has to say comes as errors, and 7.8 ends the process
 * by an assertion when it cannot write its log, as on a full disk. */
#define LOG_FATAL     4
#define CHECKSUM_XXH3 4 /* RocksDB's ChecksumType::kXXH3 */
#define TIER_CACHE    1 /* RocksDB's ReadTier::kBlockCacheTier */

/* RocksDB always has a family "default": it is the one of the store's own facts. */
static const char *const family_names[VT_CF_COUNT] = {
	[VT_CF_META] = "default",
	[VT_CF_DATASET] = "dataset",
	[VT_CF_SPACE] = "space",
	[VT_CF_VERSION] = "version",
	[VT_CF_TAG] = "tag",
	[VT_CF_EXHIBIT] = "exhibit",
	[VT_CF_PAGE] = "page",
	[VT_CF_PAGE_DIGEST] = "page_digest",
	[VT_CF_LINK] = "link",
	[VT_CF_OUTLINE] = "outline",
	[VT_CF_CHUNK] = "chunk",
	[VT_CF_RECIPE] = "recipe",
	[VT_CF_DICTIONARY] = "dictionary",
	[VT_CF_SHARD] = "shard",
	[VT_CF_IMPORT] = "import",
	[VT_CF_LABEL] = "label",
	[VT_CF_POSTING] = "posting",
	[VT_CF_TERM] = "term",
	[VT_CF_POLICY] = "policy",
	[VT_CF_LEASE] = "lease",
	[VT_CF_AUDIT] = "audit",
	[VT_CF_KEY] = "key",
};

const char *vt_store_family_name(enum vt_family family)
{
	return family_names[family];
}

/*
 * RocksDB's C interface gives a Status only as its text: "KIND: details". The kinds are fixed words
 * (util/status.cc); the two details looked for are the ones that call for another action.
 */
static const struct {
	const char *prefix, *part; /* part: NULL for any */
	int code;
	const char *words;
} outcomes[] = {
	{"IO error: ", "/LOCK: ", EBUSY, "another process has the store open"},
	{"IO error: No space left", NULL, ENOSPC, "the disk of the store is full"},
	{"Result incomplete: ", NULL, EAGAIN, "not in memory"},
	{"IO error: No such file", "/MANIFEST-", EBADMSG, "the index lacks its list of tables"},
	{"Corruption: ", NULL, EBADMSG, "the index is damaged"},
	{"Invalid argument: ", "Column families not opened", ENOTSUP,
	 "the index was made by a newer vitrine"},
	{"Invalid argument: ", "Column family not found", EBADMSG, "the index lacks a family"},
	{"Invalid argument: ", "does not exist (create_if_missing", ENOENT, "there is no index"},
	{"Invalid argument: ", "exists (error_if_exists", EEXIST, "there is an index already"},
	{"Invalid argument: ", NULL, EINVAL, "the index refuses"},
	{"", NULL, EIO, "the index cannot be read or written"},
};

int vt_store_outcome(char *message, struct vt_error *err)
{
	size_t i = 0;
	int r;

	if (!message)
		return 0;
	while (strncmp(message, outcomes[i].prefix, strlen(outcomes[i].prefix)) != 0 ||
	       (outcomes[i].part && !strstr(message, outcomes[i].part)))
		i++;
	message[strcspn(message, "\n")] = 0; /* one of several, or of one */
	r = vt_fail(err, outcomes[i].code, "%s (%s)", outcomes[i].words, message);
	rocksdb_free(message);
	return r;
}

rocksdb_options_t *vt_store_make_options(rocksdb_cache_t *cache)
{
	rocksdb_block_based_table_options_t *table = rocksdb_block_based_options_create();
	rocksdb_options_t *options = rocksdb_options_create();

	rocksdb_block_based_options_set_format_version(table, 5); /* these two: sst_sums.c */
	rocksdb_block_based_options_set_checksum(table, CHECKSUM_XXH3);
	rocksdb_block_based_options_set_filter_policy(/* owned by the table options now */
						      table,
						      rocksdb_filterpolicy_create_ribbon_hybrid(
							      FILTER_BITS, 0));
	rocksdb_block_based_options_set_cache_index_and_filter_blocks(table, 1);
	rocksdb_block_based_options_set_cache_index_and_filter_blocks_with_high_priority(table, 1);
	rocksdb_block_based_options_set_pin_l0_filter_and_index_blocks_in_cache(table, 1);
	rocksdb_block_based_options_set_index_type(
		table, rocksdb_block_based_table_index_type_two_level_index_search);
	rocksdb_block_based_options_set_partition_filters(table, 1);
	rocksdb_block_based_options_set_pin_top_level_index_and_filter(table, 1);
	if (cache)
		rocksdb_block_based_options_set_block_cache(table, cache);
	rocksdb_options_set_block_based_table_factory(options, table);
	rocksdb_block_based_options_destroy(table);

	rocksdb_options_set_compression(options, rocksdb_lz4_compression);
	rocksdb_options_set_write_buffer_size(options, WRITE_BUFFERS / 4);
	rocksdb_options_set_db_write_buffer_size(options, WRITE_BUFFERS);
	rocksdb_options_set_max_total_wal_size(options, WAL_BYTES);
	/* A torn end is what a crash leaves, and damage may look like one. What comes before it is
	 * a state that was, with nothing missing in between; whether that is all, commits.c knows.
	 */
	rocksdb_options_set_wal_recovery_mode(options, rocksdb_point_in_time_recovery);
	/* Families leave the log together: none is ahead of a log that another still needs. */
	rocksdb_options_set_atomic_flush(options, 1);
	rocksdb_options_set_max_open_files(options, MAX_OPEN_FILES);
	/* A family has few files: a thread for each costs more than it saves. */
	rocksdb_options_set_max_file_opening_threads(options, 1);
	rocksdb_options_set_keep_log_file_num(options, 2);
	rocksdb_options_set_info_log_level(options, LOG_FATAL);
	return options;
}

/*
 * After a full disk RocksDB (7.8) tries to recover by itself, which can wait for a flush for ever,
 * and closing waits for it. Whoever is told first that the end has come gives up.
 */
static void end_recovery(struct vt_store *store)
{
	uint64_t errors = 0;

	if (rocksdb_property_int(store->db, "rocksdb.background-errors", &errors) == 0 &&
	    (errors > 0 || store->stuck != 0))
		rocksdb_cancel_all_background_work(store->db, 0);
}

/* The handle is closed with its families. */
static void close_db(struct vt_store *store)
{
	if (store->db)
		end_recovery(store);
	for (size_t i = 0; i < VT_CF_COUNT; i++)
		if (store->families[i])
			rocksdb_column_family_handle_destroy(store->families[i]);
	if (store->db)
		rocksdb_close(store->db);
}

static int open_db(struct vt_store *store, const char *dir, rocksdb_options_t *options,
		   bool read_only, struct vt_error *err)
{
	const rocksdb_options_t *each[VT_CF_COUNT];
	char *message = NULL;

	for (size_t i = 0; i < VT_CF_COUNT; i++)
		each[i] = options;
	if (read_only)
		store->db = rocksdb_open_for_read_only_column_families(
			options, dir, VT_CF_COUNT, family_names, each, store->families, 0,
			&message);
	else
		store->db = rocksdb_open_column_families(options, dir, VT_CF_COUNT, family_names,
							 each, store->families, &message);
	return vt_store_outcome(message, err);
}

static struct vt_store *store_new(size_t cache_bytes)
{
	struct vt_store *store = calloc(1, sizeof *store);

	if (!store)
		return NULL;
	(void) pthread_mutex_init(&store->counter_lock, NULL);
	(void) pthread_mutex_init(&store->delivery_lock, NULL);
	(void) pthread_mutex_init(&store->outbox_lock, NULL);
	(void) pthread_mutex_init(&store->commit_lock, NULL);
	store->note.fd = store->manifest.fd = -1;
	store->cache = rocksdb_cache_create_lru(cache_bytes);
	store->read = rocksdb_readoptions_create();
	store->read_nowait = rocksdb_readoptions_create();
	rocksdb_readoptions_set_read_tier(store->read_nowait, TIER_CACHE);
	store->scan = rocksdb_readoptions_create(); /* a long walk must not empty the cache */
	rocksdb_readoptions_set_fill_cache(store->scan, 0);
	/* There are none. RocksDB 7.8, when it looks for them, takes a table of a lower level that
	 * it cannot read for the end of that level, without a word (MergingIterator). */
	rocksdb_readoptions_set_ignore_range_deletions(store->scan, 1);
	store->write = rocksdb_writeoptions_create();
	store->write_sync = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(store->write_sync, 1);
	return store;
}

void vt_store_close(struct vt_store *store)
{
	bool settled;

	if (!store)
		return;
	settled = store->writable && store->stuck == 0 && vt_store_settle(store);
	close_db(store);
	if (settled && store->note.fd >= 0)
		vt_store_rest(store);
	rocksdb_writeoptions_destroy(store->write_sync);
	rocksdb_writeoptions_destroy(store->write);
	rocksdb_readoptions_destroy(store->scan);
	rocksdb_readoptions_destroy(store->read_nowait);
	rocksdb_readoptions_destroy(store->read);
	rocksdb_cache_destroy(store->cache);
	vt_manifest_close(&store->manifest);
	vt_commit_note_close(&store->note);
	vt_outbox_drop_all(&store->outbox);
	(void) pthread_mutex_destroy(&store->outbox_lock);
	(void) pthread_mutex_destroy(&store->delivery_lock);
	(void) pthread_mutex_destroy(&store->commit_lock);
	(void) pthread_mutex_destroy(&store->counter_lock);
	free(store);
}

static int put_format(struct vt_store *store, uint32_t format, bool sync, struct vt_error *err)
{
	vt_cleanup(vt_batch_freep) struct vt_batch *batch = vt_batch_new();
	uint32_t value = htole32(format);

	vt_batch_put(batch, store, VT_CF_META, VT_META_FORMAT, strlen(VT_META_FORMAT), &value,
		     sizeof value);
	return vt_store_write(store, batch, sync, err);
}

/* Of an index that will get sealed rows, which an older vitrine must not take for its own. */
static int raise_format(struct vt_store *store, struct vt_error *err)
{
	if (store->format != VT_FORMAT_PLAIN)
		return 0;
	store->format = VT_FORMAT_MIXED;
	return put_format(store, store->format, false, err);
}

static int check_format(struct vt_store *store, struct vt_error *err)
{
	vt_cleanup(vt_value_done) struct vt_value value = {0};
	uint32_t format;
	int r;

	r = vt_store_get(store, VT_CF_META, VT_META_FORMAT, strlen(VT_META_FORMAT), false, &value,
			 err);
	if (r == -ENOENT || (r == 0 && value.len != sizeof format))
		return vt_fail(err, EBADMSG, "the index has no format number");
	if (r < 0)
		return r;
	memcpy(&format, value.data, sizeof format);
	format = le32toh(format);
	if (format < VT_FORMAT_PLAIN || format > VT_FORMAT_SEALED)
		return vt_fail(err, ENOTSUP, "the index has format %u, this vitrine knows %u to %u",
			       format, VT_FORMAT_PLAIN, VT_FORMAT_SEALED);
	store->format = format;
	return 0;
}

int vt_store_create(const char *dir, struct vt_error *err)
{
	vt_cleanup(vt_store_closep) struct vt_store *store = store_new(0);
	rocksdb_options_t *options;
	int r;

	if (!store)
		return vt_fail(err, ENOMEM, "no memory for a store handle");
	options = vt_store_make_options(store->cache);
	rocksdb_options_set_create_if_missing(options, 1);
	rocksdb_options_set_create_missing_column_families(options, 1);
	rocksdb_options_set_error_if_exists(options, 1);
	r = open_db(store, dir, options, false, err);
	rocksdb_options_destroy(options);
	if (r == 0)
		r = put_format(store, VT_FORMAT_SEALED, true, err);
	store->writable = r == 0;
	return r < 0 ? vt_fail_in(err, r, "cannot make the index '%s'", dir) : 0;
}

static int open_checked(struct vt_store *store, const char *dir, bool read_only,
			struct vt_error *err)
{
	rocksdb_options_t *options = vt_store_make_options(store->cache);
	int r = vt_tables_check(dir, err);

	if (r == 0)
		r = open_db(store, dir, options, read_only, err);
	rocksdb_options_destroy(options);
	if (r == 0)
		r = check_format(store, err);
	if (r == 0)
		r = vt_store_load_commits(store, err);
	return r < 0 ? r : vt_outbox_load(store, err);
}

/* What must hold of it, and how much of that is given up. */
struct look {
	const struct vt_commit_note *note;
	bool accept_loss;
};

/* Opens an index for reading, which changes none of its files. */
static int look(const struct look *look, const char *dir, struct vt_error *err)
{
	vt_cleanup(vt_store_closep) struct vt_store *store = store_new(0);
	int r;

	if (!store)
		return vt_fail(err, ENOMEM, "no memory for a store handle");
	r = open_checked(store, dir, true, err);
	if (r == 0 && !look->accept_loss)
		r = vt_store_check_commits(store, look->note->commits, err);
	if (r == 0 && store->commits >= look->note->commits)
		r = vt_manifest_check(dir, &look->note->mark, err); /* what the numbers hide */
	return r;
}

static int judge(void *context, const char *dir, struct vt_error *err)
{
	int r = vt_journal_check(dir, false, err);

	return r < 0 ? r : look(context, dir, err);
}

/*
 * Before anything is changed, if the index was not closed in order: RocksDB, once it is open for
 * writing, has dropped what of the log it could not read, and tables it does not know. What else
 * keeps it from opening shows then, too; an end of the list of tables that does is cut off.
 */
static int look_first(struct vt_store *store, const char *dir, bool accept_loss,
		      struct vt_error *err)
{
	struct look must = {&store->note, accept_loss};
	int r = vt_journal_check(dir, accept_loss, err);

	if (r == 0) {
		r = look(&must, dir, err);
		if (r != -EBADMSG)
			return 0;
	}
	if (r == -EBADMSG &&
	    vt_manifest_cut(dir, &store->note.mark, judge, &must, &store->cut_bytes, NULL) > 0)
		return 0;
	return r;
}

static int open_noted(struct vt_store *store, const char *dir,
		      const struct vt_store_options *settings, struct vt_error *err)
{
	int r = vt_commit_note_open(settings->note, &store->note, err);

	if (r == 0 && !vt_store_is_at_rest(dir, &store->note))
		r = look_first(store, dir, settings->accept_loss, err);
	if (r == 0)
		r = vt_commit_note_wake(&store->note, err);
	VT_CRASHPOINT("store-woken");
	if (r == 0)
		r = open_checked(store, dir, false, err);
	VT_CRASHPOINT("store-opened");
	if (r == 0 && !settings->accept_loss)
		r = vt_store_check_commits(store, store->note.commits, err);
	if (r == 0)
		r = vt_manifest_open(dir, &store->manifest, err);
	/* A crash may have come between a commit and its note; and the list of tables is new. */
	return r < 0 ? r : vt_store_note(store, err);
}

static int open_unnoted(struct vt_store *store, const char *dir, bool read_only,
			struct vt_error *err)
{
	int r = vt_journal_check(dir, false, err);

	return r < 0 ? r : open_checked(store, dir, read_only, err);
}

int vt_store_open(const char *dir, const struct vt_store_options *settings, struct vt_store **out,
		  struct vt_error *err)
{
	vt_cleanup(vt_store_closep) struct vt_store *store = store_new(settings->cache_bytes);
	int r;

	if (!store)
		return vt_fail(err, ENOMEM, "no memory for a store handle");
	r = settings->note ? open_noted(store, dir, settings, err)
			   : open_unnoted(store, dir, settings->read_only, err);
	if (r == 0 && !settings->read_only) /* of a server that died before it could */
		r = vt_store_drop_boundless(store, err);
	if (r == 0 && !settings->read_only)
		r = raise_format(store, err);
	if (r < 0)
		return vt_fail_in(err, r, "cannot open the index '%s'", dir);
	store->writable = !settings->read_only;
	*out = vt_steal(&store);
	return 0;
}

uint64_t vt_store_cut_bytes(const struct vt_store *store)
{
	return store->cut_bytes;
}

/* A file that nobody sees, as large as what a few commits write. */
static int try_writing(const char *dir, struct vt_error *err)
{
	static const uint8_t zeros[TRIED_BYTES];
	vt_autoclose int fd = vt_file_open_nameless(dir);
	int r = fd < 0 ? fd : vt_file_write(fd, zeros, sizeof zeros);

	if (r == 0 && fdatasync(fd) < 0)
		r = -errno;
	return r < 0 ? vt_fail(err, -r, "cannot write to '%s': %s", dir, strerror(-r)) : 0;
}

int vt_store_would_open(struct vt_store *store, const char *dir, struct vt_error *err)
{
	struct look must = {&store->note, false};
	int r = try_writing(dir, err);

	(void) pthread_mutex_lock(&store->commit_lock);
	if (r == 0)
		r = judge(&must, dir, err);
	if (r == -EBADMSG && vt_manifest_can_cut(dir, &store->note.mark, judge, &must, NULL) > 0)
		r = 0; /* as opening does */
	(void) pthread_mutex_unlock(&store->commit_lock);
	return r;
}

uint64_t vt_store_cache_used(const struct vt_store *store)
{
	return rocksdb_cache_get_usage(store->cache);
}
