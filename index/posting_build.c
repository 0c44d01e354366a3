/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Builds a set of postings (posting.h). All bitmaps stay in memory and grow at their ends. Keys,
 * and the terms of a facet, stand in sorted arrays: they are found by bisection, and are given in
 * order.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "index/base/error.h"
#include "index/entry_codec.h"
#include "index/posting_private.h"

#define TERM_BYTES 128u /* that a term takes beside its value and its files, about */

struct term {
	roaring_bitmap_t *files;
	size_t len;
	uint8_t value[];
};

#define RECENT 16u

/* By value. */
struct facet {
	struct term **terms;
	uint32_t count, room;
	struct term *recent[RECENT]; /* found not long ago, at recent_at() of its value */
	bool open;                   /* too many values: no terms */
};

struct key {
	struct facet facets[VT_POSTING_FACETS];
	struct vt_label_text name;
	char bytes[VT_LABEL_KEY_MAX];
};

struct vt_posting_builder {
	struct vt_posting_limits limits;
	struct key **keys; /* by name */
	uint32_t count, room;
	bool keys_left_out;
	roaring_bitmap_t *files, *labelled;
	uint64_t next; /* the least position that may come */
	size_t bytes;  /* of values */
	struct vt_buf value;
};

static int no_memory(struct vt_error *err)
{
	return vt_fail(err, ENOMEM, "no memory to build postings");
}

static const struct vt_posting_limits usual_limits = {.values = VT_POSTING_VALUES_MAX,
						      .keys = VT_POSTING_KEYS_MAX,
						      .bytes = VT_POSTING_BYTES_MAX};

int vt_posting_builder_new(const struct vt_posting_limits *limits, struct vt_posting_builder **out,
			   struct vt_error *err)
{
	vt_cleanup(vt_posting_builder_freep) struct vt_posting_builder *builder =
		calloc(1, sizeof *builder);

	if (!builder)
		return no_memory(err);
	builder->limits = limits ? *limits : usual_limits;
	builder->files = roaring_bitmap_create();
	builder->labelled = roaring_bitmap_create();
	if (!builder->files || !builder->labelled)
		return no_memory(err);
	*out = vt_steal(&builder);
	return 0;
}

static void term_free(struct term *term)
{
	vt_bitmap_free(term->files);
	free(term);
}

static void facet_done(struct facet *facet)
{
	for (uint32_t i = 0; i < facet->count; i++)
		term_free(facet->terms[i]);
	free(facet->terms);
	*facet = (struct facet){.open = facet->open};
}

void vt_posting_builder_free(struct vt_posting_builder *builder)
{
	if (!builder)
		return;
	for (uint32_t i = 0; i < builder->count; i++) {
		for (unsigned f = 0; f < VT_POSTING_FACETS; f++)
			facet_done(&builder->keys[i]->facets[f]);
		free(builder->keys[i]);
	}
	free(builder->keys);
	vt_bitmap_free(builder->files);
	vt_bitmap_free(builder->labelled);
	vt_buf_done(&builder->value);
	free(builder);
}

/* ---- sorted arrays --------------------------------------------------------------------------- */

/* Room for one more pointer at `at`, those behind it moved. */
static int make_room(void *array, uint32_t count, uint32_t *room, uint32_t at, struct vt_error *err)
{
	void ***list = array;

	if (count == *room) {
		uint32_t more = *room ? 2 * *room : 4;
		void **grown = reallocarray(*list, more, sizeof *grown);

		if (!grown)
			return no_memory(err);
		*list = grown;
		*room = more;
	}
	memmove(*list + at + 1, *list + at, (count - at) * sizeof **list);
	return 0;
}

static int compare_value(const struct term *term, const struct vt_buf *value)
{
	return vt_name_compare((const char *) term->value, term->len, (const char *) value->data,
			       value->len);
}

