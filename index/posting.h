/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Postings: for what expressions ask of labels, the files it is true of, as sets of positions. A
 * *set of postings* is of one tree of labels over one tree of files; all of it follows from these
 * two, so a damaged or lost one is made again (file_labels.h gives what a builder wants). Rows, in
 * VT_CF_POSTING and VT_CF_TERM: index/schema.md, "Postings".
 *
 * Of each key it knows, by *facet*, which values there are and which files have them: those of the
 * label in force, as vt_label_effective() says. A *term* is one value of a facet of a key. Two
 * facets are *sliced* instead: files have a number there, and there is a term for each of its bits.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/bitmap.h"
#include "index/digest.h"
#include "index/expression.h"
#include "index/label.h"
#include "index/store.h"

struct vt_error;

enum vt_posting_facet {
	VT_POSTING_HAS, /* one term without a value: a label is in force */
	VT_POSTING_VALUE,
	VT_POSTING_ANNOTATOR,
	VT_POSTING_SOURCE,
	VT_POSTING_REVIEW,
	VT_POSTING_AGREEMENT,
	VT_POSTING_DISPUTED,   /* one term without a value */
	VT_POSTING_CONFIDENCE, /* sliced: vt_posting_confidence() */
	VT_POSTING_HASH,       /* sliced: vt_posting_hash(), where there are too many values */
	VT_POSTING_FACETS,
};

/*
 * Beyond these what is new has no terms: expressions about it look at files one by one. `values` of
 * one facet of a key; `bytes` that terms take in a builder, without their files; `keys` of a set.
 */
struct vt_posting_limits {
	uint32_t values, keys;
	size_t bytes;
};
#define VT_POSTING_VALUES_MAX 10000u
#define VT_POSTING_KEYS_MAX   4096u
#define VT_POSTING_BYTES_MAX  (64u << 20)

#define VT_POSTING_CONFIDENCE_BITS 7u
#define VT_POSTING_HASH_BITS       16u

/*
 * 0: no confidence; 1 + k: at least k hundredths, and less than the next; 101: 1. Bounds in
 * expressions mostly have two digits, and then cut no such interval.
 */
unsigned vt_posting_confidence(const struct vt_label *label);
/* The interval of such a number that is not 0, both ends included. */
void vt_posting_confidence_range(unsigned number, double *from, double *to);

/* Of values as expressions compare them. */
unsigned vt_posting_hash(const struct vt_expression_value *value);

/* ---- building -------------------------------------------------------------------------------- */

/* Rows come in order: those of VT_CF_POSTING, then those of VT_CF_TERM, ascending in each. */
struct vt_posting_sink {
	int (*put)(void *context, enum vt_family family, const void *key, size_t key_len,
		   const void *value, size_t value_len, struct vt_error *err);
	void *context;
};

/* What a set was made from. */
struct vt_posting_origin {
	struct vt_digest files, labels; /* of the root pages; zero: none */
	uint32_t nodes;                 /* of the tree of files */
};

/*
 * Memory: the postings, about as they will be stored but for runs, and the values, within the
 * bounds above. One thread.
 */
struct vt_posting_builder;
/* `limits` NULL: those above. */
int vt_posting_builder_new(const struct vt_posting_limits *limits, struct vt_posting_builder **out,
			   struct vt_error *err);
void vt_posting_builder_free(struct vt_posting_builder *builder);
/*
 * All labels of a file, in order of rows; of every file of the tree, also if it has none (count 0),
 * in order of positions (-EINVAL). After an error the builder can only be freed.
 */
int vt_posting_builder_add(struct vt_posting_builder *builder, uint32_t position,
			   const struct vt_label *rows, size_t count, struct vt_error *err);
/* Gives the rows of the set `set`. The builder can only be freed then. */
int vt_posting_builder_finish(struct vt_posting_builder *builder, uint64_t set,
			      const struct vt_posting_origin *origin,
			      const struct vt_posting_sink *sink, struct vt_error *err);
