/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Directories that are as the last publish left them, entry for entry: they are *kept*. Their
 * entries are not sorted, stored or put into pages again; the new tree adopts the pages that the
 * parent version has. So a publish of few changes costs a look at every file, and the rest in
 * proportion to the directories touched.
 *
 * Kept can be what holds files and symlinks alone, none of them with other names (whose positions
 * stand in a table of the version), and none that changed within the clock's grain before the scan.
 * It is believed only on top of the very tree that the stat cache was written with: the parent's
 * pages and contents are there as long as an import is open.
 *
 * One thread at a time.
 */
#include "fs/document.h"
#include "tools/publish/stamps.h"

#define VT_KEPT_ENTRIES_MAX 1000000u /* a directory of more is built anew */
#define VT_KEPT_PIECES      VT_OUTLINE_PIECES

/* Writing: what the walk meets, in its order. */
void vt_kept_enter(struct vt_stamps_writer *writer, const struct vt_item *directory);
/* `pieces`: bytes of the entry's pieces; `size`: of a file's content. */
void vt_kept_entry(struct vt_stamps_writer *writer, const struct vt_item *item,
		   const uint64_t pieces[VT_KEPT_PIECES], uint64_t size);
/* `left`: content, page and nodes of the directory that was entered last of those still open. */
int vt_kept_leave(struct vt_stamps_writer *writer, const struct vt_entry *left,
		  struct vt_error *err);

/* Reading */
struct vt_kept;
/* NULL when nothing can be kept on top of that tree; all calls below accept that. */
struct vt_kept *vt_kept_open(const char *path, uint32_t dataset, const struct vt_digest *tree,
			     uint64_t root_page);
void vt_kept_close(struct vt_kept *kept);
VT_DEFINE_CLEANUP(struct vt_kept, vt_kept_close);

struct vt_kept_directory {
	struct vt_listing listing;
	uint32_t files;           /* the other entries are symlinks */
	uint64_t bytes;           /* of the files' contents */
	struct vt_digest content; /* of its tree entry, like `page` */
	uint64_t page;
	uint64_t rows, rows_len; /* of its files, in the stat cache */
	const uint8_t *pieces;   /* u16 each; borrowed until the next find, read or files */
};
/* The offset of a directory's row whose listing is that, or 0. */
uint64_t vt_kept_find(struct vt_kept *kept, const char *path, size_t len,
		      const struct vt_listing *listing);
/* What was found. -EIO when it cannot be read a second time. */
int vt_kept_read(struct vt_kept *kept, uint64_t offset, struct vt_kept_directory *out,
		 struct vt_error *err);
/* Bytes of a piece of its n-th entry. */
static inline uint32_t vt_kept_piece(const struct vt_kept_directory *directory, uint32_t entry,
				     unsigned piece)
{
	const uint8_t *p = directory->pieces + 2 * (VT_KEPT_PIECES * (size_t) entry + piece);

	return p[0] | (uint32_t) p[1] << 8;
}
/* The paths of its files, in walk order, borrowed for the call; a negative result ends it. */
typedef int vt_kept_file(void *context, const char *path, size_t len, struct vt_error *err);
int vt_kept_files(struct vt_kept *kept, uint64_t offset, vt_kept_file *each, void *context,
		  struct vt_error *err);
/* Takes the rows of a directory that was read over, to be kept again next time. */
int vt_kept_copy(struct vt_kept *kept, const struct vt_kept_directory *directory,
		 const struct vt_item *item, struct vt_stamps_writer *writer, struct vt_error *err);