/* Index of the first term that is not before the value. */
static uint32_t lower_bound(const struct facet *facet, const struct vt_buf *value)
{
	uint32_t low = 0, high = facet->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_value(facet->terms[middle], value) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static int insert_term(struct facet *facet, uint32_t at, const struct vt_buf *value,
		       struct vt_error *err)
{
	struct term *term = malloc(sizeof *term + value->len);

	if (!term)
		return no_memory(err);
	*term = (struct term){.files = roaring_bitmap_create(), .len = value->len};
	if (value->len)
		memcpy(term->value, value->data, value->len);
	if (!term->files || make_room(&facet->terms, facet->count, &facet->room, at, err) < 0) {
		term_free(term);
		return no_memory(err);
	}
	facet->terms[at] = term;
	facet->count++;
	return 0;
}

/* Numbers, bits and most texts differ in their last byte. */
static unsigned recent_at(const struct vt_buf *value)
{
	return value->len ? value->data[value->len - 1] % RECENT : 0;
}

/* The term of builder->value. */
static int find_term(struct vt_posting_builder *builder, struct facet *facet, struct term **out,
		     struct vt_error *err)
{
	const struct vt_buf *value = &builder->value;
	struct term **recent = &facet->recent[recent_at(value)];
	uint32_t at;
	int r = 0;

	if (*recent && compare_value(*recent, value) == 0) {
		*out = *recent;
		return 0;
	}
	at = lower_bound(facet, value);
	if (at == facet->count || compare_value(facet->terms[at], value) != 0) {
		r = insert_term(facet, at, value, err);
		builder->bytes += TERM_BYTES + value->len;
	}
	if (r == 0)
		*out = *recent = facet->terms[at];
	return r;
}

static int compare_key(const struct key *key, struct vt_label_text name)
{
	return vt_name_compare(key->name.bytes, key->name.len, name.bytes, name.len);
}

/* NULL: there are too many. */
static int find_key(struct vt_posting_builder *builder, struct vt_label_text name, struct key **out,
		    struct vt_error *err)
{
	uint32_t low = 0, high = builder->count;
	struct key *key;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (compare_key(builder->keys[middle], name) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*out = low < builder->count ? builder->keys[low] : NULL;
	if (*out && compare_key(*out, name) == 0)
		return 0;
	*out = NULL;
	builder->keys_left_out |= builder->count == builder->limits.keys;
	if (builder->count == builder->limits.keys)
		return 0;
	key = calloc(1, sizeof *key);
	if (!key || make_room(&builder->keys, builder->count, &builder->room, low, err) < 0) {
		free(key);
		return no_memory(err);
	}
	memcpy(key->bytes, name.bytes, name.len);
	key->name = (struct vt_label_text){key->bytes, name.len};
	builder->keys[low] = *out = key;
	builder->count++;
	return 0;
}

/* ---- adding ---------------------------------------------------------------------------------- */

static int add_slices(struct vt_posting_builder *builder, struct facet *facet, uint32_t position,
		      unsigned number, struct vt_error *err)
{
	struct term *term;
	int r = 0;

	for (unsigned bit = 0; r == 0 && number >> bit; bit++) {
		if (!(number >> bit & 1))
			continue;
		vt_buf_reset(&builder->value);
		vt_buf_put_u8(&builder->value, (uint8_t) bit);
		r = vt_buf_failed(&builder->value) ? no_memory(err)
						   : find_term(builder, facet, &term, err);
		if (r == 0)
			roaring_bitmap_add(term->files, position);
	}
	return r;
}

/* Gives up the terms of a facet; those of values go on as hashes. */
static int open_facet(struct vt_posting_builder *builder, struct key *key,
		      enum vt_posting_facet which, struct vt_error *err)
{
	struct facet *facet = &key->facets[which], *hash = &key->facets[VT_POSTING_HASH];
	int r = 0;

	for (uint32_t i = 0; r == 0 && which == VT_POSTING_VALUE && i < facet->count; i++) {
		const struct term *from = facet->terms[i];
		struct vt_expression_value value;
		unsigned number;
		struct term *slice;

		(void) vt_posting_value_get(from->value, from->len, &value);
		number = vt_posting_hash(&value);
		for (unsigned bit = 0; r == 0 && bit < VT_POSTING_HASH_BITS; bit++) {
			if (!(number >> bit & 1))
				continue;
			vt_buf_reset(&builder->value);
			vt_buf_put_u8(&builder->value, (uint8_t) bit);
			r = find_term(builder, hash, &slice, err);
			if (r == 0)
				roaring_bitmap_or_inplace(slice->files, from->files);
		}
	}
	for (uint32_t i = 0; i < facet->count; i++)
		builder->bytes -= TERM_BYTES + facet->terms[i]->len;
	facet->open = true;
	facet_done(facet);
	return r;
}

/* Those of a few values never are. */
static bool is_too_much(const struct vt_posting_builder *builder, const struct facet *facet,
			enum vt_posting_facet which)
{
	if (which != VT_POSTING_VALUE && which != VT_POSTING_ANNOTATOR &&
	    which != VT_POSTING_AGREEMENT)
		return false;
	return facet->count > builder->limits.values || builder->bytes > builder->limits.bytes;
}

static int add_value(struct vt_posting_builder *builder, struct key *key,
		     enum vt_posting_facet which, const struct vt_expression_value *value,
		     uint32_t position, struct vt_error *err)
{
	struct facet *facet = &key->facets[which];
	struct term *term;
	int r;

	if (!facet->open) {
		vt_buf_reset(&builder->value);
		if (value)
			vt_posting_value_put(&builder->value, value);
		r = vt_buf_failed(&builder->value) ? no_memory(err)
						   : find_term(builder, facet, &term, err);
		if (r < 0)
			return r;
		roaring_bitmap_add(term->files, position);
		return is_too_much(builder, facet, which) ? open_facet(builder, key, which, err)
							  : 0;
	}
	if (which != VT_POSTING_VALUE)
		return 0;
	return add_slices(builder, &key->facets[VT_POSTING_HASH], position, vt_posting_hash(value),
			  err);
}

static struct vt_expression_value text_value(struct vt_label_text text)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_TEXT, .text = text};
}

