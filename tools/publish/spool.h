/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * An external sort: records of key and value go in in any order and come out in byte order of keys;
 * equal keys keep the order in which they were added. Memory is what is given to vt_spool_new();
 * the rest is sorted runs in one unnamed file, merged while reading (Knuth, TAOCP 3, 5.4.1).
 *
 * One thread at a time.
 */
#include <stddef.h>

#include "index/base/cleanup.h"

struct vt_error;
struct vt_spool;

#define VT_SPOOL_MEMORY     (32u << 20)
#define VT_SPOOL_RECORD_MAX (256u << 20) /* key and value of one record */

/* `dir` takes the runs. Room for at least one record is made whatever `memory` says. */
int vt_spool_new(const char *dir, size_t memory, struct vt_spool **out, struct vt_error *err);
void vt_spool_free(struct vt_spool *spool); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_spool, vt_spool_free);

int vt_spool_add(struct vt_spool *spool, const void *key, size_t key_len, const void *value,
		 size_t value_len, struct vt_error *err);

/* Ends the adding; vt_spool_next() then gives the first record. Called again, it rewinds. */
int vt_spool_sort(struct vt_spool *spool, struct vt_error *err);

/* Borrowed until the next call. 1 a record, 0 the end, or an error. */
struct vt_spool_record {
	const void *key, *value;
	size_t key_len, value_len;
};
int vt_spool_next(struct vt_spool *spool, struct vt_spool_record *out, struct vt_error *err);
