/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/* What import.c, import_commit.c and recover.c share. */
#include <stdbool.h>

#include "index/folder.h"
#include "index/import.h"
#include "index/table.h"
#include "index/uuid.h"

struct import_shard {
	uint32_t serial;
	uint8_t uuid[16];
	bool listed; /* seen in the commit's list */
};

/* An SST file with places of contents, to be taken in by the commit. */
struct import_rows {
	enum vt_family family;
	char path[VT_PATH];
};

struct vt_import {
	/* constant after begin */
	struct vt_index *index;
	uint64_t id;
	uint32_t dataset, domain, parent;
	uint32_t base;  /* of a revision: serial of what is revised; 0: a publish */
	const char *as; /* NULL: the next vN */
	char as_text[VT_NAME_PART_MAX + 1];
	char dir[VT_PATH];

	struct vt_table shards;       /* handed out: serial -> struct import_shard */
	struct import_rows *contents; /* in the order they were handed in */
	size_t contents_count;
	struct vt_table trusted; /* shards of the store looked up so far; value NULL: no such */
	struct vt_lru *recipes;  /* read for it: readers may keep what was lost; NULL: none */
	uint64_t index_bytes;    /* vt_import_index_bytes() */
	vt_import_frame *frame;  /* vt_import_within(); NULL: none */
	void *frame_context;
	bool committed;
};

/* A file or folder made by root in a store of somebody else becomes the store's. */
int vt_index_adopt(const struct vt_index *index, const char *path, struct vt_error *err);

/*
 * Of a commit: checks, syncs, moves and records the shards. -EINVAL when the import is over; -EIO,
 * -ENOSPC, -EBADMSG leave undecided whether they are recorded, and their files where they are.
 */
int vt_import_commit_shards(struct vt_import *import, const struct vt_new_shard *shards,
			    size_t count, struct vt_error *err);
/* The commit of an import without a version: its record is gone, durably, and it is over. */
int vt_import_end(struct vt_import *import, struct vt_error *err);

/* Moves every shard file without a record to STORE/lost/; how many. */
int vt_import_set_aside(struct vt_index *index, uint64_t *shards, struct vt_error *err);

/* Removes a dataset that never had a version and that no import is open on: nobody may see it. */
int vt_index_drop_unpublished(struct vt_index *index, uint32_t dataset, struct vt_error *err);

/* STORE/shards/ab, and the file in it. */
int vt_index_shard_folder(const struct vt_index *index, const uint8_t uuid[16], char path[VT_PATH],
			  struct vt_error *err);
int vt_index_shard_file(const struct vt_index *index, const uint8_t uuid[16], char path[VT_PATH],
			struct vt_error *err);

/* Key in VT_CF_META of the id of a dataset's newest dictionary; the value is u32 little-endian. */
#define VT_META_DICTIONARY     "dictionary."
#define VT_META_DICTIONARY_KEY (sizeof VT_META_DICTIONARY - 1 + 4)
void vt_meta_dictionary_key(uint32_t dataset, uint8_t key[VT_META_DICTIONARY_KEY]);