static struct vt_expression_value choice_value(unsigned choice)
{
	return (struct vt_expression_value){.type = VT_EXPRESSION_CHOICE, .choice = choice};
}

static struct vt_expression_value label_value(const struct vt_label *label)
{
	struct vt_expression_value out = {.type = VT_EXPRESSION_BOOLEAN};

	if (label->type == VT_LABEL_TEXT)
		return text_value(label->value.text);
	if (label->type == VT_LABEL_BOOLEAN) {
		out.boolean = label->value.boolean;
		return out;
	}
	out.type = VT_EXPRESSION_NUMBER;
	out.number = label->value.number;
	return out;
}

/* What a file's labels of one key come to. */
static int add_key(struct vt_posting_builder *builder, uint32_t position,
		   const struct vt_label *rows, size_t count, struct vt_error *err)
{
	struct vt_label_agreement agreement;
	const struct vt_label *label = vt_label_effective(rows, count, &agreement);
	struct vt_expression_value values[VT_POSTING_FACETS];
	struct key *key;
	int r;

	if (!label)
		return 0;
	r = find_key(builder, rows->key, &key, err);
	if (r < 0 || !key)
		return r;
	values[VT_POSTING_VALUE] = label_value(label);
	values[VT_POSTING_ANNOTATOR] = text_value(label->annotator);
	values[VT_POSTING_SOURCE] = choice_value(label->source);
	values[VT_POSTING_REVIEW] = choice_value(label->review);
	values[VT_POSTING_AGREEMENT] = (struct vt_expression_value){
		.type = VT_EXPRESSION_NUMBER,
		.number = (double) agreement.agreeing / (double) agreement.annotators};
	r = add_value(builder, key, VT_POSTING_HAS, NULL, position, err);
	for (unsigned f = VT_POSTING_VALUE; r == 0 && f <= VT_POSTING_AGREEMENT; f++)
		r = add_value(builder, key, f, &values[f], position, err);
	if (r == 0 && agreement.disputed)
		r = add_value(builder, key, VT_POSTING_DISPUTED, NULL, position, err);
	if (r == 0)
		r = add_slices(builder, &key->facets[VT_POSTING_CONFIDENCE], position,
			       vt_posting_confidence(label), err);
	return r;
}

int vt_posting_builder_add(struct vt_posting_builder *builder, uint32_t position,
			   const struct vt_label *rows, size_t count, struct vt_error *err)
{
	int r = 0;

	if (position < builder->next)
		return vt_fail(err, EINVAL, "positions come out of order");
	builder->next = (uint64_t) position + 1;
	roaring_bitmap_add(builder->files, position);
	if (count > 0)
		roaring_bitmap_add(builder->labelled, position);
	for (size_t i = 0, n; r == 0 && i < count; i += n) {
		n = vt_label_count_key(rows + i, count - i);
		r = add_key(builder, position, rows + i, n, err);
	}
	return r;
}

/* ---- giving rows ----------------------------------------------------------------------------- */

struct output {
	const struct vt_posting_sink *sink;
	uint64_t set;
	struct vt_buf key, value;
	struct vt_error *err;
};

static int put(struct output *out, enum vt_family family)
{
	int r;

	if (vt_buf_failed(&out->key) || vt_buf_failed(&out->value))
		return no_memory(out->err);
	r = out->sink->put(out->sink->context, family, out->key.data, out->key.len, out->value.data,
			   out->value.len, out->err);
	vt_buf_reset(&out->key);
	vt_buf_reset(&out->value);
	return r;
}

static int put_block(struct output *out, uint32_t term, uint8_t block, roaring_bitmap_t *files)
{
	uint8_t key[VT_POSTING_KEY_LEN];

	vt_posting_row_key(out->set, term, block, key);
	vt_buf_put(&out->key, key, sizeof key);
	vt_bitmap_encode(files, &out->value);
	return put(out, VT_CF_POSTING);
}

