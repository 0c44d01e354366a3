/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads a set of postings (posting.h). Nothing in a row is believed: bitmaps are checked before
 * they are decoded, stay within their block and the tree, and have as many files as their term
 * says.
 */
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/base/array.h"
#include "index/posting_private.h"

#define STOP 1 /* what ends a scan that has found all it wants */

static int damaged(struct vt_error *err, const char *problem)
{
	return vt_fail(err, EBADMSG, "postings are damaged: %s", problem);
}

/* ---- the store ------------------------------------------------------------------------------- */

static int scan_store(void *context, enum vt_family family, const void *prefix, size_t prefix_len,
		      const void *from, size_t from_len, vt_posting_row *each, void *each_context,
		      struct vt_error *err)
{
	vt_cleanup(vt_iterator_freep) struct vt_iterator *it = NULL;
	struct vt_value key, value;
	int r = vt_iterator_new(context, family, prefix, prefix_len, from, from_len, &it, err);

	while (r == 0) {
		r = vt_iterator_next(it, &key, &value, err);
		if (r <= 0)
			break;
		r = each(each_context, key.data, key.len, value.data, value.len, err);
	}
	return r;
}

struct vt_posting_source vt_posting_store_source(struct vt_store *store)
{
	return (struct vt_posting_source){.scan = scan_store, .context = store};
}

/* ---- rows of VT_CF_TERM ---------------------------------------------------------------------- */

/* Front of the keys, and where scans of what begins with it start. */
static void begin(struct vt_buf *key, const struct vt_postings *postings, uint32_t number)
{
	vt_buf_put_be64(key, postings->set);
	vt_buf_put_be32(key, number);
}

static int scan_terms(const struct vt_postings *postings, const struct vt_buf *prefix,
		      vt_posting_row *each, void *context, struct vt_error *err)
{
	if (vt_buf_failed(prefix))
		return vt_fail(err, ENOMEM, "no memory to read postings");
	return postings->source.scan(postings->source.context, VT_CF_TERM, prefix->data,
				     prefix->len, prefix->data, prefix->len, each, context, err);
}

/* A row with just that key. */
struct single {
	const struct vt_buf *key;
	uint8_t value[80];
	size_t len;
	bool found;
};

static int take_single(void *context, const uint8_t *key, size_t key_len, const uint8_t *value,
		       size_t value_len, struct vt_error *err)
{
	struct single *single = context;

	if (key_len != single->key->len)
		return STOP; /* a longer one: the one looked for would stand before it */
	if (value_len > sizeof single->value)
		return damaged(err, "a row is too long");
	memcpy(single->value, value, value_len);
	single->len = value_len;
	single->found = true;
	return STOP;
}

/* 1 found, 0, or an error. `out->key` stays borrowed. */
static int get_single(const struct vt_postings *postings, const struct vt_buf *key,
		      struct single *out, struct vt_error *err)
{
	int r;

	*out = (struct single){.key = key};
	r = scan_terms(postings, key, take_single, out, err);
	return r < 0 ? r : out->found;
}

static const char *read_head(struct vt_postings *out, const struct single *row)
{
	struct vt_reader reader = vt_reader_over(row->value, row->len);
	uint8_t format = vt_reader_u8(&reader), left_out = vt_reader_u8(&reader);
	const void *files, *labels;

	out->origin.nodes = vt_reader_le32(&reader);
	out->files = vt_reader_le32(&reader);
	out->labelled = vt_reader_le32(&reader);
	files = vt_reader_get(&reader, VT_DIGEST_LEN);
	labels = vt_reader_get(&reader, VT_DIGEST_LEN);
	if (format != VT_POSTING_FORMAT || reader.failed || vt_reader_left(&reader) > 0)
		return "the head is of another form";
	if (left_out > 1 || out->labelled > out->files || out->files > out->origin.nodes)
		return "the head's counts are impossible";
	out->keys_left_out = left_out;
	memcpy(out->origin.files.bytes, files, VT_DIGEST_LEN);
	memcpy(out->origin.labels.bytes, labels, VT_DIGEST_LEN);
	return NULL;
}

