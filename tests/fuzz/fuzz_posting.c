/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a stored bitmap, and as the value of every row of a set of postings: refused, or
 * read without fault, in order, and written again as a bitmap with the same positions.
 */
#include <errno.h>

#include "index/posting.h"
#include "tests/fuzz/fuzz.h"

struct input {
	const uint8_t *data;
	size_t size;
};

/* One row, with the key that is looked for. */
static int scan(void *context, enum vt_family family, const void *prefix, size_t prefix_len,
		const void *from, size_t from_len, vt_posting_row *each, void *each_context,
		struct vt_error *err)
{
	const struct input *input = context;

	return each(each_context, from, from_len, input->data, input->size, err);
}

static void check_result(int r)
{
	must(r >= 0 || r == -EBADMSG);
}

static int ignore_key(void *context, struct vt_label_text name, const struct vt_posting_key *key)
{
	return 0;
}

static int ignore_term(void *context, const struct vt_expression_value *value, uint32_t files)
{
	return 0;
}

static void read_rows(struct input *input)
{
	const struct vt_posting_source source = {scan, input};
	const struct vt_expression_value value = {.type = VT_EXPRESSION_BOOLEAN, .boolean = true};
	struct vt_postings postings = {
		.source = source, .set = 1, .origin.nodes = 1u << 20, .files = 3, .labelled = 1};
	struct vt_posting_key key = {.number = 2};
	struct vt_postings opened;
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *files = NULL, *labelled = NULL,
						     *to = roaring_bitmap_create();

	check_result(vt_postings_open(&source, 1, &opened, NULL));
	check_result(vt_postings_key(&postings, (struct vt_label_text){"k", 1}, &key, NULL));
	check_result(vt_postings_keys(&postings, ignore_key, NULL, NULL));
	check_result(vt_postings_terms(&postings, &key, VT_POSTING_VALUE, ignore_term, NULL, NULL));
	check_result(vt_postings_add(&postings, &key, VT_POSTING_VALUE, &value, to, NULL));
	check_result(vt_postings_files(&postings, &files, NULL));
	check_result(vt_postings_labelled(&postings, &labelled, NULL));
	must(!files || roaring_bitmap_get_cardinality(files) == postings.files);
}

static void read_bitmap(const struct input *input)
{
	vt_cleanup(vt_bitmap_freep) roaring_bitmap_t *bitmap = NULL, *again = NULL;
	vt_cleanup(vt_buf_done) struct vt_buf bytes = VT_BUF_INIT;
	roaring_uint32_iterator_t it;
	uint64_t count = 0, last = 0;

	if (vt_bitmap_problem(input->data, input->size))
		return;
	bitmap = vt_bitmap_decode(input->data, input->size);
	must(bitmap != NULL);
	for (roaring_init_iterator(bitmap, &it); it.has_value; count++) {
		must(count == 0 || it.current_value > last);
		last = it.current_value;
		(void) roaring_advance_uint32_iterator(&it);
	}
	must(count == roaring_bitmap_get_cardinality(bitmap) && count > 0);
	vt_bitmap_encode(bitmap, &bytes);
	must(vt_bitmap_problem(bytes.data, bytes.len) == NULL);
	again = vt_bitmap_decode(bytes.data, bytes.len);
	must(again && roaring_bitmap_equals(bitmap, again));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = {data, size};

	read_bitmap(&input);
	read_rows(&input);
	return 0;
}
