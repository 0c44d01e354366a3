/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The only file that knows RocksDB: ordered keys and values in named column families.
 *
 * One process at a time has a store open (RocksDB's LOCK). Thread-safe. Errors: -ENOENT no such
 * key, -EAGAIN a `nowait` read would go to disk, -EBADMSG RocksDB found damage, -EIO, -ENOSPC,
 * -EBUSY another process has the store open.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_store;
struct vt_batch;
struct vt_iterator;
struct vt_sst;

/* Keys and records of each: index/schema.md. All are made by vt_store_create(). */
enum vt_family {
	VT_CF_META,        /* format, uuid, counters */
	VT_CF_DATASET,     /* dataset id -> record */
	VT_CF_SPACE,       /* space name -> id */
	VT_CF_VERSION,     /* dataset id, version serial -> record */
	VT_CF_TAG,         /* dataset id, tag -> version serial, link id */
	VT_CF_EXHIBIT,     /* exhibit -> version serial, state */
	VT_CF_PAGE,        /* page id -> value (page.h) */
	VT_CF_PAGE_DIGEST, /* domain, digest -> page id */
	VT_CF_LINK,        /* link table id, position -> primary position, link count */
	VT_CF_OUTLINE,     /* outline id, document, block -> byte offset (fs/document.h) */
	VT_CF_CHUNK,       /* domain, content id -> location, length */
	VT_CF_RECIPE,      /* domain, content id, segment -> extents */
	VT_CF_DICTIONARY,  /* domain, dictionary id -> bytes */
	VT_CF_SHARD,       /* shard serial -> record */
	VT_CF_IMPORT,      /* import id -> shards, files, phase */
	/* Made now so that no store needs a new family later; filled by later work. */
	VT_CF_LABEL,
	VT_CF_POSTING,
	VT_CF_TERM,
	VT_CF_POLICY,
	VT_CF_LEASE,
	VT_CF_AUDIT,
	VT_CF_KEY,
	VT_CF_COUNT,
};

/* Makes an empty index in `dir` (which must exist and be empty) and closes it again. */
int vt_store_create(const char *dir, struct vt_error *err);

struct vt_store_options {
	size_t cache_bytes; /* RocksDB's block cache */
	bool read_only;     /* for inspection while nobody writes; without a note */
	/*
	 * The file that says how many commits the index must hold (commit_note.h), made if need be;
	 * NULL: none is kept. An index that holds fewer is refused, -EBADMSG, and left as it is;
	 * with `accept_loss` it is opened, and refused again until vt_store_accept_loss().
	 */
	const char *note;
	bool accept_loss;
};
int vt_store_open(const char *dir, const struct vt_store_options *options, struct vt_store **out,
		  struct vt_error *err);
uint64_t vt_store_lost(const struct vt_store *store); /* commits that the note has on top */
/* From now on the index need not hold more commits than it does. */
int vt_store_accept_loss(struct vt_store *store, struct vt_error *err);
/* At opening so many were cut off the list of tables, into torn-MANIFEST-N (manifest_cut.h). */
uint64_t vt_store_cut_bytes(const struct vt_store *store);
void vt_store_close(struct vt_store *store);
VT_DEFINE_CLEANUP(struct vt_store, vt_store_close);

/* A value pinned in the cache. */
struct vt_value {
	const void *data;
	size_t len;
	void *pin;
};
int vt_store_get(struct vt_store *store, enum vt_family family, const void *key, size_t key_len,
		 bool nowait, struct vt_value *out, struct vt_error *err);
void vt_value_done(struct vt_value *value); /* zeroed is accepted */

/* Many at once; found[i].data is NULL where there is none. Keys all have `key_len`. */
int vt_store_get_many(struct vt_store *store, enum vt_family family, const void *keys,
		      size_t key_len, size_t count, struct vt_value *found, struct vt_error *err);

/*
 * Writes that happen together or not at all; `sync`: durable when it returns, as a commit whose
 * loss shows. It puts one more row into the batch. NULL may be passed on: writing it is -ENOMEM.
 */
struct vt_batch *vt_batch_new(void);
void vt_batch_free(struct vt_batch *batch);
void vt_batch_put(struct vt_batch *batch, struct vt_store *store, enum vt_family family,
		  const void *key, size_t key_len, const void *value, size_t value_len);
void vt_batch_delete(struct vt_batch *batch, struct vt_store *store, enum vt_family family,
		     const void *key, size_t key_len);
int vt_store_write(struct vt_store *store, struct vt_batch *batch, bool sync, struct vt_error *err);
/*
 * vt_store_write() calls it once the batch is written, before it returns: what the rows say comes
 * into force, whoever writes them. One for a batch.
 */
void vt_batch_when_written(struct vt_batch *batch, void (*written)(void *context), void *context);
/* Somebody who puts rows into a batch of others, and writes it. */
typedef int vt_batch_writer(void *context, struct vt_batch *batch, struct vt_error *err);
/*
 * A write found the disk full (-ENOSPC) or failing (-EIO, which stays): no other one is made until
 * it is opened again. 0: it is not so. Any thread.
 */
int vt_store_stuck(const struct vt_store *store);
/*
 * Would one that is stuck open again now, with all that it held, and does its disk take writes? If
 * not it is better kept, and read, until then. -EIO, -ENOSPC, -EBADMSG. Takes as long as opening.
 */
int vt_store_would_open(struct vt_store *store, const char *dir, struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_batch, vt_batch_free);

/* Keys from `from` on, in order, while they begin with `prefix`. 1 / 0 / error. */
int vt_iterator_new(struct vt_store *store, enum vt_family family, const void *prefix,
		    size_t prefix_len, const void *from, size_t from_len, struct vt_iterator **out,
		    struct vt_error *err);
int vt_iterator_next(struct vt_iterator *it, struct vt_value *key, struct vt_value *value,
		     struct vt_error *err); /* borrowed until the next call; nothing to release */
/* After such an error there is a key and an empty value, and the next call goes on; after another
 * one, nothing more.
 */
static inline bool vt_is_damaged_row(int r, const struct vt_value *key)
{
	return r == -EBADMSG && key->len > 0;
}
void vt_iterator_free(struct vt_iterator *it);
VT_DEFINE_CLEANUP(struct vt_iterator, vt_iterator_free);

/*
 * A file of sorted rows, built without opening the store and then taken in by it. Keys must be put
 * in strictly ascending order. A writer with no rows leaves no file; finish() tells.
 */
int vt_sst_new(const char *path, struct vt_sst **out, struct vt_error *err);
int vt_sst_put(struct vt_sst *sst, const void *key, size_t key_len, const void *value,
	       size_t value_len, struct vt_error *err);
int vt_sst_finish(struct vt_sst *sst, uint64_t *rows, struct vt_error *err);
void vt_sst_free(struct vt_sst *sst);
VT_DEFINE_CLEANUP(struct vt_sst, vt_sst_free);
int vt_store_ingest(struct vt_store *store, enum vt_family family, const char *path,
		    struct vt_error *err); /* moves the file; a later row wins over an equal key */

/*
 * Reads the tables in use, in `dir`, whole, while others may come and go: `problem` says which
 * bytes of the file `table` are not what was written, and what they are (sst_sums.h). How many
 * there are, or an error that kept it from finishing.
 */
typedef void vt_store_damage(void *context, const char *table, const char *problem);
int vt_store_check_tables(struct vt_store *store, const char *dir, vt_store_damage *each,
			  void *context, struct vt_error *err);

/* Counters in VT_CF_META, durable before they are handed out; ranges may be lost by a crash. */
enum vt_counter {
	VT_COUNTER_DATASET,
	VT_COUNTER_SPACE,
	VT_COUNTER_VERSION,
	VT_COUNTER_EXHIBIT,
	VT_COUNTER_TAG_LINK,
	VT_COUNTER_SHARD,
	VT_COUNTER_PAGE,
	VT_COUNTER_LINK_TABLE,
	VT_COUNTER_OUTLINE,
	VT_COUNTER_IMPORT,
	VT_COUNTER_POSTINGS,
	VT_COUNTER_COUNT,
};
/* The first of `count` fresh numbers (they begin with 1). */
int vt_store_take(struct vt_store *store, enum vt_counter counter, uint64_t count, uint64_t *first,
		  struct vt_error *err);

uint64_t vt_store_cache_used(const struct vt_store *store); /* bytes */