int vt_postings_open(const struct vt_posting_source *source, uint64_t set, struct vt_postings *out,
		     struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf key = VT_BUF_INIT;
	struct vt_postings postings = {.source = *source, .set = set};
	struct single row;
	const char *problem;
	int r;

	begin(&key, &postings, VT_POSTING_AT_HEAD);
	r = get_single(&postings, &key, &row, err);
	if (r == 0)
		return vt_fail(err, ENOENT, "there is no such set of postings");
	if (r < 0)
		return r;
	problem = read_head(&postings, &row);
	if (problem)
		return damaged(err, problem);
	*out = postings;
	return 0;
}

static bool read_key(const void *value, size_t len, struct vt_posting_key *out)
{
	struct vt_reader reader = vt_reader_over(value, len);

	out->number = vt_reader_le32(&reader);
	out->open = vt_reader_le32(&reader);
	return !reader.failed && vt_reader_left(&reader) == 0 &&
	       out->number >= VT_POSTING_AT_FIRST && out->open >> VT_POSTING_FACETS == 0;
}

int vt_postings_key(const struct vt_postings *postings, struct vt_label_text name,
		    struct vt_posting_key *out, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf key = VT_BUF_INIT;
	struct single row;
	int r;

	begin(&key, postings, VT_POSTING_AT_KEYS);
	vt_buf_put(&key, name.bytes, name.len);
	r = get_single(postings, &key, &row, err);
	if (r > 0 && !read_key(row.value, row.len, out))
		return damaged(err, "a key's row is of another form");
	return r;
}

struct key_scan {
	vt_postings_each_key *each;
	void *context;
};

static int give_key(void *context, const uint8_t *key, size_t key_len, const uint8_t *value,
		    size_t value_len, struct vt_error *err)
{
	const struct key_scan *scan = context;
	const size_t front = sizeof(uint64_t) + sizeof(uint32_t);
	struct vt_posting_key out;

	if (!read_key(value, value_len, &out) || key_len <= front ||
	    key_len > front + VT_LABEL_KEY_MAX)
		return damaged(err, "a key's row is of another form");
	return scan->each(scan->context,
			  (struct vt_label_text){(const char *) key + front, key_len - front},
			  &out);
}

int vt_postings_keys(const struct vt_postings *postings, vt_postings_each_key *each, void *context,
		     struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf prefix = VT_BUF_INIT;
	struct key_scan scan = {each, context};

	begin(&prefix, postings, VT_POSTING_AT_KEYS);
	return scan_terms(postings, &prefix, give_key, &scan, err);
}

struct term {
	uint32_t number, files;
};

static bool read_term(const void *value, size_t len, struct term *out)
{
	struct vt_reader reader = vt_reader_over(value, len);

	out->number = vt_reader_le32(&reader);
	out->files = vt_reader_le32(&reader);
	return !reader.failed && vt_reader_left(&reader) == 0 &&
	       out->number >= VT_POSTING_TERM_FIRST && out->files > 0;
}

/* Calls for each term of a facet with values. */
struct term_scan {
	int (*each)(void *context, const struct vt_expression_value *value, struct term term);
	void *context;
};

static int give_term(void *context, const uint8_t *key, size_t key_len, const uint8_t *value,
		     size_t value_len, struct vt_error *err)
{
	const struct term_scan *scan = context;
	const size_t front = sizeof(uint64_t) + sizeof(uint32_t) + 1;
	struct vt_expression_value decoded;
	struct term term;

	if (!read_term(value, value_len, &term) ||
	    !vt_posting_value_get(key + front, key_len - front, &decoded))
		return damaged(err, "a term's row is of another form");
	return scan->each(scan->context, &decoded, term);
}

