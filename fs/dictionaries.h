/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The dictionaries of shards, for who decodes their frames: those used last, each once however many
 * shards have it (all of a dataset have one). They are no part of the cache's limit, so that their
 * number is bounded.
 *
 * Thread-safe. No lock is held while one is looked for.
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "index/base/cleanup.h"

struct vt_dictionaries;
struct vt_dictionary;
struct vt_error;

#define VT_DICTIONARIES_MAX 128u /* of at most a quarter MiB each */

/* Finds the dictionary with that id for a shard, for the caller to free; may block. */
typedef int vt_find_dictionary(void *context, uint32_t shard, uint32_t id,
			       struct vt_dictionary **out, struct vt_error *err);

int vt_dictionaries_new(vt_find_dictionary *find, void *context, struct vt_dictionaries **out,
			struct vt_error *err);
void vt_dictionaries_free(struct vt_dictionaries *dictionaries); /* none is in use */
VT_DEFINE_CLEANUP(struct vt_dictionaries, vt_dictionaries_free);

/* One that is in use, until it is put back. */
struct vt_used_dictionary {
	struct vt_dictionary *dictionary; /* constant */
	/* dictionaries.c's */
	atomic_uint users;
	struct vt_used_dictionary *prev, *next;
};

/* -EAGAIN: it must be looked for, and `nowait`; else what `find` returned, or -ENOMEM. */
int vt_dictionaries_get(struct vt_dictionaries *dictionaries, uint32_t shard, uint32_t id,
			bool nowait, struct vt_used_dictionary **out, struct vt_error *err);
void vt_dictionaries_put(struct vt_used_dictionary *used);
