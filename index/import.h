/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The store's side of a publish. The publisher builds shards and SST files in a folder of its own
 * below STORE/tmp; the store hands out numbers, answers what it already has, takes the files in and
 * commits. An import that is not committed leaves no visible trace: its folder and shards are
 * removed when it is aborted, or by vt_import_recover() after a crash.
 *
 * States: OPEN -> (ingest)* -> COMMITTED | ABORTED. While an import is open gc drops nothing.
 * Thread-safe; one import is used by one thread at a time.
 */
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/catalog.h"
#include "index/chunk.h"
#include "index/store.h"

struct vt_import;
struct vt_page_cache;

/* What the store's parts are, for those who work on all of them. Borrowed. */
struct vt_index {
	const char *dir; /* STORE */
	struct vt_store *store;
	struct vt_catalog *catalog;
	struct vt_lru *lru;
	/* The store's pages, of trees of files and of labels, through one cache. */
	const struct vt_page_cache *page_cache;
	struct vt_page_source pages, label_pages;
	struct vt_gc_gate *gc_gate;  /* imports hold it shared, a sweep alone (index/gc.h) */
	atomic_uint posting_makings; /* sets of postings under way (index/posting_sets.h) */
};

struct vt_import_info {
	uint64_t id;
	char dir[4096]; /* the import's folder, exists, 0700 */
	uint32_t dataset, domain;
	uint32_t parent;     /* serial of `latest` at begin, 0: first version; or what is revised */
	uint32_t base;       /* of a revision: serial of what is revised; 0: a publish */
	uint32_t dictionary; /* id of the newest dictionary of the dataset, 0: none */
	uint32_t page_chunk; /* page ids come in runs of this length */
};

/*
 * Begins; makes the dataset if there is none (and takes it back if no version comes of it). `as`
 * may be NULL. Refuses a bad or taken name before any work is done.
 */
int vt_import_begin(struct vt_index *index, const char *dataset, const char *as, uint32_t owner_uid,
		    struct vt_import **out, struct vt_import_info *info, struct vt_error *err);

/*
 * The same for a revision of `version` (a serial): other labels for its files, on top of those of
 * the newest revision, which is info->parent. -ESTALE: it was withdrawn.
 */
int vt_import_revise(struct vt_index *index, uint32_t version, struct vt_import **out,
		     struct vt_import_info *info, struct vt_error *err);

/* A new shard: its serial and the path in the import's folder to write it to. */
int vt_import_shard(struct vt_import *import, uint32_t *serial, char uuid[37], char path[4096],
		    struct vt_error *err);

/* For each content id: 0 unknown, 1 one chunk (location, length), 2 recipe. */
struct vt_known {
	uint8_t kind;
	struct vt_location at;
	uint32_t length;
};
int vt_import_known(struct vt_import *import, const struct vt_digest *contents, size_t count,
		    struct vt_known *out, struct vt_error *err);

/*
 * For each page digest: the id of an equal page of the domain, or 0. With VT_PAGE_LOST its row is
 * damaged or gone, and to be written again under that id.
 */
#define VT_PAGE_LOST (1ull << 63)
int vt_import_pages(struct vt_import *import, const struct vt_digest *digests, size_t count,
		    uint64_t *ids, struct vt_error *err);
/* `count` fresh numbers. */
int vt_import_take(struct vt_import *import, enum vt_counter counter, uint64_t count,
		   uint64_t *first, struct vt_error *err);

/*
 * Takes a finished SST of the import's folder into a family (PAGE, PAGE_DIGEST, LINK, OUTLINE,
 * CHUNK, RECIPE or DICTIONARY only); CHUNK and RECIPE when the import commits, not before. `file`
 * is a bare name. -EPERM: another family. The rows are taken as they are: who can write into the
 * import's folder can write into the index.
 */
int vt_import_ingest(struct vt_import *import, enum vt_family family, const char *file,
		     struct vt_error *err);

/*
 * What the import adds to the index: bytes of the SST files taken in so far, and of what was
 * written there on its behalf, which add() tells of.
 */
void vt_import_add_index_bytes(struct vt_import *import, uint64_t bytes);
uint64_t vt_import_index_bytes(const struct vt_import *import);

struct vt_new_shard {
	uint32_t serial;
	uint64_t size;         /* bytes of the file */
	uint64_t content_size; /* decoded bytes */
	uint32_t frames;
	uint32_t dictionary;     /* id, 0: none */
	struct vt_digest digest; /* SHA-256 of the file */
};
/*
 * The commit is to be part of a larger one: once all but its batch is done, `frame` is called,
 * which has `writer` write a batch of the frame's own, and returns what that returned.
 */
typedef int vt_import_frame(void *context, vt_batch_writer *writer, void *writer_context,
			    struct vt_error *err);
void vt_import_within(struct vt_import *import, vt_import_frame *frame, void *context);
/*
 * Moves the sealed shards to STORE/shards, synced, then commits (vt_catalog_commit). `version`
 * carries all but what the commit assigns. `stamps` is the bare name of the stamp file to keep for
 * the next publish, or NULL. On success the import is over and `*out` is the new version.
 */
int vt_import_commit(struct vt_import *import, const struct vt_new_shard *shards, size_t count,
		     struct vt_version *version, const char *stamps, const struct vt_version **out,
		     struct vt_error *err);
/*
 * The commit of a revision (vt_catalog_revise); the pages of `version->labels` are in the store.
 * Its digest is made here.
 */
int vt_import_commit_revision(struct vt_import *import, struct vt_version *version,
			      const struct vt_version **out, struct vt_error *err);
/* Ends an import, committed or not; not committed, it removes all it left. NULL is accepted. */
void vt_import_free(struct vt_import *import);
VT_DEFINE_CLEANUP(struct vt_import, vt_import_free);

/* At start: removes what dead imports left. */
int vt_import_recover(struct vt_index *index, struct vt_error *err);

/* STORE/shards/ab/UUID.vsh of a shard, and the stamp file of a dataset (may not exist). */
int vt_index_shard_path(struct vt_index *index, uint32_t serial, char path[4096],
			struct vt_error *err);
/* Bytes of the dictionary `id` in the domain of `shard`, appended. -ENOENT. May block. */
int vt_index_dictionary(struct vt_index *index, uint32_t shard, uint32_t id, struct vt_buf *out,
			struct vt_error *err);
void vt_index_stamps_path(const struct vt_index *index, uint32_t dataset, char path[4096]);
