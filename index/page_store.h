/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * New pages of a tree, straight into the store: each page that an equal one is there of gets that
 * one's id, the others a fresh one. Rows are written in batches of about a MiB and not synced: the
 * commit that names them is, and comes behind them in the same log. What no commit comes to name,
 * gc collects; so hold its gate (an import does).
 *
 * One thread at a time.
 */
#include "index/base/cleanup.h"
#include "index/tree.h"

struct vt_error;
struct vt_page_store;
struct vt_store;

/* `store` is borrowed. */
int vt_page_store_new(struct vt_store *store, uint32_t domain, struct vt_page_store **out,
		      struct vt_error *err);
void vt_page_store_free(struct vt_page_store *pages);
VT_DEFINE_CLEANUP(struct vt_page_store, vt_page_store_free);

/* For builders of trees of that kind; borrows `pages`. */
struct vt_page_sink vt_page_store_sink(struct vt_page_store *pages, enum vt_page_kind kind);

/* Readers find every page that was put only after this. */
int vt_page_store_flush(struct vt_page_store *pages, struct vt_error *err);

/*
 * The id of an equal page, or 0, also when the row that knew it is damaged: the page is then stored
 * again, with a new row. `lost`: the page itself is damaged or gone, and to be written again under
 * that id, for all who have it. Thread-safe.
 */
int vt_page_store_find(struct vt_store *store, uint32_t domain, const struct vt_digest *digest,
		       uint64_t *id, bool *lost, struct vt_error *err);

/* Canonical bytes and trailers of the pages that were not there, so far. */
uint64_t vt_page_store_bytes(const struct vt_page_store *pages);
