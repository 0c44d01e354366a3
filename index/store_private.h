/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What the store's own files share: store.c, store_rows.c, store_sst.c, counter.c. */
#include <pthread.h>
#include <stdatomic.h>
#include <rocksdb/c.h>

#include "index/store.h"

/* Numbers below `next` are handed out, below `limit` they are durably spoken for. */
struct vt_counter_state {
	uint64_t next, limit;
};

struct vt_store {
	/* constant after vt_store_open() */
	rocksdb_t *db;
	rocksdb_cache_t *cache;
	rocksdb_column_family_handle_t *families[VT_CF_COUNT];
	rocksdb_readoptions_t *read, *read_nowait, *scan;
	rocksdb_writeoptions_t *write, *write_sync;

	atomic_bool stuck; /* vt_store_is_stuck() */
	pthread_mutex_t counter_lock;
	struct vt_counter_state counters[VT_COUNTER_COUNT]; /* guarded by counter_lock */
};

/* The one set of options of every family and of the SST files that go into them. */
rocksdb_options_t *vt_store_make_options(rocksdb_cache_t *cache);

/* Frees RocksDB's message and turns it into ours. NULL is success. */
int vt_store_outcome(char *message, struct vt_error *err);

/* Key of the format number in VT_CF_META. */
#define VT_META_FORMAT "format"
