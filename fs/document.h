/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * The generated documents of .vitrine/V/: README.md, manifest.json, SHA256SUMS, changes.json,
 * labels.jsonl, croissant.json. Each is a head, a body and a tail. Heads and tails follow from the
 * version's record. The body of manifest.json and SHA256SUMS is one piece per entry in walk order:
 * the publisher sums up the sizes and notes, every VT_OUTLINE_BLOCK nodes, where a node's piece
 * begins (the *outline*, VT_CF_OUTLINE), so that any part is made from its lines alone.
 * changes.json's body is stored as ordinary content; that of labels.jsonl is made of the pages of
 * labels (index/label_lines.h), which is what `vitrine export-labels` prints; that of README.md is
 * what it says of labels (data_card.h); croissant.json is all body (croissant.h). The body of
 * SHA256SUMS and labels.jsonl is all there is of them.
 *
 * All are functions of the version digest's inputs alone. Thread-safe.
 */
#include <stdbool.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/catalog.h"
#include "index/diff.h"

#define VT_OUTLINE_BLOCK 1024u /* nodes */

const char *vt_document_name(enum vt_document document); /* "SHA256SUMS" */
/* -1 when there is no such document. */
int vt_document_by_name(const char *name, size_t len);

bool vt_document_is_pieced(enum vt_document document); /* has an outline */

void vt_document_head(enum vt_document document, const struct vt_dataset *dataset,
		      const struct vt_version *version, struct vt_buf *out);
void vt_document_tail(enum vt_document document, const struct vt_dataset *dataset,
		      const struct vt_version *version, struct vt_buf *out);

/* Appends the body's piece for one entry (nothing for most). Position 0, the root, has none. */
void vt_document_piece(enum vt_document document, const char *path, size_t path_len,
		       const struct vt_entry *entry, uint32_t position, struct vt_buf *out);

/* One change of changes.json's body. `first`: no comma before it. */
void vt_document_change(enum vt_change change, const char *path, size_t path_len,
			const struct vt_entry *before, const struct vt_entry *after, bool first,
			struct vt_buf *out);

/*
 * For the publisher: takes each entry in walk order (the root, which has no piece, may be left
 * out), gets the body sizes and the rows for VT_CF_OUTLINE: key u64 outline id, u8 document, u32
 * block (big-endian); value u64 byte offset in the body (little-endian) where the piece of node
 * block * VT_OUTLINE_BLOCK begins.
 */
#define VT_OUTLINE_PIECES 2u /* documents whose body is made of pieces */
struct vt_outline {
	uint64_t size[VT_DOCUMENT_COUNT];
	uint64_t added[VT_OUTLINE_PIECES];     /* bytes of the pieces that came last */
	struct vt_buf rows[VT_DOCUMENT_COUNT]; /* the values, 8 bytes a block, in order */
	struct vt_buf scratch;
};
void vt_outline_init(struct vt_outline *outline);
void vt_outline_done(struct vt_outline *outline);
int vt_outline_add(struct vt_outline *outline, const char *path, size_t path_len,
		   const struct vt_entry *entry, uint32_t position);
/* An entry whose pieces are known to have these lengths; not the tree's first, which has others. */
int vt_outline_add_known(struct vt_outline *outline, const uint64_t pieces[VT_OUTLINE_PIECES],
			 uint32_t position);

#define VT_OUTLINE_KEY   13u
#define VT_OUTLINE_VALUE 8u
void vt_outline_key(uint64_t outline, enum vt_document document, uint32_t block,
		    uint8_t key[VT_OUTLINE_KEY]);
/* The rows of the outline `id`, in order of keys. 0, or what `each` returned. */
typedef int vt_outline_row(void *context, const uint8_t key[VT_OUTLINE_KEY],
			   const uint8_t value[VT_OUTLINE_VALUE], struct vt_error *err);
int vt_outline_rows(const struct vt_outline *outline, uint64_t id, vt_outline_row *each,
		    void *context, struct vt_error *err);
