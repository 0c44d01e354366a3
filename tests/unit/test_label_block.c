/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of labels: what is written is read back, every other encoding is refused. */
#include "index/label_block.h"
#include "index/base/error.h"
#include "tests/unit/label_model.h"
#include "tests/unit/suite.h"

#include <errno.h>

static void shuffle(struct vt_label *rows, size_t count, struct rng *rng)
{
	for (size_t i = count; i > 1; i--) {
		size_t k = rng_below(rng, (unsigned) i);
		struct vt_label row = rows[i - 1];

		rows[i - 1] = rows[k];
		rows[k] = row;
	}
}

/* Rows ascend as their bytes do behind key, annotator and time, and ids are those of the bytes. */
static void check_block(const struct vt_buf *block, const struct vt_label *rows, size_t count)
{
	struct vt_label_block_reader reader = vt_label_block_reader_over(block->data, block->len);
	struct vt_digest digest;
	struct vt_label label;
	uint64_t id = 0;

	must(vt_label_block_problem(block->data, block->len, (uint32_t) count) == NULL);
	for (size_t i = 0; i < count; i++) {
		must(vt_label_block_next(&reader, &label) == 1);
		must(same_label(&label, &rows[i]));
		must(i == 0 || vt_label_compare(&rows[i - 1], &label) < 0);
		vt_digest_of(reader.row, reader.row_len, &digest);
		for (int k = 7; k >= 0; k--)
			id = id << 8 | digest.bytes[k];
		must(vt_label_id(&label) == id);
	}
	must(vt_label_block_next(&reader, &label) == 0);
}

START_TEST(any_order_makes_the_same_bytes)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct rng rng = {seed * 0x9e3779b97f4a7c15ull};
		vt_cleanup(vt_buf_done) struct vt_buf first = VT_BUF_INIT, again = VT_BUF_INIT;
		struct vt_label rows[120];
		size_t count = 1 + rng_below(&rng, 60), twice = 2 * count;

		for (size_t i = 0; i < count; i++)
			rows[i] = rows[count + i] = random_label(&rng);
		must(vt_label_block_encode(rows + count, &count, &first, NULL) == 0);
		shuffle(rows, twice, &rng); /* each more than once */
		must(vt_label_block_encode(rows, &twice, &again, NULL) == 0);
		must(twice == count && first.len == again.len);
		must(memcmp(first.data, again.data, first.len) == 0);
		check_block(&again, rows, twice);
	}
}
END_TEST

/* A region that is no JSON any more is taken by readers, not by writers (label.h). */
static bool may_be_written(const struct vt_label *rows, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (vt_label_check(&rows[i], NULL) < 0)
			return false;
	return true;
}

static void must_be_same_bytes(struct vt_label *rows, size_t count, const struct vt_buf *block)
{
	vt_cleanup(vt_buf_done) struct vt_buf again = VT_BUF_INIT;

	must(vt_label_block_encode(rows, &count, &again, NULL) == 0);
	must(again.len == block->len && !memcmp(again.data, block->data, again.len));
}

START_TEST(every_bit_counts)
{
	struct rng rng = {5};
	vt_cleanup(vt_buf_done) struct vt_buf block = VT_BUF_INIT;
	struct vt_label rows[6];
	size_t count = 6;

	for (size_t i = 0; i < count; i++)
		rows[i] = random_label(&rng);
	must(vt_label_block_encode(rows, &count, &block, NULL) == 0);
	for (size_t bit = 0; bit < 8 * block.len; bit++) {
		struct vt_label_block_reader reader =
			vt_label_block_reader_over(block.data, block.len);
		struct vt_label changed[6];
		size_t seen = 0;

		block.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
		if (!vt_label_block_problem(block.data, block.len, (uint32_t) count)) {
			while (vt_label_block_next(&reader, &changed[seen]))
				seen++;
			must(seen == count);
			if (may_be_written(changed, count))
				must_be_same_bytes(changed, count, &block);
		}
		block.data[bit / 8] ^= (uint8_t) (1 << bit % 8);
	}
	for (size_t len = 0; len < block.len; len++)
		must(vt_label_block_problem(block.data, len, (uint32_t) count) != NULL);
	must(vt_label_block_problem(block.data, block.len, (uint32_t) count + 1) != NULL);
	must(vt_label_block_problem("", 0, 0) != NULL);
}
END_TEST

