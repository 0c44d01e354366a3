/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The file of the stat cache, for stamps.c (rows of files) and kept.c (rows of directories).
 * Little-endian.
 *
 *   head    magic, u32 dataset
 *   rows    u32 length of what follows, u64 XXH3 of the rest, u8 kind, what the kind says
 *   end     u32 0
 *   index   per row of a directory: u64 XXH3 of its path, u64 offset; in ascending order
 *   tail    u64 offset of the index, u64 count, tree digest, u64 page of the tree's root,
 *           u64 XXH3 of index and tail
 *
 * The row of a directory follows those of its files, which stand together.
 */
#include <stdio.h>

#include "tools/publish/stamps.h"

#define VT_STAMP_HASH_LEN 8u

enum vt_stamp_row {
	VT_STAMP_FILE = 1,
	VT_STAMP_DIRECTORY = 2,
};

/* The directory that the walk is in, as long as it can be kept. */
struct vt_keeping {
	bool possible;
	struct vt_buf path, pieces; /* pieces: u16 each, little-endian */
	struct vt_listing listing;
	uint64_t first_row; /* offset of its files' rows */
	uint32_t files;
	uint64_t bytes;
};

struct vt_stamps_writer {
	FILE *file;
	uint64_t at; /* bytes written */
	int64_t scan_ns;
	struct vt_buf row;
	struct vt_keeping keeping;
	struct vt_buf index; /* u64 hash, u64 offset each, of this machine's order */
};

void vt_stamps_put_head(uint32_t dataset, struct vt_buf *out);
int vt_stamps_write(struct vt_stamps_writer *writer, const void *data, size_t len,
		    struct vt_error *err);

/* A row: begin, put what the kind says into writer->row, end. */
void vt_stamps_begin_row(struct vt_stamps_writer *writer, enum vt_stamp_row kind);
int vt_stamps_end_row(struct vt_stamps_writer *writer, struct vt_error *err);

/* Is the hash right of a row without its length? Leaves `reader` before the kind. */
bool vt_stamps_open_row(const void *row, size_t len, struct vt_reader *reader);

/* What a file's row holds. Borrows the key from the row. */
struct vt_file_stamp {
	struct vt_stamp stamp;
	struct vt_digest content;
	uint64_t content_size;
	bool decode;
	const void *key;
	size_t key_len;
};
bool vt_stamps_decode_file(struct vt_reader *reader, struct vt_file_stamp *out);

/* What stands behind the rows. */
int vt_kept_write_index(struct vt_stamps_writer *writer, const struct vt_digest *tree,
			uint64_t root_page, struct vt_error *err);
