/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Which files of a version an expression means, as positions. Files are files: no directories, no
 * symlinks.
 *
 * Every part of an expression gives two sets: files it is surely true of, and files it may be true
 * of; the parts of the whole are combined, and what is unsure in the end is looked at, file by
 * file. So postings only have to be right, not complete: what they do not know (paths, sizes, a
 * bound within an interval of confidence, keys with very many values, files that were changed
 * since) is unsure.
 */
#include "index/file_labels.h"

struct vt_expression;
struct vt_overlay;
struct vt_postings;

#define VT_QUERY_MEMORY (512u << 20) /* bytes, unless a query says otherwise */

/* All borrowed. */
struct vt_query {
	struct vt_labelled_files version;
	const struct vt_postings *postings; /* of it, or with an overlay of another version */
	const struct vt_overlay *overlay;   /* NULL: none */
	struct vt_cancel cancel;
	size_t memory; /* bytes that sets of files may take, about; 0: VT_QUERY_MEMORY */
};

/*
 * The bitmap is the caller's, may be empty. -ECANCELED; -E2BIG: it takes more memory; -EBADMSG:
 * postings or pages are damaged; -ESTALE: the postings are of another version, and no overlay leads
 * from there. Thread-safe as the sources are.
 */
int vt_query_run(const struct vt_query *query, const struct vt_expression *expression,
		 roaring_bitmap_t **out, struct vt_error *err);

/* The same without postings: all files are looked at. */
int vt_query_scan(const struct vt_query *query, const struct vt_expression *expression,
		  roaring_bitmap_t **out, struct vt_error *err);

/*
 * What leads from the version that postings were made for to one that differs little: where its
 * files are now, and which files are new, have other contents, or other labels. Immutable.
 * `before` and `after` have the same sources of pages. -E2BIG: more than `most` changes, so that
 * new postings are the better way. -ECANCELED.
 */
int vt_overlay_new(const struct vt_labelled_files *before, const struct vt_labelled_files *after,
		   uint32_t most, const struct vt_cancel *cancel, struct vt_overlay **out,
		   struct vt_error *err);
void vt_overlay_free(struct vt_overlay *overlay);
VT_DEFINE_CLEANUP(struct vt_overlay, vt_overlay_free);