VT_DEFINE_CLEANUP(struct vt_posting_builder, vt_posting_builder_free);

/* ---- reading --------------------------------------------------------------------------------- */

/* 0: go on; anything else ends the scan and is what it returns. Borrowed until it returns. */
typedef int vt_posting_row(void *context, const uint8_t *key, size_t key_len, const uint8_t *value,
			   size_t value_len, struct vt_error *err);

/* Where rows are: the store, or a test. */
struct vt_posting_source {
	/* Rows of a family in order of keys, from `from` on while they begin with `prefix`. */
	int (*scan)(void *context, enum vt_family family, const void *prefix, size_t prefix_len,
		    const void *from, size_t from_len, vt_posting_row *each, void *each_context,
		    struct vt_error *err);
	void *context;
};
/* The store must outlive the source. */
struct vt_posting_source vt_posting_store_source(struct vt_store *store);

/* A set that is open. Plain; thread-safe as its source is. */
struct vt_postings {
	struct vt_posting_source source;
	uint64_t set;
	struct vt_posting_origin origin;
	uint32_t files, labelled; /* how many files there are, and have labels */
	bool keys_left_out;
};
/* -ENOENT: no such set; -EBADMSG, as all below. */
int vt_postings_open(const struct vt_posting_source *source, uint64_t set, struct vt_postings *out,
		     struct vt_error *err);

/* The bitmap is the caller's; empty if there is none. */
int vt_postings_files(const struct vt_postings *postings, roaring_bitmap_t **out,
		      struct vt_error *err);
int vt_postings_labelled(const struct vt_postings *postings, roaring_bitmap_t **out,
			 struct vt_error *err);

struct vt_posting_key {
	uint32_t number;
	uint32_t open; /* a bit for each facet without terms, for there are too many values */
};
static inline bool vt_posting_is_open(const struct vt_posting_key *key, enum vt_posting_facet facet)
{
	return key->open >> facet & 1;
}
/* 1 found; 0: no file has it, or keys were left out; or an error. */
int vt_postings_key(const struct vt_postings *postings, struct vt_label_text name,
		    struct vt_posting_key *out, struct vt_error *err);

/* Adds the files of a term to `to`; `value` NULL: of a facet without values. */
int vt_postings_add(const struct vt_postings *postings, const struct vt_posting_key *key,
		    enum vt_posting_facet facet, const struct vt_expression_value *value,
		    roaring_bitmap_t *to, struct vt_error *err);
/* The same of all terms of a facet whose value is wanted. */
typedef bool vt_posting_wanted(void *context, const struct vt_expression_value *value);
int vt_postings_add_wanted(const struct vt_postings *postings, const struct vt_posting_key *key,
			   enum vt_posting_facet facet, vt_posting_wanted *wanted, void *context,
			   roaring_bitmap_t *to, struct vt_error *err);
/* Replaces what is in `slices`, one for each bit, by new bitmaps; NULL at first. */
int vt_postings_slices(const struct vt_postings *postings, const struct vt_posting_key *key,
		       enum vt_posting_facet facet, roaring_bitmap_t **slices, unsigned bits,
		       struct vt_error *err);

/*
 * Enumerating: keys by name; the terms of a facet of a key: booleans, then numbers, then texts,
 * each in its order, with the number of files. 0, what `each` returned, or an error.
 */
typedef int vt_postings_each_key(void *context, struct vt_label_text name,
				 const struct vt_posting_key *key);
int vt_postings_keys(const struct vt_postings *postings, vt_postings_each_key *each, void *context,
		     struct vt_error *err);
typedef int vt_postings_each_term(void *context, const struct vt_expression_value *value,
				  uint32_t files);
int vt_postings_terms(const struct vt_postings *postings, const struct vt_posting_key *key,
		      enum vt_posting_facet facet, vt_postings_each_term *each, void *context,
		      struct vt_error *err);