static int each_term(const struct vt_postings *postings, const struct vt_posting_key *key,
		     enum vt_posting_facet facet, struct term_scan *scan, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf prefix = VT_BUF_INIT;

	begin(&prefix, postings, key->number);
	vt_buf_put_u8(&prefix, (uint8_t) facet);
	return scan_terms(postings, &prefix, give_term, scan, err);
}

struct public_scan {
	vt_postings_each_term *each;
	void *context;
};

static int give_public(void *context, const struct vt_expression_value *value, struct term term)
{
	const struct public_scan *scan = context;

	return scan->each(scan->context, value, term.files);
}

int vt_postings_terms(const struct vt_postings *postings, const struct vt_posting_key *key,
		      enum vt_posting_facet facet, vt_postings_each_term *each, void *context,
		      struct vt_error *err)
{
	struct public_scan public = {each, context};
	struct term_scan scan = {give_public, &public};

	return each_term(postings, key, facet, &scan, err);
}

/* ---- rows of VT_CF_POSTING ------------------------------------------------------------------- */

/* Terms of consecutive numbers. */
struct range {
	const struct vt_postings *postings;
	uint32_t last;
	uint64_t seen;
	roaring_bitmap_t *to;
};

static const char *block_problem(const struct range *range, const uint8_t *key,
				 const roaring_bitmap_t *block)
{
	uint32_t first = roaring_bitmap_minimum(block), last = roaring_bitmap_maximum(block);
	uint32_t number = key[VT_POSTING_KEY_LEN - 1];

	if (first >> VT_POSTING_BLOCK_BITS != number || last >> VT_POSTING_BLOCK_BITS != number)
		return "a bitmap is not in its block";
	return last >= range->postings->origin.nodes ? "a bitmap has files beyond the tree" : NULL;
}

static int add_block(void *context, const uint8_t *key, size_t key_len, const uint8_t *value,
		     size_t value_len, struct vt_error *err)
{
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *block = NULL;
	struct range *range = context;
	const char *problem;
	uint32_t term;

	if (key_len != VT_POSTING_KEY_LEN)
		return damaged(err, "a key has another length");
	memcpy(&term, key + sizeof(uint64_t), sizeof term);
	if (be32toh(term) > range->last)
		return STOP;
	problem = vt_bitmap_problem(value, value_len);
	if (problem)
		return damaged(err, problem);
	block = vt_bitmap_decode(value, value_len);
	if (!block)
		return vt_fail(err, ENOMEM, "no memory to read postings");
	problem = block_problem(range, key, block);
	if (problem)
		return damaged(err, problem);
	range->seen += roaring_bitmap_get_cardinality(block);
	roaring_bitmap_or_inplace(range->to, block);
	return 0;
}

/* Adds terms that have `files` files, in all. */
static int add_range(const struct vt_postings *postings, uint32_t first, uint32_t last,
		     uint64_t files, roaring_bitmap_t *to, struct vt_error *err)
{
	struct range range = {.postings = postings, .last = last, .to = to};
	uint8_t from[VT_POSTING_KEY_LEN];
	int r;

	vt_posting_row_key(postings->set, first, 0, from);
	r = postings->source.scan(postings->source.context, VT_CF_POSTING, from, sizeof(uint64_t),
				  from, sizeof from, add_block, &range, err);
	if (r >= 0 && range.seen != files)
		return damaged(err, "a term has more or fewer files than it should");
	return r < 0 ? r : 0;
}

static int get_range(const struct vt_postings *postings, uint32_t term, uint32_t files,
		     roaring_bitmap_t **out, struct vt_error *err)
{
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *bitmap = roaring_bitmap_create();
	int r = bitmap ? add_range(postings, term, term, files, bitmap, err)
		       : vt_fail(err, ENOMEM, "no memory to read postings");

	if (r == 0)
		*out = vt_steal(&bitmap);
	return r;
}

