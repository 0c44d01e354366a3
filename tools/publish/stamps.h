/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The stat cache: what every file of directory sources was when it was published, and what its
 * content came to, so that an unchanged file need not be read again. One file per dataset, rows in
 * walk order, read along with the walk. A row is believed only if path, device, inode, size, mtime
 * and ctime are the same; one whose ctime was not clearly older than the scan is not written (the
 * file could have changed again within the clock's grain). Damage and foreign files mean "nothing
 * known", never an error: every row carries its XXH3.
 *
 * Directories have rows, too, by which they are kept as a whole: kept.h. What is told of them here
 * is for these.
 *
 * One thread at a time.
 */
#include "tools/publish/item.h"

#define VT_STAMP_RACY_NS 2000000000ll

/* What the entries of a directory are, in any order: a sum of XXH3 over names and stamps. */
struct vt_listing {
	uint64_t sum[2];
	uint32_t entries;
};
void vt_listing_add(struct vt_listing *listing, const struct vt_item *item);

struct vt_stamps_writer;
/* `scan_ns`: CLOCK_REALTIME when the scan began. */
int vt_stamps_writer_new(const char *path, uint32_t dataset, int64_t scan_ns,
			 struct vt_stamps_writer **out, struct vt_error *err);
void vt_stamps_writer_free(struct vt_stamps_writer *writer); /* NULL is accepted */
int vt_stamps_add(struct vt_stamps_writer *writer, const struct vt_item *item,
		  const struct vt_digest *content, uint64_t content_size, struct vt_error *err);
/* The tree that was built of all this, and the page of its root. */
int vt_stamps_finish(struct vt_stamps_writer *writer, const struct vt_digest *tree,
		     uint64_t root_page, struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_stamps_writer, vt_stamps_writer_free);

struct vt_stamps_reader;
/* NULL when there is no (usable) file; all calls below accept that. */
struct vt_stamps_reader *vt_stamps_open(const char *path, uint32_t dataset);
void vt_stamps_close(struct vt_stamps_reader *reader);
/* Items in walk order. True: its content is known unread. */
bool vt_stamps_match(struct vt_stamps_reader *reader, const struct vt_item *item,
		     struct vt_digest *content, uint64_t *content_size);
VT_DEFINE_CLEANUP(struct vt_stamps_reader, vt_stamps_close);