static int put_files(struct output *out, uint32_t term, roaring_bitmap_t *files)
{
	const uint32_t width = 1u << VT_POSTING_BLOCK_BITS;
	uint32_t last = roaring_bitmap_maximum(files) >> VT_POSTING_BLOCK_BITS;
	int r = 0;

	if (roaring_bitmap_is_empty(files))
		return 0;
	if (last == 0)
		return put_block(out, term, 0, files);
	for (uint32_t block = 0; r == 0 && block <= last; block++) {
		vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *part = roaring_bitmap_create();

		vt_bitmap_add_moved(part, files, block * width, width, block * width);
		if (!roaring_bitmap_is_empty(part))
			r = put_block(out, term, (uint8_t) block, part);
	}
	return r;
}

static int put_postings(const struct vt_posting_builder *builder, struct output *out)
{
	uint32_t number = VT_POSTING_TERM_FIRST;
	int r = put_files(out, VT_POSTING_TERM_FILES, builder->files);

	if (r == 0)
		r = put_files(out, VT_POSTING_TERM_LABELLED, builder->labelled);
	for (uint32_t i = 0; i < builder->count; i++)
		for (unsigned f = 0; f < VT_POSTING_FACETS; f++) {
			const struct facet *facet = &builder->keys[i]->facets[f];

			for (uint32_t t = 0; r == 0 && t < facet->count; t++)
				r = put_files(out, number++, facet->terms[t]->files);
		}
	return r;
}

static void begin_key(struct output *out, uint32_t number)
{
	vt_buf_put_be64(&out->key, out->set);
	vt_buf_put_be32(&out->key, number);
}

static int put_head(const struct vt_posting_builder *builder, struct output *out,
		    const struct vt_posting_origin *origin)
{
	begin_key(out, VT_POSTING_AT_HEAD);
	vt_buf_put_u8(&out->value, VT_POSTING_FORMAT);
	vt_buf_put_u8(&out->value, builder->keys_left_out);
	vt_buf_put_le32(&out->value, origin->nodes);
	vt_buf_put_le32(&out->value, (uint32_t) roaring_bitmap_get_cardinality(builder->files));
	vt_buf_put_le32(&out->value, (uint32_t) roaring_bitmap_get_cardinality(builder->labelled));
	vt_buf_put(&out->value, origin->files.bytes, VT_DIGEST_LEN);
	vt_buf_put(&out->value, origin->labels.bytes, VT_DIGEST_LEN);
	return put(out, VT_CF_TERM);
}

static int put_key(const struct key *key, uint32_t number, struct output *out)
{
	uint32_t open = 0;

	for (unsigned f = 0; f < VT_POSTING_FACETS; f++)
		open |= (uint32_t) key->facets[f].open << f;
	begin_key(out, VT_POSTING_AT_KEYS);
	vt_buf_put(&out->key, key->name.bytes, key->name.len);
	vt_buf_put_le32(&out->value, number);
	vt_buf_put_le32(&out->value, open);
	return put(out, VT_CF_TERM);
}

static int put_terms(const struct key *key, uint32_t number, uint32_t *next, struct output *out)
{
	int r = 0;

	for (unsigned f = 0; f < VT_POSTING_FACETS; f++)
		for (uint32_t t = 0; r == 0 && t < key->facets[f].count; t++) {
			const struct term *term = key->facets[f].terms[t];

			begin_key(out, number);
			vt_buf_put_u8(&out->key, (uint8_t) f);
			vt_buf_put(&out->key, term->value, term->len);
			vt_buf_put_le32(&out->value, (*next)++);
			vt_buf_put_le32(&out->value,
					(uint32_t) roaring_bitmap_get_cardinality(term->files));
			r = put(out, VT_CF_TERM);
		}
	return r;
}

int vt_posting_builder_finish(struct vt_posting_builder *builder, uint64_t set,
			      const struct vt_posting_origin *origin,
			      const struct vt_posting_sink *sink, struct vt_error *err)
{
	struct output out = {.sink = sink, .set = set, .err = err};
	uint32_t next = VT_POSTING_TERM_FIRST;
	int r = put_postings(builder, &out);

	if (r == 0)
		r = put_head(builder, &out, origin);
	for (uint32_t i = 0; r == 0 && i < builder->count; i++)
		r = put_key(builder->keys[i], VT_POSTING_AT_FIRST + i, &out);
	for (uint32_t i = 0; r == 0 && i < builder->count; i++)
		r = put_terms(builder->keys[i], VT_POSTING_AT_FIRST + i, &next, &out);
	vt_buf_done(&out.key);
	vt_buf_done(&out.value);
	return r;
}