int vt_postings_files(const struct vt_postings *postings, roaring_bitmap_t **out,
		      struct vt_error *err)
{
	return get_range(postings, VT_POSTING_TERM_FILES, postings->files, out, err);
}

int vt_postings_labelled(const struct vt_postings *postings, roaring_bitmap_t **out,
			 struct vt_error *err)
{
	return get_range(postings, VT_POSTING_TERM_LABELLED, postings->labelled, out, err);
}

/* Adds the term whose row is behind `key`, if there is one. */
static int add_single(const struct vt_postings *postings, const struct vt_buf *key,
		      roaring_bitmap_t *to, struct vt_error *err)
{
	struct single row;
	struct term term;
	int r = get_single(postings, key, &row, err);

	if (r <= 0)
		return r;
	if (!read_term(row.value, row.len, &term))
		return damaged(err, "a term's row is of another form");
	return add_range(postings, term.number, term.number, term.files, to, err);
}

int vt_postings_add(const struct vt_postings *postings, const struct vt_posting_key *key,
		    enum vt_posting_facet facet, const struct vt_expression_value *value,
		    roaring_bitmap_t *to, struct vt_error *err)
{
	vt_cleanup(vt_buf_done) struct vt_buf row = VT_BUF_INIT;

	begin(&row, postings, key->number);
	vt_buf_put_u8(&row, (uint8_t) facet);
	if (value)
		vt_posting_value_put(&row, value);
	return add_single(postings, &row, to, err);
}

int vt_postings_slices(const struct vt_postings *postings, const struct vt_posting_key *key,
		       enum vt_posting_facet facet, roaring_bitmap_t **slices, unsigned bits,
		       struct vt_error *err)
{
	int r = 0;

	for (unsigned bit = 0; r == 0 && bit < bits; bit++) {
		vt_cleanup(vt_buf_done) struct vt_buf row = VT_BUF_INIT;

		begin(&row, postings, key->number);
		vt_buf_put_u8(&row, (uint8_t) facet);
		vt_buf_put_u8(&row, (uint8_t) bit);
		vt_bitmap_free(slices[bit]);
		slices[bit] = roaring_bitmap_create();
		r = slices[bit] ? add_single(postings, &row, slices[bit], err)
				: vt_fail(err, ENOMEM, "no memory to read postings");
	}
	return r;
}

/* Terms that are wanted: their numbers, as ranges. */
struct wish {
	vt_posting_wanted *wanted;
	void *context;
	struct wish_range {
		uint32_t first, last;
		uint64_t files;
	} * ranges;
	size_t count, room;
};

static int note_term(void *context, const struct vt_expression_value *value, struct term term)
{
	struct wish *wish = context;
	struct wish_range *range = wish->count ? &wish->ranges[wish->count - 1] : NULL;

	if (!wish->wanted(wish->context, value))
		return 0;
	if (range && range->last + 1 == term.number) {
		range->last = term.number;
		range->files += term.files;
		return 0;
	}
	if (vt_array_reserve(wish->ranges, wish->room, wish->count + 1) < 0)
		return -ENOMEM;
	wish->ranges[wish->count++] = (struct wish_range){term.number, term.number, term.files};
	return 0;
}

int vt_postings_add_wanted(const struct vt_postings *postings, const struct vt_posting_key *key,
			   enum vt_posting_facet facet, vt_posting_wanted *wanted, void *context,
			   roaring_bitmap_t *to, struct vt_error *err)
{
	struct wish wish = {.wanted = wanted, .context = context};
	struct term_scan scan = {note_term, &wish};
	int r = each_term(postings, key, facet, &scan, err);

	if (r == -ENOMEM)
		(void) vt_fail(err, ENOMEM, "no memory to read postings");
	for (size_t i = 0; r == 0 && i < wish.count; i++)
		r = add_range(postings, wish.ranges[i].first, wish.ranges[i].last,
			      wish.ranges[i].files, to, err);
	free(wish.ranges);
	return r;
}
