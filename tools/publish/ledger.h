/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * What this publish has already stored, by digest: records of one size, each beginning with its
 * digest, in a file of the import's folder; in memory only a table of 8 bytes a slot (a piece of
 * the digest and the record's number), filled to 3/4 at most. So ten million contents take 128 MiB
 * of memory, and the records are there for sorting at the end.
 *
 * One thread at a time.
 */
#include <stddef.h>
#include <stdint.h>

#include "index/base/cleanup.h"
#include "index/digest.h"

struct vt_error;
struct vt_ledger;

int vt_ledger_new(const char *dir, size_t record_size, struct vt_ledger **out,
		  struct vt_error *err);
void vt_ledger_free(struct vt_ledger *ledger); /* NULL is accepted */
VT_DEFINE_CLEANUP(struct vt_ledger, vt_ledger_free);

/* The record of that digest, or NULL. Borrowed until the next add; may be changed in place. */
void *vt_ledger_find(const struct vt_ledger *ledger, const struct vt_digest *digest);

/* Adds a record whose digest is not there yet. -ENOSPC, -ENOMEM, -EOVERFLOW. */
int vt_ledger_add(struct vt_ledger *ledger, const void *record, struct vt_error *err);

uint64_t vt_ledger_count(const struct vt_ledger *ledger);
void *vt_ledger_at(const struct vt_ledger *ledger, uint64_t i); /* in order of adding; borrowed */
