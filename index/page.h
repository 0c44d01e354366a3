/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * A page: about 32 entries of a directory in order of their names (leaf), or about 32 children
 * (inner). Content-addressed: the digest covers the canonical bytes. What is only true in this
 * store (child page ids, location hints) stands in a trailer that is not hashed, and so does what
 * follows from the canonical bytes below (lengths of labels as lines). The byte layout, the cutting
 * rule and their reasons: index/schema.md, "Pages".
 *
 * A decoded page is immutable, counted and cached (index/base/lru.h).
 */
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "index/base/buf.h"
#include "index/base/lru.h"
#include "index/entry.h"

struct vt_error;

/* What a page belongs to; one more is the form in its canonical bytes. */
enum vt_page_kind {
	VT_PAGE_FILES = 0,  /* a tree of files */
	VT_PAGE_LABELS = 1, /* a tree of labels (label_tree.h) */
	VT_PAGE_ROWS =
		2, /* labels of one file, when they are too long for its entry (label_rows.h) */
};
#define VT_PAGE_KIND_MAX VT_PAGE_ROWS

#define VT_PAGE_ENTRIES_MAX 128u
#define VT_PAGE_CUT_BYTES   (32u << 10)  /* a page at least this long is cut, whatever the names */
#define VT_PAGE_BYTES_MAX   (256u << 10) /* canonical bytes; a decoder refuses more */
#define VT_PAGE_LEVEL_MAX   32u          /* an inner page halves at least: 2^32 leaves at most */
#define VT_PAGE_COUNT_AT    2u           /* byte of the canonical form where the count stands */
#define VT_PAGE_TAG         "vitrine page v1"

struct vt_page {
	struct vt_lru_entry lru; /* first; key VT_LRU_PAGE, 0, page id */
	uint64_t id;
	struct vt_digest digest;
	uint8_t kind;              /* enum vt_page_kind */
	uint8_t level;             /* 0: leaf */
	atomic_bool unasked;       /* for page_cache.h: it came with another */
	uint16_t count;            /* entries, or children; VT_PAGE_ROWS: labels, or children */
	uint32_t entries;          /* directory entries in and below this page (leaf: count) */
	uint32_t nodes;            /* nodes of those entries and all below them */
	struct vt_line_sums lines; /* VT_PAGE_LABELS: of the labels of these, as lines */
				   /* private to page.c follows in memory */
};

/* A child of an inner page. */
struct vt_page_child {
	const char *last_name; /* the last name below it; borrowed */
	size_t last_name_len;
	struct vt_digest digest;
	uint32_t entries, nodes;
	uint64_t page;             /* id, from the trailer */
	struct vt_line_sums lines; /* VT_PAGE_LABELS: likewise */
};

/*
 * Encoding: start, add in order, then the two buffers are the page. The caller cuts where
 * vt_page_builder_is_full() says so after an add. Errors: -EINVAL an entry breaks a rule of entry.h
 * or of the order of names (`err` says which), -EOVERFLOW more than a tree can have, -ENOMEM.
 */
struct vt_page_builder {
	struct vt_buf canonical, trailer, directories; /* the last is the trailer's end */
	uint8_t kind, level;
	uint16_t count;
	uint32_t entries, nodes;
	struct vt_line_sums lines;
	char last_name[VT_NAME_LEN_MAX];
	size_t last_name_len;
};

void vt_page_builder_init(struct vt_page_builder *builder, enum vt_page_kind kind, uint8_t level);
void vt_page_builder_reset(struct vt_page_builder *builder); /* to an empty page of its level */
void vt_page_builder_done(struct vt_page_builder *builder);
int vt_page_builder_add_entry(struct vt_page_builder *builder, const struct vt_entry *entry,
			      struct vt_error *err);
int vt_page_builder_add_child(struct vt_page_builder *builder, const struct vt_page_child *child,
			      struct vt_error *err);
bool vt_page_builder_is_full(const struct vt_page_builder *builder);
int vt_page_builder_finish(struct vt_page_builder *builder, struct vt_digest *digest,
			   struct vt_error *err); /* patches the count; the buffers are complete */

/*
 * The cutting rule: does a page of that level end after its `count`-th name, when it then has
 * `bytes` canonical bytes?
 */
bool vt_page_ends(uint8_t level, unsigned count, size_t bytes, const char *name, size_t len);

/* The same for leaves of trees of labels: by names alone, so that a relabelled file moves no cut.
 */
bool vt_page_label_leaf_ends(unsigned count, const char *name, size_t len);

/* The stored value: u32 length of the canonical bytes, canonical bytes, trailer. */
int vt_page_value_encode(const struct vt_page_builder *builder, struct vt_buf *out);

/*
 * Decodes and checks a stored value; refuses every encoding but the canonical one (-EBADMSG).
 * Computes the digest only with `check` (verify); else it is zero. Counts against `lru` (may be
 * NULL). `*out` has one reference, the caller's.
 */
int vt_page_decode(const void *value, size_t len, uint64_t id, bool check, struct vt_lru *lru,
		   struct vt_page **out, struct vt_error *err);

static inline void vt_page_unref(struct vt_page *page)
{
	vt_lru_unref(page ? &page->lru : NULL);
}
static inline struct vt_page *vt_page_ref(struct vt_page *page)
{
	(void) vt_lru_ref(&page->lru);
	return page;
}
VT_DEFINE_CLEANUP(struct vt_page, vt_page_unref);

/* Of a page of kind VT_PAGE_ROWS: what follows its header, and the id of the i-th page it lists. */
const uint8_t *vt_page_body(const struct vt_page *page, size_t *len);
uint64_t vt_page_listed(const struct vt_page *page, unsigned i);

/* `i` < count; no page of rows. What is returned borrows from the page. */
void vt_page_entry(const struct vt_page *page, unsigned i, struct vt_entry *out);
void vt_page_child(const struct vt_page *page, unsigned i, struct vt_page_child *out);

/* Name of an entry, or last name of a child; borrowed from the page. */
const char *vt_page_name(const struct vt_page *page, unsigned i, size_t *len);

/* Leaf: index of that name, or -1. Inner: index of the child that can hold it, or -1. O(log n). */
int vt_page_find(const struct vt_page *page, const char *name, size_t len);

/* Nodes, or directory entries, in and below what stands before index `i` (i <= count). O(1). */
uint32_t vt_page_nodes_before(const struct vt_page *page, unsigned i);
uint32_t vt_page_entries_before(const struct vt_page *page, unsigned i);

/* The i in [0, count) with nodes_before(i) <= node < nodes_before(i + 1). O(log n). */
unsigned vt_page_index_of_node(const struct vt_page *page, uint32_t node);
unsigned vt_page_index_of_entry(const struct vt_page *page, uint32_t ordinal);

/*
 * xattrs, canonical: u16 count, then per attribute in byte order of names: u8 name length, name,
 * u16 value length, value. Names without "user." are never stored.
 */
struct vt_xattr {
	const char *name; /* with "user."; borrowed, not NUL-terminated */
	size_t name_len;
	const void *value;
	size_t value_len;
};
/* Iterates: `*state` begins with 0. 1 an attribute, 0 the end (or nothing valid left). */
int vt_xattrs_next(const uint8_t *xattrs, size_t len, size_t *state, struct vt_xattr *out);
/* Appends the canonical form of `count` attributes, sorting them. -EINVAL, -E2BIG, -ENOMEM. */
int vt_xattrs_encode(struct vt_xattr *list, size_t count, struct vt_buf *out, struct vt_error *err);
int vt_xattrs_check(const uint8_t *xattrs, size_t len); /* 0, or -EBADMSG when not canonical */
