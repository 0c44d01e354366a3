/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the store's own files share: store.c, store_rows.c, store_sst.c, store_rest.c, counter.c,
 * commits.c, outbox.c. */
#include <pthread.h>
#include <stdatomic.h>
#include <rocksdb/c.h>

#include "index/commit_note.h"
#include "index/store.h"

/* Numbers below `next` are handed out, below `limit` they are durably spoken for. */
struct vt_counter_state {
	uint64_t next, limit;
};

struct vt_store {
	/* constant after vt_store_open() */
	bool writable;      /* was opened, whole, and not only for reading */
	uint32_t format;    /* VT_FORMAT_…; 0 until it was read */
	uint64_t cut_bytes; /* vt_store_cut_bytes() */
	rocksdb_t *db;
	rocksdb_cache_t *cache;
	rocksdb_column_family_handle_t *families[VT_CF_COUNT];
	rocksdb_readoptions_t *read, *read_nowait, *scan;
	rocksdb_writeoptions_t *write, *write_sync;

	atomic_int stuck; /* vt_store_stuck() */
	pthread_mutex_t counter_lock;
	struct vt_counter_state counters[VT_COUNTER_COUNT]; /* guarded by counter_lock */

	pthread_mutex_t delivery_lock; /* outbox.c: held over a delivery; before all others */
	pthread_mutex_t outbox_lock;   /* the innermost, guards */
	struct vt_message_out *outbox; /* to be delivered */
	atomic_uint_fast64_t outbox_next, outbox_at; /* number, and time of the last record */

	pthread_mutex_t commit_lock; /* taken after counter_lock */
	uint64_t commits;            /* guarded by commit_lock, as the next */
	bool in_doubt; /* a commit is in the index and was not noted: whoever asked for it was told
			  that it failed, and what is in memory goes by that */
	struct vt_commit_note note;
	struct vt_manifest manifest;
};

struct vt_batch {
	rocksdb_writebatch_t *theirs;
	struct vt_message_out *messages; /* to go to the outbox with it */
	void (*written)(void *context);  /* vt_batch_when_written(); may be NULL */
	void *written_context;
};

/* The one set of options of every family and of the SST files that go into them. */
rocksdb_options_t *vt_store_make_options(rocksdb_cache_t *cache);

const char *vt_store_family_name(enum vt_family family);

/*
 * Drops files that were taken in without their bounds (store_sst.c). 1: there were some; 0. Takes
 * some us for each file of the index.
 */
int vt_store_drop_boundless(struct vt_store *store, struct vt_error *err);

/*
 * RocksDB (7.8) is asked for no change after one that the disk failed: while it recovers by itself
 * it may write to a file that failed, and ends the process by an assertion. What `stuck` says, or
 * 0.
 */
int vt_store_check_stuck(const struct vt_store *store, struct vt_error *err);

/* Of a write: takes note if it leaves the store stuck. Returns `r`. */
int vt_store_note_failure(struct vt_store *store, int r);

/* Frees RocksDB's message and turns it into ours. NULL is success. */
int vt_store_outcome(char *message, struct vt_error *err);

/* ---- commits.c ------------------------------------------------------------------------------ */

/* Counts the commits that the index holds. -EBADMSG: some before the last are missing. */
int vt_store_load_commits(struct vt_store *store, struct vt_error *err);
/* Brings the note up to what the index holds. Under commit_lock, or before others can commit. */
int vt_store_note(struct vt_store *store, struct vt_error *err);
/* -EBADMSG: fewer than the note says. */
int vt_store_check_commits(const struct vt_store *store, uint64_t noted, struct vt_error *err);
/* A synced write: counted by a row in the batch itself, then by the note. */
int vt_store_commit(struct vt_store *store, struct vt_batch *batch, struct vt_error *err);

/* The write alone, as RocksDB does it. */
int vt_store_write_batch(struct vt_store *store, struct vt_batch *batch, bool sync,
			 struct vt_error *err);

/* ---- outbox.c ------------------------------------------------------------------------------- */

int vt_outbox_load(struct vt_store *store, struct vt_error *err);
void vt_outbox_take(struct vt_store *store, struct vt_batch *batch); /* it was written */
void vt_outbox_drop_all(struct vt_message_out **list);

/* ---- store_rest.c --------------------------------------------------------------------------- */

/*
 * Moves what only the log holds into tables: a store at rest has all its rows under checksums. Last
 * goes a commit of nothing, so that RocksDB's list of tables cannot lose its end without losing
 * that. False: something stayed in the log. An index that lost commits is left as it is.
 */
bool vt_store_settle(struct vt_store *store);
/* Notes that it is at rest: of a settled index, once RocksDB has closed it. */
void vt_store_rest(struct vt_store *store);
/* It was closed in order and is still as it was then. */
bool vt_store_is_at_rest(const char *dir, const struct vt_commit_note *note);

/* Key of the format number in VT_CF_META. */
#define VT_META_FORMAT   "format"
#define VT_FORMAT_PLAIN  1u /* no row has a seal */
#define VT_FORMAT_MIXED  2u /* was of format 1: rows from then have none */
#define VT_FORMAT_SEALED 3u

/* ---- store_rows.c --------------------------------------------------------------------------- */

/*
 * The seal of a row, which its value ends with on the disk: XXH64 of key and value, little-endian.
 * RocksDB's sums are of blocks as they were written: of what was wrong in memory before or is
 * after, they know nothing, nor of a row that came under another key.
 */
uint64_t vt_row_seal(const void *key, size_t key_len, const void *value, size_t value_len);