/* Byte offsets in the block of k = "v" by "a". */
enum { AT_KEY_LEN = 4, AT_TYPE = 16, AT_SOURCE, AT_REVIEW, AT_FLAGS, AT_VALUE, BLOCK_LEN = 23 };

START_TEST(other_encodings_are_refused)
{
	static const struct {
		size_t at;
		uint8_t byte;
		const char *problem;
	} cases[] = {
		{0, 0, ""},
		{0, 200, "past the end"},
		{AT_KEY_LEN, 0, ""},
		{AT_TYPE, 4, "type"},
		{AT_TYPE, 3, ""},
		{AT_SOURCE, 0, "source"},
		{AT_REVIEW, 6, "review"},
		{AT_FLAGS, 16, "flags"},
		{AT_FLAGS, 2, "length"},
		{AT_VALUE, 2, "length"},
		{AT_VALUE, 0, "length"},
	};
	vt_cleanup(vt_buf_done) struct vt_buf block = VT_BUF_INIT;
	struct vt_label label = label_of("k", "v", "a");
	size_t count = 1;

	ck_assert_int_eq(vt_label_block_encode(&label, &count, &block, NULL), 0);
	ck_assert_uint_eq(block.len, BLOCK_LEN);
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		uint8_t was = block.data[cases[i].at];
		const char *problem;

		block.data[cases[i].at] = cases[i].byte;
		problem = vt_label_block_problem(block.data, block.len, 1);
		ck_assert_msg(problem && strstr(problem, cases[i].problem), "case %zu: %s", i,
			      problem ? problem : "none");
		block.data[cases[i].at] = was;
	}
	vt_buf_put(&block, block.data, block.len); /* the same row twice */
	ck_assert_str_eq(vt_label_block_problem(block.data, block.len, 2),
			 "labels are out of order");
}
END_TEST

START_TEST(a_flag_for_nothing_is_refused)
{
	static const uint8_t rows[][29] = {
		/* a tool without bytes, no parent */
		{18, 0, 0, 0, 1, 'k', 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 2, 1, 0},
		{25, 0, 0, 0, 1, 'k', 1, 'a', 0, 0, 0, 0, 0, 0, 0, 0, 3, 1, 2, 4, 1},
	};

	static const size_t lengths[] = {22, 29};

	for (int i = 0; i < 2; i++)
		ck_assert_str_eq(vt_label_block_problem(rows[i], lengths[i], 1),
				 "a label has flags for what is empty");
}
END_TEST

START_TEST(too_many_bytes_are_refused)
{
	enum { COUNT = VT_LABEL_BLOCK_MAX / VT_LABEL_REGION_MAX };
	char *region = calloc(1, VT_LABEL_REGION_MAX);
	vt_cleanup(vt_buf_done) struct vt_buf block = VT_BUF_INIT;
	struct vt_label rows[COUNT];
	size_t count = COUNT;

	memset(region, '1', VT_LABEL_REGION_MAX);
	region[0] = region[VT_LABEL_REGION_MAX - 1] = '"';
	for (int i = 0; i < COUNT; i++) {
		rows[i] = label_of("k", "v", "a");
		rows[i].time_ns = i;
		rows[i].region = (struct vt_label_text){region, VT_LABEL_REGION_MAX};
	}
	ck_assert_int_eq(vt_label_block_encode(rows, &count, &block, NULL), -E2BIG);
	ck_assert_uint_eq(block.len, 0);
	count--;
	ck_assert_int_eq(vt_label_block_encode(rows, &count, &block, NULL), 0);
	count = 0;
	ck_assert_int_eq(vt_label_block_encode(rows, &count, &block, NULL), -EINVAL);
	free(region);
}
END_TEST

VT_SUITE(label_block, any_order_makes_the_same_bytes, every_bit_counts, other_encodings_are_refused,
	 a_flag_for_nothing_is_refused, too_many_bytes_are_refused)
